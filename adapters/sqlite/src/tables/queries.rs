//! The port's questions, each handed to the function that answers it inside one read transaction.

use std::sync::atomic::Ordering;
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
use rusqlite::Connection;

use super::SqliteTables;
use super::read::{accounts, digest, klines, orders, read_projected, trades, venue};

impl SqliteTables {
    /// Asks one question and says at which seq the answer is true.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let read = move |connection: &Connection| {
            let head = read_projected(connection)?;
            Ok(At { seq: head.seq, time: head.time, value: question(connection)? })
        };
        let answer = self.readers.read(read).await;
        if let Err(StoreError::Damaged(_)) = &answer {
            self.damaged.store(true, Ordering::Release);
        }
        answer
    }
}

#[async_trait]
impl Projection for SqliteTables {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        self.readers.read(read_projected).await
    }

    async fn wait_projected(&self, seq: Seq, patience: Duration) -> Result<Waited, StoreError> {
        if self.writer.is_none() {
            let head = self.readers.read(read_projected).await?;
            return Ok(if head.seq >= seq { Waited::Reached } else { Waited::TimedOut });
        }
        let mut projected = self.projected.subscribe();
        match tokio::time::timeout(patience, projected.wait_for(|reached| *reached >= seq)).await {
            Ok(Ok(_)) => Ok(Waited::Reached),
            // The sender lives as long as `self`.
            Ok(Err(_)) | Err(_) => Ok(Waited::TimedOut),
        }
    }

    async fn digests(&self) -> Answer<Vec<TableDigest>> {
        self.ask(digest::digests).await
    }
}

#[async_trait]
impl VenueQueries for SqliteTables {
    async fn venue(&self) -> Answer<Option<Venue>> {
        self.ask(venue::venue).await
    }

    async fn assets(&self) -> Answer<Vec<(AssetId, Asset)>> {
        self.ask(venue::assets).await
    }

    async fn symbols(&self) -> Answer<Vec<Symbol>> {
        self.ask(venue::symbols).await
    }

    async fn book_snapshots(&self) -> Answer<Vec<BookSnapshot>> {
        self.ask(venue::book_snapshots).await
    }
}

#[async_trait]
impl AccountQueries for SqliteTables {
    async fn account(&self, account: AccountId) -> Answer<Option<AccountRow>> {
        self.ask(move |connection| accounts::read_account(connection, account)).await
    }

    async fn balances(&self, account: AccountId) -> Answer<Vec<BalanceRow>> {
        self.ask(move |connection| accounts::balances(connection, account)).await
    }

    async fn order_counts(&self, account: AccountId) -> Answer<Option<OrderCounts>> {
        self.ask(move |connection| accounts::order_counts(connection, account)).await
    }

    async fn transfers(&self, account: AccountId, range: ListRange<Seq>, limit: u32) -> Answer<Vec<TransferRow>> {
        self.ask(move |connection| accounts::transfers(connection, account, range, limit)).await
    }
}

#[async_trait]
impl OrderQueries for SqliteTables {
    async fn order(&self, account: AccountId, symbol: SymbolId, order_id: OrderId) -> Answer<Option<OrderRow>> {
        self.ask(move |connection| orders::order(connection, account, symbol, order_id)).await
    }

    async fn newest_order(
        &self,
        account: AccountId,
        symbol: SymbolId,
        client_order_id: ClientOrderId,
    ) -> Answer<Option<OrderRow>> {
        self.ask(move |connection| orders::newest_order(connection, account, symbol, &client_order_id)).await
    }

    async fn open_orders(&self, account: AccountId, symbol: Option<SymbolId>) -> Answer<Vec<OrderRow>> {
        self.ask(move |connection| orders::open_orders(connection, account, symbol)).await
    }

    async fn orders(
        &self,
        account: AccountId,
        symbol: SymbolId,
        range: ListRange<OrderId>,
        limit: u32,
    ) -> Answer<Vec<OrderRow>> {
        self.ask(move |connection| orders::orders(connection, account, symbol, range, limit)).await
    }

    async fn prevented_match(
        &self,
        account: AccountId,
        symbol: SymbolId,
        prevented_match_id: PreventedMatchId,
    ) -> Answer<Option<PreventedMatchRow>> {
        self.ask(move |connection| orders::prevented_match(connection, account, symbol, prevented_match_id)).await
    }

    async fn prevented_matches(
        &self,
        account: AccountId,
        symbol: SymbolId,
        order_id: OrderId,
        from: PreventedMatchId,
        limit: u32,
    ) -> Answer<Vec<PreventedMatchRow>> {
        self.ask(move |connection| orders::prevented_matches(connection, account, symbol, order_id, from, limit)).await
    }
}

#[async_trait]
impl TradeQueries for SqliteTables {
    async fn trades(&self, symbol: SymbolId, range: ListRange<TradeId>, limit: u32) -> Answer<Vec<TradeRow>> {
        self.ask(move |connection| trades::trades(connection, symbol, range, limit)).await
    }

    async fn agg_trades(&self, symbol: SymbolId, range: ListRange<AggTradeId>, limit: u32) -> Answer<Vec<AggTradeRow>> {
        self.ask(move |connection| trades::agg_trades(connection, symbol, range, limit)).await
    }

    async fn fills(
        &self,
        account: AccountId,
        symbol: SymbolId,
        order_id: Option<OrderId>,
        range: ListRange<TradeId>,
        limit: u32,
    ) -> Answer<Vec<FillRow>> {
        self.ask(move |connection| trades::fills(connection, account, symbol, order_id, range, limit)).await
    }
}

#[async_trait]
impl KlineQueries for SqliteTables {
    async fn klines(
        &self,
        symbol: SymbolId,
        interval: KlineInterval,
        start: Option<TimeUs>,
        end: Option<TimeUs>,
        limit: u32,
    ) -> Answer<Vec<Kline>> {
        self.ask(move |connection| klines::klines(connection, symbol, interval, start, end, limit)).await
    }
}
