//! The feed as a stream: one entry per batch, its id the batch's last seq.
//!
//! The stream is a window of the journal. A script adds an entry only behind its direct predecessor, so the stream has
//! no holes whoever writes and whatever was lost before; the publisher brings what is missing out of the journal. What
//! must not live here: folding batches.

mod publisher;
mod reader;
mod stream;

use self::publisher::{Handed, Publisher};
use self::reader::Reader;
use self::stream::Stream;
use crate::handle::Redis;
use crate::metrics;
use async_trait::async_trait;
use emporion_model::{History, Seq};
use emporion_ports::feed::{CommittedBatch, Feed, FeedReceiver, Received};
use emporion_ports::store::Journal;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::AbortHandle;

/// What decides which of two batches is the newer one.
type Version = (History, Seq);

/// The measures of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisFeedOptions {
    /// About how many batches the stream holds.
    pub length_max: u32,
    /// How many batches wait for the publisher; more are left to the journal.
    pub handed_max: usize,
    /// How many batches a slow subscriber may be behind before it has a gap.
    pub ring: usize,
}

impl Default for RedisFeedOptions {
    fn default() -> Self {
        Self { length_max: 10_000, handed_max: 1_024, ring: 1_024 }
    }
}

/// The feed between all processes with this Redis.
pub struct RedisFeed {
    redis: Redis,
    handed: mpsc::Sender<Handed>,
    /// The newest batch that was published in this process.
    newest: Arc<Mutex<Option<Version>>>,
    ring: broadcast::Sender<Received>,
    is_following: watch::Sender<bool>,
    /// The task that publishes, and once somebody subscribes the one that reads.
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Drop for RedisFeed {
    fn drop(&mut self) {
        self.tasks.lock().iter().for_each(AbortHandle::abort);
    }
}

impl RedisFeed {
    /// A feed that brings what Redis loses out of `journal`. Must be called within a Tokio runtime.
    pub fn new(redis: Redis, journal: Arc<dyn Journal>, options: RedisFeedOptions) -> Self {
        let (handed, waiting) = mpsc::channel(options.handed_max.max(1));
        let newest = Arc::default();
        let stream = Stream::new(redis.clone(), options.length_max);
        let publisher = Publisher::new(stream, journal, Arc::clone(&newest));
        let health = redis.health();
        let publisher = tokio::spawn(publisher.run(waiting, health)).abort_handle();
        Self {
            redis,
            handed,
            newest,
            ring: broadcast::Sender::new(options.ring.max(1)),
            is_following: watch::Sender::default(),
            tasks: Mutex::new(vec![publisher]),
        }
    }

    /// Waits until what others publish gets here. Somebody must have subscribed.
    pub async fn wait_until_following(&self) {
        // The sender is our own: it cannot be gone.
        let _ = self.is_following.subscribe().wait_for(|&is_following| is_following).await;
    }
}

impl Feed for RedisFeed {
    fn publish(&self, batch: Arc<CommittedBatch>) {
        let version = version(&batch);
        let mut newest = self.newest.lock();
        *newest = (*newest).max(Some(version));
        drop(newest);
        if self.handed.try_send(Handed { batch, at: Instant::now() }).is_err() {
            metrics::left_out();
        }
    }

    fn subscribe(&self) -> Box<dyn FeedReceiver> {
        let mut tasks = self.tasks.lock();
        if tasks.len() < 2 {
            let reader = Reader::new(self.redis.clone(), self.ring.clone(), self.is_following.clone());
            tasks.push(tokio::spawn(reader.run()).abort_handle());
        }
        Box::new(RingReceiver { ring: self.ring.subscribe(), after: *self.newest.lock() })
    }
}

fn version(batch: &CommittedBatch) -> Version {
    (batch.head.history, batch.head.seq)
}

struct RingReceiver {
    ring: broadcast::Receiver<Received>,
    /// The newest batch of this process before the subscription: it may still be on its way through Redis.
    after: Option<Version>,
}

#[async_trait]
impl FeedReceiver for RingReceiver {
    async fn next(&mut self) -> Received {
        loop {
            match self.ring.recv().await {
                Ok(Received::Batch(batch)) if Some(version(&batch)) <= self.after => {}
                Ok(received) => return received,
                Err(broadcast::error::RecvError::Lagged(_)) => return Received::Gap,
                Err(broadcast::error::RecvError::Closed) => return Received::Closed,
            }
        }
    }
}

/// The key of a history's stream, for tests that look at it from outside.
#[cfg(test)]
pub(crate) fn key_of_tests(redis: &Redis, history: History) -> String {
    stream::key(redis, history)
}
