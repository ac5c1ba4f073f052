//! The words that stand for sides, types, statuses and modes on the wire.
//!
//! The domain's enums know nothing of the wire; here each gets its words, in both directions.

use crate::params::Param;
use crate::{ApiError, Code};
use emporion_model::{CancelRestriction, ExpiryReason, OrderStatus, Side, StpMode, SymbolStatus, TimeInForce};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A closed set of values that each have a word.
pub trait Named: Copy + 'static {
    /// Every value, in the order of the documentation.
    const ALL: &'static [Self];

    /// The word on the wire; case matters.
    fn name(self) -> &'static str;

    /// The value with this word.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.name() == name)
    }
}

/// A value that serialises as its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<T>(pub T);

impl<T: Named> From<T> for Name<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Named> Serialize for Name<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de, T: Named> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        T::from_name(&name).map(Self).ok_or_else(|| D::Error::custom(format_args!("unknown name {name:?}")))
    }
}

macro_rules! named {
    ($type:ty { $($value:ident = $name:literal),+ $(,)? }) => {
        impl Named for $type {
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn name(self) -> &'static str {
                match self { $(Self::$value => $name),+ }
            }
        }
    };
}

macro_rules! param {
    ($type:ty, $error:expr) => {
        impl Param<'_> for $type {
            fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
                let error: fn(&'static str) -> ApiError = $error;
                Self::from_name(text).ok_or_else(|| error(name))
            }
        }
    };
}

named!(Side { Buy = "BUY", Sell = "SELL" });
param!(Side, |_| Code::InvalidSide.into());

named!(TimeInForce { Gtc = "GTC", Ioc = "IOC", Fok = "FOK" });
param!(TimeInForce, |_| Code::InvalidTif.into());

named!(StpMode {
    None = "NONE",
    ExpireMaker = "EXPIRE_MAKER",
    ExpireTaker = "EXPIRE_TAKER",
    ExpireBoth = "EXPIRE_BOTH",
    Decrement = "DECREMENT",
});

/// `TRANSFER` is a documented mode that no symbol allows.
impl Param<'_> for StpMode {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        match Self::from_name(text) {
            Some(mode) => Ok(mode),
            None if text == "TRANSFER" => Err(ApiError::stp_mode_not_allowed()),
            None => Err(ApiError::invalid_parameter(name)),
        }
    }
}

named!(OrderStatus {
    New = "NEW",
    PartiallyFilled = "PARTIALLY_FILLED",
    Filled = "FILLED",
    Canceled = "CANCELED",
    Expired = "EXPIRED",
    ExpiredInMatch = "EXPIRED_IN_MATCH",
});

named!(SymbolStatus { Trading = "TRADING", Halt = "HALT", Break = "BREAK", CancelOnly = "CANCEL_ONLY" });
/// As a filter only these three are documented.
impl Param<'_> for SymbolStatus {
    fn read(_: &'static str, text: &str) -> Result<Self, ApiError> {
        Self::from_name(text)
            .filter(|status| *status != Self::CancelOnly)
            .ok_or_else(|| Code::InvalidSymbolStatus.into())
    }
}

named!(CancelRestriction { OnlyNew = "ONLY_NEW", OnlyPartiallyFilled = "ONLY_PARTIALLY_FILLED" });
param!(CancelRestriction, |_| Code::InvalidCancelRestrictions.into());

named!(ExpiryReason {
    UnfilledIoc = "UNFILLED_IOC_QUANTITY_EXPIRED",
    UnfilledFok = "UNFILLED_FOK_ORDER_EXPIRED",
    InsufficientLiquidity = "INSUFFICIENT_LIQUIDITY",
    FillsExhausted = "EXCHANGE_CANCELED",
});

/// An order type as clients name it; more than the engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderType {
    /// At a price or better.
    Limit,
    /// At a price, only as maker.
    LimitMaker,
    /// At whatever the book holds.
    Market,
    /// Becomes a market order when the price moves against its owner.
    StopLoss,
    /// Becomes a limit order when the price moves against its owner.
    StopLossLimit,
    /// Becomes a market order when the price moves in its owner's favour.
    TakeProfit,
    /// Becomes a limit order when the price moves in its owner's favour.
    TakeProfitLimit,
}

named!(OrderType {
    Limit = "LIMIT",
    LimitMaker = "LIMIT_MAKER",
    Market = "MARKET",
    StopLoss = "STOP_LOSS",
    StopLossLimit = "STOP_LOSS_LIMIT",
    TakeProfit = "TAKE_PROFIT",
    TakeProfitLimit = "TAKE_PROFIT_LIMIT",
});
param!(OrderType, |_| Code::InvalidOrderType.into());

impl From<emporion_model::OrderType> for OrderType {
    fn from(order_type: emporion_model::OrderType) -> Self {
        match order_type {
            emporion_model::OrderType::Limit => Self::Limit,
            emporion_model::OrderType::LimitMaker => Self::LimitMaker,
            emporion_model::OrderType::Market => Self::Market,
        }
    }
}

impl OrderType {
    /// -2010: the symbol does not take orders of this type.
    pub fn not_supported(self) -> ApiError {
        let text = match self {
            Self::Limit | Self::LimitMaker => "Unsupported order combination",
            Self::Market => "Market orders are not supported for this symbol.",
            Self::StopLoss => "Stop loss orders are not supported for this symbol.",
            Self::StopLossLimit => "Stop loss limit orders are not supported for this symbol.",
            Self::TakeProfit => "Take profit orders are not supported for this symbol.",
            Self::TakeProfitLimit => "Take profit limit orders are not supported for this symbol.",
        };
        ApiError::new(Code::NewOrderRejected, text)
    }

    /// How much a placement of this type answers when it does not say.
    pub fn default_response(self) -> ResponseType {
        match self {
            Self::Limit | Self::Market => ResponseType::Full,
            _ => ResponseType::Ack,
        }
    }
}

/// How much a placement answers: `newOrderRespType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseType {
    /// Ids and time.
    Ack,
    /// And what became of the order.
    Result,
    /// And its fills.
    Full,
}

named!(ResponseType { Ack = "ACK", Result = "RESULT", Full = "FULL" });
param!(ResponseType, ApiError::invalid_parameter);

/// How much a ticker answers: `type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TickerType {
    /// Everything.
    #[default]
    Full,
    /// Prices, volumes, times and ids only.
    Mini,
}

named!(TickerType { Full = "FULL", Mini = "MINI" });
param!(TickerType, |_| Code::InvalidTickerType.into());

/// What a rate limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitType {
    /// The weights of a network's requests.
    RequestWeight,
    /// An account's orders.
    Orders,
    /// A network's requests, whatever their weight.
    RawRequests,
    /// A network's attempts to open a WebSocket.
    Connections,
}

named!(RateLimitType {
    RequestWeight = "REQUEST_WEIGHT",
    Orders = "ORDERS",
    RawRequests = "RAW_REQUESTS",
    Connections = "CONNECTIONS",
});

/// The unit of a rate limit's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitInterval {
    /// Seconds.
    Second,
    /// Minutes.
    Minute,
    /// Days that begin at 00:00 UTC.
    Day,
}

named!(LimitInterval { Second = "SECOND", Minute = "MINUTE", Day = "DAY" });

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Debug;

    #[track_caller]
    fn check<T: Named + PartialEq + Debug>() {
        let names: BTreeSet<&str> = T::ALL.iter().map(|value| value.name()).collect();
        assert_eq!(names.len(), T::ALL.len());
        for value in T::ALL {
            let json = serde_json::to_string(&Name(*value)).expect("a word");
            assert_eq!(json, format!("\"{}\"", value.name()));
            assert_eq!(serde_json::from_str::<Name<T>>(&json).expect("its own word"), Name(*value));
        }
        assert!(serde_json::from_str::<Name<T>>("\"buy\"").is_err());
    }

    #[test]
    fn names_and_values_are_one_to_one() {
        check::<Side>();
        check::<TimeInForce>();
        check::<StpMode>();
        check::<OrderStatus>();
        check::<SymbolStatus>();
        check::<CancelRestriction>();
        check::<ExpiryReason>();
        check::<OrderType>();
        check::<ResponseType>();
        check::<TickerType>();
        check::<RateLimitType>();
        check::<LimitInterval>();
    }

    #[test]
    fn each_word_that_is_none_has_its_code() {
        fn code<T: for<'p> Param<'p> + Debug>(text: &str) -> i32 {
            T::read("x", text).expect_err("not a word").code.number()
        }
        assert_eq!(code::<Side>("buy"), -1117);
        assert_eq!(code::<TimeInForce>("GTX"), -1115);
        assert_eq!(code::<OrderType>("OCO"), -1116);
        assert_eq!(code::<SymbolStatus>("CANCEL_ONLY"), -1122);
        assert_eq!(code::<CancelRestriction>("NEW"), -1145);
        assert_eq!(code::<TickerType>("full"), -1139);
        assert_eq!(code::<ResponseType>("ALL"), -1130);
        assert_eq!(code::<StpMode>("EXPIRE"), -1130);
        assert_eq!(code::<StpMode>("TRANSFER"), -1013);
    }
}
