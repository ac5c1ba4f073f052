//! Newtypes for every id. An id of one kind can never stand where another is due.

use crate::codec::durable_newtype;
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $repr);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        durable_newtype!($name($repr));
    };
}

id! {
    /// An asset, numbered densely from 0 in the order of creation.
    AssetId(u16)
}
id! {
    /// A symbol, numbered densely from 0 in the order of creation.
    SymbolId(u16)
}
id! {
    /// An engine account. The first three are the venue's own, see the constants.
    AccountId(u64)
}
id! {
    /// An order, counted per symbol from 1: unique only together with its symbol.
    OrderId(u64)
}
id! {
    /// A trade, counted per symbol from 1.
    TradeId(u64)
}
id! {
    /// A run of trades with the same taker order and price, counted per symbol from 1.
    AggTradeId(u64)
}
id! {
    /// One change of one order, counted over the whole venue from 1.
    ExecutionId(u64)
}
id! {
    /// One prevented self-trade, counted per symbol from 1.
    PreventedMatchId(u64)
}
id! {
    /// The gapless number of a command in the journal; the first one is 1.
    Seq(u64)
}
id! {
    /// A stretch of the journal with gapless seqs. A forced failover to another region begins a new one.
    History(u32)
}
id! {
    /// The number of a leadership. Every takeover raises it by one.
    Epoch(u64)
}
id! {
    /// A service that numbers its own commands, see [`crate::Origin::Service`].
    SourceId(u16)
}
id! {
    /// Accounts that self-trade prevention treats as one owner.
    TradeGroupId(u64)
}

impl AccountId {
    /// The outside world. Its balances are the negative of everything deposited and not withdrawn.
    pub const EXTERNAL: Self = Self(1);
    /// The venue's own money; never below zero.
    pub const TREASURY: Self = Self(2);
    /// What trades paid in fees.
    pub const FEES: Self = Self(3);
    /// The first account of a user; everything below is reserved.
    pub const FIRST_USER: Self = Self(1_000);
}

impl SourceId {
    /// The outbox of the User Service.
    pub const USERS: Self = Self(1);
    /// The operator's commands: symbols, halts, adjustments.
    pub const OPERATOR: Self = Self(2);
    /// The venue's own start-up: differences between config and engine state.
    pub const CONFIG: Self = Self(3);
}

impl Seq {
    /// The seq before the first command.
    pub const ZERO: Self = Self(0);

    /// The seq that follows this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The idempotency key of a client's command: 16 random bytes made once, before the command first leaves
/// a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub [u8; 16]);

durable_newtype!(CommandId([u8; 16]));
