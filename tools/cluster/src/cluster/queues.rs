//! The FIFO queues of the venue on what stands for SQS.

use super::{Lanes, Options, http};
use crate::lanes_server::{LanesServer, LanesServerOptions};
use crate::parts::{Child, MiniStack, wait_until};
use anyhow::{Context, Result, ensure};
use emporion_ports::lanes::InProcessLanes;
use serde_json::{Value, json};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::{Builder, Runtime};

const ORDERS: &str = "orders.fifo";
/// Where messages go that nobody can use.
const ASIDE: &str = "aside.fifo";

/// Where the queues are.
#[derive(Clone, Debug)]
pub(super) struct Queues {
    pub(super) endpoint: String,
    pub(super) orders: String,
    pub(super) aside: String,
}

/// What stands for SQS; it ends when this is dropped.
#[derive(Debug)]
pub(super) enum Server {
    MiniStack(MiniStack),
    Twin { _process: Child },
    Within { server: LanesServer, _runtime: Runtime },
}

impl Server {
    /// The orders' queue, if it is within this process.
    pub(super) fn lanes(&self) -> Option<Arc<InProcessLanes>> {
        match self {
            Self::Within { server, .. } => server.lanes(ORDERS),
            Self::MiniStack(_) | Self::Twin { .. } => None,
        }
    }
}

/// Starts what stands for SQS, and makes the queues. The twin's program lies beside the venue's.
pub(super) fn start(options: &Options, log: &Path) -> Result<(Server, Queues)> {
    match options.lanes {
        Lanes::MiniStack => {
            let server = MiniStack::start()?;
            let queues = make(server.endpoint())?;
            Ok((Server::MiniStack(server), queues))
        }
        Lanes::Twin => {
            let mut command = Command::new(options.binary.with_file_name("lanes"));
            command.args(["--queue", ORDERS, "--queue", ASIDE]);
            let output = File::create(log)?;
            command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
            let process = Child::start(&mut command)?;
            wait_until("the queues' twin", 20, || told(log).is_some())?;
            Ok((Server::Twin { _process: process }, told(log).context("the twin told nothing")?))
        }
        Lanes::Within => within(),
    }
}

fn within() -> Result<(Server, Queues)> {
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("lanes").enable_all().build()?;
    let options = LanesServerOptions {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        clock: Arc::new(now_ms),
        calls_per_second: None,
        latency: Duration::ZERO,
    };
    let server = runtime.block_on(LanesServer::start(options))?;
    let create = |name: &str| server.create(name).with_context(|| format!("the queue {name}"));
    let queues = Queues { endpoint: server.endpoint().to_owned(), orders: create(ORDERS)?, aside: create(ASIDE)? };
    Ok((Server::Within { server, _runtime: runtime }, queues))
}

#[expect(clippy::disallowed_methods, reason = "this is the clock of the queues")]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What the twin told about itself.
fn told(log: &Path) -> Option<Queues> {
    let told: Value = serde_json::from_str(std::fs::read_to_string(log).ok()?.lines().next()?).ok()?;
    let text = |value: &Value| Some(value.as_str()?.to_owned());
    Some(Queues {
        endpoint: text(&told["endpoint"])?,
        orders: text(&told["queues"][ORDERS])?,
        aside: text(&told["queues"][ASIDE])?,
    })
}

fn make(endpoint: &str) -> Result<Queues> {
    let create = |name: &str| create(endpoint, name).with_context(|| format!("the queue {name}"));
    Ok(Queues { endpoint: endpoint.to_owned(), orders: create(ORDERS)?, aside: create(ASIDE)? })
}

/// Makes a FIFO queue with high throughput; gives its URL.
fn create(endpoint: &str, name: &str) -> Result<String> {
    let attributes = json!({
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "MaximumMessageSize": "1048576",
        "VisibilityTimeout": "5",
        "MessageRetentionPeriod": "1209600",
    });
    let body = json!({ "QueueName": name, "Attributes": attributes }).to_string();
    let server: SocketAddr = endpoint.trim_start_matches("http://").parse().context("the emulator's address")?;
    // An emulator checks no signature, only that there is one.
    let signed =
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
    let headers = [
        ("Content-Type", "application/x-amz-json-1.0"),
        ("X-Amz-Target", "AmazonSQS.CreateQueue"),
        ("Authorization", signed),
    ];
    let answer = http::request(server, "POST", "/", &headers, &body)?;
    ensure!(answer.status == 200, "the emulator answers {}: {}", answer.status, answer.body);
    let answer: Value = serde_json::from_str(&answer.body)?;
    Ok(answer["QueueUrl"].as_str().context("the answer holds no URL")?.to_owned())
}
