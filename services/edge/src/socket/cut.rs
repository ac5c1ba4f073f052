//! Why we end a connection.

/// Why a connection is ended by us, as its close frame says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The close code of RFC 6455, section 7.4.
    pub code: u16,
    /// A sentence for the client's log, of 123 bytes at most; also the label of the metric.
    pub reason: &'static str,
}

impl Cut {
    /// The outbox is full: the client reads slower than its events come.
    pub const SLOW: Self = Self { code: 1008, reason: "slow consumer" };
    /// What the socket shows is made anew; the client must synchronise again.
    pub const RESTART: Self = Self { code: 1012, reason: "service restart" };
    /// The client sent more messages in a second than it may.
    pub const TOO_MANY: Self = Self { code: 1008, reason: "too many messages" };

    /// The process stops.
    pub(super) const SHUTDOWN: Self = Self { code: 1001, reason: "server shutdown" };
    /// The connection lived as long as one may.
    pub(super) const LIFETIME: Self = Self { code: 1001, reason: "end of the connection's life" };
    /// The client broke the rules of RFC 6455.
    pub(super) const PROTOCOL: Self = Self { code: 1002, reason: "protocol error" };
    /// No protocol here has binary messages.
    pub(super) const BINARY: Self = Self { code: 1003, reason: "binary messages are not accepted" };
    /// A text was none.
    pub(super) const NOT_UTF8: Self = Self { code: 1007, reason: "invalid UTF-8" };
    /// A ping was not answered.
    pub(super) const NO_PONG: Self = Self { code: 1008, reason: "no pong" };
    /// The client took nothing for so long that it will not see this.
    pub(super) const STALLED: Self = Self { code: 1008, reason: "stalled client" };
    /// The client sent more at once than a message may hold.
    pub(super) const TOO_LARGE: Self = Self { code: 1009, reason: "message too big" };
}
