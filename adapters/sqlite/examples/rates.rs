//! `cargo run --release -p emporion-sqlite --example rates`: how many commands a second the journal takes with
//! fsync, and how many the tables follow at, by how many batches one projection takes together.
//!
//! The commands: 40 % orders that rest, 40 % cancels, 20 % orders that trade with one that rests, by a thousand
//! accounts on a dozen symbols. Changes are made before the clock starts, so only the store is measured.
#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emporion_model::event::{Balance, Fill, OrderCounts, Trade, WindowCount};
use emporion_model::journal::{BatchBuilder, Head, JournalRow};
use emporion_model::*;
use emporion_ports::store::Journal;
use emporion_ports::tables::{BalanceRow, OrderChange, OrderRow, ProjectedHead, TableChanges, Tables, TradeChange};
use emporion_sqlite::{Durability, FolderLock, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const COMMANDS_PER_BATCH: usize = 128;
const PAYLOAD_BYTES_PER_COMMAND: usize = 160;
const BATCHES_TOGETHER: [usize; 4] = [1, 8, 64, 256];
const ROUND: Duration = Duration::from_secs(4);
const ACCOUNTS: u64 = 1_000;
const SYMBOLS: u16 = 12;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
    let lock = FolderLock::acquire(&folder.path().join("data")).unwrap();
    let store = Store::open(&lock, Durability::Durable).unwrap();
    println!("journal, rows of {COMMANDS_PER_BATCH} commands, each with fsync:");
    measure_journal(&*store.journal, &folder.path().join("plain")).await;
    println!("tables:");
    let mut venue = Venue::new();
    for together in BATCHES_TOGETHER {
        measure_tables(&*store.tables, &mut venue, together).await;
    }
}

/// Beside it, row by row on the same disk: the same bytes at the end of a file and one fdatasync.
async fn measure_journal(journal: &dyn Journal, beside: &Path) {
    let mut plain = File::create(beside).unwrap();
    let mut head = journal.take_over().await.unwrap();
    let (mut rows, mut spent, mut plainly, mut slowest) = (0u32, Duration::ZERO, Duration::ZERO, Duration::ZERO);
    while spent < ROUND {
        let row = Arc::new(row(&head));
        head = row.head();
        let start = Instant::now();
        plain.write_all(&row.payload).unwrap();
        plain.sync_data().unwrap();
        plainly += start.elapsed();
        let start = Instant::now();
        journal.commit(row).await.unwrap();
        spent += start.elapsed();
        slowest = slowest.max(start.elapsed());
        rows += 1;
    }
    let per_second = |spent: Duration| f64::from(rows) * COMMANDS_PER_BATCH as f64 / spent.as_secs_f64();
    let (ours, limit) = (per_second(spent), per_second(plainly));
    println!("  {ours:>10.0} commands/s; mean {:?}, slowest {slowest:?} a row", spent / rows);
    println!("  {limit:>10.0} commands/s as plain appends; the journal has {:.2} of that", ours / limit);
}

/// A row of the usual size; what is in it makes no difference to the store.
fn row(head: &Head) -> JournalRow {
    let mut batch = BatchBuilder::default();
    for _ in 0..COMMANDS_PER_BATCH {
        batch.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
    }
    let mut row = batch.seal(head, TimeUs(head.time.0 + 1), 1);
    row.payload = vec![0xa5; COMMANDS_PER_BATCH * PAYLOAD_BYTES_PER_COMMAND];
    row.chain = row.expected_chain();
    row
}

async fn measure_tables(tables: &dyn Tables, venue: &mut Venue, together: usize) {
    let (mut commands, mut spent) = (0, Duration::ZERO);
    while spent < ROUND {
        let before = venue.head;
        let changes = venue.changes(together * COMMANDS_PER_BATCH);
        let start = Instant::now();
        tables.project(&before, changes).await.unwrap();
        spent += start.elapsed();
        commands += together * COMMANDS_PER_BATCH;
    }
    let per_second = commands as f64 / spent.as_secs_f64();
    println!("  {per_second:>10.0} commands/s, {together} batches together");
}

type OrderKey = (AccountId, SymbolId, OrderId);

/// Makes changes like those of a busy day.
struct Venue {
    random: SmallRng,
    head: ProjectedHead,
    open: Vec<OrderKey>,
    last_order: [u64; SYMBOLS as usize],
    last_trade: [u64; SYMBOLS as usize],
}

impl Venue {
    fn new() -> Self {
        Self {
            random: SmallRng::seed_from_u64(1),
            head: ProjectedHead::default(),
            open: Vec::new(),
            last_order: [0; SYMBOLS as usize],
            last_trade: [0; SYMBOLS as usize],
        }
    }

    fn changes(&mut self, commands: usize) -> TableChanges {
        self.head.seq.0 += commands as u64;
        self.head.time.0 += commands as u64 * 10;
        let mut day = Day::default();
        for _ in 0..commands {
            match self.random.random_range(0..10) {
                0..4 => drop(self.place(&mut day, OrderStatus::New)),
                4..8 => self.cancel(&mut day),
                _ => self.take(&mut day),
            }
        }
        day.finish(self.head)
    }

    fn place(&mut self, day: &mut Day, status: OrderStatus) -> OrderKey {
        let account = AccountId(1_000 + self.random.random_range(0..ACCOUNTS));
        let symbol = SymbolId(self.random.random_range(0..SYMBOLS));
        let last = &mut self.last_order[usize::from(symbol.0)];
        *last += 1;
        let order_id = OrderId(*last);
        let row = OrderRow {
            symbol,
            order_id,
            account,
            client_order_id: format!("x-{:026x}", self.random.random::<u128>() >> 24).parse().unwrap(),
            side: Side::Buy,
            kind: OrderKind::Limit(Price(5_000_000), Quantity(1_000), TimeInForce::Gtc),
            stp: StpMode::None,
            trade_group: None,
            strategy: None,
            status,
            executed: Quantity(0),
            executed_quote: Amount(0),
            prevented: Quantity(0),
            prevented_match_id: None,
            close_reason: None,
            cancel_id: None,
            placed_at: self.head.time,
            updated_at: self.head.time,
        };
        day.placed.insert((account, symbol, order_id), row);
        day.touch(account, self.head.time);
        if status == OrderStatus::New {
            self.open.push((account, symbol, order_id));
        }
        (account, symbol, order_id)
    }

    fn pick(&mut self) -> Option<OrderKey> {
        let place = self.random.random_range(0..self.open.len().max(1));
        (place < self.open.len()).then(|| self.open.swap_remove(place))
    }

    fn cancel(&mut self, day: &mut Day) {
        let Some(key) = self.pick() else { return };
        day.close(key, OrderStatus::Canceled, self.head.time);
    }

    fn take(&mut self, day: &mut Day) {
        let Some(maker) = self.pick() else { return };
        day.close(maker, OrderStatus::Filled, self.head.time);
        let taker = self.place(day, OrderStatus::Filled);
        let last = &mut self.last_trade[usize::from(maker.1.0)];
        *last += 1;
        let fill = |(account, _, order_id): OrderKey| Fill {
            account,
            order_id,
            execution_id: ExecutionId(1),
            fee_asset: AssetId(0),
            fee: Amount(100),
            executed: Quantity(1_000),
            executed_quote: Amount(5_000_000_000),
            filled: true,
        };
        let trade = Trade {
            symbol: maker.1,
            trade_id: TradeId(*last),
            agg_trade_id: AggTradeId(*last),
            price: Price(5_000_000),
            quantity: Quantity(1_000),
            notional: Amount(5_000_000_000),
            taker_side: Side::Sell,
            maker: fill(maker),
            taker: fill(taker),
        };
        day.trades.push(TradeChange { trade, time: self.head.time });
    }
}

/// Changes by their keys, so that each row is there once.
#[derive(Default)]
struct Day {
    placed: BTreeMap<OrderKey, OrderRow>,
    changed: BTreeMap<OrderKey, OrderChange>,
    balances: BTreeMap<(AccountId, AssetId), BalanceRow>,
    counts: BTreeMap<AccountId, OrderCounts>,
    trades: Vec<TradeChange>,
}

impl Day {
    fn touch(&mut self, account: AccountId, time: TimeUs) {
        for asset in [0, 1].map(AssetId) {
            let balance = Balance { account, asset, free: Amount(1 << 60), locked: Amount(i128::from(time.0)) };
            self.balances.insert((account, asset), BalanceRow { balance, updated_at: time });
        }
        let window = WindowCount { start: time, count: 1 };
        self.counts.insert(account, OrderCounts { account, ten_seconds: window, day: window });
    }

    fn close(&mut self, key: OrderKey, status: OrderStatus, updated_at: TimeUs) {
        let (account, symbol, order_id) = key;
        self.touch(account, updated_at);
        if let Some(row) = self.placed.get_mut(&key) {
            row.status = status;
            return;
        }
        let change = OrderChange {
            account,
            symbol,
            order_id,
            status: Some(status),
            executed: None,
            prevented_more: Quantity(0),
            prevented_match_id: None,
            close_reason: None,
            cancel_id: None,
            updated_at,
        };
        self.changed.insert(key, change);
    }

    fn finish(mut self, head: ProjectedHead) -> TableChanges {
        self.trades.sort_by_key(|change| (change.trade.symbol, change.trade.trade_id));
        TableChanges {
            head,
            balances: self.balances.into_values().collect(),
            order_counts: self.counts.into_values().collect(),
            new_orders: self.placed.into_values().collect(),
            order_changes: self.changed.into_values().collect(),
            trades: self.trades,
            ..TableChanges::default()
        }
    }
}
