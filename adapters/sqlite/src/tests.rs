//! The contract of the store's ports on files, and what only files can do wrong.

mod backups;
mod damage;
mod files;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::journal::{BatchBuilder, Head, JournalRow};
use emporion_model::{Action, Command, Origin, Seq, TimeUs};
use emporion_ports::contract::store::StoreUnderTest;
use emporion_ports::store::{Journal, Snapshots};
use emporion_ports::tables::{Queries, Tables};
use tempfile::TempDir;

use crate::{Durability, FolderLock, Store};

/// A store in a folder of its own.
struct FileStore {
    store: Store,
    lock: FolderLock,
    _folder: TempDir,
}

impl FileStore {
    fn open(folder: TempDir) -> Self {
        let lock = FolderLock::acquire(folder.path()).unwrap();
        Self { store: Store::open(&lock, Durability::Ephemeral).unwrap(), lock, _folder: folder }
    }

    fn folder(&self) -> &Path {
        self.lock.folder()
    }
}

async fn open() -> FileStore {
    FileStore::open(tempfile::tempdir().unwrap())
}

emporion_ports::store_contract!(open);

#[async_trait]
impl StoreUnderTest for FileStore {
    fn journal(&self) -> Arc<dyn Journal> {
        self.store.journal.clone()
    }

    fn snapshots(&self) -> Arc<dyn Snapshots> {
        self.store.snapshots.clone()
    }

    fn tables(&self) -> Arc<dyn Tables> {
        self.store.tables.clone()
    }

    fn queries(&self) -> Arc<dyn Queries> {
        self.store.tables.clone()
    }

    /// What is in the files now, while they are still open and their logs not yet moved into them, is what a killed
    /// process leaves.
    async fn crash_and_reopen(&mut self) {
        let left = tempfile::tempdir().unwrap();
        copy(self.folder(), left.path());
        *self = Self::open(left);
    }

    async fn damage_snapshot(&self, seq: Seq) {
        flip_bit(&self.store.snapshots.path(seq), 500);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn flip_bit(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// A row of ticks after `head`.
fn ticks(head: &Head, count: usize) -> JournalRow {
    let mut batch = BatchBuilder::default();
    for _ in 0..count {
        batch.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
    }
    batch.seal(head, TimeUs(head.time.0 + 1), 1)
}

/// Appends so many rows of ticks and returns the head after them.
async fn commit(journal: &dyn Journal, rows: usize, ticks_per_row: usize) -> Head {
    let mut head = journal.take_over().await.unwrap();
    for _ in 0..rows {
        let row = ticks(&head, ticks_per_row);
        head = row.head();
        journal.commit(Arc::new(row)).await.unwrap();
    }
    head
}
