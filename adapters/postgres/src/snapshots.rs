//! Snapshots as rows, in chunks, written on a connection of their own and no faster than the disk should notice.
//!
//! A snapshot is seen once its last transaction turns it whole; what a killed process left is removed later.

use std::time::Duration;

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_model::codec::{CodecError, Durable, FORMAT, Reader, Writer};
use emporion_ports::store::{SNAPSHOTS_KEPT, Snapshot, SnapshotMeta, Snapshots, StoreError};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::connect::connect;
use crate::options::PostgresOptions;
use crate::pool::{Pools, failed};
use crate::values::{get, signed, unsigned};

const CHUNK_BYTES: usize = 256 << 10;
const SETTINGS: &str = "-c statement_timeout=60s -c lock_timeout=10s";

const BEGIN: &str = "insert into snapshots (seq, state, meta, checksum) values ($1, 'unfinished', $2, $3) returning id";
const ADD: &str = "insert into snapshot_chunks (snapshot, number, bytes) values ($1, $2, $3)";
const REPLACE: &str = "delete from snapshots where seq = $1 and state = 'whole'";
const FINISH: &str = "update snapshots set state = 'whole' where id = $1 and state = 'unfinished'";
const REMOVE_OLD: &str = "delete from snapshots where state = 'whole' and seq not in
    (select seq from snapshots where state = 'whole' order by seq desc limit $1)";
/// Those of processes that were stopped; a living one takes less long.
const REMOVE_UNFINISHED: &str =
    "delete from snapshots where state = 'unfinished' and begun_at < now() - interval '1 day'";
const LIST: &str = "select seq from snapshots where state = 'whole' order by seq desc";
const FIND: &str = "select id, meta, checksum from snapshots where seq = $1 and state = 'whole'";
const CHUNKS: &str = "select bytes from snapshot_chunks where snapshot = $1 order by number";
const QUARANTINE: &str = "update snapshots set state = 'quarantined' where seq = $1 and state = 'whole'";

/// Snapshots in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PostgresSnapshots {
    pools: Pools,
    options: PostgresOptions,
}

impl PostgresSnapshots {
    pub(crate) fn new(pools: Pools, options: PostgresOptions) -> Self {
        Self { pools, options }
    }
}

#[async_trait]
impl Snapshots for PostgresSnapshots {
    async fn save(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        let name = format!("{} snapshots", self.options.application_name);
        let mut connection = connect(&self.options.url, &name, SETTINGS).await?;
        let seq = snapshot.meta.head.seq;
        let mut meta = Writer::with_format();
        snapshot.meta.encode(&mut meta);
        let checksum = checksum(meta.as_bytes(), &snapshot.bytes);
        let values: (i64, &[u8], &[u8]) = (signed(seq.0), meta.as_bytes(), &checksum);
        let begun = connection.client.query_one(BEGIN, &[&values.0, &values.1, &values.2]).await.map_err(failed)?;
        let id: i64 = begun.get(0);
        add_chunks(&connection.client, id, &snapshot.bytes, self.options.snapshot_bytes_per_second).await?;
        let finish = connection.client.transaction().await.map_err(failed)?;
        finish.execute(REPLACE, &[&signed(seq.0)]).await.map_err(failed)?;
        if finish.execute(FINISH, &[&id]).await.map_err(failed)? != 1 {
            return Err(StoreError::Failed("a snapshot took so long that it was removed as unfinished".to_owned()));
        }
        finish.execute(REMOVE_OLD, &[&(SNAPSHOTS_KEPT as i64)]).await.map_err(failed)?;
        finish.execute(REMOVE_UNFINISHED, &[]).await.map_err(failed)?;
        finish.commit().await.map_err(failed)
    }

    async fn list(&self) -> Result<Vec<Seq>, StoreError> {
        let client = self.pools.write().await?;
        let rows = client.query(LIST, &[]).await.map_err(failed)?;
        rows.iter().map(|row| unsigned(row, "seq").map(Seq)).collect()
    }

    async fn load(&self, seq: Seq) -> Result<Snapshot, StoreError> {
        let client = self.pools.write().await?;
        let damaged = |reason: &str| StoreError::Damaged(format!("the snapshot at seq {seq} is damaged: {reason}"));
        let found = client.query_opt(FIND, &[&signed(seq.0)]).await.map_err(failed)?;
        let found = found.ok_or_else(|| StoreError::Failed(format!("there is no snapshot at seq {seq}")))?;
        let (id, meta, expected): (i64, &[u8], &[u8]) =
            (get(&found, "id")?, get(&found, "meta")?, get(&found, "checksum")?);
        let mut bytes = Vec::new();
        for chunk in client.query(CHUNKS, &[&id]).await.map_err(failed)? {
            bytes.extend_from_slice(get(&chunk, "bytes")?);
        }
        if checksum(meta, &bytes) != *expected {
            return Err(damaged("its checksum is not that of its contents"));
        }
        let meta = decode(meta).map_err(|error| match error {
            // Not for this build to put aside: the newer one still needs it.
            CodecError::Format(format) if format > FORMAT => {
                StoreError::Unusable(format!("the snapshot at seq {seq} is in format {format}: run a newer build"))
            }
            error => damaged(&error.to_string()),
        })?;
        if meta.head.seq != seq {
            return Err(damaged(&format!("it is of seq {}", meta.head.seq)));
        }
        Ok(Snapshot { meta, bytes })
    }

    async fn quarantine(&self, seq: Seq) -> Result<(), StoreError> {
        let client = self.pools.write().await?;
        client.execute(QUARANTINE, &[&signed(seq.0)]).await.map_err(failed)?;
        Ok(())
    }
}

/// Each chunk in a transaction of its own: none is open for long.
async fn add_chunks(client: &Client, id: i64, bytes: &[u8], bytes_per_second: u32) -> Result<(), StoreError> {
    let add = client.prepare(ADD).await.map_err(failed)?;
    let begun = Instant::now();
    let mut written = 0;
    for (number, chunk) in (0_i32..).zip(bytes.chunks(CHUNK_BYTES)) {
        client.execute(&add, &[&id, &number, &chunk]).await.map_err(failed)?;
        written += chunk.len() as u64;
        let due = Duration::from_millis(written * 1_000 / u64::from(bytes_per_second.max(1)));
        pause_until(begun + due).await;
    }
    Ok(())
}

async fn pause_until(time: Instant) {
    tokio::time::sleep_until(time).await;
}

fn checksum(meta: &[u8], bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(meta).chain_update(bytes).finalize().into()
}

fn decode(bytes: &[u8]) -> Result<SnapshotMeta, CodecError> {
    let mut reader = Reader::with_format(bytes)?;
    let meta = SnapshotMeta::decode(&mut reader)?;
    reader.finish()?;
    Ok(meta)
}
