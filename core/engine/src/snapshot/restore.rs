//! Reading a snapshot back. Bytes from a disk are not trusted: whatever they are, the answer is an engine that
//! writes the same bytes again, or an error; never a panic, never a state that breaks an invariant.

use super::{AccountRecord, OrderRecord, Remembered, RememberedIds, SnapshotError, SymbolRecord, Venue};
use crate::Engine;
use crate::accounts::{Account, Cell};
use crate::admin::check_genesis;
use crate::book::NONE;
use crate::dedup::SourceState;
use crate::orders::Order;
use crate::place::{can_rest, hold_of};
use crate::series::Series;
use crate::state::{FollowUp, RULES_VERSIONS, State, SymbolState};
use emporion_model::asset::SUPPLY_CAP_MAX;
use emporion_model::codec::{Durable, Reader};
use emporion_model::{AccountId, AccountKind, Amount, Genesis, Mode, Quantity, Side, SourceId, SymbolId, SymbolSpec};

impl Engine {
    /// The engine that [`Engine::snapshot`] described. See [`Engine::new`] for `hash_key`.
    pub fn restore(bytes: &[u8], hash_key: u64) -> Result<Self, SnapshotError> {
        let mut reader = Reader::with_format(bytes)?;
        let mut engine = Self::new(hash_key);
        let state = &mut engine.state;
        let venue = Venue::decode(&mut reader)?;
        let accounts = Vec::<AccountRecord>::decode(&mut reader)?;
        let symbols = Vec::<SymbolRecord>::decode(&mut reader)?;
        check_descriptions(&venue, &symbols)?;
        check_accounts(&venue, &accounts)?;
        let cells: Vec<Vec<Cell>> = accounts.iter().map(|account| account.cells.clone()).collect();
        restore_venue(state, venue);
        accounts.into_iter().for_each(|account| restore_account(state, account));
        for symbol in symbols {
            restore_symbol(state, symbol)?;
        }
        restore_dedup(state, &mut reader)?;
        reader.finish()?;
        check_follow_ups(state)?;
        let restored = state.accounts.iter().map(|account| &account.cells);
        ensure(restored.eq(&cells), "an account has locked other than its orders hold")?;
        state.accounts.take_touched(|_, _, _| {});
        engine.check_invariants().map_err(SnapshotError::Broken)?;
        Ok(engine)
    }
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), SnapshotError> {
    if holds { Ok(()) } else { Err(SnapshotError::Broken(otherwise.to_owned())) }
}

fn is_ascending<T: Ord>(keys: impl Iterator<Item = T>) -> bool {
    keys.is_sorted_by(|one, next| one < next)
}

/// Assets, symbols and options keep the rules that genesis held them to.
fn check_descriptions(venue: &Venue, symbols: &[SymbolRecord]) -> Result<(), SnapshotError> {
    if !RULES_VERSIONS.contains(&venue.rules_version) {
        return Err(SnapshotError::Rules(venue.rules_version));
    }
    let described = Genesis {
        mode: venue.mode.unwrap_or(Mode::Live),
        assets: venue.assets.clone(),
        symbols: symbols.iter().map(|symbol| symbol.spec.clone()).collect(),
        options: venue.options,
        rules_version: venue.rules_version,
    };
    check_genesis(&described).map_err(SnapshotError::Broken)
}

/// The venue's own accounts come first, then the users without a gap, and no balance is beyond any cap.
fn check_accounts(venue: &Venue, accounts: &[AccountRecord]) -> Result<(), SnapshotError> {
    let own = [
        (AccountId::EXTERNAL, AccountKind::External),
        (AccountId::TREASURY, AccountKind::Treasury),
        (AccountId::FEES, AccountKind::Fees),
    ];
    let own = if venue.mode.is_some() { own.as_slice() } else { &[] };
    let found = |account: &AccountRecord| (account.id, account.kind);
    let begins = accounts.len() >= own.len() && accounts.iter().map(found).zip(own).all(|(found, own)| found == *own);
    ensure(begins, "it lacks the venue's own accounts")?;
    let clients = &accounts[own.len()..];
    let in_order = clients.iter().map(|account| account.id.0).eq(AccountId::FIRST_USER.0..venue.next_account_id.0);
    ensure(in_order && clients.iter().all(|account| account.kind.trades()), "its accounts are not numbered in order")?;
    let fits = |amount: Amount| amount.0.unsigned_abs() <= SUPPLY_CAP_MAX.unsigned_abs();
    for account in accounts {
        let is_known = account.cells.len() <= venue.assets.len();
        let is_sane = account.cells.iter().all(|cell| fits(cell.free) && fits(cell.locked));
        ensure(is_known && is_sane, "an account has a balance that cannot be")?;
    }
    Ok(())
}

fn restore_venue(state: &mut State, venue: Venue) {
    state.mode = venue.mode;
    state.seq = venue.seq;
    state.time = venue.time;
    state.rules_version = venue.rules_version;
    state.options = venue.options;
    state.next_account_id = venue.next_account_id;
    state.last_execution_id = venue.last_execution_id;
    state.assets = venue.assets;
    state.follow_ups = venue.follow_ups.into();
}

/// What is locked comes back with the orders that hold it.
fn restore_account(state: &mut State, record: AccountRecord) {
    let unlocked = |cell: Cell| Cell { free: Amount(cell.free.0 + cell.locked.0), locked: Amount::ZERO };
    state.accounts.add(Account {
        frozen: record.frozen,
        fee_tier: record.fee_tier,
        trade_group: record.trade_group,
        limits: record.limits,
        ten_seconds: record.ten_seconds,
        day: record.day,
        cells: record.cells.into_iter().map(unlocked).collect(),
        ..Account::new(record.id, record.kind)
    });
}

fn restore_symbol(state: &mut State, record: SymbolRecord) -> Result<(), SnapshotError> {
    let id = SymbolId(u16::try_from(state.symbols.len()).expect("the symbols' number was checked"));
    let now = state.time.second();
    ensure(
        record.bucket.is_none_or(|bucket| bucket.symbol == id && bucket.second == now),
        "an open bucket is not of the present second",
    )?;
    ensure(
        is_ascending(record.volumes.iter().map(|volume| volume.second))
            && record.volumes.iter().all(|volume| volume.second <= now),
        "volumes are not in the order of their seconds",
    )?;
    let series = Series::restore(record.bucket, record.last_price, record.volumes);
    let mut symbol = SymbolState::new(id, record.spec, &state.assets);
    symbol.last_order_id = record.last_order_id;
    symbol.last_trade_id = record.last_trade_id;
    symbol.last_agg_trade_id = record.last_agg_trade_id;
    symbol.last_prevented_match_id = record.last_prevented_match_id;
    symbol.series = series.ok_or_else(|| SnapshotError::Broken("volumes add up to more than fits".to_owned()))?;
    check_orders(state, &symbol, &record.orders)?;
    state.symbols.push(symbol);
    restore_orders(state, id, record.orders)
}

/// Every order could rest where it does, and the two halves stand in price priority.
fn check_orders(state: &State, symbol: &SymbolState, records: &[OrderRecord]) -> Result<(), SnapshotError> {
    for record in records {
        let is_owned =
            (record.account as usize) < state.accounts.len() && state.accounts.get(record.account).kind.trades();
        ensure(is_owned, "an order names an unknown account")?;
        ensure(
            record.id <= symbol.last_order_id && can_rest(&record.kind) && is_whole(record, &symbol.spec),
            "an open order cannot rest",
        )?;
        let price = record.kind.price().expect("what can rest has a price");
        let due = hold_of(symbol, record.side, price, record.remaining);
        ensure(record.hold == due, "an order holds other than it must")?;
    }
    let priority = |record: &OrderRecord| {
        let price = record.kind.price().expect("checked above").0;
        if record.side == Side::Buy { (0, u64::MAX - price) } else { (1, price) }
    };
    ensure(records.iter().map(priority).is_sorted(), "orders are not in price priority")
}

/// Executed, prevented and remaining are the quantity asked for, within what the symbol's ranges allow.
fn is_whole(record: &OrderRecord, spec: &SymbolSpec) -> bool {
    let (Some(price), Some(quantity)) = (record.kind.price(), record.kind.quantity()) else { return false };
    let sum = record.executed.checked_add(record.prevented).and_then(|sum| sum.checked_add(record.remaining));
    sum == Some(quantity)
        && record.remaining > Quantity::ZERO
        && quantity <= spec.rules.lot.max
        && (spec.rules.price.min..=spec.rules.price.max).contains(&price)
}

/// Enters the table in the order of ids, which is the order of each account's list, and the book in the
/// order of the records, which is price-time priority.
fn restore_orders(state: &mut State, symbol: SymbolId, records: Vec<OrderRecord>) -> Result<(), SnapshotError> {
    let mut by_id: Vec<usize> = (0..records.len()).collect();
    by_id.sort_unstable_by_key(|&place| records[place].id);
    let mut indices = vec![NONE; records.len()];
    for place in by_id {
        let record = &records[place];
        let is_new = state.orders.find(symbol, record.id).is_none()
            && state.orders.find_client(record.account, &record.client_order_id).is_none();
        ensure(is_new, "two open orders have one id")?;
        let (asset, amount) = record.hold;
        let covered = state.accounts.get(record.account).cell(asset).free >= amount;
        ensure(covered, "an order holds what its account does not have")?;
        indices[place] = state.orders.add(&mut state.accounts, order_of(symbol, record), record.remaining, record.hold);
    }
    for (record, index) in records.iter().zip(indices) {
        let price = record.kind.price().expect("checked before");
        let half = state.symbols[usize::from(symbol.0)].book.half_mut(record.side);
        half.enter(&mut state.orders.nodes, index, price);
    }
    Ok(())
}

fn order_of(symbol: SymbolId, record: &OrderRecord) -> Order {
    Order {
        id: record.id,
        symbol,
        account: record.account,
        client_order_id: record.client_order_id,
        side: record.side,
        kind: record.kind,
        stp: record.stp,
        trade_group: record.trade_group,
        strategy: record.strategy,
        executed: record.executed,
        executed_quote: record.executed_quote,
        prevented: record.prevented,
        hold: 0,
    }
}

fn restore_dedup(state: &mut State, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
    let remembered = Remembered::decode(reader)?;
    let placed = RememberedIds::decode(reader)?;
    let sources = Vec::<(SourceId, SourceState)>::decode(reader)?;
    let is_ordered = is_ascending(remembered.iter().map(|(second, _)| *second))
        && is_ascending(placed.iter().map(|(until, _)| *until))
        && is_ascending(sources.iter().map(|(source, _)| *source));
    ensure(is_ordered, "what it remembers is not in order")?;
    let has_empty =
        remembered.iter().any(|(_, commands)| commands.is_empty()) || placed.iter().any(|(_, keys)| keys.is_empty());
    ensure(!has_empty, "it remembers nothing of a time")?;
    state.dedup.restore(remembered);
    state.dedup.restore_placed(placed);
    state.dedup.sources = sources.into_iter().collect();
    Ok(())
}

fn check_follow_ups(state: &State) -> Result<(), SnapshotError> {
    let is_known = |work: &FollowUp| match work {
        FollowUp::CancelAll(account, symbol, _) => {
            (*account as usize) < state.accounts.len() && state.symbol(*symbol).is_some()
        }
    };
    ensure(state.follow_ups.iter().all(is_known), "work waits for an account or symbol that is unknown")
}
