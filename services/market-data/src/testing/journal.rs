//! A journal in memory, to be read and lengthened by tests.

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_model::journal::{Head, JournalRow};
use emporion_ports::store::{CommitError, Journal, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;

pub(crate) struct FakeJournal(Mutex<Vec<JournalRow>>);

impl FakeJournal {
    pub(crate) fn new(rows: Vec<JournalRow>) -> Self {
        Self(Mutex::new(rows))
    }

    pub(crate) fn push(&self, row: JournalRow) {
        self.0.lock().push(row);
    }
}

#[async_trait]
impl Journal for FakeJournal {
    async fn head(&self) -> Result<Head, StoreError> {
        Ok(self.0.lock().last().map(JournalRow::head).unwrap_or_default())
    }

    async fn commit(&self, _: Arc<JournalRow>) -> Result<(), CommitError> {
        Err(StoreError::Failed("market data commits nothing".into()).into())
    }

    async fn take_over(&self) -> Result<Head, StoreError> {
        Err(StoreError::Failed("market data leads nothing".into()))
    }

    async fn rows_after(&self, seq: Seq, _: usize) -> Result<Vec<JournalRow>, StoreError> {
        Ok(self.0.lock().iter().filter(|row| row.first_seq > seq).take(3).cloned().collect())
    }

    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
        Ok(self.0.lock().iter().find(|row| row.last_seq >= seq).cloned())
    }

    async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
        Ok(self.0.lock().first().map(|row| row.first_seq))
    }
}
