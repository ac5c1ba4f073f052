//! Who may open which files, and what is left of them afterwards.

use std::fs;
use std::path::Path;

use emporion_model::Seq;
use emporion_model::journal::Head;
use emporion_ports::store::{CommitError, Journal, Snapshot, SnapshotMeta, Snapshots, StoreError};
use emporion_ports::tables::{ProjectedHead, Projection, TableChanges, Tables, VenueQueries};
use rusqlite::Connection;
use std::sync::Arc;

use super::{FileStore, commit, copy, open, ticks};
use crate::{Durability, FolderLock, Store};

fn sql(folder: &Path, file: &str, statements: &str) {
    Connection::open(folder.join(file)).unwrap().execute_batch(statements).unwrap();
}

fn refusal(folder: &Path) -> String {
    let lock = FolderLock::acquire(folder).unwrap();
    match Store::open(&lock, Durability::Ephemeral) {
        Ok(_) => panic!("the store was opened"),
        Err(StoreError::Unusable(sentence)) => sentence,
        Err(error) => panic!("{error:?}"),
    }
}

fn head_at(seq: u64) -> ProjectedHead {
    ProjectedHead { seq: Seq(seq), ..ProjectedHead::default() }
}

/// A store with a row and a projection, closed.
async fn closed_store() -> tempfile::TempDir {
    let FileStore { store, lock, _folder: folder } = open().await;
    commit(&*store.journal, 1, 1).await;
    let changes = TableChanges { head: head_at(1), ..TableChanges::default() };
    store.tables.project(&ProjectedHead::default(), changes).await.unwrap();
    drop((store, lock));
    folder
}

#[tokio::test]
async fn files_of_newer_builds_and_of_strangers_are_refused_untouched() {
    let cases = [
        ("journal.db", "update schema set version = 9, compatible_from = 9", "journal.db has schema 9"),
        ("tables.db", "update schema set version = 9, compatible_from = 9", "tables.db has schema 9"),
        ("journal.db", "pragma application_id = 7", "journal.db is another application's file"),
        ("tables.db", "pragma application_id = 7", "tables.db is another application's file"),
    ];
    for (file, change, sentence) in cases {
        let folder = closed_store().await;
        sql(folder.path(), file, change);
        let before = fs::read(folder.path().join(file)).unwrap();
        let refused = refusal(folder.path());
        assert!(refused.starts_with(sentence), "{refused}");
        assert!(fs::read(folder.path().join(file)).unwrap() == before, "{file} was changed");
    }
}

#[tokio::test]
async fn files_of_newer_builds_that_are_compatible_are_used() {
    let folder = closed_store().await;
    for file in ["journal.db", "tables.db"] {
        sql(folder.path(), file, "update schema set version = 9");
    }
    let store = FileStore::open(folder);
    assert_eq!(store.store.journal.head().await.unwrap().seq, Seq(1));
    assert_eq!(Tables::projected(&*store.store.tables).await.unwrap(), head_at(1));
}

#[tokio::test]
async fn tables_of_older_builds_begin_again() {
    let folder = closed_store().await;
    sql(folder.path(), "tables.db", "update schema set version = 0, compatible_from = 0; drop table trades");
    let store = FileStore::open(folder);
    assert_eq!(Tables::projected(&*store.store.tables).await.unwrap(), ProjectedHead::default());
    assert_eq!(store.store.tables.digests().await.unwrap().value.len(), 11);
}

#[tokio::test]
async fn what_is_not_a_database_is_refused_as_journal_and_replaced_as_tables() {
    let folder = closed_store().await;
    fs::write(folder.path().join("tables.db"), "not a database, and longer than any header is, so that it is read")
        .unwrap();
    let FileStore { store, lock, _folder: folder } = FileStore::open(folder);
    assert_eq!(Tables::projected(&*store.tables).await.unwrap(), ProjectedHead::default());
    drop((store, lock));
    fs::write(folder.path().join("journal.db"), "not a database, and longer than any header is, so that it is read")
        .unwrap();
    let lock = FolderLock::acquire(folder.path()).unwrap();
    assert!(matches!(Store::open(&lock, Durability::Ephemeral), Err(StoreError::Damaged(_))));
    assert!(fs::read(folder.path().join("journal.db")).unwrap().starts_with(b"not a database"));
}

#[tokio::test]
async fn a_store_is_read_beside_its_writer() {
    let live = open().await;
    let reader = Store::open_read_only(live.folder()).unwrap();
    assert_eq!(reader.journal.head().await.unwrap(), Head::default());
    let head = commit(&*live.store.journal, 3, 2).await;
    assert_eq!(reader.journal.head().await.unwrap(), head);
    assert_eq!(reader.journal.rows_after(Seq::ZERO, usize::MAX).await.unwrap().len(), 3);
    assert_eq!(reader.tables.venue().await.unwrap().value, None);
    let write = reader.journal.commit(Arc::new(ticks(&head, 1))).await;
    assert!(matches!(write, Err(CommitError::Failed(StoreError::Unusable(_)))), "{write:?}");
    assert!(reader.journal.take_over().await.is_err());
    assert!(reader.tables.clear().await.is_err());
}

#[tokio::test]
async fn a_store_is_read_after_its_writer_was_killed() {
    let live = open().await;
    let head = commit(&*live.store.journal, 3, 2).await;
    let left = tempfile::tempdir().unwrap();
    copy(live.folder(), left.path());
    fs::remove_file(left.path().join("journal.db-shm")).unwrap();
    let reader = Store::open_read_only(left.path()).unwrap();
    assert_eq!(reader.journal.head().await.unwrap(), head);
}

#[test]
fn nothing_is_created_where_there_is_nothing_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Store::open_read_only(folder.path()).map(drop).unwrap_err().to_string();
    assert!(refused.contains("journal.db cannot be opened"), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn logs_do_not_grow_for_ever() {
    let store = open().await;
    commit(&*store.store.journal, 3_000, 1).await;
    let mut at = ProjectedHead::default();
    for seq in 1..=3_000 {
        let changes = TableChanges { head: head_at(seq), ..TableChanges::default() };
        store.store.tables.project(&at, changes).await.unwrap();
        at = head_at(seq);
    }
    for (file, pages_max) in [("journal.db-wal", 1_100), ("tables.db-wal", 16_500)] {
        let bytes = fs::metadata(store.folder().join(file)).unwrap().len();
        assert!(bytes < pages_max * 4_200, "{file} has {bytes} bytes");
    }
}

#[tokio::test]
async fn what_a_stopped_save_left_is_removed() {
    let store = open().await;
    let head = Head { seq: Seq(5), ..Head::default() };
    let meta = SnapshotMeta { head, state_hash: [1; 32] };
    store.store.snapshots.save(Snapshot { meta, bytes: vec![1, 2, 3] }).await.unwrap();
    let left = tempfile::tempdir().unwrap();
    copy(store.folder(), left.path());
    let unfinished = left.path().join("snapshots/00000000000000000006.unfinished");
    fs::write(&unfinished, "half").unwrap();
    fs::write(left.path().join("snapshots/notes.txt"), "mine").unwrap();
    let store = FileStore::open(left);
    assert_eq!(store.store.snapshots.list().await.unwrap(), [Seq(5)]);
    assert!(!unfinished.exists());
    assert!(store.folder().join("snapshots/notes.txt").exists());
}
