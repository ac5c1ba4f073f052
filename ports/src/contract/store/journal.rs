//! The journal and its head.

use std::sync::Arc;

use emporion_model::journal::{BatchBuilder, Chain, Head, JournalRow};
use emporion_model::{Action, Command, Epoch, History, Origin, Seq, TimeUs};

use super::StoreUnderTest;
use crate::store::{CommitError, Journal};

/// A row of `count` ticks after `head`, at a time that makes it one of its kind.
pub(super) fn ticks(head: &Head, count: u64, time: u64) -> Arc<JournalRow> {
    let mut batch = BatchBuilder::default();
    for _ in 0..count {
        batch.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
    }
    Arc::new(batch.seal(head, TimeUs(time), 1))
}

async fn commit(journal: &dyn Journal, counts: &[u64]) -> Vec<JournalRow> {
    let mut rows = Vec::new();
    for count in counts {
        let head = journal.head().await.unwrap();
        let row = ticks(&head, *count, head.time.0 + 1);
        journal.commit(Arc::clone(&row)).await.unwrap();
        rows.push((*row).clone());
    }
    rows
}

async fn all_rows(journal: &dyn Journal) -> Vec<JournalRow> {
    journal.rows_after(Seq::ZERO, usize::MAX).await.unwrap()
}

/// Nothing is in it, and the first takeover leads it.
pub async fn an_empty_journal_is_at_the_beginning(store: &mut impl StoreUnderTest) {
    let journal = store.journal();
    assert_eq!(journal.head().await.unwrap(), Head::default());
    assert_eq!(journal.first_seq().await.unwrap(), None);
    assert_eq!(journal.row_of(Seq(1)).await.unwrap(), None);
    assert_eq!(all_rows(&*journal).await, []);
    assert_eq!(journal.take_over().await.unwrap(), Head { epoch: Epoch(1), ..Head::default() });
}

/// The row comes back byte by byte, and the head is its head.
pub async fn a_commit_moves_the_head_and_keeps_the_row(store: &mut impl StoreUnderTest) {
    let journal = store.journal();
    journal.take_over().await.unwrap();
    let rows = commit(&*journal, &[3, 1]).await;
    assert_eq!(all_rows(&*journal).await, rows);
    assert_eq!(journal.head().await.unwrap(), rows[1].head());
    rows[0].verify_after(&Head { epoch: Epoch(1), ..Head::default() }).unwrap();
    rows[1].verify_after(&rows[0].head()).unwrap();
}

/// Each of history, epoch, seq and chain alone keeps a row out.
pub async fn a_commit_that_does_not_follow_leaves_nothing(store: &mut impl StoreUnderTest) {
    let journal = store.journal();
    journal.take_over().await.unwrap();
    let rows = commit(&*journal, &[2]).await;
    let head = journal.head().await.unwrap();
    let wrong_heads = [
        Head { history: History(head.history.0 + 1), ..head },
        Head { epoch: Epoch(head.epoch.0 - 1), ..head },
        Head { epoch: Epoch(head.epoch.0 + 1), ..head },
        Head { seq: Seq(head.seq.0 - 1), ..head },
        Head { seq: Seq(head.seq.0 + 1), ..head },
        Head { chain: Chain([7; 32]), ..head },
    ];
    for wrong in wrong_heads {
        let fenced = journal.commit(ticks(&wrong, 1, 9)).await;
        assert_eq!(fenced, Err(CommitError::Fenced { found: head }), "{wrong:?}");
        assert_eq!(journal.head().await.unwrap(), head);
        assert_eq!(all_rows(&*journal).await, rows);
    }
    journal.commit(ticks(&head, 1, 9)).await.unwrap();
}

/// The head that a repeat finds is the row's own.
pub async fn a_row_sent_again_is_told_from_a_foreign_one(store: &mut impl StoreUnderTest) {
    let journal = store.journal();
    let head = journal.take_over().await.unwrap();
    let (mine, foreign) = (ticks(&head, 1, 5), ticks(&head, 1, 6));
    journal.commit(Arc::clone(&mine)).await.unwrap();
    for row in [&mine, &foreign] {
        assert_eq!(journal.commit(Arc::clone(row)).await, Err(CommitError::Fenced { found: mine.head() }));
    }
    assert_eq!(all_rows(&*journal).await, [(*mine).clone()]);
}

/// What the deposed leader sends afterwards matches nothing.
pub async fn a_takeover_fences_the_epoch_before(store: &mut impl StoreUnderTest) {
    let journal = store.journal();
    let old = journal.take_over().await.unwrap();
    let new = journal.take_over().await.unwrap();
    assert_eq!(new, Head { epoch: Epoch(old.epoch.0 + 1), ..old });
    assert_eq!(journal.commit(ticks(&old, 1, 1)).await, Err(CommitError::Fenced { found: new }));
    journal.commit(ticks(&new, 1, 1)).await.unwrap();
}

/// Rows come whole and in order; a portion ends once it has enough bytes, and never empty before the end.
pub async fn rows_are_read_in_portions(store: &mut impl StoreUnderTest) {
    let journal = store.journal();
    journal.take_over().await.unwrap();
    let rows = commit(&*journal, &[1, 4, 2, 1]).await;
    let bytes = rows[0].payload.len() + rows[1].payload.len();
    for (after, bytes_max, expected) in [
        (0, 0, &rows[..1]),
        (0, 1, &rows[..1]),
        (0, bytes, &rows[..2]),
        (0, bytes + 1, &rows[..3]),
        (1, 1, &rows[1..2]),
        (5, usize::MAX, &rows[2..]),
        (8, usize::MAX, &[]),
        (99, usize::MAX, &[]),
    ] {
        assert_eq!(journal.rows_after(Seq(after), bytes_max).await.unwrap(), expected, "after {after}, {bytes_max}");
    }
    for (seq, row) in [(0, None), (1, Some(0)), (2, Some(1)), (5, Some(1)), (6, Some(2)), (8, Some(3)), (9, None)] {
        assert_eq!(journal.row_of(Seq(seq)).await.unwrap(), row.map(|row: usize| rows[row].clone()), "{seq}");
    }
    assert_eq!(journal.first_seq().await.unwrap(), Some(Seq(1)));
}

/// All of it and the epoch are there again, and the next leader goes on.
pub async fn what_was_committed_outlives_a_crash(store: &mut impl StoreUnderTest) {
    let journal = store.journal();
    journal.take_over().await.unwrap();
    let rows = commit(&*journal, &[3, 2]).await;
    store.crash_and_reopen().await;
    let journal = store.journal();
    assert_eq!(journal.head().await.unwrap(), rows[1].head());
    assert_eq!(all_rows(&*journal).await, rows);
    journal.take_over().await.unwrap();
    commit(&*journal, &[1]).await;
}
