//! The bounds of a link. What must not live here: which of them an operator may set.

use std::time::Duration;

/// How much may be under way, and how long anything may take. Both ends have their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// Requests of one connection that are not answered yet. A further one is answered "busy" at once.
    pub in_flight_max: usize,
    /// Bytes of requests that wait for a client's socket. Beyond it "busy" is answered at once.
    pub queue_bytes_max: usize,
    /// Connections that a server holds at a time; a further one is closed at once.
    pub connections_max: usize,
    /// How often a client pings.
    pub ping_every: Duration,
    /// How long a peer may leave a ping unanswered, or a server's answer unread, before the connection is ended.
    pub silent_max: Duration,
    /// How long connecting, the TLS handshake and the greeting may take together.
    pub connect_max: Duration,
    /// How long a client keeps the place of a request that is not answered; then its outcome is unknown.
    pub answer_max: Duration,
    /// How long a server that stops waits for what it has begun, and for its clients to leave.
    pub drain_max: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            in_flight_max: 8_192,
            queue_bytes_max: 8 * 1_024 * 1_024,
            connections_max: 1_024,
            ping_every: Duration::from_millis(250),
            silent_max: Duration::from_secs(1),
            connect_max: Duration::from_secs(1),
            answer_max: Duration::from_secs(30),
            drain_max: Duration::from_secs(10),
        }
    }
}
