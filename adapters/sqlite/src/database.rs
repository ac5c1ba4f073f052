//! One of the store's SQLite files: how it is opened, and what its errors mean. No SQL of the store's questions
//! lives here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use emporion_ports::store::StoreError;
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::schema::{Found, Schema};

/// Another process (a backup, an audit) may hold a lock for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS_CACHED: usize = 128;
/// The first SQLite without the WAL-reset bug, which could damage a database.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What must not be lost is on disk before it is reported.
    Durable,
    /// Nothing is flushed: for venues that are thrown away at exit.
    Ephemeral,
}

/// A file and how this store wants it.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) path: PathBuf,
    pub(crate) schema: &'static Schema,
    /// SQLite's `synchronous` for what must be durable here.
    pub(crate) synchronous: &'static str,
    pub(crate) durability: Durability,
    /// Bytes of a page, when the file is created.
    pub(crate) page_bytes: u32,
    /// Memory for pages of the writing connection.
    pub(crate) cache_bytes: u32,
    /// Pages that the log grows by between two checkpoints.
    pub(crate) checkpoint_pages: i32,
}

/// A file opened by its one writer, who is also the only one to move the log into it.
pub(crate) struct WriterFile {
    pub(crate) connection: Connection,
    /// Pages in the log after the last commit.
    log_pages: Arc<AtomicI32>,
    checkpoint_pages: i32,
    /// So many pages in the log ask for the next checkpoint.
    due_at: i32,
}

impl Database {
    /// Opens or creates the file for its one writer.
    pub(crate) fn open_writer(&self) -> Result<WriterFile, StoreError> {
        require_sqlite(rusqlite::version_number())?;
        let mut connection = Connection::open(&self.path).map_err(|error| unopened(&self.path, &error))?;
        let failed = |error| self.failure(&error);
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        // The schema is judged before the first byte is written: a refused file stays as it is.
        if self.schema.check(&connection)?.version == 0 {
            connection.pragma_update(None, "page_size", self.page_bytes).map_err(failed)?;
        }
        self.tune(&connection).map_err(failed)?;
        self.schema.migrate(&mut connection)?;
        WriterFile::new(connection, self.checkpoint_pages).map_err(failed)
    }

    /// Opens the existing file for reading only.
    pub(crate) fn open_reader(&self) -> Result<Connection, StoreError> {
        match self.open_existing()? {
            (_, Found { version: 0, .. }) => {
                Err(StoreError::Unusable(format!("{} is empty: start the venue once", self.path.display())))
            }
            (connection, _) => Ok(connection),
        }
    }

    /// What `look` sees in the file as it stands, if it is there and finished. Nothing is written.
    pub(crate) fn peek<T>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        if !self.path.exists() {
            return Ok(None);
        }
        match self.open_existing()? {
            (_, Found { version: 0, .. }) => Ok(None),
            (connection, _) => look(&connection).map(Some).map_err(|error| self.failure(&error)),
        }
    }

    /// The schema version of the existing file; 0 when it was never finished.
    pub(crate) fn version(&self) -> Result<u32, StoreError> {
        self.open_existing().map(|(_, found)| found.version)
    }

    fn open_existing(&self) -> Result<(Connection, Found), StoreError> {
        require_sqlite(rusqlite::version_number())?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| unopened(&self.path, &error))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| self.failure(&error))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        let found = self.schema.check(&connection)?;
        Ok((connection, found))
    }

    /// What an error of SQLite on this file means.
    pub(crate) fn failure(&self, error: &rusqlite::Error) -> StoreError {
        failure(self.schema.file, error)
    }

    /// The writer checkpoints when it chooses to, never within a commit that somebody waits for.
    fn tune(&self, connection: &Connection) -> rusqlite::Result<()> {
        let synchronous = match self.durability {
            Durability::Durable => self.synchronous,
            Durability::Ephemeral => "off",
        };
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cache_size", -i64::from(self.cache_bytes / 1024))
    }
}

impl WriterFile {
    fn new(mut connection: Connection, checkpoint_pages: i32) -> rusqlite::Result<Self> {
        let log_pages = Arc::new(AtomicI32::new(0));
        let counted = Arc::clone(&log_pages);
        let count = move |_: &mut Wal, pages| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(count))?;
        Ok(Self { connection, log_pages, checkpoint_pages, due_at: checkpoint_pages })
    }

    /// Moves what was written from the log into the file, if there is enough of it. What readers still need stays,
    /// until so much more has come.
    pub(crate) fn checkpoint_when_due(&mut self) -> rusqlite::Result<()> {
        if self.log_pages.load(Ordering::Relaxed) < self.due_at {
            return Ok(());
        }
        let (in_log, moved) = self.connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE)?;
        let kept = if in_log == moved { 0 } else { in_log };
        self.due_at = kept.saturating_add(self.checkpoint_pages);
        Ok(())
    }

    /// Lets go of the file; what is open in its place is empty memory.
    pub(crate) fn close(&mut self) -> rusqlite::Result<()> {
        self.connection = Connection::open_in_memory()?;
        Ok(())
    }
}

/// What an error of SQLite means, said of the file with this name.
pub(crate) fn failure(file: &str, error: &rusqlite::Error) -> StoreError {
    if is_damage(error) {
        return StoreError::Damaged(format!("{file} is damaged: {error}"));
    }
    StoreError::Failed(format!("{file} failed: {error}"))
}

/// Besides what SQLite itself finds: a value that its column cannot have, a row that is there and should not be,
/// and one that should be there and is not.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows, StatementChangedRows,
    };
    match error {
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) => true,
        QueryReturnedNoRows | StatementChangedRows(_) => true,
        _ => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation)
        ),
    }
}

fn unopened(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Unusable(format!("{} cannot be opened: {error}", path.display()))
}

fn require_sqlite(version: i32) -> Result<(), StoreError> {
    if version >= SQLITE_VERSION_MIN {
        return Ok(());
    }
    Err(StoreError::Unusable(format!(
        "SQLite {version} is too old: the store needs {SQLITE_VERSION_MIN} or later, which the release build brings along"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_sqlite_is_refused() {
        assert!(require_sqlite(3_051_002).is_err());
        assert_eq!(require_sqlite(rusqlite::version_number()), Ok(()));
    }
}
