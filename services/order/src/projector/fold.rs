//! Committed batches into table changes: a pure fold that leaves of each row its last state only.
//!
//! Nothing here reads a table. Where an event does not say how a row was before, the change is one that the
//! store can add to what it has.

mod klines;
mod orders;

use std::collections::BTreeMap;

use emporion_model::event::{Balance, Event, OrderCounts, SelfTradePrevented, Trade};
use emporion_model::{AccountId, Asset, AssetId, Mode, Options, Seq, Symbol, SymbolId, SymbolStatus, TimeUs, Transfer};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::tables::{
    AccountChange, BalanceRow, PreventedChange, ProjectedHead, TableChanges, TradeChange, TransferRow,
};
use klines::KlineFold;
use orders::OrderFold;

/// What the batches folded so far change.
#[derive(Debug, Default)]
pub struct TableFold {
    head: ProjectedHead,
    mode: Option<Mode>,
    rules_version: Option<u16>,
    options: Option<Options>,
    assets: Vec<(AssetId, Asset)>,
    symbols: BTreeMap<SymbolId, Symbol>,
    symbol_statuses: BTreeMap<SymbolId, SymbolStatus>,
    depth_ids: BTreeMap<SymbolId, Seq>,
    accounts: BTreeMap<AccountId, AccountChange>,
    balances: BTreeMap<(AccountId, AssetId), BalanceRow>,
    order_counts: BTreeMap<AccountId, OrderCounts>,
    orders: OrderFold,
    trades: Vec<TradeChange>,
    prevented: Vec<PreventedChange>,
    transfers: Vec<TransferRow>,
    klines: KlineFold,
}

impl TableFold {
    /// The changes of these batches, which follow on each other.
    pub fn of<'a>(batches: impl IntoIterator<Item = &'a CommittedBatch>) -> TableChanges {
        let mut fold = Self::default();
        for batch in batches {
            fold.batch(batch);
        }
        fold.finish()
    }

    fn batch(&mut self, batch: &CommittedBatch) {
        for (seq, entry) in batch.numbered() {
            for event in &entry.events {
                self.event(seq, batch.head.time, event);
            }
        }
        self.head = batch.head.into();
    }

    fn event(&mut self, seq: Seq, time: TimeUs, event: &Event) {
        if let Some(symbol) = changed_book(event) {
            self.depth_ids.insert(symbol, seq);
        }
        match event {
            // Refused commands changed nothing. What rests is what an order asked for less what is gone of it.
            Event::Rejected(_) | Event::OrderRested(_) => {}
            Event::Began(mode, rules_version) => {
                (self.mode, self.rules_version) = (Some(*mode), Some(*rules_version));
            }
            Event::OptionsSet(options) => self.options = Some(*options),
            Event::RulesVersionSet(version) => self.rules_version = Some(*version),
            Event::AssetAdded(id, asset) => self.assets.push((*id, asset.clone())),
            Event::SymbolAdded(symbol) => drop(self.symbols.insert(symbol.id, (**symbol).clone())),
            Event::SymbolStatusSet(symbol, status) => self.set_status(*symbol, *status),
            Event::AccountCreated(account, kind) => self.account(*account).opened = Some((*kind, time)),
            Event::AccountFrozen(account, frozen) => self.account(*account).frozen = Some(*frozen),
            Event::FeeTierSet(account, tier) => self.account(*account).fee_tier = Some(*tier),
            Event::OrderCountLimitsSet(account, limits) => self.account(*account).order_count_limits = Some(*limits),
            Event::TradeGroupSet(account, group) => self.account(*account).trade_group = Some(*group),
            Event::BalanceChanged(balance) => self.set_balance(balance, time),
            Event::OrderCountsChanged(counts) => drop(self.order_counts.insert(counts.account, *counts)),
            Event::OrderPlaced(placed) => self.orders.place(placed, time),
            Event::Traded(trade) => self.trade(trade, time),
            Event::SelfTradePrevented(prevented) => self.prevent(prevented, time),
            Event::OrderClosed(closed) => self.orders.close(closed, time),
            Event::BucketClosed(bucket) => self.klines.add(bucket),
            Event::Transferred(transfer) => self.transfer(seq, time, transfer),
        }
    }

    fn account(&mut self, account: AccountId) -> &mut AccountChange {
        self.accounts.entry(account).or_insert(AccountChange { account, ..AccountChange::default() })
    }

    fn set_status(&mut self, symbol: SymbolId, status: SymbolStatus) {
        match self.symbols.get_mut(&symbol) {
            Some(new) => new.spec.status = status,
            None => drop(self.symbol_statuses.insert(symbol, status)),
        }
    }

    fn set_balance(&mut self, balance: &Balance, updated_at: TimeUs) {
        self.balances.insert((balance.account, balance.asset), BalanceRow { balance: *balance, updated_at });
    }

    fn trade(&mut self, trade: &Trade, time: TimeUs) {
        self.orders.fill(trade.symbol, &trade.maker, time);
        self.orders.fill(trade.symbol, &trade.taker, time);
        self.trades.push(TradeChange { trade: *trade, time });
    }

    fn prevent(&mut self, prevented: &SelfTradePrevented, time: TimeUs) {
        self.orders.prevent(prevented, time);
        self.prevented.push(PreventedChange { prevented: *prevented, time });
    }

    fn transfer(&mut self, seq: Seq, time: TimeUs, transfer: &Transfer) {
        self.transfers.push(TransferRow { seq, time, transfer: transfer.clone() });
    }

    /// Each list in the order of its keys. Stable sorts of what came in the order of its ids anyway.
    fn finish(mut self) -> TableChanges {
        self.trades.sort_by_key(|change| (change.trade.symbol, change.trade.trade_id));
        self.prevented.sort_by_key(|change| (change.prevented.symbol, change.prevented.prevented_match_id));
        let (new_orders, order_changes) = self.orders.finish();
        TableChanges {
            head: self.head,
            mode: self.mode,
            rules_version: self.rules_version,
            options: self.options,
            assets: self.assets,
            symbols: self.symbols.into_values().collect(),
            symbol_statuses: self.symbol_statuses.into_iter().collect(),
            depth_ids: self.depth_ids.into_iter().collect(),
            accounts: self.accounts.into_values().collect(),
            balances: self.balances.into_values().collect(),
            order_counts: self.order_counts.into_values().collect(),
            new_orders,
            order_changes,
            trades: self.trades,
            prevented: self.prevented,
            transfers: self.transfers,
            klines: self.klines.finish(),
        }
    }
}

/// The symbol whose book an event changed. Its seq is then the symbol's depth id.
fn changed_book(event: &Event) -> Option<SymbolId> {
    match event {
        Event::OrderRested(rested) => Some(rested.symbol),
        Event::Traded(trade) => Some(trade.symbol),
        Event::SelfTradePrevented(prevented) if !prevented.maker_quantity.is_zero() => Some(prevented.symbol),
        Event::OrderClosed(closed) if !closed.removed.is_zero() => Some(closed.symbol),
        _ => None,
    }
}
