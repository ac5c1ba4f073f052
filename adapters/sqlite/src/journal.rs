//! The journal in `journal.db`: one row per batch, and the head that every commit compares and swaps.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::journal::{Chain, Head, JournalRow};
use emporion_model::{Epoch, History, Seq, TimeUs};
use emporion_ports::store::{CommitError, Journal, StoreError};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, TransactionBehavior};

use crate::Durability;
use crate::database::{Database, WriterFile};
use crate::readers::Readers;
use crate::schema::{Migration, Schema};
use crate::values::{number, unsigned};
use crate::worker::{Owned, Worker};

pub(crate) const FILE: &str = "journal.db";

static SCHEMA: Schema = Schema {
    file: FILE,
    application_id: 0x456d_704a, // "EmpJ"
    migrations: &[Migration { version: 1, compatible_from: 1, sql: include_str!("journal/001_journal.sql") }],
};

/// Pages of the log between two checkpoints: a commit that waits for one does not wait long.
const CHECKPOINT_PAGES: i32 = 1_000;

const SELECT_HEAD: &str = "select history, epoch, seq, chain, time, rules_version from engine_head";
const MOVE_HEAD: &str = "update engine_head set seq = ?1, chain = ?2, time = ?3, rules_version = ?4
    where history = ?5 and epoch = ?6 and seq = ?7 and chain = ?8";
const RAISE_EPOCH: &str = "update engine_head set epoch = epoch + 1";
const INSERT_ROW: &str = "insert into journal
    (last_seq, first_seq, history, epoch, time, rules_version, prev_chain, chain, payload)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const ROWS_FROM: &str = "select last_seq, first_seq, history, epoch, time, rules_version, prev_chain, chain, payload
    from journal where last_seq >= ?1 order by last_seq";
const FIRST_SEQ: &str = "select first_seq from journal order by last_seq limit 1";

/// The journal on a file.
pub struct SqliteJournal {
    database: Database,
    /// `None` when it was opened for reading only.
    writer: Option<Worker<Writer>>,
    readers: Readers,
}

impl SqliteJournal {
    /// Opens or creates the journal in `folder`, whose lock the caller holds.
    pub(crate) fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let database = database(folder, durability);
        let writer = Writer { file: database.open_writer()?, database: database.clone(), failed: None };
        Ok(Self {
            writer: Some(Worker::start("journal-write", writer)?),
            readers: Readers::new(database.clone()),
            database,
        })
    }

    /// Opens the journal in `folder` for reading, beside whoever writes.
    pub(crate) fn open_read_only(folder: &Path) -> Result<Self, StoreError> {
        let database = database(folder, Durability::Durable);
        drop(database.open_reader()?);
        Ok(Self { writer: None, readers: Readers::new(database.clone()), database })
    }

    /// A reading connection of its own, for long reads.
    pub(crate) fn open_reader(&self) -> Result<Connection, StoreError> {
        self.database.open_reader()
    }

    fn writer(&self) -> Result<&Worker<Writer>, StoreError> {
        self.writer.as_ref().ok_or_else(|| StoreError::Unusable(format!("{FILE} was opened for reading only")))
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn head(&self) -> Result<Head, StoreError> {
        self.readers.read(read_head).await
    }

    async fn commit(&self, row: Arc<JournalRow>) -> Result<(), CommitError> {
        self.writer()?.call(move |writer| writer.commit(&row)).await?
    }

    async fn take_over(&self) -> Result<Head, StoreError> {
        self.writer()?.call(Writer::take_over).await?
    }

    async fn rows_after(&self, seq: Seq, bytes_max: usize) -> Result<Vec<JournalRow>, StoreError> {
        self.readers.read(move |connection| rows_after(connection, seq, bytes_max)).await
    }

    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
        self.readers.read(move |connection| row_of(connection, seq)).await
    }

    async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
        self.readers.read(first_seq).await
    }
}

fn database(folder: &Path, durability: Durability) -> Database {
    Database {
        path: folder.join(FILE),
        schema: &SCHEMA,
        synchronous: "full",
        durability,
        page_bytes: 4096,
        cache_bytes: 8 << 20,
        checkpoint_pages: CHECKPOINT_PAGES,
    }
}

/// The last seq of the journal in `folder` as it stands, without writing anything; zero when there is none.
pub(crate) fn last_seq(folder: &Path) -> Result<Seq, StoreError> {
    let database = database(folder, Durability::Durable);
    let head = database.peek(read_head)?;
    Ok(head.map_or(Seq::ZERO, |head| head.seq))
}

/// The one writer.
struct Writer {
    database: Database,
    file: WriterFile,
    /// What went wrong; nothing is written while it stands.
    failed: Option<Failure>,
}

/// Why the writer has stopped writing.
struct Failure {
    error: StoreError,
    /// The disk did not take what it was given. What the operating system holds of the file is then not to be
    /// trusted, so only a new process goes on.
    is_final: bool,
}

impl Writer {
    fn commit(&mut self, row: &JournalRow) -> Result<(), CommitError> {
        if let Some(failure) = &self.failed {
            return Err(failure.error.clone().into());
        }
        match append(&mut self.file.connection, row) {
            Ok(Appended::Row) => Ok(()),
            Ok(Appended::Nothing(found)) => Err(CommitError::Fenced { found }),
            Err(error) => Err(self.fail(&error).into()),
        }
    }

    /// A new leadership starts from what the file holds, so it also gets over a failure that was not the disk's.
    fn take_over(&mut self) -> Result<Head, StoreError> {
        match &self.failed {
            Some(failure) if failure.is_final => return Err(failure.error.clone()),
            Some(_) => {
                self.file = self.database.open_writer()?;
                self.failed = None;
            }
            None => {}
        }
        raise_epoch(&mut self.file.connection).map_err(|error| self.fail(&error))
    }

    fn fail(&mut self, error: &rusqlite::Error) -> StoreError {
        let is_final =
            matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt));
        let error = self.database.failure(error);
        self.failed = Some(Failure { error: error.clone(), is_final });
        error
    }
}

impl Owned for Writer {
    fn tidy(&mut self) {
        if self.failed.is_none()
            && let Err(error) = self.file.checkpoint_when_due()
        {
            self.fail(&error);
        }
    }
}

enum Appended {
    Row,
    Nothing(Head),
}

fn append(connection: &mut Connection, row: &JournalRow) -> rusqlite::Result<Appended> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let moved = transaction.prepare_cached(MOVE_HEAD)?.execute((
        number(row.last_seq.0),
        row.chain.0,
        number(row.time.0),
        row.rules_version,
        row.history.0,
        number(row.epoch.0),
        number(row.first_seq.0.wrapping_sub(1)),
        row.prev_chain.0,
    ))?;
    if moved == 0 {
        return Ok(Appended::Nothing(read_head(&transaction)?));
    }
    transaction.prepare_cached(INSERT_ROW)?.execute((
        number(row.last_seq.0),
        number(row.first_seq.0),
        row.history.0,
        number(row.epoch.0),
        number(row.time.0),
        row.rules_version,
        row.prev_chain.0,
        row.chain.0,
        &row.payload,
    ))?;
    transaction.commit()?;
    Ok(Appended::Row)
}

fn raise_epoch(connection: &mut Connection) -> rusqlite::Result<Head> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(RAISE_EPOCH, [])?;
    let head = read_head(&transaction)?;
    transaction.commit()?;
    Ok(head)
}

pub(crate) fn read_head(connection: &Connection) -> rusqlite::Result<Head> {
    connection.prepare_cached(SELECT_HEAD)?.query_row([], |row| {
        Ok(Head {
            history: History(row.get(0)?),
            epoch: Epoch(unsigned(row, 1)?),
            seq: Seq(unsigned(row, 2)?),
            chain: Chain(row.get(3)?),
            time: TimeUs(unsigned(row, 4)?),
            rules_version: row.get(5)?,
        })
    })
}

fn rows_after(connection: &Connection, seq: Seq, bytes_max: usize) -> rusqlite::Result<Vec<JournalRow>> {
    let mut statement = connection.prepare_cached(ROWS_FROM)?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for row in statement.query_map([number(seq.next().0)], read_row)? {
        let row = row?;
        bytes += row.payload.len();
        rows.push(row);
        if bytes >= bytes_max {
            break;
        }
    }
    Ok(rows)
}

fn row_of(connection: &Connection, seq: Seq) -> rusqlite::Result<Option<JournalRow>> {
    let row = connection.prepare_cached(ROWS_FROM)?.query_row([number(seq.0)], read_row).optional()?;
    Ok(row.filter(|row| row.first_seq <= seq))
}

fn first_seq(connection: &Connection) -> rusqlite::Result<Option<Seq>> {
    connection.query_row(FIRST_SEQ, [], |row| unsigned(row, 0).map(Seq)).optional()
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<JournalRow> {
    Ok(JournalRow {
        last_seq: Seq(unsigned(row, 0)?),
        first_seq: Seq(unsigned(row, 1)?),
        history: History(row.get(2)?),
        epoch: Epoch(unsigned(row, 3)?),
        time: TimeUs(unsigned(row, 4)?),
        rules_version: row.get(5)?,
        prev_chain: Chain(row.get(6)?),
        chain: Chain(row.get(7)?),
        payload: row.get(8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FolderLock;
    use emporion_model::journal::BatchBuilder;
    use emporion_model::{Action, Command, Origin};
    use rusqlite::ffi;

    fn row_after(head: &Head, ticks: usize) -> Arc<JournalRow> {
        let mut batch = BatchBuilder::default();
        for _ in 0..ticks {
            batch.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
        }
        Arc::new(batch.seal(head, TimeUs(1), 1))
    }

    fn open() -> (SqliteJournal, FolderLock, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::acquire(folder.path()).unwrap();
        (SqliteJournal::open(folder.path(), Durability::Ephemeral).unwrap(), lock, folder)
    }

    #[tokio::test]
    async fn a_durable_journal_is_flushed_on_every_commit() {
        for (durability, expected) in [(Durability::Durable, 2), (Durability::Ephemeral, 0)] {
            let folder = tempfile::tempdir().unwrap();
            let journal = SqliteJournal::open(folder.path(), durability).unwrap();
            let read = |writer: &mut Writer| -> (String, i64) {
                let connection = &writer.file.connection;
                let mode = connection.query_row("pragma journal_mode", [], |row| row.get(0)).unwrap();
                (mode, connection.query_row("pragma synchronous", [], |row| row.get(0)).unwrap())
            };
            let (mode, synchronous) = journal.writer().unwrap().call(read).await.unwrap();
            assert_eq!((mode.as_str(), synchronous), ("wal", expected));
        }
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_written_until_a_takeover() {
        let (journal, _lock, _folder) = open();
        let head = journal.take_over().await.unwrap();
        let fill = |writer: &mut Writer| writer.file.connection.pragma_update(None, "max_page_count", 1).unwrap();
        journal.writer().unwrap().call(fill).await.unwrap();
        let too_large = journal.commit(row_after(&head, 10_000)).await;
        let Err(CommitError::Failed(error)) = too_large else { panic!("{too_large:?}") };
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(journal.commit(row_after(&head, 1)).await, Err(CommitError::Failed(error)));
        assert_eq!(journal.head().await.unwrap(), head);
        let head = journal.take_over().await.unwrap();
        journal.commit(row_after(&head, 10_000)).await.unwrap();
    }

    #[tokio::test]
    async fn after_a_failure_of_the_disk_only_a_new_process_writes() {
        let (journal, _lock, _folder) = open();
        let head = journal.take_over().await.unwrap();
        let fail = |writer: &mut Writer| {
            let error = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
            writer.fail(&rusqlite::Error::SqliteFailure(error, None))
        };
        let error = journal.writer().unwrap().call(fail).await.unwrap();
        assert_eq!(journal.commit(row_after(&head, 1)).await, Err(CommitError::Failed(error.clone())));
        assert_eq!(journal.take_over().await, Err(error));
    }
}
