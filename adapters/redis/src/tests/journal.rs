//! A journal in memory, and a leader who commits to it and publishes.

use async_trait::async_trait;
use emporion_model::journal::{BatchBuilder, Head, JournalRow};
use emporion_model::{Action, Command, Origin, Seq, TimeUs};
use emporion_ports::feed::{CommittedBatch, Feed};
use emporion_ports::store::{CommitError, Journal, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Rows(pub(crate) Mutex<Vec<JournalRow>>);

#[async_trait]
impl Journal for Rows {
    async fn head(&self) -> Result<Head, StoreError> {
        Ok(self.0.lock().last().map(JournalRow::head).unwrap_or_default())
    }

    async fn commit(&self, row: Arc<JournalRow>) -> Result<(), CommitError> {
        self.0.lock().push((*row).clone());
        Ok(())
    }

    async fn take_over(&self) -> Result<Head, StoreError> {
        Err(StoreError::Failed("nobody leads here".into()))
    }

    async fn rows_after(&self, seq: Seq, _: usize) -> Result<Vec<JournalRow>, StoreError> {
        Ok(self.0.lock().iter().filter(|row| row.first_seq > seq).take(10).cloned().collect())
    }

    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
        Ok(self.0.lock().iter().find(|row| row.first_seq <= seq && seq <= row.last_seq).cloned())
    }

    async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
        Ok(self.0.lock().first().map(|row| row.first_seq))
    }
}

/// Who commits.
#[derive(Clone, Default)]
pub(crate) struct Leader {
    pub(crate) journal: Arc<Rows>,
    pub(crate) head: Head,
}

impl Leader {
    /// Commits a batch of two commands.
    pub(crate) fn commit(&mut self) -> Arc<CommittedBatch> {
        let mut builder = BatchBuilder::default();
        for _ in 0..2 {
            builder.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
        }
        let row = builder.seal(&self.head, TimeUs(self.head.time.0 + 1), 1);
        self.head = row.head();
        let batch = CommittedBatch::from_row(&row).unwrap();
        self.journal.0.lock().push(row);
        Arc::new(batch)
    }

    /// Commits a batch and publishes it.
    pub(crate) fn publish(&mut self, feed: &dyn Feed) {
        let batch = self.commit();
        feed.publish(batch);
    }
}
