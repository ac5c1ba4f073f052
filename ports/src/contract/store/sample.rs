//! Rows to write: small, and each field with a value of its own.

use emporion_model::event::{Balance, Bucket, Fill, SelfTradePrevented, Trade};
use emporion_model::journal::Chain;
use emporion_model::symbol::{FeeRates, LotFilter, NotionalFilter, PriceFilter};
use emporion_model::{
    AccountId, AggTradeId, Amount, Asset, AssetId, ExecutionId, History, OrderId, OrderKind, OrderStatus, OrderType,
    PreventedMatchId, Price, Quantity, Rate, Seq, Side, StpMode, Symbol, SymbolId, SymbolRules, SymbolSpec,
    SymbolStatus, TimeInForce, TimeUs, TradeId,
};

use super::StoreUnderTest;
use crate::tables::{
    BalanceRow, Kline, KlineInterval, OrderRow, PreventedChange, ProjectedHead, TableChanges, TradeChange,
};

pub(super) const ALICE: AccountId = AccountId(1_000);
pub(super) const BOB: AccountId = AccountId(1_001);
pub(super) const BTCUSDT: SymbolId = SymbolId(0);
pub(super) const ETHUSDT: SymbolId = SymbolId(1);

/// Where tables stand after `seq`.
pub(super) fn head(seq: u64) -> ProjectedHead {
    ProjectedHead { history: History(0), seq: Seq(seq), chain: Chain([seq as u8; 32]), time: TimeUs(seq * 10) }
}

/// Writes changes after what is there, at the next seq.
pub(super) async fn project(store: &impl StoreUnderTest, changes: TableChanges) {
    let expected = store.tables().projected().await.unwrap();
    let changes = TableChanges { head: head(expected.seq.0 + 1), ..changes };
    store.tables().project(&expected, changes).await.unwrap();
}

/// A limit order that buys 100 at 50, placed at ten times its id.
pub(super) fn order(account: AccountId, symbol: SymbolId, order_id: u64) -> OrderRow {
    OrderRow {
        symbol,
        order_id: OrderId(order_id),
        account,
        client_order_id: format!("c-{order_id}").parse().unwrap(),
        side: Side::Buy,
        kind: OrderKind::Limit(Price(50), Quantity(100), TimeInForce::Gtc),
        stp: StpMode::ExpireMaker,
        trade_group: None,
        strategy: None,
        status: OrderStatus::New,
        executed: Quantity(0),
        executed_quote: Amount(0),
        prevented: Quantity(0),
        prevented_match_id: None,
        close_reason: None,
        cancel_id: None,
        placed_at: TimeUs(order_id * 10),
        updated_at: TimeUs(order_id * 10),
    }
}

fn fill((account, order_id): (AccountId, u64)) -> Fill {
    Fill {
        account,
        order_id: OrderId(order_id),
        execution_id: ExecutionId(order_id + 500),
        fee_asset: AssetId(account.0 as u16 % 2),
        fee: Amount(i128::from(order_id)),
        executed: Quantity(1),
        executed_quote: Amount(2),
        filled: false,
    }
}

/// A trade on BTCUSDT at ten times its id.
pub(super) fn trade(trade_id: u64, agg_trade_id: u64, maker: (AccountId, u64), taker: (AccountId, u64)) -> TradeChange {
    let trade = Trade {
        symbol: BTCUSDT,
        trade_id: TradeId(trade_id),
        agg_trade_id: AggTradeId(agg_trade_id),
        price: Price(100 + agg_trade_id),
        quantity: Quantity(trade_id),
        notional: Amount(1 << 100),
        taker_side: Side::Sell,
        maker: fill(maker),
        taker: fill(taker),
    };
    TradeChange { trade, time: TimeUs(trade_id * 10) }
}

pub(super) fn prevented(prevented_match_id: u64, maker: u64, taker: u64) -> PreventedChange {
    let prevented = SelfTradePrevented {
        symbol: BTCUSDT,
        prevented_match_id: PreventedMatchId(prevented_match_id),
        price: Price(7),
        taker_side: Side::Buy,
        taker_account: ALICE,
        taker_order_id: OrderId(taker),
        taker_quantity: Quantity(3),
        taker_execution_id: ExecutionId(11),
        maker_account: ALICE,
        maker_order_id: OrderId(maker),
        maker_quantity: Quantity(4),
        maker_execution_id: ExecutionId(12),
    };
    PreventedChange { prevented, time: TimeUs(prevented_match_id * 10) }
}

pub(super) fn balance(account: AccountId, asset: u16, free: i128, locked: i128) -> BalanceRow {
    let balance = Balance { account, asset: AssetId(asset), free: Amount(free), locked: Amount(locked) };
    BalanceRow { balance, updated_at: TimeUs(9) }
}

/// A kline of one trade, whose id and price are its second.
pub(super) fn kline(interval: KlineInterval, second: u64) -> Kline {
    let bucket = Bucket {
        symbol: BTCUSDT,
        second: interval.start_of(second),
        open: Price(second),
        high: Price(second),
        low: Price(second),
        close: Price(second),
        last_quantity: Quantity(second),
        last_time: TimeUs::from_second(second),
        base: Amount(1),
        quote: Amount(1 << 90),
        taker_buy_base: Amount(2),
        taker_buy_quote: Amount(3),
        trades: 1,
        first_trade_id: TradeId(second),
        last_trade_id: TradeId(second),
    };
    Kline { interval, bucket }
}

pub(super) fn asset(code: &str) -> Asset {
    Asset { code: code.parse().unwrap(), ledger_scale: 12, display_scale: 8, supply_cap: Amount(1 << 90) }
}

pub(super) fn symbol(id: SymbolId, name: &str) -> Symbol {
    let lot = LotFilter { min: Quantity(1), max: Quantity(u64::MAX), step: Quantity(1) };
    let rules = SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(1 << 40), tick: Price(1) },
        lot,
        market_lot: lot,
        notional: NotionalFilter {
            min: Amount(1),
            min_to_market: true,
            max: None,
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: None,
        orders_max: 200,
        position_max: None,
        order_types: vec![OrderType::Limit],
        quote_quantity_market: true,
        stp_default: StpMode::ExpireMaker,
        stp_allowed: vec![StpMode::ExpireMaker],
        fees: vec![FeeRates { maker: Rate(1), taker: Rate(2) }],
    };
    let spec = SymbolSpec {
        name: name.parse().unwrap(),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        quantity_scale: 6,
        rules,
        status: SymbolStatus::Trading,
    };
    Symbol { id, spec }
}
