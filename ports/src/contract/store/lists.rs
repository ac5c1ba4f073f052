//! Lists and lookups: each rule as a table of what is asked and what comes.

use emporion_model::{
    AccountId, AggTradeId, Amount, AssetId, ClientOrderId, OrderId, OrderStatus, PreventedMatchId, Quantity, Seq, Side,
    StpMode, TimeUs, TradeId, Transfer, TransferReason,
};

use super::StoreUnderTest;
use super::sample::{ALICE, BOB, BTCUSDT, ETHUSDT, kline, order, prevented, project, trade};
use crate::tables::{AggTradeRow, FillRow, KlineInterval, ListRange, OrderRow, TableChanges, TradeChange, TransferRow};

fn times<Id>(start: Option<u64>, end: Option<u64>) -> ListRange<Id> {
    ListRange::Times { start: start.map(TimeUs), end: end.map(TimeUs) }
}

/// The rule of all lists, on entries 1, 2, 3, 4 and 5 whose times are 10, 20, 30, 30 and 50.
fn range_cases<Id>(id: fn(u64) -> Id) -> Vec<(ListRange<Id>, u32, Vec<u64>)> {
    vec![
        (ListRange::LATEST, 2, vec![4, 5]),
        (ListRange::LATEST, 99, vec![1, 2, 3, 4, 5]),
        (ListRange::LATEST, 0, vec![]),
        (ListRange::FromId(id(0)), 2, vec![1, 2]),
        (ListRange::FromId(id(3)), 2, vec![3, 4]),
        (ListRange::FromId(id(5)), 2, vec![5]),
        (ListRange::FromId(id(6)), 2, vec![]),
        (ListRange::FromId(id(u64::MAX)), 2, vec![]),
        (times(Some(0), None), 2, vec![1, 2]),
        (times(Some(20), None), 2, vec![2, 3]),
        (times(Some(21), None), 99, vec![3, 4, 5]),
        (times(Some(51), None), 99, vec![]),
        (times(Some(u64::MAX), None), 99, vec![]),
        (times(None, Some(30)), 3, vec![2, 3, 4]),
        (times(None, Some(29)), 99, vec![1, 2]),
        (times(None, Some(9)), 99, vec![]),
        (times(None, Some(u64::MAX)), 1, vec![5]),
        (times(Some(20), Some(30)), 99, vec![2, 3, 4]),
        (times(Some(20), Some(30)), 2, vec![2, 3]),
        (times(Some(30), Some(30)), 99, vec![3, 4]),
        (times(Some(31), Some(49)), 99, vec![]),
        (times(Some(50), Some(20)), 99, vec![]),
    ]
}

const TIMES: [u64; 5] = [10, 20, 30, 30, 50];

/// By their own id, and by the client's, of which the newest counts; only their owner's.
pub async fn orders_are_found_by_their_ids(store: &mut impl StoreUnderTest) {
    let name: ClientOrderId = "again".parse().unwrap();
    let named = |account, symbol, order_id, status| OrderRow {
        client_order_id: name,
        status,
        ..order(account, symbol, order_id)
    };
    let closed = OrderStatus::Canceled;
    let new_orders = vec![
        named(ALICE, BTCUSDT, 1, closed),
        named(ALICE, BTCUSDT, 4, OrderStatus::PartiallyFilled),
        order(ALICE, BTCUSDT, 5),
        named(ALICE, ETHUSDT, 2, closed),
        order(ALICE, ETHUSDT, 7),
        named(BOB, BTCUSDT, 6, OrderStatus::New),
    ];
    project(store, TableChanges { new_orders: new_orders.clone(), ..TableChanges::default() }).await;
    let queries = store.queries();
    let newest = |account, symbol, name: ClientOrderId| {
        let queries = store.queries();
        async move { queries.newest_order(account, symbol, name).await.unwrap().value.map(|row| row.order_id.0) }
    };
    assert_eq!(newest(ALICE, BTCUSDT, name).await, Some(4));
    assert_eq!(newest(ALICE, ETHUSDT, name).await, Some(2));
    assert_eq!(newest(BOB, BTCUSDT, name).await, Some(6));
    assert_eq!(newest(BOB, ETHUSDT, name).await, None);
    assert_eq!(newest(ALICE, BTCUSDT, "Again".parse().unwrap()).await, None);
    assert_eq!(queries.order(BOB, BTCUSDT, OrderId(5)).await.unwrap().value, None);
    let open = |symbol| {
        let queries = store.queries();
        async move { queries.open_orders(ALICE, symbol).await.unwrap().value }
    };
    assert_eq!(open(None).await, [1, 2, 4].map(|place: usize| new_orders[place].clone()));
    assert_eq!(open(Some(BTCUSDT)).await, new_orders[1..3]);
    assert_eq!(open(Some(ETHUSDT)).await, new_orders[4..5]);
}

/// Open and closed alike, of one account and symbol.
pub async fn orders_are_listed_by_range(store: &mut impl StoreUnderTest) {
    let mut new_orders: Vec<OrderRow> = (1..=5).map(|id| order(ALICE, BTCUSDT, id)).collect();
    for (row, time) in new_orders.iter_mut().zip(TIMES) {
        row.placed_at = TimeUs(time);
    }
    new_orders[1].status = OrderStatus::Filled;
    new_orders.push(order(ALICE, ETHUSDT, 3));
    new_orders.push(order(BOB, BTCUSDT, 6));
    project(store, TableChanges { new_orders, ..TableChanges::default() }).await;
    for (range, limit, expected) in range_cases(OrderId) {
        let rows = store.queries().orders(ALICE, BTCUSDT, range, limit).await.unwrap().value;
        let ids: Vec<u64> = rows.iter().map(|row| row.order_id.0).collect();
        assert_eq!(ids, expected, "{range:?} limit {limit}");
    }
    assert_eq!(store.queries().orders(BOB, ETHUSDT, ListRange::LATEST, 9).await.unwrap().value, []);
}

fn at_times(trades: impl IntoIterator<Item = TradeChange>) -> Vec<TradeChange> {
    trades.into_iter().zip(TIMES).map(|(change, time)| TradeChange { time: TimeUs(time), ..change }).collect()
}

/// The public ones.
pub async fn trades_are_listed_by_range(store: &mut impl StoreUnderTest) {
    let trades = at_times((1..=5).map(|id| trade(id, id, (ALICE, 1), (BOB, id))));
    project(store, TableChanges { trades: trades.clone(), ..TableChanges::default() }).await;
    for (range, limit, expected) in range_cases(TradeId) {
        let rows = store.queries().trades(BTCUSDT, range, limit).await.unwrap().value;
        let ids: Vec<u64> = rows.iter().map(|row| row.trade_id.0).collect();
        assert_eq!(ids, expected, "{range:?} limit {limit}");
        for row in rows {
            let written = &trades[row.trade_id.0 as usize - 1];
            assert_eq!((row.price, row.quantity), (written.trade.price, written.trade.quantity));
            assert_eq!((row.notional, row.time), (written.trade.notional, written.time));
            assert_eq!((row.agg_trade_id, row.taker_side), (written.trade.agg_trade_id, written.trade.taker_side));
        }
    }
    assert_eq!(store.queries().trades(ETHUSDT, ListRange::LATEST, 9).await.unwrap().value, []);
}

/// Runs 1 to 5 of one, two, one, three and one trades, under the rule of all lists.
pub async fn aggregated_trades_are_whole_runs(store: &mut impl StoreUnderTest) {
    let runs = [(1, 1..=1), (2, 2..=3), (3, 4..=4), (4, 5..=7), (5, 8..=8)];
    let mut trades = Vec::new();
    let mut expected_rows = Vec::new();
    for ((agg_trade_id, ids), time) in runs.into_iter().zip(TIMES) {
        let change = |id| TradeChange { time: TimeUs(time), ..trade(id, agg_trade_id, (ALICE, 1), (BOB, 2)) };
        let price = change(1).trade.price;
        expected_rows.push(AggTradeRow {
            symbol: BTCUSDT,
            agg_trade_id: AggTradeId(agg_trade_id),
            price,
            quantity: Quantity(ids.clone().sum()),
            first_trade_id: TradeId(*ids.start()),
            last_trade_id: TradeId(*ids.end()),
            taker_side: Side::Sell,
            time: TimeUs(time),
        });
        trades.extend(ids.map(change));
    }
    project(store, TableChanges { trades, ..TableChanges::default() }).await;
    for (range, limit, expected) in range_cases(AggTradeId) {
        let rows = store.queries().agg_trades(BTCUSDT, range, limit).await.unwrap().value;
        let expected: Vec<AggTradeRow> = expected.iter().map(|id| expected_rows[*id as usize - 1]).collect();
        assert_eq!(rows, expected, "{range:?} limit {limit}");
    }
}

/// The public API's seven combinations, on the fills of an account that also met itself.
pub async fn fills_are_listed_in_seven_ways(store: &mut impl StoreUnderTest) {
    let trades = at_times([
        trade(1, 1, (ALICE, 1), (BOB, 90)),
        trade(2, 2, (BOB, 91), (ALICE, 2)),
        trade(3, 3, (ALICE, 1), (ALICE, 3)),
        trade(4, 4, (BOB, 91), (BOB, 92)),
        trade(5, 5, (ALICE, 2), (BOB, 93)),
    ]);
    project(store, TableChanges { trades, ..TableChanges::default() }).await;
    let (all, first, second) = (None, Some(1), Some(2));
    for (order_id, range, limit, expected) in [
        (all, ListRange::LATEST, 99, vec![(1, 1), (2, 2), (3, 1), (3, 3), (5, 2)]),
        (all, ListRange::LATEST, 2, vec![(3, 3), (5, 2)]),
        (first, ListRange::LATEST, 99, vec![(1, 1), (3, 1)]),
        (second, ListRange::LATEST, 1, vec![(5, 2)]),
        (all, times(Some(20), None), 2, vec![(2, 2), (3, 1)]),
        (all, times(None, Some(30)), 2, vec![(3, 1), (3, 3)]),
        (all, ListRange::FromId(TradeId(3)), 99, vec![(3, 1), (3, 3), (5, 2)]),
        (all, times(Some(20), Some(30)), 99, vec![(2, 2), (3, 1), (3, 3)]),
        (first, ListRange::FromId(TradeId(2)), 99, vec![(3, 1)]),
        (second, ListRange::FromId(TradeId(0)), 1, vec![(2, 2)]),
        (Some(90), ListRange::LATEST, 99, vec![]),
    ] {
        let rows = store.queries().fills(ALICE, BTCUSDT, order_id.map(OrderId), range, limit).await.unwrap().value;
        let found: Vec<(u64, u64)> = rows.iter().map(|row| (row.trade_id.0, row.order_id.0)).collect();
        assert_eq!(found, expected, "order {order_id:?} {range:?} limit {limit}");
    }
    let both = store.queries().fills(ALICE, BTCUSDT, None, times(Some(30), Some(30)), 9).await.unwrap().value;
    let maker = FillRow {
        symbol: BTCUSDT,
        trade_id: TradeId(3),
        order_id: OrderId(1),
        side: Side::Buy,
        is_maker: true,
        price: emporion_model::Price(103),
        quantity: Quantity(3),
        notional: Amount(1 << 100),
        fee_asset: AssetId(0),
        fee: Amount(1),
        time: TimeUs(30),
    };
    let taker = FillRow { order_id: OrderId(3), side: Side::Sell, is_maker: false, fee: Amount(3), ..maker };
    assert_eq!(both, [maker, taker]);
}

/// With the mode of the taker, and for who was in it only.
pub async fn prevented_matches_are_found_by_id_and_order(store: &mut impl StoreUnderTest) {
    let taker = |order_id, stp| OrderRow { stp, ..order(ALICE, BTCUSDT, order_id) };
    let changes = TableChanges {
        new_orders: vec![order(ALICE, BTCUSDT, 1), taker(2, StpMode::Decrement), taker(3, StpMode::ExpireTaker)],
        prevented: vec![prevented(1, 1, 2), prevented(2, 1, 3), prevented(3, 2, 3)],
        ..TableChanges::default()
    };
    project(store, changes).await;
    let queries = store.queries();
    let found = queries.prevented_match(ALICE, BTCUSDT, PreventedMatchId(1)).await.unwrap().value.unwrap();
    assert_eq!((found.prevented, found.time), (prevented(1, 1, 2).prevented, TimeUs(10)));
    assert_eq!(found.stp, StpMode::Decrement);
    for (account, id) in [(BOB, 1), (ALICE, 4)] {
        let found = queries.prevented_match(account, BTCUSDT, PreventedMatchId(id)).await.unwrap().value;
        assert_eq!(found, None, "{account} {id}");
    }
    for (account, order_id, from, limit, expected) in [
        (ALICE, 1, 0, 99, vec![1, 2]),
        (ALICE, 2, 0, 99, vec![1, 3]),
        (ALICE, 3, 0, 99, vec![2, 3]),
        (ALICE, 3, 0, 1, vec![2]),
        (ALICE, 3, 3, 99, vec![3]),
        (ALICE, 4, 0, 99, vec![]),
        (BOB, 1, 0, 99, vec![]),
    ] {
        let from = PreventedMatchId(from);
        let rows = queries.prevented_matches(account, BTCUSDT, OrderId(order_id), from, limit).await.unwrap().value;
        let ids: Vec<u64> = rows.iter().map(|row| row.prevented.prevented_match_id.0).collect();
        assert_eq!(ids, expected, "{account} order {order_id}");
    }
}

/// In and out in one list.
pub async fn transfers_are_listed_by_range(store: &mut impl StoreUnderTest) {
    let transfer = |(seq, time): (u64, u64)| {
        let (from, to) = if seq % 2 == 0 { (AccountId::EXTERNAL, ALICE) } else { (ALICE, AccountId::EXTERNAL) };
        let reason = if seq % 2 == 0 { TransferReason::Deposit } else { TransferReason::Withdrawal };
        let reference = format!("ticket {seq}").parse().unwrap();
        let amount = Amount(i128::from(seq) << 80);
        TransferRow {
            seq: Seq(seq),
            time: TimeUs(time),
            transfer: Transfer { reason, from, to, asset: AssetId(1), amount, reference },
        }
    };
    let transfers: Vec<TransferRow> = (1..=5).zip(TIMES).map(transfer).collect();
    project(store, TableChanges { transfers: transfers.clone(), ..TableChanges::default() }).await;
    for (range, limit, expected) in range_cases(Seq) {
        for account in [ALICE, AccountId::EXTERNAL] {
            let rows = store.queries().transfers(account, range, limit).await.unwrap().value;
            let expected: Vec<TransferRow> = expected.iter().map(|seq| transfers[*seq as usize - 1].clone()).collect();
            assert_eq!(rows, expected, "{range:?} limit {limit}");
        }
    }
    assert_eq!(store.queries().transfers(BOB, ListRange::LATEST, 9).await.unwrap().value, []);
}

/// By the second in which they begin.
pub async fn klines_are_listed_by_range(store: &mut impl StoreUnderTest) {
    let klines = [10, 20, 30, 40].map(|second| kline(KlineInterval::Second, second)).to_vec();
    project(store, TableChanges { klines, ..TableChanges::default() }).await;
    let second = 1_000_000;
    for (start, end, limit, expected) in [
        (None, None, 2, vec![30, 40]),
        (Some(0), None, 2, vec![10, 20]),
        (Some(20 * second), None, 9, vec![20, 30, 40]),
        (Some(20 * second + 1), None, 9, vec![30, 40]),
        (None, Some(30 * second), 2, vec![20, 30]),
        (None, Some(30 * second - 1), 2, vec![10, 20]),
        (Some(10 * second), Some(u64::MAX), 3, vec![10, 20, 30]),
        (Some(20 * second), Some(20 * second), 9, vec![20]),
        (Some(40 * second + 1), None, 9, vec![]),
        (Some(u64::MAX), None, 9, vec![]),
    ] {
        let (start, end) = (start.map(TimeUs), end.map(TimeUs));
        let read = store.queries().klines(BTCUSDT, KlineInterval::Second, start, end, limit).await.unwrap();
        let seconds: Vec<u64> = read.value.iter().map(|kline| kline.bucket.second).collect();
        assert_eq!(seconds, expected, "{start:?} {end:?} limit {limit}");
    }
}
