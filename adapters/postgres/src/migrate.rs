//! The database's schema: what was applied, what is still to be applied, and whether this build gets along with it.
//!
//! Schemas expand first and contract a release later. Each migration therefore says which is the oldest build that may
//! still run after it; builds older than that are refused, all others run beside newer ones.

use std::collections::BTreeMap;
use std::time::Duration;

use deadpool_postgres::Object;
use emporion_ports::store::StoreError;
use sha2::{Digest, Sha256};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, GenericClient};

use crate::connect::connect;
use crate::pool::failed;
use crate::roles::grant_again;

/// One step of the schema.
struct Migration {
    version: i32,
    name: &'static str,
    /// The oldest schema version whose build may still run after this one.
    compatible_from: i32,
    sql: &'static str,
}

/// In order, without a gap. One that was released is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "journal", compatible_from: 1, sql: include_str!("../migrations/0001_journal.sql") },
    Migration { version: 2, name: "tables", compatible_from: 1, sql: include_str!("../migrations/0002_tables.sql") },
    Migration { version: 3, name: "users", compatible_from: 1, sql: include_str!("../migrations/0003_users.sql") },
    Migration {
        version: 4,
        name: "partitions",
        compatible_from: 1,
        sql: include_str!("../migrations/0004_partitions.sql"),
    },
    Migration {
        version: 5,
        name: "segments",
        compatible_from: 1,
        sql: include_str!("../migrations/0005_segments.sql"),
    },
];

/// What a build needs: all of its own migrations.
const SCHEMA_VERSION: i32 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// A migration that was just applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: i32,
    /// What it brings.
    pub name: &'static str,
}

/// Any number that no other application is likely to lock.
const ADVISORY_LOCK: i64 = 0x456d_706f_7269_6f6e;
/// A migration waits this long for a lock and then lets those behind it pass before it tries again.
const SETTINGS: &str = "-c statement_timeout=0 -c lock_timeout=2s -c client_min_messages=warning";
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);

const CREATE_LIST: &str = "create table if not exists schema_migrations (
    version int4 primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    compatible_from int4 not null
)";

/// Brings the schema of the database at `url` up to this build, beside processes that run, and gives what was applied.
/// Who asks must own the database's objects: `emporion_owner`, where [`crate::create_roles`] was run. What the roles may
/// do is granted again, for what is new. Two that run at once take turns.
///
/// # Errors
/// One sentence: the database cannot be reached or used, a migration was changed after it was applied, the schema is
/// newer than this build gets along with, or a lock was not to be had within two minutes. What was applied before
/// stays.
pub async fn migrate(url: &str) -> Result<Vec<Applied>, StoreError> {
    migrate_with(url, MIGRATIONS).await
}

async fn migrate_with(url: &str, migrations: &[Migration]) -> Result<Vec<Applied>, StoreError> {
    let mut connection = connect(url, "emporion migrate", SETTINGS).await?;
    let client = &mut connection.client;
    lock(client).await?;
    client.batch_execute(CREATE_LIST).await.map_err(failed)?;
    let present = present(client).await?;
    let mut applied = Vec::new();
    for migration in migrations {
        match present.get(&migration.version) {
            Some(checksum) if *checksum == migration.checksum() => {}
            Some(_) => {
                return Err(StoreError::Unusable(format!(
                    "migration {} ({}) is not the one that was applied to this database: use the release that made it",
                    migration.version, migration.name
                )));
            }
            None => {
                apply_patiently(client, migration).await?;
                applied.push(Applied { version: migration.version, name: migration.name });
            }
        }
    }
    if is_at_this_build(client).await.map_err(failed)? {
        grant_again(client).await?;
    }
    Ok(applied)
}

/// Whether the schema is the one that this build makes: neither behind it nor ahead of it.
pub(crate) async fn is_at_this_build(client: &impl GenericClient) -> Result<bool, tokio_postgres::Error> {
    let list = client.query_one("select to_regclass('public.schema_migrations') is not null", &[]).await?;
    if !list.get::<_, bool>(0) {
        return Ok(false);
    }
    let newest = client.query_one("select coalesce(max(version), 0) from schema_migrations", &[]).await?;
    Ok(newest.get::<_, i32>(0) == SCHEMA_VERSION)
}

/// The lock goes with the connection.
async fn lock(client: &Client) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let row = client.query_one("select pg_try_advisory_lock($1)", &[&ADVISORY_LOCK]).await.map_err(failed)?;
        if row.get(0) {
            return Ok(());
        }
        pause(PAUSE).await;
    }
    Err(StoreError::Failed("another `emporion migrate` is at work on this database".to_owned()))
}

async fn present(client: &Client) -> Result<BTreeMap<i32, String>, StoreError> {
    let rows = client.query("select version, checksum from schema_migrations", &[]).await.map_err(failed)?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn apply_patiently(client: &mut Client, migration: &Migration) -> Result<(), StoreError> {
    for _ in 1..TRIES {
        match apply(client, migration).await {
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => pause(PAUSE).await,
            other => return other.map_err(failed),
        }
    }
    apply(client, migration).await.map_err(failed)
}

async fn apply(client: &mut Client, migration: &Migration) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(migration.sql).await?;
    let note = "insert into schema_migrations (version, name, checksum, compatible_from) values ($1, $2, $3, $4)";
    let values = (migration.version, migration.name, migration.checksum(), migration.compatible_from);
    transaction.execute(note, &[&values.0, &values.1, &values.2, &values.3]).await?;
    transaction.commit().await
}

/// Refuses a schema that this build does not get along with: one that is behind it, and one that says so.
pub(crate) async fn check_schema(client: &Object) -> Result<(), StoreError> {
    const NEWEST: &str = "select coalesce(max(version), 0), coalesce(max(compatible_from), 0) from schema_migrations";
    let row = match client.query_one(NEWEST, &[]).await {
        Ok(row) => row,
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => return Err(behind(0)),
        Err(error) => return Err(failed(error)),
    };
    let (version, compatible_from): (i32, i32) = (row.get(0), row.get(1));
    if compatible_from > SCHEMA_VERSION {
        return Err(StoreError::Unusable(format!(
            "the database's schema {version} gets along with builds of schema {compatible_from} and newer, but this one \
             is of schema {SCHEMA_VERSION}: use a newer release"
        )));
    }
    if version < SCHEMA_VERSION {
        return Err(behind(version));
    }
    Ok(())
}

fn behind(version: i32) -> StoreError {
    StoreError::Unusable(format!(
        "the database's schema is {version}, but this build needs {SCHEMA_VERSION}: run `emporion migrate`"
    ))
}

impl Migration {
    fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql))
    }
}

#[expect(clippy::disallowed_methods, reason = "nobody tells when a lock in the database becomes free")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
