//! Tables in memory, the plainest that can be: what changes mean, to compare with.

use std::collections::BTreeMap;

use async_trait::async_trait;
use emporion_model::event::{Bucket, OrderCounts};
use emporion_model::{
    AccountId, Asset, AssetId, Mode, Options, OrderId, PreventedMatchId, Seq, Symbol, SymbolId, TradeId,
};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{
    AccountRow, BalanceRow, Kline, KlineInterval, OrderChange, OrderRow, PreventedChange, ProjectError, ProjectedHead,
    TableChanges, Tables, TradeChange, TransferRow,
};
use parking_lot::Mutex;

/// All rows by their keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) head: ProjectedHead,
    pub(super) venue: (Option<Mode>, Option<u16>, Option<Options>),
    pub(super) assets: BTreeMap<AssetId, Asset>,
    pub(super) symbols: BTreeMap<SymbolId, Symbol>,
    pub(super) depth_ids: BTreeMap<SymbolId, Seq>,
    pub(super) accounts: BTreeMap<AccountId, AccountRow>,
    pub(super) balances: BTreeMap<(AccountId, AssetId), BalanceRow>,
    pub(super) order_counts: BTreeMap<AccountId, OrderCounts>,
    pub(super) orders: BTreeMap<(AccountId, SymbolId, OrderId), OrderRow>,
    pub(super) trades: BTreeMap<(SymbolId, TradeId), TradeChange>,
    pub(super) prevented: BTreeMap<(SymbolId, PreventedMatchId), PreventedChange>,
    pub(super) transfers: BTreeMap<Seq, TransferRow>,
    pub(super) klines: BTreeMap<(SymbolId, KlineInterval, u64), Bucket>,
}

impl Rows {
    /// Applies changes, each list of which must be in ascending order and without repeats.
    pub(super) fn apply(&mut self, changes: TableChanges) {
        self.head = changes.head;
        let (mode, rules_version, options) = self.venue;
        self.venue = (changes.mode.or(mode), changes.rules_version.or(rules_version), changes.options.or(options));
        insert_new(&mut self.assets, changes.assets);
        insert_new(&mut self.symbols, changes.symbols.into_iter().map(|symbol| (symbol.id, symbol)));
        for (symbol, status) in changes.symbol_statuses {
            self.symbols.get_mut(&symbol).unwrap().spec.status = status;
        }
        self.depth_ids.extend(ascending(changes.depth_ids));
        for change in changes.accounts {
            if let Some((kind, at)) = change.opened {
                self.accounts.insert(change.account, AccountRow::opened(change.account, kind, at));
            }
            self.accounts.get_mut(&change.account).unwrap().apply(&change);
        }
        let balances = changes.balances.into_iter().map(|row| ((row.balance.account, row.balance.asset), row));
        self.balances.extend(ascending(balances));
        self.order_counts.extend(ascending(changes.order_counts.into_iter().map(|counts| (counts.account, counts))));
        let placed = changes.new_orders.into_iter().map(|row| ((row.account, row.symbol, row.order_id), row));
        insert_new(&mut self.orders, placed);
        for change in changes.order_changes {
            change_order(self.orders.get_mut(&(change.account, change.symbol, change.order_id)).unwrap(), &change);
        }
        let trades = changes.trades.into_iter().map(|row| ((row.trade.symbol, row.trade.trade_id), row));
        insert_new(&mut self.trades, trades);
        let key = |row: &PreventedChange| (row.prevented.symbol, row.prevented.prevented_match_id);
        insert_new(&mut self.prevented, changes.prevented.into_iter().map(|row| (key(&row), row)));
        insert_new(&mut self.transfers, changes.transfers.into_iter().map(|row| (row.seq, row)));
        for Kline { interval, bucket } in changes.klines {
            self.klines
                .entry((bucket.symbol, interval, bucket.second))
                .and_modify(|stored| {
                    let mut kline = Kline { interval, bucket: *stored };
                    kline.append(&bucket);
                    *stored = kline.bucket;
                })
                .or_insert(bucket);
        }
    }
}

fn change_order(row: &mut OrderRow, change: &OrderChange) {
    row.status = change.status.unwrap_or(row.status);
    (row.executed, row.executed_quote) = change.executed.unwrap_or((row.executed, row.executed_quote));
    row.prevented.0 += change.prevented_more.0;
    row.prevented_match_id = change.prevented_match_id.or(row.prevented_match_id);
    row.close_reason = change.close_reason.or(row.close_reason);
    row.cancel_id = change.cancel_id.or(row.cancel_id);
    row.updated_at = change.updated_at;
}

fn ascending<K: Ord + Copy, V>(rows: impl IntoIterator<Item = (K, V)>) -> Vec<(K, V)> {
    let rows: Vec<(K, V)> = rows.into_iter().collect();
    assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0), "each key once, in ascending order");
    rows
}

fn insert_new<K: Ord + Copy, V>(rows: &mut BTreeMap<K, V>, new: impl IntoIterator<Item = (K, V)>) {
    for (key, row) in ascending(new) {
        assert!(rows.insert(key, row).is_none(), "a new row is new");
    }
}

/// The port over them. A test can make the next call find damage.
#[derive(Default)]
pub(super) struct MemoryTables {
    pub(super) rows: Mutex<Rows>,
    /// How many projections there were.
    pub(super) writes: Mutex<u32>,
    /// The next projection finds damage.
    pub(super) damaged: Mutex<bool>,
}

#[async_trait]
impl Tables for MemoryTables {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        Ok(self.rows.lock().head)
    }

    async fn project(&self, expected: &ProjectedHead, changes: TableChanges) -> Result<(), ProjectError> {
        if *self.damaged.lock() {
            return Err(ProjectError::Failed(StoreError::Damaged("a test's disk".to_owned())));
        }
        let mut rows = self.rows.lock();
        if rows.head != *expected {
            return Err(ProjectError::Moved { found: rows.head });
        }
        *self.writes.lock() += 1;
        rows.apply(changes);
        Ok(())
    }

    async fn clear(&self) -> Result<(), StoreError> {
        *self.rows.lock() = Rows::default();
        *self.damaged.lock() = false;
        Ok(())
    }
}
