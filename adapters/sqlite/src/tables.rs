//! The tables in `tables.db`: written by the projector alone, read by everybody, built again when in doubt.

mod queries;
mod read;
mod write;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_ports::store::StoreError;
use emporion_ports::tables::{ProjectError, ProjectedHead, TableChanges, Tables};
use rusqlite::Connection;
use tokio::sync::watch;
use tracing::warn;

use crate::Durability;
use crate::backup::copy_pages;
use crate::database::{Database, WriterFile};
use crate::readers::{Readers, Shared};
use crate::schema::{Migration, Schema};
use crate::worker::{Owned, Worker};
use write::Written;

pub(crate) const FILE: &str = "tables.db";

/// Older tables are not migrated but built again, so the last step is the whole schema.
static SCHEMA: Schema = Schema {
    file: FILE,
    application_id: 0x456d_7054, // "EmpT"
    migrations: &[Migration { version: 1, compatible_from: 1, sql: include_str!("tables/001_tables.sql") }],
};

/// Once the log has so many pages, the writer checkpoints: the same hot pages are then written to the file once
/// instead of many times.
const CHECKPOINT_PAGES: i32 = 16_384;

/// The tables on a file.
pub struct SqliteTables {
    /// `None` when they were opened for reading only.
    writer: Option<Worker<Writer>>,
    readers: Readers,
    /// The projected seq, for those who wait for it.
    projected: watch::Sender<Seq>,
    /// A query came upon damage: the next projection says so, and the tables are built again.
    damaged: Arc<AtomicBool>,
}

impl SqliteTables {
    /// Opens or creates the tables in `folder`, whose lock the caller holds. Tables that are damaged or of an older
    /// schema are replaced by empty ones; tables that only a newer build may use are refused.
    pub(crate) fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let database = database(folder, durability);
        let readers = Readers::new(database.clone());
        let (file, head) = open_or_replace(&database)?;
        let writer = Writer { database, file, shared: readers.shared() };
        Ok(Self {
            writer: Some(Worker::start("tables-write", writer)?),
            readers,
            projected: watch::Sender::new(head.seq),
            damaged: Arc::default(),
        })
    }

    /// Opens the tables in `folder` for reading, beside whoever writes. Waiting for a seq then only looks.
    pub(crate) fn open_read_only(folder: &Path) -> Result<Self, StoreError> {
        let database = database(folder, Durability::Durable);
        drop(database.open_reader()?);
        Ok(Self {
            writer: None,
            readers: Readers::new(database),
            projected: watch::Sender::new(Seq::ZERO),
            damaged: Arc::default(),
        })
    }

    /// Copies the tables as they are at one moment into `folder`, which has none, and opens the copy for reading: for
    /// an audit, which asks many questions of one state while the venue goes on.
    ///
    /// # Errors
    /// One sentence: they cannot be read, or not be written there.
    pub async fn copy_into(&self, folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let copy = move |source: &Connection| {
            let mut copy = Connection::open(path)?;
            copy_pages(source, &mut copy, |_| {})?;
            copy.pragma_update(None, "journal_mode", "delete")?;
            copy.close().map_err(|(_, error)| error)
        };
        self.readers.read(copy).await?;
        Self::open_read_only(folder)
    }

    fn writer(&self) -> Result<&Worker<Writer>, StoreError> {
        self.writer.as_ref().ok_or_else(|| StoreError::Unusable(format!("{FILE} was opened for reading only")))
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.damaged.load(Ordering::Acquire) {
            return Err(StoreError::Damaged(format!("{FILE} is damaged: a query came upon it")));
        }
        Ok(())
    }
}

#[async_trait]
impl Tables for SqliteTables {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        self.check()?;
        self.readers.read(read::read_projected).await
    }

    async fn project(&self, expected: &ProjectedHead, changes: TableChanges) -> Result<(), ProjectError> {
        self.check()?;
        let (expected, seq) = (*expected, changes.head.seq);
        let write = move |writer: &mut Writer| writer.project(&expected, &changes);
        match self.writer()?.call(write).await?? {
            Written::All => self.projected.send_replace(seq),
            Written::Nothing(found) => return Err(ProjectError::Moved { found }),
        };
        Ok(())
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.writer()?.call(Writer::clear).await??;
        self.damaged.store(false, Ordering::Release);
        self.projected.send_replace(Seq::ZERO);
        Ok(())
    }
}

/// The last seq that is in the tables in `folder` as they stand, without writing anything; zero when there are none.
pub(crate) fn last_seq(folder: &Path) -> Result<Seq, StoreError> {
    let head = database(folder, Durability::Durable).peek(read::read_projected)?;
    Ok(head.map_or(Seq::ZERO, |head| head.seq))
}

fn database(folder: &Path, durability: Durability) -> Database {
    Database {
        path: folder.join(FILE),
        schema: &SCHEMA,
        // What a crash of the machine takes away is projected again.
        synchronous: "normal",
        durability,
        page_bytes: 4096,
        cache_bytes: 128 << 20,
        checkpoint_pages: CHECKPOINT_PAGES,
    }
}

/// Opens the tables, or empty ones in their place when nothing is lost by it.
fn open_or_replace(database: &Database) -> Result<(WriterFile, ProjectedHead), StoreError> {
    if is_outdated(database)? {
        remove(&database.path)?;
    }
    let open = || {
        let file = database.open_writer()?;
        let head = read::read_projected(&file.connection).map_err(|error| database.failure(&error))?;
        Ok((file, head))
    };
    match open() {
        Err(StoreError::Damaged(reason)) => {
            warn!("{reason}: it is built again from the journal");
            remove(&database.path)?;
            open()
        }
        opened => opened,
    }
}

/// Whether the file was written by an older build, or is too damaged to tell.
fn is_outdated(database: &Database) -> Result<bool, StoreError> {
    if !database.path.exists() {
        return Ok(false);
    }
    match database.version() {
        Ok(version) => Ok(version < database.schema.version()),
        Err(StoreError::Damaged(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Removes the file with its log and what the readers share.
fn remove(path: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Failed(format!("{} cannot be replaced: {error}", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The one writer.
struct Writer {
    database: Database,
    file: WriterFile,
    shared: Arc<Shared>,
}

impl Writer {
    fn project(&mut self, expected: &ProjectedHead, changes: &TableChanges) -> Result<Written, StoreError> {
        write::project(&mut self.file.connection, expected, changes).map_err(|error| self.database.failure(&error))
    }

    /// Replaces the file while nobody reads it.
    fn clear(&mut self) -> Result<(), StoreError> {
        let Self { database, file, shared } = self;
        shared.without_readers(|| {
            file.close().map_err(|error| database.failure(&error))?;
            remove(&database.path)?;
            *file = database.open_writer()?;
            Ok(())
        })
    }
}

impl Owned for Writer {
    fn tidy(&mut self) {
        if let Err(error) = self.file.checkpoint_when_due() {
            warn!(%error, "the log of tables.db was not checkpointed; the next projection tries again");
        }
    }
}
