//! What is counted about messages. Labels come from the tables of methods, never from the client.

use metrics::{counter, describe_counter};

/// The label of a message whose method is in no table, or could not be read.
pub(super) const OTHER: &str = "other";

pub(super) fn describe() {
    describe_counter!("ws_api_requests_total", "Answered messages of the WebSocket API by method and status.");
}

/// Counts an answer.
pub(super) fn answered(method: &'static str, status: u16) {
    counter!("ws_api_requests_total", "method" => method, "code" => status.to_string()).increment(1);
}
