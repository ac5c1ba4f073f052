//! The port's questions, each handed to the statement that answers it.

use std::time::Duration;

use async_trait::async_trait;
use emporion_model::event::OrderCounts;
use emporion_model::{
    AccountId, AggTradeId, Asset, AssetId, ClientOrderId, OrderId, PreventedMatchId, Seq, Symbol, SymbolId, TimeUs,
    TradeId,
};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{
    AccountQueries, AccountRow, AggTradeRow, Answer, At, BalanceRow, BookSnapshot, FillRow, Kline, KlineInterval,
    KlineQueries, ListRange, OrderQueries, OrderRow, PreventedMatchRow, ProjectedHead, Projection, TableDigest,
    TradeQueries, TradeRow, TransferRow, Venue, VenueQueries, Waited,
};

use super::read::{accounts, digest, klines, orders, trades, venue};
use super::{PgTables, Source, project};

/// The answer with another value.
fn map<T, U>(answer: Answer<T>, of: impl FnOnce(T) -> U) -> Answer<U> {
    answer.map(|at| At { seq: at.seq, time: at.time, value: of(at.value) })
}

fn one<T>(answer: Answer<Vec<T>>) -> Answer<Option<T>> {
    map(answer, |rows| rows.into_iter().next())
}

fn sorted<T, K: Ord>(answer: Answer<Vec<T>>, key: impl Fn(&T) -> K) -> Answer<Vec<T>> {
    map(answer, |mut rows| {
        rows.sort_by_key(key);
        rows
    })
}

#[async_trait]
impl Projection for PgTables {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        self.head().await
    }

    async fn wait_projected(&self, seq: Seq, patience: Duration) -> Result<Waited, StoreError> {
        self.wait_primary(seq, patience).await
    }

    async fn digests(&self) -> Answer<Vec<TableDigest>> {
        // A transaction that is given up never goes back to the pool: its connection ends with the handle.
        let own = match self.source {
            Source::One(_) => None,
            Source::Pools(_) => Some(self.at_one_state_of(self.source.write().await?).await?),
        };
        let connection = own.as_ref().unwrap_or(self).source.write().await?;
        let head = project::read_head(&connection, project::SELECT_HEAD).await?;
        let value = digest::digests(&connection).await;
        self.noted(value.map(|value| At { seq: head.seq, time: head.time, value }))
    }
}

#[async_trait]
impl VenueQueries for PgTables {
    async fn venue(&self) -> Answer<Option<Venue>> {
        one(self.ask(venue::venue(), venue::read_venue).await)
    }

    async fn assets(&self) -> Answer<Vec<(AssetId, Asset)>> {
        sorted(self.ask(venue::assets(), venue::read_asset).await, |(id, _)| *id)
    }

    async fn symbols(&self) -> Answer<Vec<Symbol>> {
        sorted(self.ask(venue::symbols(), venue::read_symbol).await, |symbol| symbol.id)
    }

    async fn book_snapshots(&self) -> Answer<Vec<BookSnapshot>> {
        map(self.ask(venue::books(), venue::read_book_line).await, venue::books_of)
    }
}

#[async_trait]
impl AccountQueries for PgTables {
    async fn account(&self, account: AccountId) -> Answer<Option<AccountRow>> {
        one(self.ask(accounts::account(account), accounts::read_account).await)
    }

    async fn balances(&self, account: AccountId) -> Answer<Vec<BalanceRow>> {
        sorted(self.ask(accounts::balances(account), accounts::read_balance).await, |row| row.balance.asset)
    }

    async fn order_counts(&self, account: AccountId) -> Answer<Option<OrderCounts>> {
        one(self.ask(accounts::order_counts(account), accounts::read_order_counts).await)
    }

    async fn transfers(&self, account: AccountId, range: ListRange<Seq>, limit: u32) -> Answer<Vec<TransferRow>> {
        let question = accounts::transfers(account, range, limit);
        sorted(self.ask_history(question, accounts::read_transfer).await, |row| row.seq)
    }
}

#[async_trait]
impl OrderQueries for PgTables {
    async fn order(&self, account: AccountId, symbol: SymbolId, order_id: OrderId) -> Answer<Option<OrderRow>> {
        one(self.ask(orders::order(account, symbol, order_id), orders::read_order).await)
    }

    async fn newest_order(
        &self,
        account: AccountId,
        symbol: SymbolId,
        client_order_id: ClientOrderId,
    ) -> Answer<Option<OrderRow>> {
        one(self.ask(orders::newest_order(account, symbol, client_order_id), orders::read_order).await)
    }

    async fn open_orders(&self, account: AccountId, symbol: Option<SymbolId>) -> Answer<Vec<OrderRow>> {
        let answer = self.ask(orders::open_orders(account, symbol), orders::read_order).await;
        sorted(answer, |row| (row.symbol, row.order_id))
    }

    async fn orders(
        &self,
        account: AccountId,
        symbol: SymbolId,
        range: ListRange<OrderId>,
        limit: u32,
    ) -> Answer<Vec<OrderRow>> {
        let question = orders::orders(account, symbol, range, limit);
        sorted(self.ask_history(question, orders::read_order).await, |row| row.order_id)
    }

    async fn prevented_match(
        &self,
        account: AccountId,
        symbol: SymbolId,
        prevented_match_id: PreventedMatchId,
    ) -> Answer<Option<PreventedMatchRow>> {
        let question = orders::prevented_match(account, symbol, prevented_match_id);
        one(self.ask(question, orders::read_prevented_match).await)
    }

    async fn prevented_matches(
        &self,
        account: AccountId,
        symbol: SymbolId,
        order_id: OrderId,
        from: PreventedMatchId,
        limit: u32,
    ) -> Answer<Vec<PreventedMatchRow>> {
        let question = orders::prevented_matches(account, symbol, order_id, from, limit);
        sorted(self.ask(question, orders::read_prevented_match).await, |row| row.prevented.prevented_match_id)
    }
}

#[async_trait]
impl TradeQueries for PgTables {
    async fn trades(&self, symbol: SymbolId, range: ListRange<TradeId>, limit: u32) -> Answer<Vec<TradeRow>> {
        let question = trades::trades(symbol, range, limit);
        sorted(self.ask_history(question, trades::read_trade).await, |row| row.trade_id)
    }

    async fn agg_trades(&self, symbol: SymbolId, range: ListRange<AggTradeId>, limit: u32) -> Answer<Vec<AggTradeRow>> {
        let question = trades::agg_trades(symbol, range, limit);
        map(self.ask_history(question, trades::read_trade).await, trades::runs_of)
    }

    async fn fills(
        &self,
        account: AccountId,
        symbol: SymbolId,
        order_id: Option<OrderId>,
        range: ListRange<TradeId>,
        limit: u32,
    ) -> Answer<Vec<FillRow>> {
        let question = trades::fills(account, symbol, order_id, range, limit);
        let answer = self.ask_history(question, trades::read_fill).await;
        map(answer, |rows| trades::limited(rows, range, limit))
    }
}

#[async_trait]
impl KlineQueries for PgTables {
    async fn klines(
        &self,
        symbol: SymbolId,
        interval: KlineInterval,
        start: Option<TimeUs>,
        end: Option<TimeUs>,
        limit: u32,
    ) -> Answer<Vec<Kline>> {
        let question = klines::klines(symbol, interval, start, end, limit);
        sorted(self.ask_history(question, klines::read_kline).await, |kline| kline.bucket.second)
    }
}
