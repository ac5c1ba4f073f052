//! A copy of a store while it is in use, and the way back.
//!
//! A copy has the journal and the newest snapshot that it covers. Tables are not copied: they are built again
//! from the journal.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use emporion_model::Seq;
use emporion_model::journal::Head;
use emporion_ports::store::StoreError;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::Durability;
use crate::folder::FolderLock;
use crate::journal::{self, SqliteJournal, read_head};
use crate::snapshots::{self, FileSnapshots};
use crate::store::Store;

/// Pages copied between two reports.
const PAGES_PER_STEP: i32 = 4_096;
/// The copy has this name until it is whole.
const UNFINISHED: &str = "journal.db.unfinished";

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// Pages that are copied.
    pub pages_done: u32,
    /// Pages that there are.
    pub pages: u32,
}

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The head of the copied journal.
    pub head: Head,
    /// The seq of the copied snapshot, if there was one.
    pub snapshot: Option<Seq>,
}

impl Store {
    /// Copies the store into the empty locked folder. The venue goes on meanwhile: the copy is what the journal
    /// held when it began, and holds up no commit. Blocks.
    ///
    /// # Errors
    /// One sentence. A folder without `journal.db` is a copy that was not finished.
    pub fn backup_into(&self, lock: &FolderLock, progress: impl FnMut(BackupProgress)) -> Result<Copied, StoreError> {
        copy(&self.journal, &self.snapshots, lock.folder(), progress)
    }
}

/// Copies a backup in `from` into the empty locked folder, where [`Store::open`] then finds it. Blocks.
///
/// # Errors
/// One sentence, when there is no finished backup in `from` or it cannot be copied.
pub fn restore(from: &Path, lock: &FolderLock, progress: impl FnMut(BackupProgress)) -> Result<Copied, StoreError> {
    let (journal, snapshots) = open_backup(from)?;
    copy(&journal, &snapshots, lock.folder(), progress)
}

/// The journal and the snapshots of the finished backup in `folder`, for reading only. Blocks.
///
/// # Errors
/// One sentence, when there is none or it cannot be read.
pub fn open_backup(folder: &Path) -> Result<(SqliteJournal, FileSnapshots), StoreError> {
    Ok((SqliteJournal::open_read_only(folder)?, FileSnapshots::open_read_only(folder, Durability::Durable)))
}

/// The journal first: what is saved after it began to be copied is of no use to the copy.
fn copy(
    journal: &SqliteJournal,
    snapshots: &FileSnapshots,
    folder: &Path,
    progress: impl FnMut(BackupProgress),
) -> Result<Copied, StoreError> {
    let head = copy_journal(journal, folder, progress)?;
    let snapshot = copy_snapshot(snapshots, folder, head.seq)?;
    finish(folder)?;
    Ok(Copied { head, snapshot })
}

/// The read transaction keeps what is copied as it is, whatever is committed meanwhile.
fn copy_journal(
    journal: &SqliteJournal,
    folder: &Path,
    progress: impl FnMut(BackupProgress),
) -> Result<Head, StoreError> {
    let mut source = journal.open_reader()?;
    let failed = |error: rusqlite::Error| StoreError::Failed(format!("the journal cannot be copied: {error}"));
    let transaction = source.transaction().map_err(failed)?;
    let head = read_head(&transaction).map_err(failed)?;
    let mut copy = Connection::open(folder.join(UNFINISHED)).map_err(failed)?;
    copy_pages(&transaction, &mut copy, progress).map_err(failed)?;
    let copied = read_head(&copy).map_err(failed)?;
    // Without a log of its own the copy is one file, which can also be read where nothing can be written.
    copy.pragma_update(None, "journal_mode", "delete").map_err(failed)?;
    copy.close().map_err(|(_, error)| failed(error))?;
    if copied != head {
        return Err(StoreError::Damaged(format!("the copy ends at seq {}, not at {}", copied.seq, head.seq)));
    }
    Ok(head)
}

/// Copies the whole database that `source` reads, a transaction of which keeps it at one moment.
pub(crate) fn copy_pages(
    source: &Connection,
    copy: &mut Connection,
    mut progress: impl FnMut(BackupProgress),
) -> rusqlite::Result<()> {
    let backup = Backup::new(source, copy)?;
    loop {
        let step = backup.step(PAGES_PER_STEP)?;
        let at = backup.progress();
        let (pages, left) = (at.pagecount.cast_unsigned(), at.remaining.cast_unsigned());
        progress(BackupProgress { pages_done: pages.saturating_sub(left), pages });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Nobody else has the copy open, and nobody who writes a log locks out a reader.
            _ => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    None,
                ));
            }
        }
    }
}

/// The newest snapshot that the copied journal covers. One may be removed, as too old, just when it is to be
/// copied; a newer one is there then.
fn copy_snapshot(from: &FileSnapshots, folder: &Path, covered: Seq) -> Result<Option<Seq>, StoreError> {
    let into = FileSnapshots::open(folder, Durability::Durable)?;
    for seq in from.seqs()?.into_iter().filter(|seq| *seq <= covered) {
        match copy_durably(&from.path(seq), &into.path(seq)) {
            Ok(()) => return Ok(Some(seq)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(StoreError::Failed(format!("the snapshot at seq {seq} cannot be copied: {error}")));
            }
        }
    }
    Ok(None)
}

/// Gives the journal its name, when all else is on the disk.
fn finish(folder: &Path) -> Result<(), StoreError> {
    let finish = || {
        File::open(folder.join(snapshots::FOLDER))?.sync_all()?;
        File::open(folder.join(UNFINISHED))?.sync_all()?;
        fs::rename(folder.join(UNFINISHED), folder.join(journal::FILE))?;
        File::open(folder)?.sync_all()
    };
    finish()
        .map_err(|error| StoreError::Failed(format!("the copy in {} cannot be finished: {error}", folder.display())))
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}
