//! What the tests of this crate share: a journal and snapshots in memory, whose commits can be held up, fail
//! or be fenced.

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_model::journal::{Head, JournalRow};
use emporion_ports::store::{CommitError, Journal, Snapshot, Snapshots, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What the next commits do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commits {
    Succeed,
    /// The row is not written, and nobody knows.
    Fail,
    /// The row is written, and the answer is lost.
    FailAfterwards,
}

/// A journal in memory.
pub(crate) struct MemoryJournal {
    rows: Mutex<Vec<JournalRow>>,
    head: Mutex<Head>,
    commits: Mutex<Commits>,
    /// A commit takes one permit; a test that holds them back holds commits up.
    pub(crate) permits: Semaphore,
}

impl MemoryJournal {
    pub(crate) fn new() -> Self {
        Self {
            rows: Mutex::default(),
            head: Mutex::default(),
            commits: Mutex::new(Commits::Succeed),
            permits: Semaphore::new(1_000_000),
        }
    }

    pub(crate) fn set_commits(&self, commits: Commits) {
        *self.commits.lock() = commits;
    }

    pub(crate) fn rows(&self) -> Vec<JournalRow> {
        self.rows.lock().clone()
    }

    /// Changes a committed row, as a failing disk would.
    pub(crate) fn damage(&self, place: usize, damage: impl FnOnce(&mut JournalRow)) {
        damage(&mut self.rows.lock()[place]);
    }

    /// Forgets the rows up to a seq, as an export would.
    pub(crate) fn drop_until(&self, seq: Seq) {
        self.rows.lock().retain(|row| row.last_seq > seq);
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn head(&self) -> Result<Head, StoreError> {
        Ok(*self.head.lock())
    }

    async fn commit(&self, row: Arc<JournalRow>) -> Result<(), CommitError> {
        self.permits.acquire().await.unwrap().forget();
        let commits = *self.commits.lock();
        let failed = || CommitError::Failed(StoreError::Failed("a test's disk".to_owned()));
        if commits == Commits::Fail {
            return Err(failed());
        }
        let mut head = self.head.lock();
        if row.verify_after(&head).is_err() || row.epoch != head.epoch {
            return Err(CommitError::Fenced { found: *head });
        }
        *head = row.head();
        self.rows.lock().push((*row).clone());
        if commits == Commits::FailAfterwards { Err(failed()) } else { Ok(()) }
    }

    async fn take_over(&self) -> Result<Head, StoreError> {
        let mut head = self.head.lock();
        head.epoch.0 += 1;
        Ok(*head)
    }

    async fn rows_after(&self, seq: Seq, bytes_max: usize) -> Result<Vec<JournalRow>, StoreError> {
        let mut bytes = 0;
        let rows = self.rows.lock();
        let after = rows.iter().filter(|row| row.first_seq > seq);
        Ok(after
            .take_while(|row| {
                let goes_on = bytes == 0 || bytes < bytes_max;
                bytes += row.payload.len();
                goes_on
            })
            .cloned()
            .collect())
    }

    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
        Ok(self.rows.lock().iter().find(|row| (row.first_seq..=row.last_seq).contains(&seq)).cloned())
    }

    async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
        Ok(self.rows.lock().first().map(|row| row.first_seq))
    }
}

/// Snapshots in memory.
#[derive(Default)]
pub(crate) struct MemorySnapshots {
    saved: Mutex<Vec<Snapshot>>,
}

impl MemorySnapshots {
    /// Changes the newest snapshot, as a failing disk would.
    pub(crate) fn damage_newest(&self, damage: impl FnOnce(&mut Snapshot)) {
        damage(self.saved.lock().last_mut().unwrap());
    }
}

#[async_trait]
impl Snapshots for MemorySnapshots {
    async fn save(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.saved.lock().push(snapshot);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Seq>, StoreError> {
        Ok(self.saved.lock().iter().rev().map(|snapshot| snapshot.meta.head.seq).collect())
    }

    async fn load(&self, seq: Seq) -> Result<Snapshot, StoreError> {
        let saved = self.saved.lock();
        Ok(saved.iter().find(|snapshot| snapshot.meta.head.seq == seq).unwrap().clone())
    }

    async fn quarantine(&self, seq: Seq) -> Result<(), StoreError> {
        self.saved.lock().retain(|snapshot| snapshot.meta.head.seq != seq);
        Ok(())
    }
}
