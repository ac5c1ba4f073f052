//! Connections to `users.db` and the threads that own them. No SQL of the store's questions lives here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use emporion_ports::users::{StoreResult, UserStoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::schema::{self, SchemaError};
use super::values::{broken, explain};

/// Calls that may wait for one thread; further callers wait for room, which slows them and loses nothing.
const CALLS_WAITING_MAX: usize = 256;
/// Another process (a backup) may hold a lock for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: usize = 2;

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on disk before it is reported (`synchronous=FULL`).
    Durable,
    /// Nothing is flushed: for venues that are thrown away at exit.
    Ephemeral,
}

type Call = Box<dyn FnOnce(&mut Connection) + Send>;

/// One thread with its connection.
struct Worker {
    calls: Option<mpsc::Sender<Call>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    fn start(name: &str, mut connection: Connection) -> StoreResult<Self> {
        let (calls, mut waiting) = mpsc::channel::<Call>(CALLS_WAITING_MAX);
        let run = move || {
            while let Some(call) = waiting.blocking_recv() {
                call(&mut connection);
            }
        };
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(|error| UserStoreError::Failed(format!("no thread for it: {error}")))?;
        Ok(Self { calls: Some(calls), thread: Some(thread) })
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreResult<T> {
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |connection| {
            // Nobody listens any more when the caller gave up; the work is done all the same.
            let _ = answer.send(work(connection));
        });
        let calls = self.calls.as_ref().expect("the sender is taken only by drop");
        calls.send(call).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?.map_err(|error| UserStoreError::Failed(explain(&error)))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.calls.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has already said so on stderr.
            let _ = thread.join();
        }
    }
}

/// One writing connection and a few reading ones.
pub(super) struct Connections {
    path: PathBuf,
    // Dropped before the writer: only a connection that may write folds the log into the file when it is last.
    readers: Vec<Worker>,
    writer: Worker,
    next_reader: AtomicUsize,
    disk_failed: Arc<AtomicBool>,
}

impl Connections {
    /// Opens or creates the file and brings its schema up to date.
    pub(super) fn open(path: &Path, durability: Durability) -> StoreResult<Self> {
        let writer = Worker::start("users-write", open_writer(path, durability)?)?;
        let reader = |_| Worker::start("users-read", open_reader(path)?);
        let readers = (0..READERS).map(reader).collect::<StoreResult<_>>()?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            readers,
            next_reader: AtomicUsize::new(0),
            disk_failed: Arc::default(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in one transaction on the writing connection and commits it, unless it fails.
    ///
    /// After an I/O error nobody knows what the disk holds, and a flush that succeeds later proves nothing
    /// about the one that failed. So that error is the last write; a restart reads what is really there.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreResult<T> {
        let disk_failed = Arc::clone(&self.disk_failed);
        let in_transaction = move |connection: &mut Connection| {
            if disk_failed.load(Ordering::Relaxed) {
                return Err(broken("an earlier write met a disk error: restart the venue"));
            }
            let written = commit(connection, work);
            if written.as_ref().is_err_and(is_disk_error) {
                disk_failed.store(true, Ordering::Relaxed);
            }
            written
        };
        self.writer.call(in_transaction).await
    }

    /// Runs `work` on a reading connection, in one transaction so that it sees one state.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreResult<T> {
        let turn = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let in_transaction = move |connection: &mut Connection| work(&*connection.transaction()?);
        self.readers[turn].call(in_transaction).await
    }
}

fn commit<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn is_disk_error(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

fn open_writer(path: &Path, durability: Durability) -> StoreResult<Connection> {
    let mut connection = Connection::open(path).map_err(|error| unreadable(path, &error))?;
    let setup = |connection: &Connection| {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "synchronous", if durability == Durability::Durable { "full" } else { "off" })
    };
    setup(&connection).map_err(|error| unreadable(path, &error))?;
    // The schema is judged before the first byte is written: a refused file stays as it is.
    schema::migrate(&mut connection).map_err(|error| refused(path, &error))?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(|error| unreadable(path, &error))?;
    check_pages(&connection).map_err(|problem| UserStoreError::Unusable(format!("{}: {problem}", path.display())))?;
    Ok(connection)
}

/// Opens the file for reading only and refuses a schema that this build must not read.
pub(super) fn open_reader(path: &Path) -> StoreResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| unreadable(path, &error))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| unreadable(path, &error))?;
    schema::check(&connection).map_err(|error| refused(path, &error))?;
    Ok(connection)
}

/// Looks for damaged pages; the file is small, so a start can afford it.
fn check_pages(connection: &Connection) -> Result<(), String> {
    let found: Result<String, _> = connection.query_row("pragma quick_check(1)", [], |row| row.get(0));
    match found {
        Ok(text) if text == "ok" => Ok(()),
        Ok(text) => Err(format!("the file is damaged ({text}): restore a backup")),
        Err(error) => Err(format!("the file is damaged ({error}): restore a backup")),
    }
}

fn refused(path: &Path, error: &SchemaError) -> UserStoreError {
    match error {
        SchemaError::Refused(sentence) => UserStoreError::Unusable(sentence.clone()),
        SchemaError::Sqlite(error) => unreadable(path, error),
    }
}

fn unreadable(path: &Path, error: &rusqlite::Error) -> UserStoreError {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            "it is not a database or is damaged: restore a backup".to_owned()
        }
        _ => error.to_string(),
    };
    UserStoreError::Unusable(format!("{} cannot be opened: {reason}", path.display()))
}

fn stopped() -> UserStoreError {
    UserStoreError::Failed("its thread has stopped".to_owned())
}
