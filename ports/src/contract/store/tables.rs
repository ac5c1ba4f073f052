//! The writing side of the tables: what moves them and what does not.

use std::time::Duration;

use emporion_model::journal::Chain;
use emporion_model::{AccountId, History, OrderId, Quantity, Seq, SymbolStatus, TimeUs};

use super::StoreUnderTest;
use super::sample::{ALICE, BTCUSDT, asset, balance, head, kline, order, project, symbol, trade};
use crate::tables::{
    KlineInterval, OrderChange, ProjectError, ProjectedHead, Projection, TableChanges, TableDigest, Waited,
};

fn one_order(seq: u64) -> TableChanges {
    TableChanges { head: head(seq), new_orders: vec![order(ALICE, BTCUSDT, seq)], ..TableChanges::default() }
}

async fn digests(store: &impl StoreUnderTest) -> Vec<TableDigest> {
    store.queries().digests().await.unwrap().value
}

/// Where an empty journal's head is, with nothing in them.
pub async fn empty_tables_stand_at_the_beginning(store: &mut impl StoreUnderTest) {
    assert_eq!(store.tables().projected().await.unwrap(), ProjectedHead::default());
    let queries = store.queries();
    let venue = queries.venue().await.unwrap();
    assert_eq!((venue.seq, venue.time, venue.value), (Seq::ZERO, TimeUs(0), None));
    assert_eq!(queries.assets().await.unwrap().value, []);
    assert_eq!(queries.symbols().await.unwrap().value, []);
    assert_eq!(queries.book_snapshots().await.unwrap().value, []);
    assert_eq!(queries.account(ALICE).await.unwrap().value, None);
    assert_eq!(queries.balances(ALICE).await.unwrap().value, []);
    assert_eq!(queries.order_counts(ALICE).await.unwrap().value, None);
}

/// Each of history, seq and chain alone keeps changes out.
pub async fn changes_that_do_not_follow_leave_nothing(store: &mut impl StoreUnderTest) {
    store.tables().project(&ProjectedHead::default(), one_order(5)).await.unwrap();
    let (at, before) = (head(5), digests(store).await);
    for wrong in [
        ProjectedHead { history: History(1), ..at },
        ProjectedHead { seq: Seq(4), ..at },
        ProjectedHead { seq: Seq(6), ..at },
        ProjectedHead { chain: Chain([9; 32]), ..at },
        ProjectedHead::default(),
    ] {
        let moved = store.tables().project(&wrong, one_order(7)).await;
        assert_eq!(moved, Err(ProjectError::Moved { found: at }), "{wrong:?}");
        assert_eq!(store.tables().projected().await.unwrap(), at);
        assert_eq!(digests(store).await, before);
    }
    store.tables().project(&at, one_order(7)).await.unwrap();
    assert_eq!(Projection::projected(&*store.queries()).await.unwrap(), head(7));
}

/// An order that is there already, and a change of one that is not: the tables are not what their head says.
pub async fn changes_that_contradict_the_tables_leave_nothing(store: &mut impl StoreUnderTest) {
    store.tables().project(&ProjectedHead::default(), one_order(1)).await.unwrap();
    let before = digests(store).await;
    let unknown = OrderChange {
        account: ALICE,
        symbol: BTCUSDT,
        order_id: OrderId(99),
        status: None,
        executed: None,
        prevented_more: Quantity(0),
        prevented_match_id: None,
        close_reason: None,
        cancel_id: None,
        updated_at: TimeUs(1),
    };
    let doubled = TableChanges { new_orders: one_order(1).new_orders, ..one_order(2) };
    let missing = TableChanges { order_changes: vec![unknown], ..one_order(2) };
    for changes in [doubled, missing] {
        let failed = store.tables().project(&head(1), changes).await;
        assert!(matches!(&failed, Err(ProjectError::Failed(crate::store::StoreError::Damaged(_)))), "{failed:?}");
        assert_eq!(digests(store).await, before);
    }
    store.tables().project(&head(1), one_order(2)).await.unwrap();
}

/// The process's crash at least; tables need not outlive the machine's.
pub async fn tables_outlive_a_crash(store: &mut impl StoreUnderTest) {
    store.tables().project(&ProjectedHead::default(), one_order(3)).await.unwrap();
    let before = digests(store).await;
    store.crash_and_reopen().await;
    assert_eq!(store.tables().projected().await.unwrap(), head(3));
    assert_eq!(digests(store).await, before);
    assert_eq!(store.queries().wait_projected(Seq(3), Duration::ZERO).await.unwrap(), Waited::Reached);
    store.tables().project(&head(3), one_order(4)).await.unwrap();
}

/// As if nothing had ever been written.
pub async fn cleared_tables_begin_again(store: &mut impl StoreUnderTest) {
    let empty = digests(store).await;
    store.tables().project(&ProjectedHead::default(), one_order(5)).await.unwrap();
    let full = digests(store).await;
    assert_ne!(full, empty);
    store.tables().clear().await.unwrap();
    assert_eq!(store.tables().projected().await.unwrap(), ProjectedHead::default());
    assert_eq!(digests(store).await, empty);
    assert_eq!(store.queries().wait_projected(Seq(5), Duration::ZERO).await.unwrap(), Waited::TimedOut);
    store.tables().project(&ProjectedHead::default(), one_order(5)).await.unwrap();
    assert_eq!(digests(store).await, full);
}

/// Whoever waits is told; who has no patience as well.
pub async fn waiting_ends_with_the_projection(store: &mut impl StoreUnderTest) {
    let queries = store.queries();
    assert_eq!(queries.wait_projected(Seq::ZERO, Duration::ZERO).await.unwrap(), Waited::Reached);
    assert_eq!(queries.wait_projected(Seq(2), Duration::ZERO).await.unwrap(), Waited::TimedOut);
    let waiting = tokio::spawn(async move { queries.wait_projected(Seq(2), Duration::from_secs(60)).await });
    store.tables().project(&ProjectedHead::default(), one_order(1)).await.unwrap();
    store.tables().project(&head(1), one_order(2)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), Waited::Reached);
    assert_eq!(store.queries().wait_projected(Seq(3), Duration::ZERO).await.unwrap(), Waited::TimedOut);
}

/// One transaction or several: the same rows.
pub async fn tables_are_the_same_however_they_were_cut(store: &mut impl StoreUnderTest) {
    let first = || TableChanges {
        assets: vec![(emporion_model::AssetId(0), asset("BTC"))],
        symbols: vec![symbol(BTCUSDT, "BTCUSDT")],
        balances: vec![balance(ALICE, 0, 5, -1)],
        klines: vec![kline(KlineInterval::Second, 60), kline(KlineInterval::Minute, 60)],
        ..one_order(1)
    };
    let second = || TableChanges {
        symbol_statuses: vec![(BTCUSDT, SymbolStatus::Halt)],
        trades: vec![trade(1, 1, (ALICE, 1), (AccountId(7), 2))],
        klines: vec![kline(KlineInterval::Second, 61), kline(KlineInterval::Minute, 61)],
        ..one_order(2)
    };
    store.tables().project(&ProjectedHead::default(), first()).await.unwrap();
    store.tables().project(&head(1), second()).await.unwrap();
    let in_two = digests(store).await;
    store.tables().clear().await.unwrap();
    let mut minute = kline(KlineInterval::Minute, 60);
    minute.append(&kline(KlineInterval::Minute, 61).bucket);
    let mut halted = symbol(BTCUSDT, "BTCUSDT");
    halted.spec.status = SymbolStatus::Halt;
    let both = TableChanges {
        symbols: vec![halted],
        new_orders: [first().new_orders, second().new_orders].concat(),
        klines: vec![kline(KlineInterval::Second, 60), kline(KlineInterval::Second, 61), minute],
        trades: second().trades,
        ..first()
    };
    project(store, both).await;
    assert_eq!(digests(store).await, in_two);
}
