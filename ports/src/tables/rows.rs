//! Rows as they are read.

use emporion_model::codec::durable_struct;
use emporion_model::event::{Balance, Bucket, OrderPlaced};
use emporion_model::{
    AccountId, AccountKind, AggTradeId, Amount, AssetId, ClientOrderId, CloseReason, Mode, Options, OrderCountLimits,
    OrderId, OrderKind, OrderStatus, PreventedMatchId, Price, Quantity, Seq, Side, StpMode, Strategy, SymbolId, TimeUs,
    TradeGroupId, TradeId, Transfer,
};

use super::changes::AccountChange;

/// The venue itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Venue {
    /// Whether its money is real.
    pub mode: Mode,
    /// Its rules.
    pub rules_version: u16,
    /// Its options.
    pub options: Options,
}

/// An engine account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id.
    pub account: AccountId,
    /// Whose it is.
    pub kind: AccountKind,
    /// Whether it is stopped.
    pub frozen: bool,
    /// Its fee tier.
    pub fee_tier: u8,
    /// Its own order-count limits, if it has any.
    pub order_count_limits: Option<OrderCountLimits>,
    /// Its trade group, if it is in one.
    pub trade_group: Option<TradeGroupId>,
    /// When it was opened.
    pub created_at: TimeUs,
}

impl AccountRow {
    /// A new account.
    pub fn opened(account: AccountId, kind: AccountKind, created_at: TimeUs) -> Self {
        Self { account, kind, frozen: false, fee_tier: 0, order_count_limits: None, trade_group: None, created_at }
    }

    /// Takes over what `change` says other than of the opening.
    pub fn apply(&mut self, change: &AccountChange) {
        self.frozen = change.frozen.unwrap_or(self.frozen);
        self.fee_tier = change.fee_tier.unwrap_or(self.fee_tier);
        self.order_count_limits = change.order_count_limits.unwrap_or(self.order_count_limits);
        self.trade_group = change.trade_group.unwrap_or(self.trade_group);
    }
}

/// An account's balance of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    /// The balance.
    pub balance: Balance,
    /// When it last changed.
    pub updated_at: TimeUs,
}

/// An order, open or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
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
    /// What it asked for.
    pub kind: OrderKind,
    /// Self-trade prevention in force.
    pub stp: StpMode,
    /// The owner's trade group when it was placed.
    pub trade_group: Option<TradeGroupId>,
    /// The client's label, if any.
    pub strategy: Option<Strategy>,
    /// How it stands.
    pub status: OrderStatus,
    /// Executed base.
    pub executed: Quantity,
    /// Executed quote.
    pub executed_quote: Amount,
    /// Base lost to self-trade prevention.
    pub prevented: Quantity,
    /// The last prevented match it was in.
    pub prevented_match_id: Option<PreventedMatchId>,
    /// Why it ended, when it did so other than by its last fill.
    pub close_reason: Option<CloseReason>,
    /// The cancel's own id, when it was canceled.
    pub cancel_id: Option<ClientOrderId>,
    /// When it was placed.
    pub placed_at: TimeUs,
    /// When it last changed.
    pub updated_at: TimeUs,
}

impl OrderRow {
    /// An order as it was placed at `time`, before it met anything.
    pub fn placed(placed: &OrderPlaced, time: TimeUs) -> Self {
        Self {
            symbol: placed.symbol,
            order_id: placed.order_id,
            account: placed.account,
            client_order_id: placed.client_order_id,
            side: placed.side,
            kind: placed.kind,
            stp: placed.stp,
            trade_group: placed.trade_group,
            strategy: placed.strategy,
            status: OrderStatus::New,
            executed: Quantity::ZERO,
            executed_quote: Amount::ZERO,
            prevented: Quantity::ZERO,
            prevented_match_id: None,
            close_reason: None,
            cancel_id: None,
            placed_at: time,
            updated_at: time,
        }
    }

    /// Base that still works in the book; zero for a closed order.
    pub fn remaining(&self) -> Quantity {
        let asked = if self.status.is_open() { self.kind.quantity() } else { None };
        let gone = self.executed.0.saturating_add(self.prevented.0);
        Quantity(asked.map_or(0, |quantity| quantity.0.saturating_sub(gone)))
    }
}

/// A trade as everybody may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRow {
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
    /// The taker's side; the buyer was the maker when it is [`Side::Sell`].
    pub taker_side: Side,
    /// When.
    pub time: TimeUs,
}

/// A run of trades with the same taker order and price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggTradeRow {
    /// Where.
    pub symbol: SymbolId,
    /// Its id.
    pub agg_trade_id: AggTradeId,
    /// The price of all its trades.
    pub price: Price,
    /// The sum of their quantities.
    pub quantity: Quantity,
    /// The first of its trades.
    pub first_trade_id: TradeId,
    /// The last of its trades.
    pub last_trade_id: TradeId,
    /// The taker's side; the buyer was the maker when it is [`Side::Sell`].
    pub taker_side: Side,
    /// When: one time for all its trades.
    pub time: TimeUs,
}

/// An account's half of a trade. A trade of an account with itself has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillRow {
    /// Where.
    pub symbol: SymbolId,
    /// The trade's id.
    pub trade_id: TradeId,
    /// Which order.
    pub order_id: OrderId,
    /// The order's side.
    pub side: Side,
    /// Whether the order was resting.
    pub is_maker: bool,
    /// At which price.
    pub price: Price,
    /// How much base.
    pub quantity: Quantity,
    /// Price × quantity in ledger units of the quote asset.
    pub notional: Amount,
    /// The asset the fee was paid in.
    pub fee_asset: AssetId,
    /// The fee.
    pub fee: Amount,
    /// When.
    pub time: TimeUs,
}

/// A self-trade that was prevented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreventedMatchRow {
    /// What happened.
    pub prevented: emporion_model::event::SelfTradePrevented,
    /// The mode that decided, which was the taker's.
    pub stp: StpMode,
    /// When.
    pub time: TimeUs,
}

/// An amount that moved other than by a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRow {
    /// The seq of its command.
    pub seq: Seq,
    /// When.
    pub time: TimeUs,
    /// What moved, between whom and why.
    pub transfer: Transfer,
}

/// The length of a stored kline. All others are made from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KlineInterval {
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// Fifteen minutes.
    QuarterHour,
    /// One day, from 00:00 UTC.
    Day,
}

impl KlineInterval {
    /// All of them, shortest first; each is a whole number of the one before.
    pub const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::QuarterHour, Self::Day];

    /// Its length in seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::QuarterHour => 900,
            Self::Day => 86_400,
        }
    }

    /// The first second of the interval that contains `second`.
    pub fn start_of(self, second: u64) -> u64 {
        second - second % self.seconds()
    }
}

/// The trades of one interval on one symbol. Intervals without trades have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kline {
    /// How long.
    pub interval: KlineInterval,
    /// What was traded; its `second` is the interval's first.
    pub bucket: Bucket,
}

impl Kline {
    /// Adds trades that came after all that is in it. A volume that leaves 128 bits stays at the end of them.
    pub fn append(&mut self, later: &Bucket) {
        self.bucket.append(later);
    }
}

/// All resting quantity of one side at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// How much base.
    pub quantity: Quantity,
}

durable_struct!(Level { price, quantity });

/// A symbol's book at the projected seq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookSnapshot {
    /// Where.
    pub symbol: SymbolId,
    /// The seq of the last command that changed the book; zero before the first.
    pub depth_id: Seq,
    /// What buys, best (highest) price first.
    pub bids: Vec<Level>,
    /// What sells, best (lowest) price first.
    pub asks: Vec<Level>,
}
