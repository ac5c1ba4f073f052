//! The fold against the engine that the events came from, and the task against stores that misbehave.

mod tables;
pub(crate) mod venue;

use std::collections::BTreeMap;
use std::sync::Arc;

use emporion_engine::Engine;
use emporion_model::event::{Balance, Event};
use emporion_model::journal::{Chain, Head};
use emporion_model::{OrderStatus, Price, Seq, Side, SymbolId};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::store::Journal;
use emporion_ports::tables::{KlineInterval, OrderRow, PreventedChange, TradeChange};
use tokio::sync::mpsc;

use super::{Projector, ProjectorError, TableFold};
use crate::testing::MemoryJournal;
use tables::{MemoryTables, Rows};
use venue::Venue;

fn traded(seed: u64) -> Venue {
    let mut venue = Venue::begun(seed);
    venue.trade(300);
    venue
}

/// The tables after these batches, so many of them folded into one change.
fn rows_of(batches: &[Arc<CommittedBatch>], per_change: usize) -> Rows {
    let mut rows = Rows::default();
    for some in batches.chunks(per_change) {
        rows.apply(TableFold::of(some.iter().map(|batch| &**batch)));
    }
    rows
}

/// Without printing tables that nobody could read.
#[track_caller]
fn check_same(found: &Rows, expected: &Rows) {
    assert_eq!(found.head, expected.head);
    assert!(found == expected, "the rows differ");
}

/// Whatever the engine says of itself, the tables say too.
fn check_against_engine(rows: &Rows, venue: &Venue) {
    let engine = &venue.engine;
    assert_eq!(engine.check_invariants(), Ok(()));
    assert_eq!((rows.head.seq, rows.head.time), (engine.seq(), engine.time()));
    assert_eq!(rows.venue, (engine.mode(), Some(engine.rules_version()), Some(*engine.options())));
    assert_eq!(rows.assets.values().cloned().collect::<Vec<_>>(), engine.assets());
    assert!(rows.symbols.values().cloned().eq(engine.symbols()));
    assert!(rows.accounts.values().map(|row| (row.account, row.kind)).eq(engine.accounts()));
    let zero = |balance: &Balance| balance.free.is_zero() && balance.locked.is_zero();
    let balances = rows.balances.values().map(|row| row.balance).filter(|balance| !zero(balance));
    assert!(balances.eq(engine.balances().filter(|balance| !zero(balance))));
    let mut open: BTreeMap<_, _> =
        engine.open_orders().map(|order| ((order.account, order.symbol, order.order_id), order)).collect();
    for (key, row) in rows.orders.iter().filter(|(_, row)| row.status.is_open()) {
        let order = open.remove(key).expect("what is open in the tables is open in the engine");
        assert_eq!((row.executed, row.executed_quote), (order.executed, order.executed_quote));
        assert_eq!((row.prevented, row.remaining()), (order.prevented, order.remaining));
        assert_eq!((row.kind, row.side, row.client_order_id), (order.kind, order.side, order.client_order_id));
    }
    assert!(open.is_empty(), "what is open in the engine is open in the tables");
}

/// What an order did is what its trades say, and why it ended is what its status says.
fn check_orders(rows: &Rows) {
    let mut executed: BTreeMap<_, u64> = BTreeMap::new();
    for TradeChange { trade, .. } in rows.trades.values() {
        for fill in [&trade.maker, &trade.taker] {
            *executed.entry((trade.symbol, fill.order_id)).or_default() += trade.quantity.0;
        }
    }
    for row in rows.orders.values() {
        assert_eq!(row.executed.0, executed.get(&(row.symbol, row.order_id)).copied().unwrap_or_default());
        match row.status {
            OrderStatus::New | OrderStatus::PartiallyFilled => assert_eq!(row.close_reason, None),
            OrderStatus::Filled => assert_eq!(row.close_reason, None),
            closed => assert_eq!(row.close_reason.map(OrderStatus::from), Some(closed)),
        }
        assert_eq!(row.cancel_id.is_some(), row.status == OrderStatus::Canceled);
        assert_eq!(row.prevented_match_id.is_some(), rows.prevented.values().any(|change| is_in(row, change)));
    }
}

fn is_in(row: &OrderRow, change: &PreventedChange) -> bool {
    let prevented = &change.prevented;
    row.symbol == prevented.symbol && [prevented.taker_order_id, prevented.maker_order_id].contains(&row.order_id)
}

#[test]
fn tables_say_what_the_engine_says() {
    for seed in 1..=20 {
        let venue = traded(seed);
        let rows = rows_of(&venue.batches, 1);
        check_against_engine(&rows, &venue);
        check_orders(&rows);
    }
}

#[test]
fn the_scenes_hold_every_kind_of_event() {
    let venues: Vec<Venue> = (1..=20).map(traded).collect();
    let events = || {
        venues.iter().flat_map(|venue| &venue.batches).flat_map(|batch| &batch.entries).flat_map(|entry| &entry.events)
    };
    let seen = |wanted: fn(&Event) -> bool| assert!(events().filter(|event| wanted(event)).count() > 20);
    seen(|event| matches!(event, Event::Traded(_)));
    seen(|event| matches!(event, Event::SelfTradePrevented(_)));
    seen(|event| matches!(event, Event::OrderClosed(closed) if !closed.removed.is_zero()));
    seen(|event| matches!(event, Event::BucketClosed(_)));
    seen(|event| matches!(event, Event::SymbolStatusSet(..)));
    seen(|event| matches!(event, Event::TradeGroupSet(..)));
}

#[test]
fn it_does_not_matter_how_batches_are_cut() {
    for seed in 1..=10 {
        let venue = traded(seed);
        let one_by_one = rows_of(&venue.batches, 1);
        for per_change in [2, 7, 100, usize::MAX] {
            check_same(&rows_of(&venue.batches, per_change), &one_by_one);
        }
    }
}

#[test]
fn a_depth_id_is_the_seq_of_the_last_change_of_a_book() {
    let venue = traded(3);
    let mut engine = Engine::new(0);
    let mut depth_ids = BTreeMap::new();
    for batch in &venue.batches {
        for (seq, entry) in batch.numbered() {
            let before = books(&engine);
            engine.apply(seq, batch.head.time, &entry.command, &mut Vec::new());
            let changed = books(&engine)
                .into_iter()
                .filter(|(symbol, book)| before.get(symbol).is_some_and(|before| before != book));
            depth_ids.extend(changed.map(|(symbol, _)| (symbol, seq)));
        }
    }
    assert_eq!(rows_of(&venue.batches, 50).depth_ids, depth_ids);
}

fn books(engine: &Engine) -> BTreeMap<SymbolId, Vec<(Side, Price, u128)>> {
    let half = |symbol, side| engine.levels(symbol, side).map(move |level| (side, level.price, level.quantity));
    let book = |symbol| half(symbol, Side::Buy).chain(half(symbol, Side::Sell)).collect();
    engine.symbols().map(|symbol| (symbol.id, book(symbol.id))).collect()
}

#[test]
fn longer_klines_are_the_sums_of_their_seconds() {
    let rows = rows_of(&traded(5).batches, 11);
    for interval in KlineInterval::ALL {
        let mut sums: BTreeMap<_, (u64, i128)> = BTreeMap::new();
        for ((symbol, of, second), bucket) in &rows.klines {
            if *of == KlineInterval::Second {
                let sum = sums.entry((*symbol, interval.start_of(*second))).or_default();
                *sum = (sum.0 + bucket.trades, sum.1 + bucket.quote.0);
            }
        }
        let stored = rows.klines.iter().filter(|((_, of, _), _)| *of == interval);
        let stored: BTreeMap<_, _> =
            stored.map(|((symbol, _, start), bucket)| ((*symbol, *start), (bucket.trades, bucket.quote.0))).collect();
        assert_eq!(stored, sums, "{interval:?}");
    }
}

/// A journal that holds the first `count` rows of a venue.
async fn journal_of(venue: &Venue, count: usize) -> Arc<MemoryJournal> {
    let journal = Arc::new(MemoryJournal::new());
    append(&journal, venue, 0..count).await;
    journal
}

async fn append(journal: &MemoryJournal, venue: &Venue, rows: std::ops::Range<usize>) {
    for row in &venue.rows[rows] {
        journal.commit(Arc::new(row.clone())).await.unwrap();
    }
}

async fn start(journal: &Arc<MemoryJournal>, tables: &Arc<MemoryTables>) -> Result<Projector, ProjectorError> {
    Projector::start(journal.clone(), tables.clone(), &|_, _| {}).await
}

/// Runs a projector on batches that all wait already.
async fn run(projector: Projector, batches: &[Arc<CommittedBatch>]) -> Result<(), ProjectorError> {
    let (sender, receiver) = mpsc::channel(1_000);
    for batch in batches {
        sender.send(batch.clone()).await.unwrap();
    }
    drop(sender);
    projector.run(receiver).await
}

#[tokio::test]
async fn a_start_brings_the_tables_to_the_journals_head() {
    let venue = traded(1);
    for (there, tables_at) in [(venue.rows.len(), 0), (venue.rows.len(), 20), (20, 20)] {
        let (journal, tables) = (journal_of(&venue, there).await, Arc::new(MemoryTables::default()));
        *tables.rows.lock() = rows_of(&venue.batches[..tables_at], 1);
        let projector = start(&journal, &tables).await.unwrap();
        assert_eq!(projector.projected().borrow().seq, venue.rows[there - 1].last_seq);
        check_same(&tables.rows.lock(), &rows_of(&venue.batches[..there], 1));
    }
}

#[tokio::test]
async fn all_that_waits_is_one_transaction() {
    let venue = traded(2);
    let (journal, tables) = (journal_of(&venue, 10).await, Arc::new(MemoryTables::default()));
    let projector = start(&journal, &tables).await.unwrap();
    let (writes, projected) = (*tables.writes.lock(), projector.projected());
    append(&journal, &venue, 10..60).await;
    run(projector, &venue.batches[10..60]).await.unwrap();
    assert_eq!(*tables.writes.lock(), writes + 1);
    check_same(&tables.rows.lock(), &rows_of(&venue.batches[..60], 1));
    assert_eq!(projected.borrow().seq, venue.rows[59].last_seq);
}

#[tokio::test]
async fn repeats_are_left_out_and_gaps_are_read_from_the_journal() {
    let venue = traded(2);
    for sent in [5..30, 10..30, 20..30, 29..30] {
        let (journal, tables) = (journal_of(&venue, 10).await, Arc::new(MemoryTables::default()));
        let projector = start(&journal, &tables).await.unwrap();
        append(&journal, &venue, 10..30).await;
        run(projector, &venue.batches[sent]).await.unwrap();
        check_same(&tables.rows.lock(), &rows_of(&venue.batches[..30], 1));
    }
}

#[tokio::test]
async fn tables_of_another_journal_or_ahead_of_it_are_built_again() {
    let (venue, other) = (traded(1), traded(2));
    let expected = rows_of(&venue.batches[..20], 1);
    let mut same_seq = expected.clone();
    same_seq.head.chain = Chain([1; 32]);
    for found in [rows_of(&other.batches[..10], 1), rows_of(&venue.batches[..40], 1), same_seq] {
        let (journal, tables) = (journal_of(&venue, 20).await, Arc::new(MemoryTables::default()));
        *tables.rows.lock() = found;
        start(&journal, &tables).await.unwrap();
        check_same(&tables.rows.lock(), &expected);
    }
}

#[tokio::test]
async fn damaged_tables_are_built_again_at_the_start_and_later() {
    let venue = traded(1);
    let (journal, tables) = (journal_of(&venue, 20).await, Arc::new(MemoryTables::default()));
    *tables.damaged.lock() = true;
    let projector = start(&journal, &tables).await.unwrap();
    check_same(&tables.rows.lock(), &rows_of(&venue.batches[..20], 1));
    *tables.damaged.lock() = true;
    append(&journal, &venue, 20..25).await;
    run(projector, &venue.batches[20..25]).await.unwrap();
    check_same(&tables.rows.lock(), &rows_of(&venue.batches[..25], 1));
}

#[tokio::test]
async fn tables_are_not_thrown_away_when_the_journal_cannot_build_them() {
    let venue = traded(1);
    let (journal, tables) = (journal_of(&venue, 20).await, Arc::new(MemoryTables::default()));
    journal.drop_until(venue.rows[4].last_seq);
    let first = venue.rows[5].first_seq;
    let refused = start(&journal, &tables).await.map(drop);
    assert_eq!(refused, Err(ProjectorError::NoBeginning { first }));
    // Tables that are far enough need no beginning.
    *tables.rows.lock() = rows_of(&venue.batches[..5], 1);
    start(&journal, &tables).await.unwrap();
}

#[tokio::test]
async fn another_hand_ends_it() {
    let venue = traded(1);
    let (journal, tables) = (journal_of(&venue, 20).await, Arc::new(MemoryTables::default()));
    let projector = start(&journal, &tables).await.unwrap();
    let elsewhere = rows_of(&venue.batches[..3], 1);
    *tables.rows.lock() = elsewhere.clone();
    append(&journal, &venue, 20..21).await;
    let ended = run(projector, &venue.batches[20..21]).await;
    assert_eq!(ended, Err(ProjectorError::Moved { found: elsewhere.head }));
}

#[tokio::test]
async fn damaged_rows_are_named_and_not_projected() {
    let venue = traded(1);
    let (journal, tables) = (journal_of(&venue, 20).await, Arc::new(MemoryTables::default()));
    journal.damage(7, |row| *row.payload.last_mut().unwrap() ^= 1);
    let refused = start(&journal, &tables).await.map(drop);
    let first = venue.rows[7].first_seq;
    assert!(matches!(refused, Err(ProjectorError::Row { first: found, .. }) if found == first), "{refused:?}");
    assert_eq!(tables.rows.lock().head, Head::default().into());
}

#[tokio::test]
async fn progress_ends_at_the_head() {
    let venue = traded(1);
    let (journal, tables) = (journal_of(&venue, 20).await, Arc::new(MemoryTables::default()));
    let last = std::sync::Mutex::new((Seq::ZERO, Seq::ZERO));
    Projector::start(journal, tables, &|done, of| *last.lock().unwrap() = (done, of)).await.unwrap();
    let head = venue.rows[19].last_seq;
    assert_eq!(*last.lock().unwrap(), (head, head));
}
