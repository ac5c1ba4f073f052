//! A whole data folder: journal, tables and snapshots together. Who writes holds the folder's lock.

use std::path::Path;
use std::sync::Arc;

use emporion_model::Seq;
use emporion_ports::store::StoreError;

use crate::Durability;
use crate::folder::FolderLock;
use crate::journal::{self, SqliteJournal};
use crate::snapshots::FileSnapshots;
use crate::tables::{self, SqliteTables};

/// The store of one venue. Its parts are shared with those who need them.
pub struct Store {
    /// The journal and its head.
    pub journal: Arc<SqliteJournal>,
    /// The saved states.
    pub snapshots: Arc<FileSnapshots>,
    /// The tables, for the projector and for all questions.
    pub tables: Arc<SqliteTables>,
}

impl Store {
    /// Opens or creates the store in the locked folder, for its only writer. The lock must be kept for as long as
    /// any part of the store is. Blocks.
    ///
    /// # Errors
    /// One sentence: a file cannot be opened, is damaged (the journal only: damaged tables are built again), is
    /// another application's, or was written by a newer build that this one does not get along with. Nothing is
    /// overwritten then.
    pub fn open(lock: &FolderLock, durability: Durability) -> Result<Self, StoreError> {
        let folder = lock.folder();
        Ok(Self {
            journal: Arc::new(SqliteJournal::open(folder, durability)?),
            snapshots: Arc::new(FileSnapshots::open(folder, durability)?),
            tables: Arc::new(SqliteTables::open(folder, durability)?),
        })
    }

    /// Opens the store for reading only, without the lock: beside a venue that runs. Blocks.
    ///
    /// # Errors
    /// One sentence, as [`Store::open`]; also when there is no store in the folder.
    pub fn open_read_only(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            journal: Arc::new(SqliteJournal::open_read_only(folder)?),
            snapshots: Arc::new(FileSnapshots::open_read_only(folder, Durability::Durable)),
            tables: Arc::new(SqliteTables::open_read_only(folder)?),
        })
    }
}

/// Refuses a journal that ends before the tables in the same locked folder do. To be called before
/// [`Store::open`]; nothing is written. Blocks.
///
/// A venue writes its tables only after its journal, so such a journal has lost its end: SQLite takes a damaged
/// place in its log for the log's end, and would go on from there without a word.
///
/// # Errors
/// One sentence with both seqs.
pub fn refuse_lost_end(lock: &FolderLock) -> Result<(), StoreError> {
    let folder = lock.folder();
    let tables = match tables::last_seq(folder) {
        Ok(seq) => seq,
        // They are built again; nothing can be learned from them.
        Err(StoreError::Damaged(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let journal = if tables > Seq::ZERO { journal::last_seq(folder)? } else { Seq::ZERO };
    if journal >= tables {
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "{} ends at seq {journal}, but what was committed up to seq {tables} is in {}: the journal lost its end, so \
         restore a backup",
        journal::FILE,
        tables::FILE
    )))
}
