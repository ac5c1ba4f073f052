//! Rejects: the closed list of reasons for which a command is refused. A refused command changes nothing.
//!
//! Where several reasons apply, the first in this list is given, because the engine checks a command in the
//! list's order; only the lot filters of a market order by quote quantity come later, once its quantity is
//! known. A durable number is never used again: a new reject takes the next free one, wherever it stands.

use crate::codec::durable_enum;
use std::fmt;

macro_rules! rejects {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal,)+) => {
        /// Why a command was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reject {
            $($(#[doc = $doc])+ $name,)+
        }

        durable_enum!(Reject { $($name = $number),+ });

        impl fmt::Display for Reject {
            /// The reason in words, for logs and operators; the public API has texts of its own.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => concat!($($doc),+).trim(),)+
                })
            }
        }
    };
}

rejects! {
    /// A rule of the engine failed in an unforeseen way; the command was left out.
    Internal = 0,
    /// The command may not come from this origin.
    OriginNotAllowed = 1,
    /// The venue has not begun yet.
    NotBegun = 2,
    /// The venue has already begun.
    AlreadyBegan = 3,
    /// The command came after its deadline.
    DeadlinePassed = 4,
    /// The service's number is not the next one.
    SourceGap = 5,
    /// The service used this number for another command.
    SourceConflict = 6,
    /// No such account.
    UnknownAccount = 7,
    /// No such symbol.
    UnknownSymbol = 8,
    /// No such asset.
    UnknownAsset = 9,
    /// The account is frozen.
    AccountFrozen = 10,
    /// The symbol takes no orders now.
    SymbolNotTrading = 11,
    /// The symbol does not take this order type.
    OrderTypeNotAllowed = 12,
    /// The symbol does not take market orders by quote quantity.
    QuoteQuantityNotAllowed = 13,
    /// The symbol does not take this self-trade prevention mode.
    StpModeNotAllowed = 14,
    /// Too many orders in the window of a day.
    TooManyOrdersPerDay = 15,
    /// Too many orders in the window of ten seconds.
    TooManyOrdersPerTenSeconds = 16,
    /// The client order id is taken.
    DuplicateClientOrderId = 17,
    /// The description breaks a rule of assets, symbols or options.
    BadDescription = 18,
    /// Only a venue of play money has this.
    NotWithRealMoney = 44,
    /// This build does not have these rules.
    RulesVersionUnknown = 19,
    /// It is so already.
    Unchanged = 20,
    /// The name is taken.
    NameTaken = 21,
    /// The venue cannot hold one more of these.
    TableFull = 22,
    /// The price breaks PRICE_FILTER.
    PriceFilter = 23,
    /// The price breaks PERCENT_PRICE_BY_SIDE.
    PercentPriceBySide = 24,
    /// The quantity breaks LOT_SIZE.
    LotSize = 25,
    /// The quantity breaks MARKET_LOT_SIZE.
    MarketLotSize = 26,
    /// Price × quantity breaks MIN_NOTIONAL.
    MinNotional = 27,
    /// Price × quantity breaks NOTIONAL.
    Notional = 28,
    /// The account has MAX_NUM_ORDERS open orders on the symbol.
    MaxNumOrders = 29,
    /// The venue holds as many open orders as it may.
    OrderTableFull = 30,
    /// A maker-only order would take.
    WouldTake = 31,
    /// The book holds nothing to match.
    EmptyBook = 32,
    /// The book holds less than the least quantity of LOT_SIZE.
    LiquidityBelowLotSize = 33,
    /// The book holds less than the least quantity of MARKET_LOT_SIZE.
    LiquidityBelowMarketLotSize = 34,
    /// The order would break MAX_POSITION.
    MaxPosition = 35,
    /// No such open order.
    UnknownOrder = 36,
    /// The order's id and client order id are of two different orders.
    OrderIdsDisagree = 37,
    /// The order is not in the state that the cancel asks for.
    CancelRestrictionNotMet = 38,
    /// Such a transfer does not exist between these accounts.
    TransferNotAllowed = 39,
    /// An amount must be above zero.
    AmountNotPositive = 40,
    /// More would have come in from outside than the asset's supply cap.
    SupplyCapExceeded = 41,
    /// The free balance is too small.
    InsufficientBalance = 42,
    /// There is no work waiting.
    NothingToDo = 43,
}
