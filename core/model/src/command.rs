//! Commands: requests to change the venue. The journal holds them in the order in which they were applied.

use crate::codec::{durable_enum, durable_struct, durable_tagged};
use crate::{
    AccountId, AccountKind, Amount, Asset, AssetId, CancelRestriction, ClientOrderId, CommandId, Genesis, Options,
    OrderCountLimits, OrderId, OrderKind, Reference, Side, SourceId, StpMode, Strategy, SymbolId, SymbolSpec,
    SymbolStatus, TimeUs, TradeGroupId,
};

/// Who asks, what makes the command unique, and until when it may be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client, through a gateway: the command's id and its absolute deadline.
    Client(CommandId, TimeUs),
    /// A service that numbers its commands from 1 without gaps: the source and the number.
    Service(SourceId, u64),
    /// The sequencer itself: genesis, ticks and steps of work that is already journaled.
    Sequencer,
}

durable_tagged!(Origin { 0 => Client(command_id, deadline), 1 => Service(source, n), 2 => Sequencer });

/// One request to change the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who asks.
    pub origin: Origin,
    /// What for.
    pub action: Action,
}

durable_struct!(Command { origin, action });

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing but that time passes.
    Tick,
    /// One more step of the work that waits in the engine.
    Step,
    /// Begin the venue. Only in an empty journal.
    Genesis(Box<Genesis>),
    /// Place an order.
    PlaceOrder(PlaceOrder),
    /// Cancel one order.
    CancelOrder(CancelOrder),
    /// Cancel all of an account's orders on a symbol.
    CancelAll(CancelAll),
    /// Open an account of this kind, which is `User`.
    CreateAccount(AccountKind),
    /// Move an amount between a user and the venue or the outside world.
    Transfer(Transfer),
    /// Stop (`true`) or let go (`false`) an account.
    SetFrozen(AccountId, bool),
    /// Put an account into a fee tier.
    SetFeeTier(AccountId, u8),
    /// Give an account order-count limits of its own, or the venue's again.
    SetOrderCountLimits(AccountId, Option<OrderCountLimits>),
    /// Put an account into a trade group, or out of any.
    SetTradeGroup(AccountId, Option<TradeGroupId>),
    /// Add an asset.
    AddAsset(Asset),
    /// Add a symbol.
    AddSymbol(Box<SymbolSpec>),
    /// Change what a symbol lets through.
    SetSymbolStatus(SymbolId, SymbolStatus),
    /// Replace the venue's options.
    SetOptions(Options),
    /// Switch to other rules.
    SetRulesVersion(u16),
}

durable_tagged!(Action {
    0 => Tick,
    1 => Step,
    2 => Genesis(genesis),
    3 => PlaceOrder(place),
    4 => CancelOrder(cancel),
    5 => CancelAll(cancel_all),
    6 => CreateAccount(kind),
    7 => Transfer(transfer),
    8 => SetFrozen(account, frozen),
    9 => SetFeeTier(account, tier),
    10 => SetOrderCountLimits(account, limits),
    11 => SetTradeGroup(account, group),
    12 => AddAsset(asset),
    13 => AddSymbol(spec),
    14 => SetSymbolStatus(symbol, status),
    15 => SetOptions(options),
    16 => SetRulesVersion(version),
});

impl<T: crate::codec::Durable> crate::codec::Durable for Box<T> {
    fn encode(&self, writer: &mut crate::codec::Writer) {
        (**self).encode(writer);
    }

    fn decode(reader: &mut crate::codec::Reader<'_>) -> Result<Self, crate::codec::CodecError> {
        T::decode(reader).map(Box::new)
    }
}

/// An order to place. Assets follow from symbol and side; a command never names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceOrder {
    /// Whose order, out of the authenticated session.
    pub account: AccountId,
    /// Where.
    pub symbol: SymbolId,
    /// Which way.
    pub side: Side,
    /// The client's id, or one the gateway made up.
    pub client_order_id: ClientOrderId,
    /// What it asks for.
    pub kind: OrderKind,
    /// Self-trade prevention; `None` is the symbol's default.
    pub stp: Option<StpMode>,
    /// The client's label, if any.
    pub strategy: Option<Strategy>,
}

durable_struct!(PlaceOrder { account, symbol, side, client_order_id, kind, stp, strategy });

/// One order to cancel, named by its id, its client order id, or both (which must then agree).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelOrder {
    /// Whose order.
    pub account: AccountId,
    /// Where.
    pub symbol: SymbolId,
    /// The order's id.
    pub order_id: Option<OrderId>,
    /// The order's client order id.
    pub client_order_id: Option<ClientOrderId>,
    /// The cancel's own id.
    pub cancel_id: ClientOrderId,
    /// Only in this state.
    pub restriction: Option<CancelRestriction>,
}

durable_struct!(CancelOrder { account, symbol, order_id, client_order_id, cancel_id, restriction });

/// All of an account's orders on a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelAll {
    /// Whose orders.
    pub account: AccountId,
    /// Where.
    pub symbol: SymbolId,
    /// The id that each of the cancels bears.
    pub cancel_id: ClientOrderId,
}

durable_struct!(CancelAll { account, symbol, cancel_id });

/// An amount to move. One of the two accounts is the external, the treasury or the fee account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Why.
    pub reason: TransferReason,
    /// Who pays.
    pub from: AccountId,
    /// Who receives.
    pub to: AccountId,
    /// What.
    pub asset: AssetId,
    /// How much, above zero.
    pub amount: Amount,
    /// Where it came from, for people.
    pub reference: Reference,
}

durable_struct!(Transfer { reason, from, to, asset, amount, reference });

/// Why an amount moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferReason {
    /// In from outside: external to user or treasury.
    Deposit,
    /// Out: user or treasury to external.
    Withdrawal,
    /// The operator's correction: between treasury and a user, or fees to treasury.
    Adjustment,
}

durable_enum!(TransferReason { Deposit = 0, Withdrawal = 1, Adjustment = 2 });
