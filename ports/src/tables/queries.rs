//! The questions that tables answer. Each answer comes out of one read transaction, so it is a state that
//! truly was: the one at the seq that comes with it.

use std::time::Duration;

use async_trait::async_trait;
use emporion_model::event::OrderCounts;
use emporion_model::{
    AccountId, AggTradeId, Asset, AssetId, ClientOrderId, OrderId, PreventedMatchId, Seq, Symbol, SymbolId, TimeUs,
    TradeId,
};

use super::ProjectedHead;
use super::range::ListRange;
use super::rows::{
    AccountRow, AggTradeRow, BalanceRow, BookSnapshot, FillRow, Kline, KlineInterval, OrderRow, PreventedMatchRow,
    TradeRow, TransferRow, Venue,
};
use crate::store::StoreError;

/// An answer and the state it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The tables' last seq when they were read.
    pub seq: Seq,
    /// The engine time of that seq.
    pub time: TimeUs,
    /// The answer.
    pub value: T,
}

/// What every question returns.
pub type Answer<T> = Result<At<T>, StoreError>;

/// How waiting for the tables ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// They are at the wanted seq or beyond.
    Reached,
    /// They are not there yet.
    TimedOut,
}

/// Where the tables are, and waiting until they are somewhere.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Where the copy of the tables that these queries read stands.
    async fn projected(&self) -> Result<ProjectedHead, StoreError>;

    /// Waits until that copy holds `seq`, for at most `patience`.
    async fn wait_projected(&self, seq: Seq, patience: Duration) -> Result<Waited, StoreError>;

    /// A fingerprint of every table, to compare with tables built again from the journal.
    async fn digests(&self) -> Answer<Vec<TableDigest>>;
}

/// The fingerprint of a table. Equal for equal contents in the same kind of store, however they came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    /// The table's name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// The SHA-256 of its rows in the order of their keys.
    pub digest: [u8; 32],
}

/// The venue, its assets, its symbols and their books.
#[async_trait]
pub trait VenueQueries: Send + Sync {
    /// The venue; `None` before it began.
    async fn venue(&self) -> Answer<Option<Venue>>;

    /// All assets, by id.
    async fn assets(&self) -> Answer<Vec<(AssetId, Asset)>>;

    /// All symbols with their status of now, by id.
    async fn symbols(&self) -> Answer<Vec<Symbol>>;

    /// The book of every symbol, by id, all at one seq.
    async fn book_snapshots(&self) -> Answer<Vec<BookSnapshot>>;
}

/// Accounts and what belongs to them.
#[async_trait]
pub trait AccountQueries: Send + Sync {
    /// The account with this id.
    async fn account(&self, account: AccountId) -> Answer<Option<AccountRow>>;

    /// Its balances of every asset that it ever had, by asset.
    async fn balances(&self, account: AccountId) -> Answer<Vec<BalanceRow>>;

    /// Its order counts; `None` before its first order. A window that is over counts zero.
    async fn order_counts(&self, account: AccountId) -> Answer<Option<OrderCounts>>;

    /// Transfers from or to it, by seq.
    async fn transfers(&self, account: AccountId, range: ListRange<Seq>, limit: u32) -> Answer<Vec<TransferRow>>;
}

/// Orders, open and closed.
#[async_trait]
pub trait OrderQueries: Send + Sync {
    /// The account's order with this id.
    async fn order(&self, account: AccountId, symbol: SymbolId, order_id: OrderId) -> Answer<Option<OrderRow>>;

    /// The newest of the account's orders with this client order id.
    async fn newest_order(
        &self,
        account: AccountId,
        symbol: SymbolId,
        client_order_id: ClientOrderId,
    ) -> Answer<Option<OrderRow>>;

    /// The account's open orders, of one symbol or of all, by symbol and id.
    async fn open_orders(&self, account: AccountId, symbol: Option<SymbolId>) -> Answer<Vec<OrderRow>>;

    /// The account's orders on a symbol, open and closed. An order's time is when it was placed.
    async fn orders(
        &self,
        account: AccountId,
        symbol: SymbolId,
        range: ListRange<OrderId>,
        limit: u32,
    ) -> Answer<Vec<OrderRow>>;

    /// The prevented self-trade with this id, if the account was in it.
    async fn prevented_match(
        &self,
        account: AccountId,
        symbol: SymbolId,
        prevented_match_id: PreventedMatchId,
    ) -> Answer<Option<PreventedMatchRow>>;

    /// The prevented self-trades of an order of the account, from an id on, oldest first.
    async fn prevented_matches(
        &self,
        account: AccountId,
        symbol: SymbolId,
        order_id: OrderId,
        from: PreventedMatchId,
        limit: u32,
    ) -> Answer<Vec<PreventedMatchRow>>;
}

/// Trades, public and private.
#[async_trait]
pub trait TradeQueries: Send + Sync {
    /// The trades of a symbol.
    async fn trades(&self, symbol: SymbolId, range: ListRange<TradeId>, limit: u32) -> Answer<Vec<TradeRow>>;

    /// The aggregated trades of a symbol. Each is whole: all of its trades have the same time.
    async fn agg_trades(&self, symbol: SymbolId, range: ListRange<AggTradeId>, limit: u32) -> Answer<Vec<AggTradeRow>>;

    /// The account's fills on a symbol, of one order or of all. Of a trade with itself the maker's half comes
    /// first; `limit` counts fills.
    async fn fills(
        &self,
        account: AccountId,
        symbol: SymbolId,
        order_id: Option<OrderId>,
        range: ListRange<TradeId>,
        limit: u32,
    ) -> Answer<Vec<FillRow>>;
}

/// Klines of the stored intervals.
#[async_trait]
pub trait KlineQueries: Send + Sync {
    /// The klines of a symbol whose intervals begin within the times, under the rule of
    /// [`ListRange::Times`]. The one that still goes on is there as far as its seconds are closed.
    async fn klines(
        &self,
        symbol: SymbolId,
        interval: KlineInterval,
        start: Option<TimeUs>,
        end: Option<TimeUs>,
        limit: u32,
    ) -> Answer<Vec<Kline>>;
}

/// All questions.
pub trait Queries: Projection + VenueQueries + AccountQueries + OrderQueries + TradeQueries + KlineQueries {}

impl<T: Projection + VenueQueries + AccountQueries + OrderQueries + TradeQueries + KlineQueries> Queries for T {}
