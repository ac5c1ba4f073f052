//! Flipped bits: what is served is right, or it is not served.

use std::fs;
use std::sync::Arc;

use emporion_model::journal::{Head, JournalRow};
use emporion_model::{AccountId, OrderId, Seq, SymbolId};
use emporion_ports::store::{Journal, StoreError};
use emporion_ports::tables::{OrderQueries, ProjectError, ProjectedHead, TableChanges, Tables, VenueQueries};
use rusqlite::Connection;

use super::{commit, flip_bit, open};
use crate::SqliteJournal;

/// What a start reads, if all of it can be trusted.
async fn trusted(journal: &SqliteJournal) -> Result<(Head, Vec<JournalRow>), String> {
    let head = journal.head().await.map_err(|error| error.to_string())?;
    let rows = journal.rows_after(Seq::ZERO, usize::MAX).await.map_err(|error| error.to_string())?;
    let mut at = Head { epoch: rows.first().map(|row| row.epoch).unwrap_or_default(), ..Head::default() };
    for row in &rows {
        row.verify_after(&at).map_err(|error| error.to_string())?;
        row.entries().map_err(|error| error.to_string())?;
        at = row.head();
    }
    if at == head { Ok((head, rows)) } else { Err("the head is not the last row's".to_owned()) }
}

#[tokio::test]
async fn no_flipped_bit_of_a_journal_goes_unnoticed() {
    let store = open().await;
    commit(&*store.store.journal, 20, 300).await;
    let written = trusted(&store.store.journal).await.unwrap();
    let whole = tempfile::tempdir().unwrap();
    super::copy(store.folder(), whole.path());
    // As it is after a clean stop: all in one file.
    Connection::open(whole.path().join("journal.db")).unwrap().execute_batch("pragma journal_mode = delete").unwrap();
    let bytes = fs::metadata(whole.path().join("journal.db")).unwrap().len() as usize;
    let (mut noticed, mut unused) = (0, 0);
    for byte in (0..bytes).step_by(89) {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(whole.path().join("journal.db"), folder.path().join("journal.db")).unwrap();
        flip_bit(&folder.path().join("journal.db"), byte);
        let found = match SqliteJournal::open_read_only(folder.path()) {
            Ok(journal) => trusted(&journal).await,
            Err(error) => Err(error.to_string()),
        };
        match found {
            Err(_) => noticed += 1,
            Ok(found) => {
                assert!(found == written, "byte {byte} changed what is served");
                unused += 1;
            }
        }
    }
    assert!(noticed > unused, "{noticed} noticed, {unused} in bytes without a meaning");
}

#[tokio::test]
async fn a_query_that_comes_upon_damage_has_the_tables_built_again() {
    let store = open().await;
    let tables = Arc::clone(&store.store.tables);
    let head = |seq| ProjectedHead { seq: Seq(seq), ..ProjectedHead::default() };
    let changes = |seq| TableChanges { head: head(seq), ..TableChanges::default() };
    tables.project(&ProjectedHead::default(), changes(1)).await.unwrap();
    let side_door = Connection::open(store.folder().join("tables.db")).unwrap();
    side_door.execute_batch("insert into assets values (0, 'BTC', x'ffff')").unwrap();
    let is_damage = |error: &StoreError| matches!(error, StoreError::Damaged(_));
    assert!(is_damage(&tables.assets().await.unwrap_err()));
    let refused = tables.project(&head(1), changes(2)).await.unwrap_err();
    assert!(matches!(&refused, ProjectError::Failed(error) if is_damage(error)), "{refused:?}");
    assert!(is_damage(&Tables::projected(&*tables).await.unwrap_err()));
    drop(side_door);
    tables.clear().await.unwrap();
    tables.project(&ProjectedHead::default(), changes(2)).await.unwrap();
    assert_eq!(tables.assets().await.unwrap().value, []);
}

#[tokio::test]
async fn tables_that_cannot_be_opened_any_more_are_cleared() {
    let store = open().await;
    let tables = Arc::clone(&store.store.tables);
    fs::write(store.folder().join("tables.db"), [0xff; 20_000]).unwrap();
    fs::write(store.folder().join("tables.db-wal"), "").unwrap();
    let order = tables.order(AccountId(1_000), SymbolId(0), OrderId(1)).await;
    assert!(order.is_err(), "{order:?}");
    tables.clear().await.unwrap();
    assert_eq!(tables.order(AccountId(1_000), SymbolId(0), OrderId(1)).await.unwrap().value, None);
}
