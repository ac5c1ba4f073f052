//! What a run of batches changes in the tables: each row once, however often it changed.

use emporion_model::event::{OrderCounts, SelfTradePrevented, Trade};
use emporion_model::{
    AccountId, AccountKind, Amount, Asset, AssetId, ClientOrderId, CloseReason, Mode, Options, OrderCountLimits,
    OrderId, OrderStatus, PreventedMatchId, Quantity, Seq, Symbol, SymbolId, SymbolStatus, TimeUs, TradeGroupId,
};

use super::ProjectedHead;
use super::rows::{BalanceRow, Kline, OrderRow, TransferRow};

/// Changes to all tables. Lists hold each key at most once, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableChanges {
    /// Where the tables stand afterwards.
    pub head: ProjectedHead,
    /// The venue's mode, when it began.
    pub mode: Option<Mode>,
    /// The venue's rules, when they changed.
    pub rules_version: Option<u16>,
    /// The venue's options, when they changed.
    pub options: Option<Options>,
    /// New assets.
    pub assets: Vec<(AssetId, Asset)>,
    /// New symbols, with their status afterwards.
    pub symbols: Vec<Symbol>,
    /// The status of symbols that existed before.
    pub symbol_statuses: Vec<(SymbolId, SymbolStatus)>,
    /// The last seq that changed a symbol's book.
    pub depth_ids: Vec<(SymbolId, Seq)>,
    /// New and changed accounts.
    pub accounts: Vec<AccountChange>,
    /// Balances as they are now.
    pub balances: Vec<BalanceRow>,
    /// Order counts as they are now.
    pub order_counts: Vec<OrderCounts>,
    /// New orders as they are now, by account, symbol and id.
    pub new_orders: Vec<OrderRow>,
    /// Changes of orders that existed before, by account, symbol and id.
    pub order_changes: Vec<OrderChange>,
    /// New trades, by symbol and id.
    pub trades: Vec<TradeChange>,
    /// New prevented self-trades, by symbol and id.
    pub prevented: Vec<PreventedChange>,
    /// New transfers, by seq.
    pub transfers: Vec<TransferRow>,
    /// What to add to klines, by symbol, interval and time. What is stored already is older than this.
    pub klines: Vec<Kline>,
}

/// What changed of an account; `None` is no change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Which account.
    pub account: AccountId,
    /// Its kind and its time of opening, when it is new: then not frozen, in fee tier 0, without limits of its
    /// own and in no trade group, unless the other fields say otherwise.
    pub opened: Option<(AccountKind, TimeUs)>,
    /// Whether it is stopped.
    pub frozen: Option<bool>,
    /// Its fee tier.
    pub fee_tier: Option<u8>,
    /// Its own order-count limits.
    pub order_count_limits: Option<Option<OrderCountLimits>>,
    /// Its trade group.
    pub trade_group: Option<Option<TradeGroupId>>,
}

/// What changed of an order; `None` is no change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderChange {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub symbol: SymbolId,
    /// Which order.
    pub order_id: OrderId,
    /// How it stands.
    pub status: Option<OrderStatus>,
    /// All of its executed base and quote.
    pub executed: Option<(Quantity, Amount)>,
    /// What it lost to self-trade prevention beyond what is stored.
    pub prevented_more: Quantity,
    /// The last prevented match it was in.
    pub prevented_match_id: Option<PreventedMatchId>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// The cancel's own id.
    pub cancel_id: Option<ClientOrderId>,
    /// When it last changed.
    pub updated_at: TimeUs,
}

/// A new trade with both of its fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeChange {
    /// The trade.
    pub trade: Trade,
    /// When.
    pub time: TimeUs,
}

/// A new prevented self-trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreventedChange {
    /// What happened.
    pub prevented: SelfTradePrevented,
    /// When.
    pub time: TimeUs,
}
