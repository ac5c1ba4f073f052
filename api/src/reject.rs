//! What a client is told when the engine refuses its command: one documented answer for every [`Reject`].

use crate::names::OrderType;
use crate::{ApiError, Code};
use emporion_model::{Reject, TimeUs};

/// The command that was refused, as far as the answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A new order of this type.
    Order(OrderType),
    /// A cancel of one order or of all.
    Cancel,
}

impl Refused {
    fn engine_code(self) -> Code {
        match self {
            Self::Order(_) => Code::NewOrderRejected,
            Self::Cancel => Code::CancelRejected,
        }
    }
}

const ORDER_WINDOW_S: u64 = 10;
const DAY_S: u64 = 86_400;

impl ApiError {
    /// The answer to `refused`, which the engine rejected at `time` for the reason `reject`.
    ///
    /// Rejects of commands that only services send are -1020 here: a client cannot cause them.
    pub fn rejected(refused: Refused, reject: Reject, time: TimeUs) -> Self {
        let engine = |text: &'static str| Self::new(refused.engine_code(), text);
        match reject {
            Reject::Internal => Code::Unknown.into(),
            Reject::DeadlinePassed => Code::InvalidTimestamp.into(),
            Reject::NotBegun | Reject::OrderTableFull | Reject::TableFull => Self::busy(1),
            Reject::UnknownAccount => Code::Unauthorized.into(),
            Reject::UnknownSymbol => Code::BadSymbol.into(),
            Reject::AccountFrozen => engine("This account may not place or cancel orders."),
            Reject::SymbolNotTrading => Self::new(Code::InvalidMessage, "Market is closed."),
            Reject::OrderTypeNotAllowed => match refused {
                Refused::Order(order_type) => order_type.not_supported(),
                Refused::Cancel => Code::UnsupportedOperation.into(),
            },
            Reject::QuoteQuantityNotAllowed => engine("Quote order qty market orders are not support for this symbol."),
            Reject::StpModeNotAllowed => Self::stp_mode_not_allowed(),
            Reject::TooManyOrdersPerTenSeconds => too_many_orders(time, ORDER_WINDOW_S),
            Reject::TooManyOrdersPerDay => too_many_orders(time, DAY_S),
            Reject::DuplicateClientOrderId => engine("Duplicate order sent."),
            Reject::PriceFilter => Self::filter_failure("PRICE_FILTER"),
            Reject::PercentPriceBySide => Self::filter_failure("PERCENT_PRICE_BY_SIDE"),
            Reject::LotSize => Self::filter_failure("LOT_SIZE"),
            Reject::MarketLotSize => Self::filter_failure("MARKET_LOT_SIZE"),
            Reject::MinNotional => Self::filter_failure("MIN_NOTIONAL"),
            Reject::Notional => Self::filter_failure("NOTIONAL"),
            Reject::MaxNumOrders => Self::filter_failure("MAX_NUM_ORDERS"),
            Reject::MaxPosition => engine("Filter failure: MAX_POSITION"),
            Reject::EmptyBook => engine("Order book liquidity is less than symbol minimum quantity."),
            Reject::LiquidityBelowLotSize => {
                engine("Order book liquidity is less than LOT_SIZE filter minimum quantity.")
            }
            Reject::LiquidityBelowMarketLotSize => {
                engine("Order book liquidity is less than MARKET_LOT_SIZE filter minimum quantity.")
            }
            Reject::WouldTake => engine("Order would immediately match and take."),
            Reject::InsufficientBalance => engine("Account has insufficient balance for requested action."),
            Reject::UnknownOrder => engine("Unknown order sent."),
            Reject::OrderIdsDisagree => engine("Cancel order is invalid. Check origClOrdId and orderId."),
            Reject::CancelRestrictionNotMet => engine("Order was not canceled due to cancel restrictions."),
            Reject::OriginNotAllowed
            | Reject::SourceGap
            | Reject::SourceConflict
            | Reject::AlreadyBegan
            | Reject::UnknownAsset
            | Reject::TransferNotAllowed
            | Reject::AmountNotPositive
            | Reject::SupplyCapExceeded
            | Reject::BadDescription
            | Reject::NameTaken
            | Reject::NotWithRealMoney
            | Reject::RulesVersionUnknown
            | Reject::Unchanged
            | Reject::NothingToDo => Code::UnsupportedOperation.into(),
        }
    }
}

/// 429 until the window of `window_s` seconds around `time` is over.
fn too_many_orders(time: TimeUs, window_s: u64) -> ApiError {
    ApiError::from(Code::TooManyOrders).with_retry_after_s(window_s - time.second() % window_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACED: Refused = Refused::Order(OrderType::Market);
    /// Three seconds into a window of ten, one minute and three seconds into a day.
    const TIME: TimeUs = TimeUs(63_000_000);

    #[track_caller]
    fn check(refused: Refused, reject: Reject, status: u16, code: i32, message: &str) {
        let error = ApiError::rejected(refused, reject, TIME);
        assert_eq!((error.status, error.code.number(), error.message.as_ref()), (status, code, message), "{reject:?}");
    }

    #[test]
    fn texts_that_clients_match_on() {
        check(
            PLACED,
            Reject::InsufficientBalance,
            400,
            -2010,
            "Account has insufficient balance for requested action.",
        );
        check(PLACED, Reject::DuplicateClientOrderId, 400, -2010, "Duplicate order sent.");
        check(PLACED, Reject::WouldTake, 400, -2010, "Order would immediately match and take.");
        check(PLACED, Reject::LotSize, 400, -1013, "Filter failure: LOT_SIZE");
        check(PLACED, Reject::MaxPosition, 400, -2010, "Filter failure: MAX_POSITION");
        check(PLACED, Reject::SymbolNotTrading, 400, -1013, "Market is closed.");
        check(PLACED, Reject::OrderTypeNotAllowed, 400, -2010, "Market orders are not supported for this symbol.");
        check(PLACED, Reject::AccountFrozen, 400, -2010, "This account may not place or cancel orders.");
        check(PLACED, Reject::DeadlinePassed, 400, -1021, "Timestamp for this request is outside of the recvWindow.");
        check(PLACED, Reject::TooManyOrdersPerDay, 429, -1015, "Too many new orders.");
        check(PLACED, Reject::OrderTableFull, 503, -1008, Code::ServerBusy.text());
        check(PLACED, Reject::TableFull, 503, -1008, Code::ServerBusy.text());
        check(Refused::Cancel, Reject::UnknownOrder, 400, -2011, "Unknown order sent.");
        check(Refused::Cancel, Reject::AccountFrozen, 400, -2011, "This account may not place or cancel orders.");
        check(
            Refused::Cancel,
            Reject::CancelRestrictionNotMet,
            400,
            -2011,
            "Order was not canceled due to cancel restrictions.",
        );
    }

    #[test]
    fn order_limits_end_with_their_window() {
        let retry_after_s = |reject| ApiError::rejected(PLACED, reject, TIME).retry_after_s;
        assert_eq!(retry_after_s(Reject::TooManyOrdersPerTenSeconds), Some(7));
        assert_eq!(retry_after_s(Reject::TooManyOrdersPerDay), Some(86_400 - 63));
    }
}
