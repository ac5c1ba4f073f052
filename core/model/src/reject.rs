//! Rejects: the closed list of reasons for which a command is refused. A refused command changes nothing.
//!
//! The list is append-only. Where several reasons apply, the one that is checked first is given; the engine
//! checks them in the order of this list within each command.

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
    /// The command came after its deadline.
    DeadlinePassed = 1,
    /// The command may not come from this origin.
    OriginNotAllowed = 2,
    /// The service's number is not the next one.
    SourceGap = 3,
    /// The service used this number for another command.
    SourceConflict = 4,
    /// The venue has already begun.
    AlreadyBegan = 5,
    /// The venue has not begun yet.
    NotBegun = 6,
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
    /// Too many orders in the window of ten seconds.
    TooManyOrdersPerTenSeconds = 15,
    /// Too many orders in the window of a day.
    TooManyOrdersPerDay = 16,
    /// The client order id is taken.
    DuplicateClientOrderId = 17,
    /// The price breaks PRICE_FILTER.
    PriceFilter = 18,
    /// The price breaks PERCENT_PRICE_BY_SIDE.
    PercentPriceBySide = 19,
    /// The quantity breaks LOT_SIZE.
    LotSize = 20,
    /// The quantity breaks MARKET_LOT_SIZE.
    MarketLotSize = 21,
    /// Price × quantity breaks MIN_NOTIONAL.
    MinNotional = 22,
    /// Price × quantity breaks NOTIONAL.
    Notional = 23,
    /// The account has MAX_NUM_ORDERS open orders on the symbol.
    MaxNumOrders = 24,
    /// The order would break MAX_POSITION.
    MaxPosition = 25,
    /// The venue holds as many open orders as it may.
    OrderTableFull = 26,
    /// The book holds nothing to match.
    EmptyBook = 27,
    /// The book holds less than the least quantity of LOT_SIZE.
    LiquidityBelowLotSize = 28,
    /// The book holds less than the least quantity of MARKET_LOT_SIZE.
    LiquidityBelowMarketLotSize = 29,
    /// A maker-only order would take.
    WouldTake = 30,
    /// The free balance is too small.
    InsufficientBalance = 31,
    /// No such open order.
    UnknownOrder = 32,
    /// The order's id and client order id are of two different orders.
    OrderIdsDisagree = 33,
    /// The order is not in the state that the cancel asks for.
    CancelRestrictionNotMet = 34,
    /// Such a transfer does not exist between these accounts.
    TransferNotAllowed = 35,
    /// An amount must be above zero.
    AmountNotPositive = 36,
    /// More would have come in from outside than the asset's supply cap.
    SupplyCapExceeded = 37,
    /// The description breaks a rule of assets, symbols or options.
    BadDescription = 38,
    /// The name is taken.
    NameTaken = 39,
    /// The venue cannot hold one more of these.
    TableFull = 40,
    /// This build does not have these rules.
    RulesVersionUnknown = 41,
    /// It is so already.
    Unchanged = 42,
    /// There is no work waiting.
    NothingToDo = 43,
}
