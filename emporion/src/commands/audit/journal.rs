//! The journal as it was when it ended at a certain seq, for building the tables of then.

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_model::journal::{Head, JournalRow};
use emporion_ports::store::{CommitError, Journal, StoreError};
use std::sync::Arc;

/// A journal that ends where it ended once. Nothing can be written to it.
pub(super) struct JournalUntil {
    pub(super) journal: Arc<dyn Journal>,
    /// The head of then.
    pub(super) head: Head,
}

fn read_only() -> StoreError {
    StoreError::Unusable("an audit writes nothing".to_owned())
}

#[async_trait]
impl Journal for JournalUntil {
    async fn head(&self) -> Result<Head, StoreError> {
        Ok(self.head)
    }

    async fn commit(&self, _: Arc<JournalRow>) -> Result<(), CommitError> {
        Err(read_only().into())
    }

    async fn take_over(&self) -> Result<Head, StoreError> {
        Err(read_only())
    }

    async fn rows_after(&self, seq: Seq, bytes_max: usize) -> Result<Vec<JournalRow>, StoreError> {
        let mut rows = self.journal.rows_after(seq, bytes_max).await?;
        rows.retain(|row| row.last_seq <= self.head.seq);
        Ok(rows)
    }

    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
        Ok(self.journal.row_of(seq).await?.filter(|row| row.last_seq <= self.head.seq))
    }

    async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
        Ok(self.journal.first_seq().await?.filter(|first| *first <= self.head.seq))
    }
}
