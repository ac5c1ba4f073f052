//! The FIFO queues of the venue on what stands for SQS.

use super::{Lanes, http};
use crate::parts::MiniStack;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Where the queues are.
#[derive(Clone, Debug)]
pub(super) struct Queues {
    pub(super) endpoint: String,
    pub(super) orders: String,
    pub(super) aside: String,
}

/// Starts what stands for SQS, and makes the queues.
pub(super) fn start(lanes: &Lanes) -> Result<(Option<MiniStack>, Queues)> {
    match lanes {
        Lanes::MiniStack => {
            let server = MiniStack::start()?;
            let queues = make(server.endpoint())?;
            Ok((Some(server), queues))
        }
    }
}

fn make(endpoint: &str) -> Result<Queues> {
    let create = |name: &str| create(endpoint, name).with_context(|| format!("the queue {name}"));
    Ok(Queues { endpoint: endpoint.to_owned(), orders: create("orders.fifo")?, aside: create("aside.fifo")? })
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
