//! From where the tables stand to the journal's head.

use emporion_model::journal::{JournalRow, RowError};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::store::StoreError;
use emporion_ports::tables::{ProjectedHead, TableChanges};

use super::{Progress, Projector, ProjectorError, TableFold};

/// How many bytes of journal go into one transaction.
const READ_BYTES: usize = 4 << 20;

impl Projector {
    /// Stands where the tables do, if they are of this journal; otherwise at the beginning, with empty ones.
    pub(super) async fn find_start(&mut self) -> Result<(), ProjectorError> {
        let found = match self.tables.projected().await {
            Ok(found) => found,
            Err(StoreError::Damaged(reason)) => return self.begin_again(&reason).await,
            Err(error) => return Err(error.into()),
        };
        if self.leads_to(&found).await? {
            self.stand_at(found);
            return Ok(());
        }
        self.begin_again("they are not of this journal, or ahead of it").await
    }

    /// Projects the journal's rows up to its head as it is now.
    pub(super) async fn catch_up(&mut self, progress: Progress<'_>) -> Result<(), ProjectorError> {
        let head = self.journal.head().await?.seq;
        while self.at().seq < head {
            let rows = self.journal.rows_after(self.at().seq, READ_BYTES).await?;
            if rows.is_empty() {
                return Err(ProjectorError::Ends { found: self.at().seq, head });
            }
            let from = self.at();
            let fold = move || fold_rows(from, &rows);
            let changes = tokio::task::spawn_blocking(fold).await.expect("folding does not panic")?;
            self.write(changes).await?;
            progress(self.at().seq, head);
        }
        Ok(())
    }

    /// Whether the journal was once where the tables stand: its head is there, or its next row follows on it.
    async fn leads_to(&self, tables: &ProjectedHead) -> Result<bool, ProjectorError> {
        let head = self.journal.head().await?;
        if tables.seq >= head.seq {
            return Ok(*tables == ProjectedHead::from(head));
        }
        let next = self.journal.rows_after(tables.seq, 1).await?;
        Ok(next.first().is_some_and(|row| follows(tables, row)))
    }
}

fn follows(at: &ProjectedHead, row: &JournalRow) -> bool {
    row.first_seq == at.seq.next() && row.prev_chain == at.chain && row.history == at.history
}

/// The changes of these rows, each of which was whole and followed on the one before.
fn fold_rows(mut at: ProjectedHead, rows: &[JournalRow]) -> Result<TableChanges, ProjectorError> {
    let mut batches = Vec::with_capacity(rows.len());
    for row in rows {
        let damaged = |error| ProjectorError::Row { first: row.first_seq, error };
        if !follows(&at, row) {
            return Err(damaged(RowError::Order));
        }
        if row.chain != row.expected_chain() {
            return Err(damaged(RowError::Chain));
        }
        batches.push(CommittedBatch::from_row(row).map_err(damaged)?);
        at = row.head().into();
    }
    Ok(TableFold::of(&batches))
}
