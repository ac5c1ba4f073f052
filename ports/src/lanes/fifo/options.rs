//! How the twin behaves, and how it can be made to misbehave.

use crate::lanes::BODY_BYTES_MAX;
use std::num::NonZeroU32;
use std::time::Duration;

/// What a queue is like from the start.
#[derive(Clone, Debug)]
pub struct FifoOptions {
    /// Where an id of deduplication counts.
    pub dedup_scope: DedupScope,
    /// The most bytes of bodies in one call.
    pub body_bytes_max: usize,
    /// A message that was delivered so often is set aside instead of being delivered again; `None`: never.
    pub deliveries_max: Option<u32>,
    /// The quota of each kind of call; AWS gives a FIFO queue without high throughput 300. `None`: no quota.
    pub calls_per_second: Option<NonZeroU32>,
    /// The same seed, faults and calls give the same misbehaviour.
    pub seed: u64,
}

impl Default for FifoOptions {
    fn default() -> Self {
        Self {
            dedup_scope: DedupScope::Lane,
            body_bytes_max: BODY_BYTES_MAX,
            deliveries_max: None,
            calls_per_second: None,
            seed: 0,
        }
    }
}

/// Where an id of deduplication counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DedupScope {
    /// Within its lane, as with SQS's high throughput.
    Lane,
    /// In the whole queue, as with SQS's default.
    Queue,
}

/// How a queue misbehaves. Chances are in thousandths: 0 is never, 1000 always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FifoFaults {
    /// Each message sent from now on is delivered 1 to so many times, though every delivery is deleted; 0 is as 1.
    pub deliveries_max: u32,
    /// The further deliveries come behind what their lane holds then, which is worse than what SQS does; otherwise at
    /// their old place.
    pub is_late: bool,
    /// A receive takes from the lanes in random order, and a random number of messages.
    pub is_shuffled: bool,
    /// A message is accepted, and the sender is told that nobody knows.
    pub sends_unanswered_permille: u32,
    /// A message is not accepted, and the sender is told that nobody knows.
    pub sends_lost_permille: u32,
    /// Messages are in flight, and the receiver is told that the queue does not answer.
    pub receives_lost_permille: u32,
    /// A message is deleted, and the receiver is told that the queue does not answer.
    pub deletes_unanswered_permille: u32,
    /// A message is not deleted, and the receiver is told that it was.
    pub deletes_lost_permille: u32,
    /// Every call takes so long before it does anything.
    pub latency: Duration,
    /// No call is answered or does anything.
    pub is_down: bool,
}
