//! Copies of a live store, and stores made of copies.

use std::fs;
use std::sync::Arc;

use emporion_model::Seq;
use emporion_model::journal::Head;
use emporion_ports::store::{Journal, Snapshot, SnapshotMeta, Snapshots};

use super::{FileStore, commit, open, ticks};
use crate::{Durability, FolderLock, Store, restore};

async fn save(store: &Store, seq: u64) {
    let meta = SnapshotMeta { head: Head { seq: Seq(seq), ..Head::default() }, state_hash: [2; 32] };
    store.snapshots.save(Snapshot { meta, bytes: vec![9; 100] }).await.unwrap();
}

/// The journal of a folder from its first row to its head.
async fn rows(journal: &dyn Journal) -> Vec<emporion_model::journal::JournalRow> {
    let rows = journal.rows_after(Seq::ZERO, usize::MAX).await.unwrap();
    assert_eq!(rows.last().unwrap().head(), journal.head().await.unwrap());
    rows
}

#[tokio::test]
async fn a_copy_of_a_store_in_use_is_what_it_held() {
    let live = open().await;
    let start = commit(&*live.store.journal, 200, 50).await;
    save(&live.store, 5_000).await;
    save(&live.store, 99_999).await;
    let journal = Arc::clone(&live.store.journal);
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writing = tokio::spawn(async move {
        let mut head = start;
        while stopped.try_recv().is_err() {
            let row = ticks(&head, 50);
            head = row.head();
            journal.commit(Arc::new(row)).await.unwrap();
        }
        head
    });

    let folder = tempfile::tempdir().unwrap();
    let (beside, target) = (Store::open_read_only(live.folder()).unwrap(), folder.path().to_owned());
    let (copied, steps) = tokio::task::spawn_blocking(move || {
        let lock = FolderLock::acquire_empty(&target).unwrap();
        let mut steps = Vec::new();
        (beside.backup_into(&lock, |progress| steps.push(progress)).unwrap(), steps)
    })
    .await
    .unwrap();
    stop.send(()).unwrap();
    let end = writing.await.unwrap();

    assert!(start.seq <= copied.head.seq && copied.head.seq <= end.seq);
    let last = steps.last().unwrap();
    assert_eq!(last.pages_done, last.pages);
    // The snapshot beyond the copied head is of no use to the copy.
    assert_eq!(copied.snapshot, Some(Seq(5_000)));
    let copy = FileStore::open(folder);
    assert_eq!(copy.store.journal.head().await.unwrap(), copied.head);
    let (copied_rows, live_rows) = (rows(&*copy.store.journal).await, rows(&*live.store.journal).await);
    assert!(copied_rows == live_rows[..copied_rows.len()]);
    assert_eq!(copy.store.snapshots.list().await.unwrap(), [Seq(5_000)]);
}

#[tokio::test]
async fn a_restored_store_goes_on_where_the_copy_was_made() {
    let live = open().await;
    let head = commit(&*live.store.journal, 3, 2).await;
    save(&live.store, 4).await;
    let (backup, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    live.store.backup_into(&FolderLock::acquire_empty(backup.path()).unwrap(), |_| {}).unwrap();

    let lock = FolderLock::acquire_empty(target.path()).unwrap();
    let copied = restore(backup.path(), &lock, |_| {}).unwrap();
    assert_eq!((copied.head, copied.snapshot), (head, Some(Seq(4))));
    let store = Store::open(&lock, Durability::Ephemeral).unwrap();
    assert!(rows(&*store.journal).await == rows(&*live.store.journal).await);
    assert_eq!(store.snapshots.load(Seq(4)).await.unwrap(), live.store.snapshots.load(Seq(4)).await.unwrap());
    commit(&*store.journal, 1, 1).await;
}

#[tokio::test]
async fn a_copy_that_was_not_finished_is_no_backup() {
    let live = open().await;
    commit(&*live.store.journal, 1, 1).await;
    let (backup, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    live.store.backup_into(&FolderLock::acquire_empty(backup.path()).unwrap(), |_| {}).unwrap();
    fs::rename(backup.path().join("journal.db"), backup.path().join("journal.db.unfinished")).unwrap();
    let lock = FolderLock::acquire_empty(target.path()).unwrap();
    let refused = restore(backup.path(), &lock, |_| {}).unwrap_err().to_string();
    assert!(refused.contains("journal.db cannot be opened"), "{refused}");
}

#[tokio::test]
async fn a_copy_is_one_file_that_can_be_read_where_nothing_can_be_written() {
    let live = open().await;
    commit(&*live.store.journal, 1, 1).await;
    let backup = tempfile::tempdir().unwrap();
    live.store.backup_into(&FolderLock::acquire_empty(backup.path()).unwrap(), |_| {}).unwrap();
    let mut names: Vec<_> = fs::read_dir(backup.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["journal.db", "lock", "snapshots"]);
}
