//! Snapshots by a follower: every so many commands, committed rows are replayed on top of the newest snapshot
//! and the state is saved. The live engine is never asked, so each snapshot is also a proof that replay
//! equals what was lived. And the scrubber, which reads rows that no start reads any more.

use super::recover::newest_start;
use super::{ReplayError, Replayer};
use emporion_engine::Engine;
use emporion_model::Seq;
use emporion_model::journal::Head;
use emporion_ports::orders::Committed;
use emporion_ports::store::{Journal, Snapshot, SnapshotMeta, Snapshots, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How many bytes of journal are replayed at a time.
const READ_BYTES: usize = 1 << 20;

/// When a snapshot is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotPolicy {
    /// After so many commands.
    pub every_commands: u64,
}

/// Why no snapshot was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotterError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Replay does not give what was lived: stop and look.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Follows the committed seq and saves snapshots.
pub struct Snapshotter {
    /// Where the rows are.
    pub journal: Arc<dyn Journal>,
    /// Where snapshots go.
    pub snapshots: Arc<dyn Snapshots>,
    /// How far the journal is committed.
    pub committed: watch::Receiver<Committed>,
    /// When a snapshot is due.
    pub policy: SnapshotPolicy,
}

impl Snapshotter {
    /// Runs until the sequencer is gone, or until replay and life disagree.
    pub async fn run(mut self) -> Result<(), SnapshotterError> {
        let mut last = self.snapshots.list().await?.first().copied().unwrap_or(Seq::ZERO);
        let every = self.policy.every_commands;
        while self.committed.wait_for(|committed| committed.seq.0 - last.0.min(committed.seq.0) >= every).await.is_ok()
        {
            let target = self.committed.borrow().seq;
            last = self.take(target).await?;
        }
        Ok(())
    }

    /// Replays up to `target` or a little beyond and saves that state. Gives its seq.
    pub async fn take(&self, target: Seq) -> Result<Seq, SnapshotterError> {
        let mut replayer = newest_start(&*self.journal, &*self.snapshots, 0).await?;
        while replayer.head.seq < target {
            let rows = self.journal.rows_after(replayer.head.seq, READ_BYTES).await?;
            if rows.is_empty() {
                break;
            }
            replayer =
                on_a_thread(move || rows.iter().try_for_each(|row| replayer.follow(row)).map(|()| replayer)).await?;
        }
        let Replayer { engine, head } = replayer;
        let (meta, bytes) = on_a_thread(move || snapshot_of(&engine, head)).await;
        self.snapshots.save(Snapshot { meta, bytes }).await?;
        tracing::info!(seq = head.seq.0, "A snapshot was saved.");
        Ok(head.seq)
    }
}

fn snapshot_of(engine: &Engine, head: Head) -> (SnapshotMeta, Vec<u8>) {
    let bytes = engine.snapshot();
    (SnapshotMeta { head, state_hash: Engine::hash_of(&bytes) }, bytes)
}

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("replay does not panic")
}

/// What a pass over the journal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubReport {
    /// How many rows were read.
    pub rows: u64,
    /// The last seq that was read.
    pub last: Seq,
}

/// Reads every row from the journal's first to the last committed one, checks that each is whole and follows
/// the one before, and pauses between reads so that nobody notices. The rows' meaning is not replayed.
pub async fn scrub(journal: &dyn Journal, until: Seq, pause: Duration) -> Result<ScrubReport, SnapshotterError> {
    let mut report = ScrubReport { rows: 0, last: Seq::ZERO };
    let Some(first) = journal.first_seq().await? else { return Ok(report) };
    let mut before: Option<Head> = (first == Seq::ZERO.next()).then(Head::default);
    report.last = Seq(first.0 - 1);
    while report.last < until {
        let rows = journal.rows_after(report.last, READ_BYTES).await?;
        let Some(newest) = rows.last().map(|row| row.last_seq) else { break };
        for row in &rows {
            let expected =
                before.unwrap_or_else(|| Head { seq: Seq(row.first_seq.0 - 1), chain: row.prev_chain, ..row.head() });
            let damaged = |error| ReplayError::Row { first: row.first_seq, last: row.last_seq, error };
            row.verify_after(&expected).map_err(damaged)?;
            before = Some(row.head());
        }
        report.rows += rows.len() as u64;
        report.last = newest;
        breathe(pause).await;
    }
    Ok(report)
}

#[expect(clippy::disallowed_methods, reason = "a pause for the sake of others, after which nothing is assumed")]
async fn breathe(pause: Duration) {
    tokio::time::sleep(pause).await;
}
