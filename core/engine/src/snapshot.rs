//! The state as bytes and back. The bytes are canonical: equal states give equal bytes whatever path led to
//! them, so their SHA-256 is the state hash. Inner indices never appear, apart from accounts', which are
//! their places in the order of creation.

use crate::Engine;
use crate::accounts::{Account, AccountIndex, Cell};
use crate::book::NONE;
use crate::dedup::SourceState;
use crate::inspect::working;
use crate::orders::Order;
use crate::series::{SecondVolume, Series};
use crate::state::{FollowUp, RULES_VERSIONS, State, SymbolState};
use emporion_model::codec::{CodecError, Durable, Reader, Writer, durable_struct};
use emporion_model::event::{Bucket, WindowCount};
use emporion_model::{
    AccountId, AccountKind, AggTradeId, Amount, Asset, AssetId, ClientOrderId, CommandId, ExecutionId, Mode, Options,
    OrderCountLimits, OrderId, OrderKind, PreventedMatchId, Price, Quantity, Seq, Side, SourceId, StpMode, Strategy,
    SymbolId, SymbolSpec, TimeUs, TradeGroupId, TradeId,
};
use std::fmt;

/// Why bytes are not a snapshot that this build can go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// They cannot be decoded.
    Codec(CodecError),
    /// They were written under rules that this build does not know.
    Rules(u16),
    /// They decode to a state that breaks an invariant.
    Broken(String),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codec(error) => write!(f, "the snapshot cannot be read: {error}"),
            Self::Rules(found) => write!(f, "the snapshot is under rules {found}, which this build does not know"),
            Self::Broken(why) => write!(f, "the snapshot is of a state that cannot be: {why}"),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl From<CodecError> for SnapshotError {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

struct Venue {
    mode: Option<Mode>,
    seq: Seq,
    time: TimeUs,
    rules_version: u16,
    options: Options,
    next_account_id: AccountId,
    last_execution_id: ExecutionId,
    assets: Vec<Asset>,
    follow_ups: Vec<FollowUp>,
}

durable_struct!(Venue {
    mode,
    seq,
    time,
    rules_version,
    options,
    next_account_id,
    last_execution_id,
    assets,
    follow_ups
});

struct AccountRecord {
    id: AccountId,
    kind: AccountKind,
    frozen: bool,
    fee_tier: u8,
    trade_group: Option<TradeGroupId>,
    limits: Option<OrderCountLimits>,
    ten_seconds: WindowCount,
    day: WindowCount,
    cells: Vec<Cell>,
}

durable_struct!(AccountRecord { id, kind, frozen, fee_tier, trade_group, limits, ten_seconds, day, cells });

struct SymbolRecord {
    spec: SymbolSpec,
    last_order_id: OrderId,
    last_trade_id: TradeId,
    last_agg_trade_id: AggTradeId,
    last_prevented_match_id: PreventedMatchId,
    bucket: Option<Bucket>,
    last_price: Option<Price>,
    volumes: Vec<SecondVolume>,
    orders: Vec<OrderRecord>,
}

durable_struct!(SymbolRecord {
    spec,
    last_order_id,
    last_trade_id,
    last_agg_trade_id,
    last_prevented_match_id,
    bucket,
    last_price,
    volumes,
    orders
});

/// An open order. Orders are listed in price-time priority; that restores every queue.
struct OrderRecord {
    id: OrderId,
    account: AccountIndex,
    client_order_id: ClientOrderId,
    side: Side,
    kind: OrderKind,
    stp: StpMode,
    trade_group: Option<TradeGroupId>,
    strategy: Option<Strategy>,
    executed: Quantity,
    executed_quote: Amount,
    prevented: Quantity,
    remaining: Quantity,
    hold: (AssetId, Amount),
}

durable_struct!(OrderRecord {
    id,
    account,
    client_order_id,
    side,
    kind,
    stp,
    trade_group,
    strategy,
    executed,
    executed_quote,
    prevented,
    remaining,
    hold
});

type Remembered = Vec<(u64, Vec<(CommandId, Seq)>)>;
type RememberedIds = Vec<(TimeUs, Vec<(AccountIndex, ClientOrderId)>)>;

impl Engine {
    /// The whole state as canonical bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let state = &self.state;
        let mut writer = Writer::with_format();
        venue_record(state).encode(&mut writer);
        state.accounts.len().encode(&mut writer);
        state.accounts.iter().for_each(|account| account_record(account).encode(&mut writer));
        state.symbols.len().encode(&mut writer);
        state.symbols.iter().for_each(|symbol| symbol_record(state, symbol).encode(&mut writer));
        state.dedup.snapshot().encode(&mut writer);
        state.dedup.snapshot_placed().encode(&mut writer);
        let sources: Vec<(SourceId, SourceState)> =
            state.dedup.sources.iter().map(|(id, known)| (*id, *known)).collect();
        sources.encode(&mut writer);
        writer.into_bytes()
    }

    /// The fingerprint of the whole state.
    pub fn state_hash(&self) -> [u8; 32] {
        Self::hash_of(&self.snapshot())
    }

    /// The state hash of a state with these snapshot bytes.
    pub fn hash_of(snapshot: &[u8]) -> [u8; 32] {
        emporion_model::journal::hash_bytes(snapshot)
    }

    /// The engine that [`Engine::snapshot`] described. See [`Engine::new`] for `hash_key`.
    pub fn restore(bytes: &[u8], hash_key: u64) -> Result<Self, SnapshotError> {
        let mut reader = Reader::with_format(bytes)?;
        let mut engine = Self::new(hash_key);
        let state = &mut engine.state;
        restore_venue(state, Venue::decode(&mut reader)?)?;
        for account in Vec::<AccountRecord>::decode(&mut reader)? {
            restore_account(state, account);
        }
        for symbol in Vec::<SymbolRecord>::decode(&mut reader)? {
            restore_symbol(state, symbol)?;
        }
        state.dedup.restore(Remembered::decode(&mut reader)?);
        state.dedup.restore_placed(RememberedIds::decode(&mut reader)?);
        state.dedup.sources = Vec::<(SourceId, SourceState)>::decode(&mut reader)?.into_iter().collect();
        reader.finish()?;
        state.accounts.take_touched(|_, _, _| {});
        engine.check_invariants().map_err(SnapshotError::Broken)?;
        Ok(engine)
    }
}

fn venue_record(state: &State) -> Venue {
    Venue {
        mode: state.mode,
        seq: state.seq,
        time: state.time,
        rules_version: state.rules_version,
        options: state.options,
        next_account_id: state.next_account_id,
        last_execution_id: state.last_execution_id,
        assets: state.assets.clone(),
        follow_ups: state.follow_ups.iter().cloned().collect(),
    }
}

fn restore_venue(state: &mut State, venue: Venue) -> Result<(), SnapshotError> {
    if !RULES_VERSIONS.contains(&venue.rules_version) {
        return Err(SnapshotError::Rules(venue.rules_version));
    }
    state.mode = venue.mode;
    state.seq = venue.seq;
    state.time = venue.time;
    state.rules_version = venue.rules_version;
    state.options = venue.options;
    state.next_account_id = venue.next_account_id;
    state.last_execution_id = venue.last_execution_id;
    state.assets = venue.assets;
    state.follow_ups = venue.follow_ups.into();
    Ok(())
}

fn account_record(account: &Account) -> AccountRecord {
    AccountRecord {
        id: account.id,
        kind: account.kind,
        frozen: account.frozen,
        fee_tier: account.fee_tier,
        trade_group: account.trade_group,
        limits: account.limits,
        ten_seconds: account.ten_seconds,
        day: account.day,
        cells: account.cells.clone(),
    }
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

fn symbol_record(state: &State, symbol: &SymbolState) -> SymbolRecord {
    SymbolRecord {
        spec: symbol.spec.clone(),
        last_order_id: symbol.last_order_id,
        last_trade_id: symbol.last_trade_id,
        last_agg_trade_id: symbol.last_agg_trade_id,
        last_prevented_match_id: symbol.last_prevented_match_id,
        bucket: symbol.series.bucket,
        last_price: symbol.series.last_price,
        volumes: symbol.series.volumes.iter().copied().collect(),
        orders: working(state, symbol).map(|index| order_record(state, index)).collect(),
    }
}

fn order_record(state: &State, index: crate::book::OrderIndex) -> OrderRecord {
    let (order, hold) = (state.orders.get(index), state.orders.hold_of(index));
    OrderRecord {
        id: order.id,
        account: order.account,
        client_order_id: order.client_order_id,
        side: order.side,
        kind: order.kind,
        stp: order.stp,
        trade_group: order.trade_group,
        strategy: order.strategy,
        executed: order.executed,
        executed_quote: order.executed_quote,
        prevented: order.prevented,
        remaining: state.orders.nodes.get(index).remaining,
        hold: (hold.asset, hold.amount),
    }
}

fn restore_symbol(state: &mut State, record: SymbolRecord) -> Result<(), SnapshotError> {
    let id = SymbolId(state.symbols.len() as u16);
    let known = |asset: AssetId| usize::from(asset.0) < state.assets.len();
    if !known(record.spec.base) || !known(record.spec.quote) {
        return Err(SnapshotError::Broken(format!("symbol {} names an unknown asset", record.spec.name)));
    }
    let mut symbol = SymbolState::new(id, record.spec, &state.assets);
    symbol.last_order_id = record.last_order_id;
    symbol.last_trade_id = record.last_trade_id;
    symbol.last_agg_trade_id = record.last_agg_trade_id;
    symbol.last_prevented_match_id = record.last_prevented_match_id;
    symbol.series = Series::restore(record.bucket, record.last_price, record.volumes);
    state.symbols.push(symbol);
    restore_orders(state, id, record.orders)
}

/// Enters the table in the order of ids, which is the order of each account's list, and the book in the
/// order of the records, which is price-time priority.
fn restore_orders(state: &mut State, symbol: SymbolId, records: Vec<OrderRecord>) -> Result<(), SnapshotError> {
    let broken = |why: &str| Err(SnapshotError::Broken(why.to_owned()));
    let mut by_id: Vec<usize> = (0..records.len()).collect();
    by_id.sort_unstable_by_key(|&place| records[place].id);
    let mut indices = vec![NONE; records.len()];
    for place in by_id {
        let record = &records[place];
        if record.account as usize >= state.accounts.len() {
            return broken("an order names an unknown account");
        }
        let is_legal = record.kind.price().is_some() && record.hold.0.0 < state.assets.len() as u16;
        if !is_legal || state.orders.find(symbol, record.id).is_some() {
            return broken("an open order cannot rest");
        }
        let order = Order {
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
            older: NONE,
            newer: NONE,
        };
        indices[place] = state.orders.add(&mut state.accounts, order, record.remaining, record.hold);
    }
    for (record, index) in records.iter().zip(indices) {
        let price = record.kind.price().expect("checked above");
        let half = state.symbols[usize::from(symbol.0)].book.half_mut(record.side);
        half.enter(&mut state.orders.nodes, index, price);
    }
    Ok(())
}
