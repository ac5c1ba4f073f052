//! The journal: one row per batch, and the head that every commit compares and swaps, in one round trip.
//!
//! What must not live here: what became of a commit whose answer was lost ([`writer`]).

mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_model::journal::{Head, JournalRow};
use emporion_ports::store::{CommitError, Journal, StoreError};
use tokio::sync::Mutex;

use crate::options::PostgresOptions;
use crate::pool::{Pools, failed};
use crate::values::{HEAD_COLUMNS, ROW_COLUMNS, head_of, row_of, signed, unsigned};
use writer::Writer;

/// The most rows of one answer; their payloads are bounded by the caller.
const ROWS_MAX: i64 = 4_096;

/// The journal in PostgreSQL.
#[derive(Debug)]
pub struct PostgresJournal {
    pools: Pools,
    writer: Mutex<Writer>,
    /// From this seq on, more partitions are to be made.
    partitions_due: Arc<AtomicU64>,
}

impl PostgresJournal {
    pub(crate) fn new(pools: Pools, options: &PostgresOptions) -> Result<Self, StoreError> {
        let writer = Mutex::new(Writer::new(options)?);
        Ok(Self { pools, writer, partitions_due: Arc::new(AtomicU64::new(0)) })
    }

    /// Makes partitions ahead, beside the commits. Fails softly: a commit that finds none makes it itself.
    fn make_partitions_when_due(&self, seq: Seq) {
        if seq.0 < self.partitions_due.load(Ordering::Relaxed) {
            return;
        }
        self.partitions_due.store(u64::MAX, Ordering::Relaxed);
        let (pools, due) = (self.pools.clone(), Arc::clone(&self.partitions_due));
        tokio::spawn(async move {
            let next = match ensure_partitions(&pools, seq).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, seq = seq.0, "partitions of the journal could not be made ahead");
                    seq.0 + 1_000
                }
            };
            due.store(next, Ordering::Relaxed);
        });
    }
}

async fn ensure_partitions(pools: &Pools, seq: Seq) -> Result<u64, StoreError> {
    let client = pools.write().await?;
    let row =
        client.query_one("select ensure_journal_partitions($1) as next", &[&signed(seq.0)]).await.map_err(failed)?;
    unsigned(&row, "next")
}

#[async_trait]
impl Journal for PostgresJournal {
    async fn head(&self) -> Result<Head, StoreError> {
        let client = self.pools.write().await?;
        let sql = format!("select {HEAD_COLUMNS} from engine_head");
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        head_of(&client.query_one(&statement, &[]).await.map_err(failed)?)
    }

    async fn commit(&self, row: Arc<JournalRow>) -> Result<(), CommitError> {
        self.writer.lock().await.commit(&row).await?;
        self.make_partitions_when_due(row.last_seq);
        Ok(())
    }

    async fn take_over(&self) -> Result<Head, StoreError> {
        let head = self.writer.lock().await.take_over().await?;
        self.make_partitions_when_due(head.seq);
        Ok(head)
    }

    async fn rows_after(&self, seq: Seq, bytes_max: usize) -> Result<Vec<JournalRow>, StoreError> {
        let client = self.pools.write().await?;
        let sql = format!(
            "select * from (
                select {ROW_COLUMNS}, sum(octet_length(payload)) over
                    (order by last_seq rows between unbounded preceding and 1 preceding) as before
                from journal where last_seq > $1 order by last_seq limit {ROWS_MAX}
            ) portion where before is null or before < $2"
        );
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        let rows = client.query(&statement, &[&signed(seq.0), &signed(bytes_max as u64)]).await.map_err(failed)?;
        rows.iter().map(row_of).collect()
    }

    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
        let client = self.pools.write().await?;
        let sql = format!("select {ROW_COLUMNS} from journal where last_seq >= $1 order by last_seq limit 1");
        let statement = client.prepare_cached(&sql).await.map_err(failed)?;
        let row = client.query_opt(&statement, &[&signed(seq.0)]).await.map_err(failed)?;
        let row = row.as_ref().map(row_of).transpose()?;
        Ok(row.filter(|row| row.first_seq <= seq))
    }

    async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
        let client = self.pools.write().await?;
        let sql = "select first_seq from journal order by last_seq limit 1";
        let row = client.query_opt(sql, &[]).await.map_err(failed)?;
        row.map(|row| unsigned(&row, "first_seq").map(Seq)).transpose()
    }
}
