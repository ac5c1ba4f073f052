//! Lanes: a durable queue between processes with first-in-first-out order per lane, as SQS FIFO queues promise it.
//!
//! Delivery is at least once. A lane is locked while a message of it is in flight: its next messages come only after
//! the earlier ones are deleted, or again together with them once their visibility is over. What must not live here:
//! what a message means; bodies are bytes.

mod fifo;

use async_trait::async_trait;
use std::fmt;
use std::time::Duration;

pub use fifo::{Accepted, ClockMs, DedupScope, FifoFaults, FifoOptions, InProcessLanes};

/// The most messages that one call sends, receives, extends or deletes.
pub const BATCH_MAX: usize = 10;

/// The most bytes of bodies that one call sends; smaller than what SQS takes, so that base64 and attributes fit.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The longest that a receive waits.
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// A message to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneMessage {
    /// Which lane: messages of one lane keep their order.
    pub lane: u32,
    /// A message with an id that its lane accepted within the last five minutes is accepted and not delivered again,
    /// whatever became of the first. 1 to 128 ASCII letters, digits and punctuation marks.
    pub dedup_id: String,
    /// The body; at least one byte.
    pub body: Vec<u8>,
}

/// What came of sending a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was not accepted, and will never be delivered: the call was wrong, over the quota, or did not get there.
    #[error("not accepted: {0}")]
    Refused(String),
    /// Nobody knows whether it was accepted. Sending the same message under the same id again is safe.
    #[error("nobody knows whether it was accepted: {0}")]
    Unknown(String),
}

/// The right to extend or delete one delivery of a message.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Handle(pub String);

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(..)")
    }
}

/// A message that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its lane.
    pub lane: u32,
    /// The id under which it was sent.
    pub dedup_id: String,
    /// Its body.
    pub body: Vec<u8>,
    /// For [`Lanes::extend`] and [`Lanes::delete`], until the visibility is over.
    pub handle: Handle,
    /// How often it was delivered, this time included.
    pub deliveries: u32,
    /// When it was accepted, in milliseconds since the epoch by the queue's clock.
    pub sent_at_ms: u64,
}

/// Why the queue did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// The handle's visibility is over, or the message was delivered again: somebody else may own it now.
    #[error("the delivery is over: {0}")]
    Expired(String),
    /// More was asked for than the queue gives at a time; later it may.
    #[error("throttled: {0}")]
    Throttled(String),
    /// The queue does not answer, or not sensibly; nobody knows whether it did what it was asked.
    #[error("{0}")]
    Unavailable(String),
    /// The queue cannot be used as it is: it does not exist, is not FIFO, or refuses these credentials.
    #[error("{0}")]
    Unusable(String),
}

/// How much waits in a queue; approximate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that are delivered and neither deleted nor visible again.
    pub in_flight: u64,
}

/// A durable queue with lanes.
///
/// A queue may know whole seconds only; then it rounds `wait` and `visibility` up.
#[async_trait]
pub trait Lanes: Send + Sync {
    /// Sends at most [`BATCH_MAX`] messages of together at most [`BODY_BYTES_MAX`] bytes; says for each, in order, what
    /// came of it. Messages of one lane are accepted in the order in which they stand; that one was not does not keep
    /// later ones from being accepted. More messages or bytes are all refused.
    async fn send(&self, messages: Vec<LaneMessage>) -> Vec<Result<(), SendError>>;

    /// Receives up to `max` messages (at most [`BATCH_MAX`]), waiting for the first for at most `wait` (at most
    /// [`WAIT_MAX`]). They are nobody else's for as long as `visibility` (at most 12 h), and no further message of
    /// their lanes is delivered until they are all deleted or visible again. Messages of one lane come in order.
    ///
    /// Not to be given up once begun: what it received would be in flight, and its lanes locked, for `visibility`.
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Delivery>, LaneError>;

    /// Keeps deliveries for `visibility` from now on, or gives them back at once when that is zero; says for each, in
    /// order, what came of it. More than [`BATCH_MAX`] take several calls.
    async fn extend(&self, handles: &[Handle], visibility: Duration) -> Vec<Result<(), LaneError>>;

    /// Deletes delivered messages; says for each, in order, what came of it. A delivery whose visibility is over is not
    /// deleted: its message will come again, or has. More than [`BATCH_MAX`] take several calls.
    async fn delete(&self, handles: &[Handle]) -> Vec<Result<(), LaneError>>;

    /// How much waits.
    async fn backlog(&self) -> Result<Backlog, LaneError>;
}
