//! The state as bytes; `restore` reads them back. The bytes are canonical: the same commands give the same
//! bytes, and so does an engine that was restored on the way, so their SHA-256 is the state hash. Inner
//! indices never appear, apart from accounts', which are their places in the order of creation.

mod restore;

use crate::Engine;
use crate::accounts::{Account, AccountIndex, Cell};
use crate::dedup::SourceState;
use crate::inspect::working;
use crate::series::SecondVolume;
use crate::state::{FollowUp, State, SymbolState};
use emporion_model::codec::{CodecError, Durable, Writer, durable_struct};
use emporion_model::event::{Bucket, WindowCount};
use emporion_model::{
    AccountId, AccountKind, AggTradeId, Amount, Asset, AssetId, ClientOrderId, CommandId, ExecutionId, Mode, Options,
    OrderCountLimits, OrderId, OrderKind, PreventedMatchId, Price, Quantity, Seq, Side, SourceId, StpMode, Strategy,
    SymbolSpec, TimeUs, TradeGroupId, TradeId,
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
