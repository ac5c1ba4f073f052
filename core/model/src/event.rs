//! Events: what a command changed. They stand beside it in the journal; tables, market data and private
//! streams are folds of them and need nothing else.

use crate::codec::{durable_struct, durable_tagged};
use crate::{
    AccountId, AccountKind, AggTradeId, Amount, Asset, AssetId, ClientOrderId, CloseReason, ExecutionId, Mode, Options,
    OrderCountLimits, OrderId, OrderKind, PreventedMatchId, Price, Quantity, Reject, Side, StpMode, Strategy, Symbol,
    SymbolId, SymbolStatus, TimeUs, TradeGroupId, TradeId, Transfer,
};

/// One fact. Its seq is its command's, its time the batch's.
///
/// The order within a command: closed buckets, then what happened in the order in which it happened, then
/// order counts and balances of all that were touched, each once, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The command was refused and changed nothing.
    Rejected(Reject),
    /// The venue began.
    Began(Mode, u16),
    /// An order was accepted. What it matched follows, then [`Event::OrderRested`] or its end.
    OrderPlaced(OrderPlaced),
    /// What is left of an order went into the book.
    OrderRested(OrderRested),
    /// Taker met maker.
    Traded(Trade),
    /// Taker and maker of one owner did not trade.
    SelfTradePrevented(SelfTradePrevented),
    /// An order ended other than by its last fill.
    OrderClosed(OrderClosed),
    /// An account's order counts changed.
    OrderCountsChanged(OrderCounts),
    /// An account's balance of an asset is now this.
    BalanceChanged(Balance),
    /// A one-second bucket with trades is complete.
    BucketClosed(Bucket),
    /// An account was opened.
    AccountCreated(AccountId, AccountKind),
    /// An account was stopped (`true`) or let go.
    AccountFrozen(AccountId, bool),
    /// An account's fee tier is now this.
    FeeTierSet(AccountId, u8),
    /// An account's own order-count limits are now these.
    OrderCountLimitsSet(AccountId, Option<OrderCountLimits>),
    /// An account's trade group is now this.
    TradeGroupSet(AccountId, Option<TradeGroupId>),
    /// An amount moved between accounts other than by a trade.
    Transferred(Transfer),
    /// An asset was added.
    AssetAdded(AssetId, Asset),
    /// A symbol was added.
    SymbolAdded(Box<Symbol>),
    /// A symbol's status is now this.
    SymbolStatusSet(SymbolId, SymbolStatus),
    /// The options are now these.
    OptionsSet(Options),
    /// The rules are now these.
    RulesVersionSet(u16),
}

durable_tagged!(Event {
    0 => Rejected(reject),
    1 => Began(mode, rules_version),
    2 => OrderPlaced(placed),
    3 => OrderRested(rested),
    4 => Traded(trade),
    5 => SelfTradePrevented(prevented),
    6 => OrderClosed(closed),
    7 => OrderCountsChanged(counts),
    8 => BalanceChanged(balance),
    9 => BucketClosed(bucket),
    10 => AccountCreated(account, kind),
    11 => AccountFrozen(account, frozen),
    12 => FeeTierSet(account, tier),
    13 => OrderCountLimitsSet(account, limits),
    14 => TradeGroupSet(account, group),
    15 => Transferred(transfer),
    16 => AssetAdded(id, asset),
    17 => SymbolAdded(symbol),
    18 => SymbolStatusSet(symbol, status),
    19 => OptionsSet(options),
    20 => RulesVersionSet(version),
});

/// See [`Event::OrderPlaced`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPlaced {
    /// Where.
    pub symbol: SymbolId,
    /// Its id there.
    pub order_id: OrderId,
    /// Whose.
    pub account: AccountId,
    /// The client's id.
    pub client_order_id: ClientOrderId,
    /// Which way.
    pub side: Side,
    /// What it asks for.
    pub kind: OrderKind,
    /// Self-trade prevention in force.
    pub stp: StpMode,
    /// The owner's trade group at that time.
    pub trade_group: Option<TradeGroupId>,
    /// The client's label, if any.
    pub strategy: Option<Strategy>,
    /// The id of this change.
    pub execution_id: ExecutionId,
}

durable_struct!(OrderPlaced {
    symbol,
    order_id,
    account,
    client_order_id,
    side,
    kind,
    stp,
    trade_group,
    strategy,
    execution_id
});

/// See [`Event::OrderRested`]. The level at `price` grows by `quantity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRested {
    /// Where.
    pub symbol: SymbolId,
    /// Which order.
    pub order_id: OrderId,
    /// Which half of the book.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
}

durable_struct!(OrderRested { symbol, order_id, side, price, quantity });

/// See [`Event::Traded`]. The maker's level at `price` shrinks by `quantity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Where.
    pub symbol: SymbolId,
    /// The trade's id.
    pub trade_id: TradeId,
    /// The run of trades it belongs to.
    pub agg_trade_id: AggTradeId,
    /// The maker's price.
    pub price: Price,
    /// How much base.
    pub quantity: Quantity,
    /// Price × quantity in ledger units of the quote asset.
    pub notional: Amount,
    /// The taker's side; the maker's is the opposite.
    pub taker_side: Side,
    /// The maker's half.
    pub maker: Fill,
    /// The taker's half.
    pub taker: Fill,
}

durable_struct!(Trade { symbol, trade_id, agg_trade_id, price, quantity, notional, taker_side, maker, taker });

impl Trade {
    /// The buyer's half.
    pub fn buyer(&self) -> &Fill {
        if self.taker_side == Side::Buy { &self.taker } else { &self.maker }
    }

    /// The seller's half.
    pub fn seller(&self) -> &Fill {
        if self.taker_side == Side::Buy { &self.maker } else { &self.taker }
    }

    /// Whether the buyer's order was resting.
    pub fn buyer_is_maker(&self) -> bool {
        self.taker_side == Side::Sell
    }
}

/// One party's half of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Whose.
    pub account: AccountId,
    /// Which order.
    pub order_id: OrderId,
    /// The id of this change.
    pub execution_id: ExecutionId,
    /// The asset the fee is paid in.
    pub fee_asset: AssetId,
    /// The fee, taken out of what is received.
    pub fee: Amount,
    /// The order's executed base, this fill included.
    pub executed: Quantity,
    /// The order's executed quote, this fill included.
    pub executed_quote: Amount,
    /// Whether this was the order's last fill.
    pub filled: bool,
}

durable_struct!(Fill { account, order_id, execution_id, fee_asset, fee, executed, executed_quote, filled });

/// See [`Event::SelfTradePrevented`]. The maker's level at `price` shrinks by `maker_quantity`. What reached
/// zero or expires is closed by the events that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTradePrevented {
    /// Where.
    pub symbol: SymbolId,
    /// Its id.
    pub prevented_match_id: PreventedMatchId,
    /// The price it would have had.
    pub price: Price,
    /// The taker's side; the maker's is the opposite.
    pub taker_side: Side,
    /// The taker's account.
    pub taker_account: AccountId,
    /// The taker's order.
    pub taker_order_id: OrderId,
    /// What the taker lost by it.
    pub taker_quantity: Quantity,
    /// The id of the taker's change.
    pub taker_execution_id: ExecutionId,
    /// The maker's account.
    pub maker_account: AccountId,
    /// The maker's order.
    pub maker_order_id: OrderId,
    /// What the maker lost by it.
    pub maker_quantity: Quantity,
    /// The id of the maker's change.
    pub maker_execution_id: ExecutionId,
}

durable_struct!(SelfTradePrevented {
    symbol,
    prevented_match_id,
    price,
    taker_side,
    taker_account,
    taker_order_id,
    taker_quantity,
    taker_execution_id,
    maker_account,
    maker_order_id,
    maker_quantity,
    maker_execution_id
});

/// See [`Event::OrderClosed`]. The level at `price` shrinks by `removed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderClosed {
    /// Where.
    pub symbol: SymbolId,
    /// Which order.
    pub order_id: OrderId,
    /// Whose.
    pub account: AccountId,
    /// Which half of the book.
    pub side: Side,
    /// Why.
    pub reason: CloseReason,
    /// The cancel's own id, when it was canceled.
    pub cancel_id: Option<ClientOrderId>,
    /// The level it left; `None` when it never rested.
    pub price: Option<Price>,
    /// What left that level.
    pub removed: Quantity,
    /// The id of this change.
    pub execution_id: ExecutionId,
}

durable_struct!(OrderClosed { symbol, order_id, account, side, reason, cancel_id, price, removed, execution_id });

/// See [`Event::OrderCountsChanged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderCounts {
    /// Whose.
    pub account: AccountId,
    /// The window of ten seconds.
    pub ten_seconds: WindowCount,
    /// The window of a day.
    pub day: WindowCount,
}

durable_struct!(OrderCounts { account, ten_seconds, day });

/// A count that belongs to one window of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowCount {
    /// When the window began. Once it is over, the count is zero.
    pub start: TimeUs,
    /// Orders placed in it, less what fills gave back.
    pub count: u32,
}

durable_struct!(WindowCount { start, count });

/// See [`Event::BalanceChanged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub asset: AssetId,
    /// What can be used.
    pub free: Amount,
    /// What open orders hold.
    pub locked: Amount,
}

durable_struct!(Balance { account, asset, free, locked });

/// See [`Event::BucketClosed`]: the trades of one second on one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Where.
    pub symbol: SymbolId,
    /// Whole seconds since the epoch.
    pub second: u64,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// The last trade's quantity.
    pub last_quantity: Quantity,
    /// The last trade's time.
    pub last_time: TimeUs,
    /// Base traded, in ledger units of the base asset.
    pub base: Amount,
    /// Quote traded, in ledger units of the quote asset.
    pub quote: Amount,
    /// Base that takers bought.
    pub taker_buy_base: Amount,
    /// Quote that takers bought for.
    pub taker_buy_quote: Amount,
    /// How many trades.
    pub trades: u64,
    /// The first trade.
    pub first_trade_id: TradeId,
    /// The last trade.
    pub last_trade_id: TradeId,
}

durable_struct!(Bucket {
    symbol,
    second,
    open,
    high,
    low,
    close,
    last_quantity,
    last_time,
    base,
    quote,
    taker_buy_base,
    taker_buy_quote,
    trades,
    first_trade_id,
    last_trade_id
});

impl Bucket {
    /// Lengthens the bucket by the trades of `later`, all of which came after its own. A sum that leaves its type
    /// stays at the end of it.
    pub fn append(&mut self, later: &Self) {
        let add = |to: &mut Amount, more: Amount| to.0 = to.0.saturating_add(more.0);
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.last_quantity = later.last_quantity;
        self.last_time = later.last_time;
        add(&mut self.base, later.base);
        add(&mut self.quote, later.quote);
        add(&mut self.taker_buy_base, later.taker_buy_base);
        add(&mut self.taker_buy_quote, later.taker_buy_quote);
        self.trades = self.trades.saturating_add(later.trades);
        self.last_trade_id = later.last_trade_id;
    }
}
