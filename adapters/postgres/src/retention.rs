//! The journal's retention: each full partition is exported as segments, and one that is old enough and that nobody
//! needs is dropped, once what was exported was read back.
//!
//! The database has the last word about who needs what (`drop_journal_partition`). What must not live here: how a
//! segment is written ([`crate::segments`]).

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use emporion_model::Seq;
use emporion_model::journal::{Chain, JournalRow};
use emporion_ports::segments::SegmentStore;
use emporion_ports::store::{Journal, StoreError};
use sha2::{Digest, Sha256};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::Postgres;
use crate::connect::connect;
use crate::journal::PostgresJournal;
use crate::options::PostgresOptions;
use crate::pool::failed;
use crate::segments::{Segment, SegmentHeader};
use crate::values::{chain, get, signed, unsigned};

const SETTINGS: &str = "-c statement_timeout=60s -c lock_timeout=10s";
/// Any number that no other application is likely to lock.
const ADVISORY_LOCK: i64 = 0x456d_7052_6574_656e;
/// A segment is ended by the row that brings its payloads to so many bytes, or by so many rows.
const SEGMENT_BYTES: usize = 16 << 20;
const SEGMENT_ROWS: usize = 1 << 16;
/// How much is read at a time.
const READ_BYTES: usize = 1 << 20;

const FULL: &str = "select p.lower, p.upper, p.segment_sha256 is not null as exported, h.engine_time_us
    from journal_partitions p, engine_head h where p.dropped_at is null and p.upper <= h.seq order by p.lower";
const LAST_SEGMENT: &str =
    "select name, last_seq, last_chain, sha256, lower from journal_segments order by last_seq desc limit 1";
const NOTE_SEGMENT: &str = "insert into journal_segments
    (name, lower, history, first_seq, last_seq, prev_chain, last_chain, sha256) values ($1, $2, $3, $4, $5, $6, $7, $8)";
const NOTE_EXPORTED: &str = "select note_journal_partition_exported($1, $2, $3, $4)";
const FIRST_ROW: &str =
    "select first_seq from journal where last_seq >= $1 and last_seq < $2 order by last_seq limit 1";
const LAST_ROW: &str = "select last_seq, chain, engine_time_us from journal
    where last_seq >= $1 and last_seq < $2 order by last_seq desc limit 1";
const SEGMENTS: &str = "select name, sha256 from journal_segments where lower = $1 order by last_seq";
const NEEDED_FROM: &str = "select journal_needed_from() as seq";
const DROP: &str = "select drop_journal_partition($1) as dropped";

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionRound {
    /// How many segments were written.
    pub segments: u64,
    /// How many partitions were dropped.
    pub partitions: u64,
}

/// Exports and drops partitions of the journal.
pub struct Retention {
    options: PostgresOptions,
    journal: Arc<PostgresJournal>,
    segments: Arc<dyn SegmentStore>,
    keep: Option<Duration>,
    segment_bytes: usize,
}

/// A partition that no more rows come to.
struct Partition {
    lower: i64,
    upper: i64,
    is_exported: bool,
}

impl Retention {
    /// For the database `postgres`, which was opened with these options: exports to `segments`, and drops what is
    /// older than `keep` by the engine's time; `None` drops nothing.
    pub fn new(
        postgres: &Postgres,
        options: PostgresOptions,
        segments: Arc<dyn SegmentStore>,
        keep: Option<Duration>,
    ) -> Self {
        Self { options, journal: postgres.journal(), segments, keep, segment_bytes: SEGMENT_BYTES }
    }

    /// Exports every full partition that is not exported yet, and drops, oldest first, those that are old enough and
    /// below the older of the two kept snapshots, the tables and the position of every follower. To be called by the
    /// process that leads, some minutes apart. What one round leaves, because it was stopped or the journal was in use,
    /// the next one does; of two rounds at once, one does nothing.
    ///
    /// # Errors
    /// One sentence: the database or the segments cannot be used, or what is kept there is not what was written; then
    /// the partition stays.
    pub async fn round(&self) -> Result<RetentionRound, StoreError> {
        let name = format!("{} retention", self.options.application_name);
        let connection = connect(&self.options.url, &name, SETTINGS).await?;
        let client = &connection.client;
        let mut round = RetentionRound::default();
        // The lock goes with the connection.
        let turn = client.query_one("select pg_try_advisory_lock($1)", &[&ADVISORY_LOCK]).await.map_err(failed)?;
        if !turn.get::<_, bool>(0) {
            return Ok(round);
        }
        let mut time = 0;
        let mut full = Vec::new();
        for row in client.query(FULL, &[]).await.map_err(failed)? {
            time = unsigned(&row, "engine_time_us")?;
            full.push(Partition {
                lower: get(&row, "lower")?,
                upper: get(&row, "upper")?,
                is_exported: get(&row, "exported")?,
            });
        }
        for partition in full.iter().filter(|partition| !partition.is_exported) {
            round.segments += self.export(client, partition).await?;
        }
        let Some(keep) = self.keep else { return Ok(round) };
        let kept_from = time.saturating_sub(u64::try_from(keep.as_micros()).unwrap_or(u64::MAX));
        for partition in &full {
            if !self.drop_if_unneeded(client, partition, kept_from).await? {
                break;
            }
            round.partitions += 1;
        }
        Ok(round)
    }

    /// Writes the segments of a partition that are not there yet, and notes that all are.
    async fn export(&self, client: &Client, partition: &Partition) -> Result<u64, StoreError> {
        let mut written = 0;
        let mut last = LastSegment::find(client).await?;
        loop {
            let in_this = last.as_ref().filter(|last| last.lower == partition.lower);
            let after = in_this.map_or(Seq(partition.lower.saturating_sub(1).max(0).cast_unsigned()), |last| last.seq);
            let rows = self.read(after, partition.upper).await?;
            if rows.is_empty() {
                break;
            }
            let segment = Segment::new(rows)?;
            last = Some(self.keep_segment(client, partition, &segment, last.as_ref()).await?);
            written += 1;
        }
        let Some(last) = last.filter(|last| last.lower == partition.lower) else { return Ok(written) };
        let values: (&str, &[u8], &[u8]) = (&last.name, &last.sha256, &last.chain.0);
        let note = client.execute(NOTE_EXPORTED, &[&partition.lower, &values.0, &values.1, &values.2]).await;
        note.map_err(failed)?;
        Ok(written)
    }

    /// The rows of one segment: of one history, after a seq and before another.
    async fn read(&self, mut after: Seq, before: i64) -> Result<Vec<JournalRow>, StoreError> {
        let mut rows: Vec<JournalRow> = Vec::new();
        let mut bytes = 0;
        loop {
            let portion = self.journal.rows_after(after, READ_BYTES).await?;
            if portion.is_empty() {
                return Ok(rows);
            }
            for row in portion {
                let of_other_history = rows.first().is_some_and(|first| first.history != row.history);
                if signed(row.last_seq.0) >= before || of_other_history {
                    return Ok(rows);
                }
                after = row.last_seq;
                bytes += row.payload.len();
                rows.push(row);
                if bytes >= self.segment_bytes || rows.len() >= SEGMENT_ROWS {
                    return Ok(rows);
                }
            }
        }
    }

    /// Writes a segment, reads it back, and notes it.
    async fn keep_segment(
        &self,
        client: &Client,
        partition: &Partition,
        segment: &Segment,
        before: Option<&LastSegment>,
    ) -> Result<LastSegment, StoreError> {
        let (header, name, bytes) = (segment.header(), segment.name(), segment.to_bytes());
        if before.is_some_and(|before| before.seq.next() == header.first_seq && before.chain != header.prev_chain) {
            return Err(StoreError::Damaged(format!(
                "the journal's row of seq {} does not follow what was exported before it",
                header.first_seq
            )));
        }
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        self.segments.put(&name, bytes).await?;
        self.verify(&name, &sha256).await?;
        let (history, first, last) =
            (i64::from(header.history.0), signed(header.first_seq.0), signed(header.last_seq.0));
        let chains: (&[u8], &[u8], &[u8]) = (&header.prev_chain.0, &header.last_chain.0, &sha256);
        client
            .execute(NOTE_SEGMENT, &[&name, &partition.lower, &history, &first, &last, &chains.0, &chains.1, &chains.2])
            .await
            .map_err(failed)?;
        let (seq, chain, lower) = (header.last_seq, header.last_chain, partition.lower);
        Ok(LastSegment { name, lower, seq, chain, sha256 })
    }

    /// Reads a segment back.
    async fn verify(&self, name: &str, sha256: &[u8]) -> Result<Segment, StoreError> {
        let damaged = |reason: &str| StoreError::Damaged(format!("the journal's segment {name}: {reason}"));
        let bytes = self.segments.get(name).await?.ok_or_else(|| damaged("it is not there"))?;
        if Sha256::digest(&bytes)[..] != *sha256 {
            return Err(damaged("it is not what was written"));
        }
        Segment::from_bytes(&bytes).map_err(|error| damaged(&error.to_string()))
    }

    /// Drops a partition, and gives whether it did.
    async fn drop_if_unneeded(
        &self,
        client: &Client,
        partition: &Partition,
        kept_from: u64,
    ) -> Result<bool, StoreError> {
        let bounds: (i64, i64) = (partition.lower, partition.upper);
        let Some(last) = client.query_opt(LAST_ROW, &[&bounds.0, &bounds.1]).await.map_err(failed)? else {
            return Ok(false);
        };
        let needed_from: i64 = client.query_one(NEEDED_FROM, &[]).await.map_err(failed)?.get("seq");
        if unsigned(&last, "engine_time_us")? >= kept_from || partition.upper > needed_from {
            return Ok(false);
        }
        let first = client.query_one(FIRST_ROW, &[&bounds.0, &bounds.1]).await.map_err(failed)?;
        let ends = (Seq(unsigned(&first, "first_seq")?), chain(&last, "chain")?);
        self.verify_all(client, partition, ends).await?;
        let dropped = match client.query_one(DROP, &[&partition.lower]).await {
            Ok(row) => get(&row, "dropped")?,
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                tracing::info!(lower = partition.lower, "the journal is in use; the next round drops its partition");
                false
            }
            Err(error) => return Err(failed(error)),
        };
        if dropped {
            tracing::info!(lower = partition.lower, upper = partition.upper, "a partition of the journal was dropped");
        }
        Ok(dropped)
    }

    /// Reads everything of a partition back, from its first seq to its last chain: the same chain means the same rows.
    async fn verify_all(
        &self,
        client: &Client,
        partition: &Partition,
        (first_seq, last_chain): (Seq, Chain),
    ) -> Result<(), StoreError> {
        let mut found: Option<SegmentHeader> = None;
        for row in client.query(SEGMENTS, &[&partition.lower]).await.map_err(failed)? {
            let segment = self.verify(get(&row, "name")?, get(&row, "sha256")?).await?;
            let header = *segment.header();
            let follows = match found {
                None => header.first_seq == first_seq,
                Some(before) if before.history == header.history => {
                    header.first_seq == before.last_seq.next() && header.prev_chain == before.last_chain
                }
                Some(before) => header.first_seq > before.last_seq,
            };
            if !follows {
                return Err(StoreError::Damaged(format!(
                    "the journal's segment {} does not follow the one before it",
                    segment.name()
                )));
            }
            found = Some(header);
        }
        if found.is_none_or(|header| header.last_chain != last_chain) {
            return Err(StoreError::Damaged(format!(
                "the segments of the journal's partition from seq {} do not hold all of its rows",
                partition.lower
            )));
        }
        Ok(())
    }
}

/// The newest segment.
struct LastSegment {
    name: String,
    lower: i64,
    seq: Seq,
    chain: Chain,
    sha256: [u8; 32],
}

impl LastSegment {
    async fn find(client: &Client) -> Result<Option<Self>, StoreError> {
        let Some(row) = client.query_opt(LAST_SEGMENT, &[]).await.map_err(failed)? else { return Ok(None) };
        Ok(Some(Self {
            name: get(&row, "name")?,
            lower: get(&row, "lower")?,
            seq: Seq(unsigned(&row, "last_seq")?),
            chain: chain(&row, "last_chain")?,
            sha256: chain(&row, "sha256")?.0,
        }))
    }
}
