//! The feed: every committed batch, in order, to whoever folds it.
//!
//! Publishing happens after the commit and never holds up the sequencer; a consumer that falls behind, or a
//! transport that loses a batch, leaves a gap that is always seen and filled from the journal. What must
//! not live here: anything that waits for a slow consumer, and any batch that is not committed.

mod follow;

use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_model::codec::{self, CodecError, durable_struct};
use emporion_model::journal::{Entry, Head, JournalRow, RowError};
use tokio::sync::broadcast;

pub use follow::{FollowError, FollowedFeed};

/// One committed batch as consumers share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedBatch {
    /// The journal's head right after this batch: its last seq, time, history, epoch and chain.
    pub head: Head,
    /// The seq of its first command.
    pub first_seq: Seq,
    /// Its commands with their events; the first one has `first_seq`, the last one `head.seq`.
    pub entries: Vec<Entry>,
}

durable_struct!(CommittedBatch { head, first_seq, entries });

impl CommittedBatch {
    /// Its bytes on the way to another process, as [`CommittedBatch::from_bytes`] reads them.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::to_bytes(self)
    }

    /// The batch that [`CommittedBatch::to_bytes`] wrote; bytes with another number of commands than its seqs say are
    /// refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let batch: Self = codec::from_bytes(bytes)?;
        let count = batch.head.seq.0.checked_sub(batch.first_seq.0).and_then(|more| more.checked_add(1));
        if count != Some(batch.entries.len() as u64) {
            return Err(CodecError::Invalid);
        }
        Ok(batch)
    }

    /// The batch that a journal row holds.
    pub fn from_row(row: &JournalRow) -> Result<Self, RowError> {
        let entries = row.entries()?.into_iter().map(|(_, entry)| entry).collect();
        Ok(Self { head: row.head(), first_seq: row.first_seq, entries })
    }

    /// The commands with their seqs, in order.
    pub fn numbered(&self) -> impl Iterator<Item = (Seq, &Entry)> {
        (self.first_seq.0..).map(Seq).zip(&self.entries)
    }
}

/// Where the sequencer publishes and consumers subscribe.
pub trait Feed: Send + Sync {
    /// Hands a batch, already committed, to all subscribers. Called in the order of commits. Never waits and
    /// never fails: what does not get through is a gap that the subscribers see.
    fn publish(&self, batch: Arc<CommittedBatch>);

    /// A receiver of every batch published from now on.
    fn subscribe(&self) -> Box<dyn FeedReceiver>;
}

/// One subscriber's end of the feed.
#[async_trait]
pub trait FeedReceiver: Send {
    /// The next batch, or what happened instead. May be dropped while it waits without losing anything.
    async fn next(&mut self) -> Received;
}

/// What came out of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The next batch that is still there. One that does not follow on the last one is a gap as well.
    Batch(Arc<CommittedBatch>),
    /// Batches were lost to this receiver.
    Gap,
    /// Nothing will ever come again: the publisher is gone.
    Closed,
}

/// The feed within one process: a ring that holds the newest batches. A subscriber that is slower than the
/// ring is long has a gap; it never slows the others or the publisher.
#[derive(Debug)]
pub struct InProcessFeed {
    ring: broadcast::Sender<Arc<CommittedBatch>>,
}

impl InProcessFeed {
    /// A feed that holds up to `batches_max` batches (rounded up to a power of two) for its slowest subscriber.
    pub fn new(batches_max: usize) -> Self {
        Self { ring: broadcast::Sender::new(batches_max) }
    }
}

impl Feed for InProcessFeed {
    fn publish(&self, batch: Arc<CommittedBatch>) {
        // An error only says that nobody is subscribed.
        let _ = self.ring.send(batch);
    }

    fn subscribe(&self) -> Box<dyn FeedReceiver> {
        Box::new(RingReceiver { ring: self.ring.subscribe() })
    }
}

struct RingReceiver {
    ring: broadcast::Receiver<Arc<CommittedBatch>>,
}

#[async_trait]
impl FeedReceiver for RingReceiver {
    async fn next(&mut self) -> Received {
        match self.ring.recv().await {
            Ok(batch) => Received::Batch(batch),
            Err(broadcast::error::RecvError::Lagged(_)) => Received::Gap,
            Err(broadcast::error::RecvError::Closed) => Received::Closed,
        }
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;

    async fn open(batches_max: usize) -> Arc<dyn Feed> {
        Arc::new(InProcessFeed::new(batches_max))
    }

    crate::feed_contract!(open);

    #[test]
    fn a_batch_survives_the_way_to_another_process() {
        let batch = crate::contract::feed::batch(3);
        let bytes = batch.to_bytes();
        assert_eq!(CommittedBatch::from_bytes(&bytes).as_ref(), Ok(&*batch));
        for length in 0..bytes.len() {
            assert!(CommittedBatch::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
        let mut wrong = (*batch).clone();
        wrong.entries.pop();
        assert_eq!(CommittedBatch::from_bytes(&wrong.to_bytes()), Err(CodecError::Invalid));
        wrong.first_seq = Seq(wrong.head.seq.0 + 1);
        assert_eq!(CommittedBatch::from_bytes(&wrong.to_bytes()), Err(CodecError::Invalid));
    }
}
