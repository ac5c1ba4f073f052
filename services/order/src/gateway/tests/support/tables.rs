//! Tables in memory, folded from batches. A test can hold batches back, as a slow projector would.

use async_trait::async_trait;
use emporion_model::event::{Balance, Event, Fill, OrderCounts, Trade};
use emporion_model::{
    AccountId, AggTradeId, Asset, AssetId, ClientOrderId, OrderId, OrderStatus, PreventedMatchId, Seq, Symbol,
    SymbolId, TimeUs, TradeId,
};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::store::StoreError;
use emporion_ports::tables::{
    AccountQueries, AccountRow, AggTradeRow, Answer, At, BalanceRow, BookSnapshot, FillRow, Kline, KlineInterval,
    KlineQueries, ListRange, OrderQueries, OrderRow, PreventedMatchRow, ProjectedHead, Projection, TableDigest,
    TradeQueries, TradeRow, TransferRow, Venue, VenueQueries, Waited,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

#[derive(Default)]
pub(crate) struct MemoryTables {
    rows: Mutex<Rows>,
    /// Batches that came while they were held back.
    waiting: Mutex<Option<Vec<Arc<CommittedBatch>>>>,
    broken: Mutex<bool>,
    projected: watch::Sender<Seq>,
}

#[derive(Default)]
struct Rows {
    head: ProjectedHead,
    venue: Option<Venue>,
    assets: Vec<(AssetId, Asset)>,
    symbols: Vec<Symbol>,
    accounts: BTreeMap<AccountId, AccountRow>,
    balances: BTreeMap<(AccountId, AssetId), BalanceRow>,
    counts: BTreeMap<AccountId, OrderCounts>,
    orders: BTreeMap<(SymbolId, OrderId), OrderRow>,
    fills: Vec<(AccountId, FillRow)>,
}

impl MemoryTables {
    /// Folds a batch, or keeps it back.
    pub(crate) fn take(&self, batch: Arc<CommittedBatch>) {
        match &mut *self.waiting.lock() {
            Some(waiting) => waiting.push(batch),
            None => self.fold(&batch),
        }
    }

    /// Holds back all that comes from now on.
    pub(crate) fn hold(&self) {
        *self.waiting.lock() = Some(Vec::new());
    }

    /// Folds all that was held back.
    pub(crate) fn release(&self) {
        for batch in self.waiting.lock().take().unwrap_or_default() {
            self.fold(&batch);
        }
    }

    /// Folds the first `count` batches of those that were held back.
    pub(crate) fn release_some(&self, count: usize) {
        let mut waiting = self.waiting.lock();
        let Some(waiting) = &mut *waiting else { return };
        let count = count.min(waiting.len());
        waiting.drain(..count).for_each(|batch| self.fold(&batch));
    }

    /// Every later question fails.
    pub(crate) fn break_down(&self) {
        *self.broken.lock() = true;
    }

    /// The last seq in the tables.
    pub(crate) fn seq(&self) -> Seq {
        self.rows.lock().head.seq
    }

    fn fold(&self, batch: &CommittedBatch) {
        let mut rows = self.rows.lock();
        for event in batch.entries.iter().flat_map(|entry| &entry.events) {
            rows.fold(event, batch.head.time);
        }
        rows.head = batch.head.into();
        self.projected.send_replace(batch.head.seq);
    }

    fn answer<T>(&self, question: impl FnOnce(&Rows) -> T) -> Answer<T> {
        if *self.broken.lock() {
            return Err(StoreError::Failed("a test's disk".to_owned()));
        }
        let rows = self.rows.lock();
        Ok(At { seq: rows.head.seq, time: rows.head.time, value: question(&rows) })
    }
}

impl Rows {
    fn fold(&mut self, event: &Event, time: TimeUs) {
        match event {
            Event::Began(mode, rules_version) => {
                self.venue = Some(Venue { mode: *mode, rules_version: *rules_version, options: Default::default() });
            }
            Event::OptionsSet(options) => self.venue.as_mut().unwrap().options = *options,
            Event::AssetAdded(id, asset) => self.assets.push((*id, asset.clone())),
            Event::SymbolAdded(symbol) => self.symbols.push((**symbol).clone()),
            Event::SymbolStatusSet(id, status) => self.symbols[usize::from(id.0)].spec.status = *status,
            Event::AccountCreated(id, kind) => {
                self.accounts.insert(*id, AccountRow::opened(*id, *kind, time));
            }
            Event::AccountFrozen(id, frozen) => self.account(*id).frozen = *frozen,
            Event::FeeTierSet(id, tier) => self.account(*id).fee_tier = *tier,
            Event::OrderCountLimitsSet(id, limits) => self.account(*id).order_count_limits = *limits,
            Event::TradeGroupSet(id, group) => self.account(*id).trade_group = *group,
            Event::BalanceChanged(balance @ Balance { account, asset, .. }) => {
                self.balances.insert((*account, *asset), BalanceRow { balance: *balance, updated_at: time });
            }
            Event::OrderCountsChanged(counts) => {
                self.counts.insert(counts.account, *counts);
            }
            _ => self.fold_order(event, time),
        }
    }

    fn fold_order(&mut self, event: &Event, time: TimeUs) {
        match event {
            Event::OrderPlaced(placed) => {
                self.orders.insert((placed.symbol, placed.order_id), OrderRow::placed(placed, time));
            }
            Event::Traded(trade) => {
                self.fill(trade, &trade.maker, true, time);
                self.fill(trade, &trade.taker, false, time);
            }
            Event::SelfTradePrevented(prevented) => {
                let maker = (prevented.maker_order_id, prevented.maker_quantity);
                for (order_id, lost) in [maker, (prevented.taker_order_id, prevented.taker_quantity)] {
                    let order = self.order(prevented.symbol, order_id, time);
                    order.prevented.0 += lost.0;
                    order.prevented_match_id = Some(prevented.prevented_match_id);
                }
            }
            Event::OrderClosed(closed) => {
                let order = self.order(closed.symbol, closed.order_id, time);
                order.status = closed.reason.into();
                order.close_reason = Some(closed.reason);
                order.cancel_id = closed.cancel_id;
            }
            _ => {}
        }
    }

    fn fill(&mut self, trade: &Trade, fill: &Fill, is_maker: bool, time: TimeUs) {
        let order = self.order(trade.symbol, fill.order_id, time);
        order.executed = fill.executed;
        order.executed_quote = fill.executed_quote;
        order.status = if fill.filled { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let side = order.side;
        let row = FillRow {
            symbol: trade.symbol,
            trade_id: trade.trade_id,
            order_id: fill.order_id,
            side,
            is_maker,
            price: trade.price,
            quantity: trade.quantity,
            notional: trade.notional,
            fee_asset: fill.fee_asset,
            fee: fill.fee,
            time,
        };
        self.fills.push((fill.account, row));
    }

    fn order(&mut self, symbol: SymbolId, id: OrderId, time: TimeUs) -> &mut OrderRow {
        let order = self.orders.get_mut(&(symbol, id)).unwrap();
        order.updated_at = time;
        order
    }

    fn account(&mut self, id: AccountId) -> &mut AccountRow {
        self.accounts.get_mut(&id).unwrap()
    }
}

/// The part of a list, in ascending order already, that `range` asks for.
fn part<T, Id: Ord>(
    rows: impl Iterator<Item = T>,
    key: impl Fn(&T) -> (Id, TimeUs),
    range: ListRange<Id>,
    limit: u32,
) -> Vec<T> {
    let limit = limit as usize;
    match range {
        ListRange::FromId(from) => rows.filter(|row| key(row).0 >= from).take(limit).collect(),
        ListRange::Times { start, end } => {
            let within = |time| start.is_none_or(|start| start <= time) && end.is_none_or(|end| time <= end);
            let mut rows: Vec<T> = rows.filter(|row| within(key(row).1)).collect();
            if start.is_some() {
                rows.truncate(limit);
            } else {
                rows.drain(..rows.len().saturating_sub(limit));
            }
            rows
        }
    }
}

#[async_trait]
impl Projection for MemoryTables {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        Ok(self.rows.lock().head)
    }

    async fn wait_projected(&self, seq: Seq, patience: Duration) -> Result<Waited, StoreError> {
        let mut projected = self.projected.subscribe();
        let reached = tokio::time::timeout(patience, projected.wait_for(|now| *now >= seq)).await;
        Ok(if reached.is_ok() { Waited::Reached } else { Waited::TimedOut })
    }

    async fn digests(&self) -> Answer<Vec<TableDigest>> {
        self.answer(|_| Vec::new())
    }
}

#[async_trait]
impl VenueQueries for MemoryTables {
    async fn venue(&self) -> Answer<Option<Venue>> {
        self.answer(|rows| rows.venue)
    }

    async fn assets(&self) -> Answer<Vec<(AssetId, Asset)>> {
        self.answer(|rows| rows.assets.clone())
    }

    async fn symbols(&self) -> Answer<Vec<Symbol>> {
        self.answer(|rows| rows.symbols.clone())
    }

    async fn book_snapshots(&self) -> Answer<Vec<BookSnapshot>> {
        self.answer(|_| Vec::new())
    }
}

#[async_trait]
impl AccountQueries for MemoryTables {
    async fn account(&self, account: AccountId) -> Answer<Option<AccountRow>> {
        self.answer(|rows| rows.accounts.get(&account).copied())
    }

    async fn balances(&self, account: AccountId) -> Answer<Vec<BalanceRow>> {
        self.answer(|rows| rows.balances.values().filter(|row| row.balance.account == account).copied().collect())
    }

    async fn order_counts(&self, account: AccountId) -> Answer<Option<OrderCounts>> {
        self.answer(|rows| rows.counts.get(&account).copied())
    }

    async fn transfers(&self, _: AccountId, _: ListRange<Seq>, _: u32) -> Answer<Vec<TransferRow>> {
        self.answer(|_| Vec::new())
    }
}

#[async_trait]
impl OrderQueries for MemoryTables {
    async fn order(&self, account: AccountId, symbol: SymbolId, order_id: OrderId) -> Answer<Option<OrderRow>> {
        self.answer(|rows| rows.orders.get(&(symbol, order_id)).filter(|order| order.account == account).cloned())
    }

    async fn newest_order(
        &self,
        account: AccountId,
        symbol: SymbolId,
        client_order_id: ClientOrderId,
    ) -> Answer<Option<OrderRow>> {
        let is_named = |order: &&OrderRow| {
            (order.account, order.symbol, order.client_order_id) == (account, symbol, client_order_id)
        };
        self.answer(|rows| rows.orders.values().rfind(is_named).cloned())
    }

    async fn open_orders(&self, account: AccountId, symbol: Option<SymbolId>) -> Answer<Vec<OrderRow>> {
        let is_wanted = |order: &&OrderRow| {
            order.account == account && order.status.is_open() && symbol.is_none_or(|symbol| symbol == order.symbol)
        };
        self.answer(|rows| rows.orders.values().filter(is_wanted).cloned().collect())
    }

    async fn orders(
        &self,
        account: AccountId,
        symbol: SymbolId,
        range: ListRange<OrderId>,
        limit: u32,
    ) -> Answer<Vec<OrderRow>> {
        self.answer(|rows| {
            let own = rows.orders.values().filter(|order| (order.account, order.symbol) == (account, symbol));
            part(own.cloned(), |order| (order.order_id, order.placed_at), range, limit)
        })
    }

    async fn prevented_match(
        &self,
        _: AccountId,
        _: SymbolId,
        _: PreventedMatchId,
    ) -> Answer<Option<PreventedMatchRow>> {
        self.answer(|_| None)
    }

    async fn prevented_matches(
        &self,
        _: AccountId,
        _: SymbolId,
        _: OrderId,
        _: PreventedMatchId,
        _: u32,
    ) -> Answer<Vec<PreventedMatchRow>> {
        self.answer(|_| Vec::new())
    }
}

#[async_trait]
impl TradeQueries for MemoryTables {
    async fn trades(&self, _: SymbolId, _: ListRange<TradeId>, _: u32) -> Answer<Vec<TradeRow>> {
        self.answer(|_| Vec::new())
    }

    async fn agg_trades(&self, _: SymbolId, _: ListRange<AggTradeId>, _: u32) -> Answer<Vec<AggTradeRow>> {
        self.answer(|_| Vec::new())
    }

    async fn fills(
        &self,
        account: AccountId,
        symbol: SymbolId,
        order_id: Option<OrderId>,
        range: ListRange<TradeId>,
        limit: u32,
    ) -> Answer<Vec<FillRow>> {
        self.answer(|rows| {
            let own = rows.fills.iter().filter(|(owner, row)| *owner == account && row.symbol == symbol);
            let wanted = own.map(|(_, row)| *row).filter(|row| order_id.is_none_or(|id| id == row.order_id));
            part(wanted, |row| (row.trade_id, row.time), range, limit)
        })
    }
}

#[async_trait]
impl KlineQueries for MemoryTables {
    async fn klines(
        &self,
        _: SymbolId,
        _: KlineInterval,
        _: Option<TimeUs>,
        _: Option<TimeUs>,
        _: u32,
    ) -> Answer<Vec<Kline>> {
        self.answer(|_| Vec::new())
    }
}
