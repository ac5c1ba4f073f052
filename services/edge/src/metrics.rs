//! What is counted about requests and sockets. Labels come from the path table, never from the client.

use emporion_api::Endpoint;
use http::StatusCode;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

/// Describes the edge's metrics to the recorder; once per process, after the recorder is installed.
pub(crate) fn describe() {
    describe_counter!("http_requests_total", "Answered requests by path, method and HTTP status.");
    describe_histogram!(
        "http_request_duration_seconds",
        metrics::Unit::Seconds,
        "From a request's header to its answer."
    );
    describe_counter!("http_connections_refused_total", "Connections closed at once for a limit.");
    describe_gauge!("socket_connections", "Open WebSockets by path.");
    describe_counter!("socket_messages_sent_total", "Messages written to WebSockets by path.");
    describe_counter!("socket_bytes_sent_total", metrics::Unit::Bytes, "Bytes of these messages, without framing.");
    describe_counter!("socket_cuts_total", "WebSockets ended by the server, by reason.");
}

/// Counts an answer; `None` is a path or method that is not in the table.
pub(crate) fn answered(endpoint: Option<&'static Endpoint>, status: StatusCode, duration: Duration) {
    let (path, method) = endpoint.map_or(("other", "other"), |endpoint| (endpoint.path, endpoint.method.as_str()));
    counter!("http_requests_total", "path" => path, "method" => method, "code" => status_label(status)).increment(1);
    histogram!("http_request_duration_seconds", "path" => path, "method" => method).record(duration);
}

/// Counts a connection that was closed at once; `limit` names why.
pub(crate) fn connection_refused(limit: &'static str) {
    counter!("http_connections_refused_total", "limit" => limit).increment(1);
}

/// Counts a socket that is ended by us.
pub(crate) fn socket_cut(reason: &'static str) {
    counter!("socket_cuts_total", "reason" => reason).increment(1);
}

/// One open socket's counts; it is counted as open until this is dropped.
pub(crate) struct SocketCounts {
    connections: Gauge,
    messages: Counter,
    bytes: Counter,
}

impl SocketCounts {
    /// Counts a socket that was opened at `path` of the path table.
    pub(crate) fn opened(path: &'static str) -> Self {
        let connections = gauge!("socket_connections", "path" => path);
        connections.increment(1);
        Self {
            connections,
            messages: counter!("socket_messages_sent_total", "path" => path),
            bytes: counter!("socket_bytes_sent_total", "path" => path),
        }
    }

    /// Counts what was written.
    pub(crate) fn sent(&self, messages: usize, bytes: usize) {
        self.messages.increment(messages as u64);
        self.bytes.increment(bytes as u64);
    }
}

impl Drop for SocketCounts {
    fn drop(&mut self) {
        self.connections.decrement(1);
    }
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        101 => "101",
        200 => "200",
        201 => "201",
        204 => "204",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        411 => "411",
        413 => "413",
        418 => "418",
        422 => "422",
        426 => "426",
        429 => "429",
        500 => "500",
        503 => "503",
        504 => "504",
        _ => "other",
    }
}
