//! Rows come back as they were written, and change as they were told to.

use emporion_model::event::{OrderCounts, WindowCount};
use emporion_model::{
    AccountId, AccountKind, Amount, AssetId, CloseReason, ExpiryReason, MarketSize, Mode, Options, OrderCountLimits,
    OrderId, OrderKind, OrderStatus, PreventedMatchId, Price, Quantity, Seq, Side, Strategy, SymbolStatus, TimeInForce,
    TimeUs, TradeGroupId,
};

use super::StoreUnderTest;
use super::sample::{ALICE, BOB, BTCUSDT, ETHUSDT, asset, balance, kline, order, project, symbol};
use crate::tables::{
    AccountChange, AccountRow, BookSnapshot, Kline, KlineInterval, Level, OrderChange, OrderRow, TableChanges, Venue,
};

fn opened(account: AccountId) -> AccountChange {
    AccountChange { account, opened: Some((AccountKind::User, TimeUs(5))), ..AccountChange::default() }
}

/// Extreme numbers, every kind of order, everything that may be missing.
pub async fn every_row_comes_back_as_it_was_written(store: &mut impl StoreUnderTest) {
    let options = Options { fills_per_order_max: 77, ..Options::default() };
    let counts = |account, count| OrderCounts {
        account,
        ten_seconds: WindowCount { start: TimeUs(10), count },
        day: WindowCount { start: TimeUs(20), count: u32::MAX },
    };
    let changes = TableChanges {
        mode: Some(Mode::Sandbox),
        rules_version: Some(3),
        options: Some(options),
        assets: vec![(AssetId(0), asset("BTC")), (AssetId(1), asset("USDT"))],
        symbols: vec![symbol(BTCUSDT, "BTCUSDT"), symbol(ETHUSDT, "ETHUSDT")],
        depth_ids: vec![(ETHUSDT, Seq(12))],
        accounts: vec![opened(ALICE)],
        balances: vec![
            balance(AccountId::EXTERNAL, 0, i128::MIN, 0),
            balance(ALICE, 0, i128::MAX, 1),
            balance(ALICE, 1, 0, -1),
        ],
        order_counts: vec![counts(ALICE, 1), counts(BOB, 2)],
        new_orders: unlike_orders(),
        ..TableChanges::default()
    };
    project(store, changes.clone()).await;
    let queries = store.queries();
    let venue = queries.venue().await.unwrap();
    assert_eq!((venue.seq, venue.time), (Seq(1), TimeUs(10)));
    assert_eq!(venue.value, Some(Venue { mode: Mode::Sandbox, rules_version: 3, options }));
    assert_eq!(queries.assets().await.unwrap().value, changes.assets);
    assert_eq!(queries.symbols().await.unwrap().value, changes.symbols);
    assert_eq!(queries.balances(ALICE).await.unwrap().value, changes.balances[1..]);
    assert_eq!(queries.balances(AccountId::EXTERNAL).await.unwrap().value, changes.balances[..1]);
    assert_eq!(queries.order_counts(BOB).await.unwrap().value, Some(counts(BOB, 2)));
    for row in changes.new_orders {
        let found = queries.order(row.account, row.symbol, row.order_id).await.unwrap();
        assert_eq!(found.value, Some(row));
    }
}

/// Each field of an order with unlike values, over several orders.
fn unlike_orders() -> Vec<OrderRow> {
    let market = |order_id, size| OrderRow {
        kind: OrderKind::Market(size),
        side: Side::Sell,
        status: OrderStatus::Filled,
        executed: Quantity(u64::MAX),
        executed_quote: Amount(i128::MAX),
        ..order(ALICE, BTCUSDT, order_id)
    };
    let expired = OrderRow {
        kind: OrderKind::Limit(Price(u64::MAX), Quantity(u64::MAX), TimeInForce::Fok),
        status: OrderStatus::Expired,
        close_reason: Some(CloseReason::Expired(ExpiryReason::UnfilledFok)),
        trade_group: Some(TradeGroupId(u64::MAX)),
        strategy: Some(Strategy { id: Some(u64::MAX), kind: None }),
        ..order(ALICE, BTCUSDT, 3)
    };
    let canceled = OrderRow {
        kind: OrderKind::LimitMaker(Price(1), Quantity(2)),
        status: OrderStatus::Canceled,
        close_reason: Some(CloseReason::Canceled),
        cancel_id: Some("the-cancel".parse().unwrap()),
        strategy: Some(Strategy { id: None, kind: Some(1_000_000) }),
        updated_at: TimeUs(99),
        ..order(ALICE, BTCUSDT, 4)
    };
    let prevented = OrderRow {
        status: OrderStatus::ExpiredInMatch,
        close_reason: Some(CloseReason::ExpiredInMatch),
        prevented: Quantity(u64::MAX),
        prevented_match_id: Some(PreventedMatchId(8)),
        ..order(ALICE, BTCUSDT, 5)
    };
    vec![
        market(1, MarketSize::Base(Quantity(9))),
        market(2, MarketSize::Quote(Amount(1 << 100))),
        expired,
        canceled,
        prevented,
        order(ALICE, ETHUSDT, 1),
    ]
}

/// Of orders, symbols and the venue, and nothing beside it.
pub async fn a_change_changes_what_it_names(store: &mut impl StoreUnderTest) {
    let first = TableChanges {
        mode: Some(Mode::Live),
        rules_version: Some(1),
        options: Some(Options::default()),
        symbols: vec![symbol(BTCUSDT, "BTCUSDT")],
        new_orders: vec![order(ALICE, BTCUSDT, 1), order(ALICE, BTCUSDT, 2)],
        ..TableChanges::default()
    };
    project(store, first).await;
    let change = OrderChange {
        account: ALICE,
        symbol: BTCUSDT,
        order_id: OrderId(1),
        status: None,
        executed: None,
        prevented_more: Quantity(30),
        prevented_match_id: Some(PreventedMatchId(4)),
        close_reason: None,
        cancel_id: None,
        updated_at: TimeUs(70),
    };
    let second = TableChanges {
        rules_version: Some(2),
        symbol_statuses: vec![(BTCUSDT, SymbolStatus::Halt)],
        order_changes: vec![change],
        ..TableChanges::default()
    };
    project(store, second).await;
    let last = OrderChange {
        status: Some(OrderStatus::Canceled),
        executed: Some((Quantity(20), Amount(1_000))),
        prevented_more: Quantity(10),
        prevented_match_id: None,
        close_reason: Some(CloseReason::Canceled),
        cancel_id: Some("away".parse().unwrap()),
        updated_at: TimeUs(80),
        ..change
    };
    project(store, TableChanges { order_changes: vec![last], ..TableChanges::default() }).await;

    let queries = store.queries();
    let expected = OrderRow {
        status: OrderStatus::Canceled,
        executed: Quantity(20),
        executed_quote: Amount(1_000),
        prevented: Quantity(40),
        prevented_match_id: Some(PreventedMatchId(4)),
        close_reason: Some(CloseReason::Canceled),
        cancel_id: Some("away".parse().unwrap()),
        updated_at: TimeUs(80),
        ..order(ALICE, BTCUSDT, 1)
    };
    assert_eq!(queries.order(ALICE, BTCUSDT, OrderId(1)).await.unwrap().value, Some(expected));
    assert_eq!(queries.order(ALICE, BTCUSDT, OrderId(2)).await.unwrap().value, Some(order(ALICE, BTCUSDT, 2)));
    let mut halted = symbol(BTCUSDT, "BTCUSDT");
    halted.spec.status = SymbolStatus::Halt;
    assert_eq!(queries.symbols().await.unwrap().value, [halted]);
    let venue = Venue { mode: Mode::Live, rules_version: 2, options: Options::default() };
    assert_eq!(queries.venue().await.unwrap().value, Some(venue));
}

/// A change of one thing leaves the others, in the transaction of the opening and later.
pub async fn accounts_keep_what_was_not_changed(store: &mut impl StoreUnderTest) {
    let limits = OrderCountLimits { per_ten_seconds: None, per_day: Some(7) };
    let fresh = AccountRow::opened(ALICE, AccountKind::User, TimeUs(5));
    let nothing = AccountChange { account: ALICE, ..AccountChange::default() };
    let steps = [
        (AccountChange { frozen: Some(true), ..opened(ALICE) }, AccountRow { frozen: true, ..fresh }),
        (AccountChange { fee_tier: Some(3), ..nothing }, AccountRow { frozen: true, fee_tier: 3, ..fresh }),
        (
            AccountChange { order_count_limits: Some(Some(limits)), frozen: Some(false), ..nothing },
            AccountRow { fee_tier: 3, order_count_limits: Some(limits), ..fresh },
        ),
        (
            AccountChange { trade_group: Some(Some(TradeGroupId(9))), order_count_limits: Some(None), ..nothing },
            AccountRow { fee_tier: 3, trade_group: Some(TradeGroupId(9)), ..fresh },
        ),
        (AccountChange { trade_group: Some(None), ..nothing }, AccountRow { fee_tier: 3, ..fresh }),
    ];
    for (change, expected) in steps {
        project(store, TableChanges { accounts: vec![change], ..TableChanges::default() }).await;
        assert_eq!(store.queries().account(ALICE).await.unwrap().value, Some(expected));
    }
}

/// What comes later goes on top of what is stored.
pub async fn klines_grow_at_their_end(store: &mut impl StoreUnderTest) {
    for second in [63, 61, 62] {
        let klines = vec![kline(KlineInterval::Second, second), kline(KlineInterval::Minute, second)];
        project(store, TableChanges { klines, ..TableChanges::default() }).await;
    }
    let read = |interval| {
        let queries = store.queries();
        async move { queries.klines(BTCUSDT, interval, None, None, 10).await.unwrap().value }
    };
    let seconds = [61, 62, 63].map(|second| kline(KlineInterval::Second, second));
    assert_eq!(read(KlineInterval::Second).await, seconds);
    let mut minute = kline(KlineInterval::Minute, 63);
    minute.bucket.low = Price(61);
    minute.bucket.close = Price(62);
    minute.bucket.last_quantity = Quantity(62);
    minute.bucket.last_time = TimeUs::from_second(62);
    (minute.bucket.base, minute.bucket.quote) = (Amount(3), Amount(3 << 90));
    (minute.bucket.taker_buy_base, minute.bucket.taker_buy_quote) = (Amount(6), Amount(9));
    minute.bucket.trades = 3;
    minute.bucket.last_trade_id = emporion_model::TradeId(62);
    assert_eq!(read(KlineInterval::Minute).await, [minute]);
    assert_eq!(read(KlineInterval::Day).await, Vec::<Kline>::new());
}

/// Levels add up, closed orders are gone, prices are in order even where they are very large.
pub async fn books_are_what_open_orders_work_for(store: &mut impl StoreUnderTest) {
    let resting = |order_id, account, side, price, quantity| OrderRow {
        side,
        kind: OrderKind::Limit(Price(price), Quantity(quantity), TimeInForce::Gtc),
        ..order(account, BTCUSDT, order_id)
    };
    let partial = OrderRow {
        status: OrderStatus::PartiallyFilled,
        executed: Quantity(4),
        prevented: Quantity(1),
        ..resting(2, BOB, Side::Buy, 49, 10)
    };
    let closed = OrderRow { status: OrderStatus::Canceled, ..resting(3, ALICE, Side::Buy, 49, 10) };
    let changes = TableChanges {
        symbols: vec![symbol(BTCUSDT, "BTCUSDT"), symbol(ETHUSDT, "ETHUSDT")],
        depth_ids: vec![(BTCUSDT, Seq(41))],
        new_orders: vec![
            resting(1, ALICE, Side::Buy, 49, 10),
            closed,
            resting(4, ALICE, Side::Buy, 50, 1),
            resting(5, ALICE, Side::Sell, u64::MAX, 1),
            resting(6, ALICE, Side::Sell, 51, 2),
            partial,
        ],
        ..TableChanges::default()
    };
    project(store, changes).await;
    let level = |price, quantity| Level { price: Price(price), quantity: Quantity(quantity) };
    let books = store.queries().book_snapshots().await.unwrap();
    assert_eq!(books.seq, Seq(1));
    let expected = [
        BookSnapshot {
            symbol: BTCUSDT,
            depth_id: Seq(41),
            bids: vec![level(50, 1), level(49, 15)],
            asks: vec![level(51, 2), level(u64::MAX, 1)],
        },
        BookSnapshot { symbol: ETHUSDT, depth_id: Seq::ZERO, bids: vec![], asks: vec![] },
    ];
    assert_eq!(books.value, expected);
}
