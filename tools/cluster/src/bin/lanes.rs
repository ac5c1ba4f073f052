//! `lanes`: queues in memory for measurements and the local cluster, spoken to as SQS is.
//!
//! Prints its endpoint and the URLs of its queues as one line of JSON, and serves until SIGTERM or SIGINT.

use anyhow::{Context, Result};
use clap::Parser;
use emporion_cluster::lanes_server::{LanesServer, LanesServerOptions};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};

/// Serves FIFO queues in memory by SQS's protocol.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 for a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A queue to be made, whose name ends in .fifo; may be repeated.
    #[arg(long = "queue", value_name = "NAME")]
    queues: Vec<String>,
    /// The most calls of each kind a second for each queue; without a number, what AWS gives a FIFO queue without high
    /// throughput.
    #[arg(long, value_name = "CALLS", num_args = 0..=1, require_equals = true, default_missing_value = "300")]
    quota: Option<NonZeroU32>,
    /// How long every call takes before it does anything.
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Before the line that says that it is there, so that no signal after it is missed.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = LanesServer::start(LanesServerOptions {
        listen: arguments.listen,
        clock: Arc::new(now_ms),
        calls_per_second: arguments.quota,
        latency: Duration::from_millis(arguments.latency_ms),
    })
    .await?;
    let mut urls = BTreeMap::new();
    for name in arguments.queues {
        let url = server.create(&name).with_context(|| format!("the queue {name} cannot be made"))?;
        urls.insert(name, url);
    }
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", json!({"endpoint": server.endpoint(), "queues": urls}))?;
    output.flush()?;
    drop(output);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this is the clock of the queues")]
fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
