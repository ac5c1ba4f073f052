//! What an order is made of: sides, kinds, times in force, statuses and the reasons for its end.

use crate::codec::{durable_enum, durable_struct, durable_tagged};
use crate::{Amount, Price, Quantity};

/// An order's direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Pays quote, receives base.
    Buy,
    /// Pays base, receives quote.
    Sell,
}

durable_enum!(Side { Buy = 0, Sell = 1 });

impl Side {
    /// The side that this one meets.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// How long a limit order stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeInForce {
    /// Good till canceled: what does not match rests.
    Gtc,
    /// Immediate or cancel: what does not match expires.
    Ioc,
    /// Fill or kill: all of it matches at once, or nothing.
    Fok,
}

durable_enum!(TimeInForce { Gtc = 0, Ioc = 1, Fok = 2 });

/// The size of a market order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketSize {
    /// So much base.
    Base(Quantity),
    /// So much quote to spend (buy) or to receive before the fee (sell).
    Quote(Amount),
}

durable_tagged!(MarketSize { 0 => Base(quantity), 1 => Quote(amount) });

/// What an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    /// At this price or better.
    Limit(Price, Quantity, TimeInForce),
    /// At this price, and only as maker.
    LimitMaker(Price, Quantity),
    /// At whatever the book holds.
    Market(MarketSize),
}

durable_tagged!(OrderKind { 0 => Limit(price, quantity, time_in_force), 1 => LimitMaker(price, quantity), 2 => Market(size) });

impl OrderKind {
    /// The name of this kind without its numbers.
    pub fn order_type(&self) -> OrderType {
        match self {
            Self::Limit(..) => OrderType::Limit,
            Self::LimitMaker(..) => OrderType::LimitMaker,
            Self::Market(..) => OrderType::Market,
        }
    }

    /// The limit price, if it has one.
    pub fn price(&self) -> Option<Price> {
        match *self {
            Self::Limit(price, ..) | Self::LimitMaker(price, _) => Some(price),
            Self::Market(_) => None,
        }
    }

    /// The quantity asked for; `None` for a market order by quote quantity.
    pub fn quantity(&self) -> Option<Quantity> {
        match *self {
            Self::Limit(_, quantity, _) | Self::LimitMaker(_, quantity) | Self::Market(MarketSize::Base(quantity)) => {
                Some(quantity)
            }
            Self::Market(MarketSize::Quote(_)) => None,
        }
    }

    /// The quote amount asked for, of a market order by quote quantity.
    pub fn quote_quantity(&self) -> Option<Amount> {
        match *self {
            Self::Market(MarketSize::Quote(amount)) => Some(amount),
            _ => None,
        }
    }

    /// The time in force. Makers and market orders report GTC, as the public API does.
    pub fn time_in_force(&self) -> TimeInForce {
        match *self {
            Self::Limit(_, _, time_in_force) => time_in_force,
            Self::LimitMaker(..) | Self::Market(_) => TimeInForce::Gtc,
        }
    }
}

/// The name of an order kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderType {
    /// See [`OrderKind::Limit`].
    Limit,
    /// See [`OrderKind::LimitMaker`].
    LimitMaker,
    /// See [`OrderKind::Market`].
    Market,
}

durable_enum!(OrderType { Limit = 0, LimitMaker = 1, Market = 2 });

/// What happens when an order would match its own account or trade group. The taker's mode decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StpMode {
    /// They trade.
    None,
    /// The maker expires.
    ExpireMaker,
    /// The taker expires.
    ExpireTaker,
    /// Both expire.
    ExpireBoth,
    /// Both shrink by what would have matched; what reaches zero expires.
    Decrement,
}

durable_enum!(StpMode { None = 0, ExpireMaker = 1, ExpireTaker = 2, ExpireBoth = 3, Decrement = 4 });

/// A label that a client gives its orders; echoed, never interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// `strategyId`.
    pub id: Option<u64>,
    /// `strategyType`, at least 1,000,000.
    pub kind: Option<u32>,
}

durable_struct!(Strategy { id, kind });

/// Cancel only while the order is in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelRestriction {
    /// Only while nothing of it is filled.
    OnlyNew,
    /// Only while it is partially filled.
    OnlyPartiallyFilled,
}

durable_enum!(CancelRestriction { OnlyNew = 0, OnlyPartiallyFilled = 1 });

/// Why an order left the table other than by being filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Its owner canceled it.
    Canceled,
    /// The engine's rules ended it.
    Expired(ExpiryReason),
    /// Self-trade prevention ended it.
    ExpiredInMatch,
}

durable_tagged!(CloseReason { 0 => Canceled, 1 => Expired(reason), 2 => ExpiredInMatch });

/// Which rule ended an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryReason {
    /// IOC: the rest did not match.
    UnfilledIoc,
    /// FOK: not all of it could match.
    UnfilledFok,
    /// A market order met the end of the book.
    InsufficientLiquidity,
    /// It met more orders than one command may match.
    FillsExhausted,
}

durable_enum!(ExpiryReason { UnfilledIoc = 0, UnfilledFok = 1, InsufficientLiquidity = 2, FillsExhausted = 3 });

/// An order's state as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderStatus {
    /// Accepted, nothing filled.
    New,
    /// Some of it filled, the rest working.
    PartiallyFilled,
    /// All of it filled.
    Filled,
    /// Canceled by its owner.
    Canceled,
    /// Ended by a rule.
    Expired,
    /// Ended by self-trade prevention.
    ExpiredInMatch,
}

durable_enum!(OrderStatus { New = 0, PartiallyFilled = 1, Filled = 2, Canceled = 3, Expired = 4, ExpiredInMatch = 5 });

impl OrderStatus {
    /// Whether the order can still change.
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }
}

impl From<CloseReason> for OrderStatus {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::Canceled => Self::Canceled,
            CloseReason::Expired(_) => Self::Expired,
            CloseReason::ExpiredInMatch => Self::ExpiredInMatch,
        }
    }
}

/// Whose account it is, which decides how far its balance may fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// A client's; never below zero.
    User,
    /// The outside world; down to minus the supply cap.
    External,
    /// The venue's own money; never below zero.
    Treasury,
    /// Collected fees; never below zero.
    Fees,
    /// One through which a recorded market is played; never below zero. Only where money is play money: its orders
    /// are bound by price and quantity steps, but by no limit on their number, distance or worth, because a
    /// recording has levels and trades that a client here could not ask for.
    Replayer,
}

durable_enum!(AccountKind { User = 0, External = 1, Treasury = 2, Fees = 3, Replayer = 4 });

impl AccountKind {
    /// Whether orders may come from it.
    pub fn trades(self) -> bool {
        matches!(self, Self::User | Self::Replayer)
    }
}
