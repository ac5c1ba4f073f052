//! The file's connections: one that writes, on a thread of its own, and a few that read.

use std::path::{Path, PathBuf};

use emporion_ports::store::StoreError;
use emporion_ports::users::StoreResult;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::values::rule_broken;
use crate::Durability;
use crate::database::{Database, WriterFile};
use crate::readers::Readers;
use crate::schema::{Migration, Schema};
use crate::worker::{Owned, Worker};

static SCHEMA: Schema = Schema {
    file: "users.db",
    application_id: 0x456d_7055, // "EmpU"
    migrations: &[
        Migration { version: 1, compatible_from: 1, sql: include_str!("001_users.sql") },
        Migration { version: 2, compatible_from: 1, sql: include_str!("002_imported_klines.sql") },
    ],
};

/// Pages of the log between two checkpoints.
const CHECKPOINT_PAGES: i32 = 1_000;

/// One writing connection and a few reading ones.
pub(super) struct Connections {
    database: Database,
    // Dropped before the writer: only a connection that may write folds the log into the file when it is last.
    readers: Readers,
    writer: Worker<Writer>,
}

impl Connections {
    /// Opens or creates the file and brings its schema up to date.
    pub(super) fn open(path: &Path, durability: Durability) -> StoreResult<Self> {
        let database = database(path.to_owned(), durability);
        let file = database.open_writer()?;
        let failed = |error| database.failure(&error);
        file.connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        check_pages(&file.connection)?;
        let writer = Writer { database: database.clone(), file, failed: None };
        let writer = Worker::start("users", writer)?;
        Ok(Self { readers: Readers::new(database.clone()), writer, database })
    }

    pub(super) fn path(&self) -> &Path {
        &self.database.path
    }

    /// Runs `work` in one transaction on the writing connection and commits it, unless it fails.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.writer.call(move |writer| writer.write(work)).await?
    }

    /// Runs `work` on a reading connection, in one transaction so that it sees one state.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.readers.read(work).await
    }

    /// Runs `work` on a connection of its own. Blocks.
    pub(super) fn read_now<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> StoreResult<T> {
        let connection = self.database.open_reader()?;
        work(&connection).map_err(|error| self.database.failure(&error))
    }
}

/// Opens the existing file at `path` for reading only.
pub(super) fn open_reader(path: &Path) -> StoreResult<Connection> {
    database(path.to_owned(), Durability::Durable).open_reader()
}

fn database(path: PathBuf, durability: Durability) -> Database {
    Database {
        path,
        schema: &SCHEMA,
        synchronous: "full",
        durability,
        page_bytes: 4096,
        cache_bytes: 8 << 20,
        checkpoint_pages: CHECKPOINT_PAGES,
    }
}

/// The one writer.
struct Writer {
    database: Database,
    file: WriterFile,
    /// What the disk did wrong; nothing is written after it.
    failed: Option<StoreError>,
}

impl Writer {
    /// After a disk error nobody knows what the disk holds, and a flush that succeeds later proves nothing about
    /// the one that failed. So it is the last write; a restart reads what is really there.
    fn write<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> StoreResult<T> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.commit(work).map_err(|error| self.failure(&error))
    }

    fn commit<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let transaction = self.file.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    fn failure(&mut self, error: &rusqlite::Error) -> StoreError {
        if let Some(rule) = rule_broken(error) {
            return StoreError::Failed(format!("users.db refused a change: {rule}"));
        }
        let failure = self.database.failure(error);
        if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            self.failed = Some(failure.clone());
        }
        failure
    }
}

impl Owned for Writer {
    fn tidy(&mut self) {
        if self.failed.is_none()
            && let Err(error) = self.file.checkpoint_when_due()
        {
            let error = self.failure(&error);
            tracing::error!(%error, "users.db could not be checkpointed");
        }
    }
}

/// Looks for damaged pages; the file is small, so a start can afford it. A million imported klines take about a second.
fn check_pages(connection: &Connection) -> StoreResult<()> {
    let found: rusqlite::Result<String> = connection.query_row("pragma quick_check(1)", [], |row| row.get(0));
    let problem = match found {
        Ok(text) if text == "ok" => return Ok(()),
        Ok(text) => text.replace('\n', " "),
        Err(error) => error.to_string(),
    };
    Err(StoreError::Damaged(format!("users.db is damaged ({problem}): restore a backup")))
}
