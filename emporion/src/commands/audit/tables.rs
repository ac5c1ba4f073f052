//! Tables compared with the engine at their seq, and with tables built again from the journal.

use super::audited::Audited;
use super::journal::JournalUntil;
use super::{Progress, found};
use crate::Failure;
use emporion_engine::{Engine, OpenOrder};
use emporion_model::event::{Balance, OrderCounts, WindowCount};
use emporion_model::time::SECOND_US;
use emporion_model::{AccountId, Amount, OrderId, Quantity, Seq, Side, SymbolId, TimeUs};
use emporion_order::projector::Projector;
use emporion_ports::tables::{OrderRow, ProjectedHead, Queries};
use std::collections::BTreeMap;

const TEN_SECONDS_US: u64 = 10 * SECOND_US;
const DAY_US: u64 = 86_400 * SECOND_US;

/// Compares what both know: symbols, accounts, balances, open orders, order counts and books.
pub(super) async fn compare_with_engine(engine: &Engine, tables: &dyn Queries) -> Result<(), Failure> {
    let symbols = tables.symbols().await.map_err(found)?.value;
    if symbols != engine.symbols().collect::<Vec<_>>() {
        return Err(differ("the symbols"));
    }
    let options = tables.venue().await.map_err(found)?.value.map(|venue| venue.options);
    if options != engine.mode().map(|_| *engine.options()) {
        return Err(differ("the venue's options"));
    }
    let mut owners = Owners::of(engine);
    for (account, _) in engine.accounts() {
        compare_account(account, owners.take(account), engine.time(), tables).await?;
    }
    compare_books(engine, tables).await
}

fn differ(what: &str) -> Failure {
    Failure::differs(format!("{what} in the tables are not the engine's"))
}

/// What the engine knows of one account.
#[derive(Default)]
struct Owned {
    balances: Vec<Balance>,
    orders: Vec<OpenOrder>,
    counts: Option<OrderCounts>,
}

/// What the engine knows, by account.
struct Owners(BTreeMap<AccountId, Owned>);

impl Owners {
    fn of(engine: &Engine) -> Self {
        let mut owners: BTreeMap<AccountId, Owned> = BTreeMap::new();
        for balance in engine.balances() {
            owners.entry(balance.account).or_default().balances.push(balance);
        }
        for order in engine.open_orders() {
            owners.entry(order.account).or_default().orders.push(order);
        }
        for counts in engine.order_counts() {
            owners.entry(counts.account).or_default().counts = Some(counts);
        }
        Self(owners)
    }

    fn take(&mut self, account: AccountId) -> Owned {
        self.0.remove(&account).unwrap_or_default()
    }
}

async fn compare_account(
    account: AccountId,
    mut owned: Owned,
    now: TimeUs,
    tables: &dyn Queries,
) -> Result<(), Failure> {
    let about = |what: &str| differ(&format!("the {what} of account {account}"));
    if tables.account(account).await.map_err(found)?.value.is_none() {
        return Err(Failure::differs(format!("account {account} is not in the tables")));
    }
    let balances = tables.balances(account).await.map_err(found)?.value;
    let nonzero = |balance: &Balance| !(balance.free.is_zero() && balance.locked.is_zero());
    owned.balances.retain(nonzero);
    let mut kept: Vec<_> = balances.into_iter().map(|row| row.balance).filter(nonzero).collect();
    kept.sort_by_key(|balance| balance.asset);
    owned.balances.sort_by_key(|balance| balance.asset);
    if kept != owned.balances {
        return Err(about("balances"));
    }
    let orders = tables.open_orders(account, None).await.map_err(found)?.value;
    let mut orders: Vec<_> = orders.iter().map(order_of_table).collect();
    let mut own: Vec<_> = owned.orders.iter().map(order_of_engine).collect();
    orders.sort_unstable();
    own.sort_unstable();
    if orders != own {
        return Err(about("open orders"));
    }
    let counts = tables.order_counts(account).await.map_err(found)?.value;
    if live_counts(counts, now) != live_counts(owned.counts, now) {
        return Err(about("order counts"));
    }
    Ok(())
}

/// What both know of an open order: where it is, what is filled, what is left.
type OrderLine = (SymbolId, OrderId, Quantity, Amount, Quantity, Quantity);

fn order_of_table(row: &OrderRow) -> OrderLine {
    (row.symbol, row.order_id, row.executed, row.executed_quote, row.prevented, row.remaining())
}

fn order_of_engine(order: &OpenOrder) -> OrderLine {
    (order.symbol, order.order_id, order.executed, order.executed_quote, order.prevented, order.remaining)
}

/// The counts of the windows that are not over.
fn live_counts(counts: Option<OrderCounts>, now: TimeUs) -> (u32, u32) {
    let live = |window: WindowCount, length_us: u64| {
        let is_over = now.since(window.start) >= length_us;
        if is_over { 0 } else { window.count }
    };
    counts.map_or((0, 0), |counts| (live(counts.ten_seconds, TEN_SECONDS_US), live(counts.day, DAY_US)))
}

async fn compare_books(engine: &Engine, tables: &dyn Queries) -> Result<(), Failure> {
    for book in tables.book_snapshots().await.map_err(found)?.value {
        for (side, levels) in [(Side::Buy, &book.bids), (Side::Sell, &book.asks)] {
            let kept = levels.iter().map(|level| (level.price, u128::from(level.quantity.0)));
            if !kept.eq(engine.levels(book.symbol, side).map(|level| (level.price, level.quantity))) {
                return Err(differ(&format!("the levels of symbol number {}", book.symbol)));
            }
        }
    }
    Ok(())
}

/// Builds all tables again up to where the others stand, and compares the fingerprints of all rows.
pub(super) async fn compare_with_rebuilt(store: &Audited, stand: ProjectedHead) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("the tables cannot be built again: {error}"));
    let rebuilt = store.empty_tables().await?;
    let row = store.journal.row_of(stand.seq).await?;
    let head = row.map(|row| row.head()).unwrap_or_default();
    let journal = JournalUntil { journal: store.journal.clone(), head };
    let progress = Progress::of("building the tables again");
    let report = |done: Seq, total: Seq| progress.set(done.0, total.0);
    let built = Projector::start(std::sync::Arc::new(journal), rebuilt.tables.clone(), &report).await;
    built.map_err(|error| failed(&error))?;
    let (kept, fresh) = (store.tables.digests().await.map_err(found)?.value, rebuilt.queries.digests().await?.value);
    let other = kept.iter().zip(&fresh).find(|(kept, fresh)| kept != fresh);
    match other {
        None if kept.len() == fresh.len() => Ok(()),
        None => Err(Failure::differs("there are other tables than the journal gives")),
        Some((kept, fresh)) => Err(Failure::differs(format!(
            "table {} has {} rows that are not the {} that the journal gives",
            kept.table, kept.rows, fresh.rows
        ))),
    }
}
