//! The publisher: adds what is handed over, and brings what the stream misses out of the journal.

use super::stream::{Add, Stream};
use super::{Version, version};
use crate::{Health, metrics};
use emporion_model::{History, Seq};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::store::Journal;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

/// How often the end of the stream is compared with the newest batch.
const COMPARE_EVERY: Duration = Duration::from_secs(1);

/// How many batches one call adds at most.
const TOGETHER_MAX: usize = 64;

/// How much one read of the journal brings, in bytes of payload.
const READ_BYTES_MAX: usize = 1 << 20;

/// A batch on its way to the publisher.
pub(super) struct Handed {
    pub(super) batch: Arc<CommittedBatch>,
    pub(super) at: Instant,
}

pub(super) struct Publisher {
    stream: Stream,
    journal: Arc<dyn Journal>,
    newest: Arc<Mutex<Option<Version>>>,
    is_failing: bool,
}

impl Publisher {
    pub(super) fn new(stream: Stream, journal: Arc<dyn Journal>, newest: Arc<Mutex<Option<Version>>>) -> Self {
        Self { stream, journal, newest, is_failing: false }
    }

    /// Publishes until nobody hands over any more.
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Handed>, mut health: watch::Receiver<Health>) {
        let mut compare = interval(COMPARE_EVERY);
        compare.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut handed = Vec::with_capacity(TOGETHER_MAX);
        loop {
            tokio::select! {
                count = waiting.recv_many(&mut handed, TOGETHER_MAX) => if count == 0 { return },
                Ok(()) = health.changed() => {}
                _ = compare.tick() => {}
            }
            self.publish(&handed).await;
            handed.clear();
        }
    }

    async fn publish(&mut self, handed: &[Handed]) {
        let Some(newest) = *self.newest.lock() else { return };
        match self.bring(newest, handed).await {
            Ok(()) => {
                handed.iter().for_each(|handed| metrics::published(handed.at.elapsed()));
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(seq = newest.1.0, "the feed is complete again");
                }
            }
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                tracing::warn!(%error, "the feed cannot be published: subscribers read the journal meanwhile");
            }
            Err(_) => {}
        }
    }

    /// Brings the stream up to the newest batch that was handed over before this call.
    async fn bring(&self, newest: Version, handed: &[Handed]) -> Result<(), String> {
        let due = handed.last().map_or(newest, |handed| version(&handed.batch));
        let batches = || handed.iter().map(|handed| &*handed.batch).filter(|batch| batch.head.history == due.0);
        let mut last = self.add(due.0, Add::Behind, batches()).await?;
        while last < Some(due.1) {
            let (rows, add) = self.missing(due, last).await?;
            let before = last;
            last = self.add(due.0, add, rows.iter()).await?;
            metrics::refilled(rows.len());
            if last == before && !rows.is_empty() {
                // What follows the end of the stream is not what the journal holds there: it begins anew.
                last = self.add(due.0, Add::Begin, rows.iter()).await?;
            }
            if last == before {
                last = self.add(due.0, Add::Begin, batches()).await?;
            }
            if last == before {
                return Err(format!("the journal does not hold what the feed lacks before seq {}", due.1.0));
            }
        }
        Ok(())
    }

    async fn add<'a>(
        &self,
        history: History,
        add: Add,
        batches: impl Iterator<Item = &'a CommittedBatch>,
    ) -> Result<Option<Seq>, String> {
        self.stream.add(history, add, batches).await.map_err(|error| error.to_string())
    }

    /// The next batches of the journal that a stream which ends with `last` lacks. One that is too far behind begins
    /// with the oldest batch that it would still hold.
    async fn missing(&self, due: Version, last: Option<Seq>) -> Result<(Vec<CommittedBatch>, Add), String> {
        let floor = Seq(due.1.0.saturating_sub(u64::from(self.stream.length_max)));
        let (after, add) = match last {
            Some(last) if last >= floor => (last, Add::Behind),
            _ => {
                let row = self.journal.row_of(floor.next()).await.map_err(|error| error.to_string())?;
                (row.map_or(floor, |row| Seq(row.first_seq.0 - 1)), Add::Begin)
            }
        };
        let rows = self.journal.rows_after(after, READ_BYTES_MAX).await.map_err(|error| error.to_string())?;
        let rows = rows.iter().filter(|row| row.history == due.0).map(CommittedBatch::from_row);
        Ok((rows.collect::<Result<_, _>>().map_err(|error| format!("the journal is damaged: {error}"))?, add))
    }
}
