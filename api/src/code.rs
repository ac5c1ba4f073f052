//! The closed catalogue of error codes that the REST and the WebSocket API can answer with.
//!
//! Numbers, names and texts are those of the Binance Spot documentation (`errors.md`); clients match on them,
//! typing errors included. The text here is the one without parameters; the others are made in
//! [`crate::error`]. Codes of surfaces that are not served (FIX, order lists, pegged orders) come with their
//! surface.

use std::fmt;

/// The client's fault; nothing was executed.
const BAD_REQUEST: u16 = 400;
/// The key is missing, ill-formed, unknown or not allowed to do this.
const UNAUTHORIZED: u16 = 401;
/// A limit was exceeded.
const TOO_MANY_REQUESTS: u16 = 429;
/// Our fault; what became of the request is unknown.
const INTERNAL: u16 = 500;
/// Not executed, try again later: the one 5xx that says so.
const UNAVAILABLE: u16 = 503;
/// No answer from the engine in time; what became of the request is unknown.
const GATEWAY_TIMEOUT: u16 = 504;

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal, $status:expr, $text:literal;)*) => {
        /// A documented error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", stringify!($number), " ", $name, "`")] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            pub const fn number(self) -> i32 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The documented name; for logs and metrics, never sent.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status that goes with the code unless an answer says otherwise.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The documented text without parameters.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

codes! {
    Unknown = -1000, "UNKNOWN", INTERNAL, "An unknown error occurred while processing the request.";
    Disconnected = -1001, "DISCONNECTED", INTERNAL, "Internal error; unable to process your request. Please try again.";
    Unauthorized = -1002, "UNAUTHORIZED", UNAUTHORIZED, "You are not authorized to execute this request.";
    TooManyRequests = -1003, "TOO_MANY_REQUESTS", TOO_MANY_REQUESTS, "Too many requests queued.";
    UnexpectedResponse = -1006, "UNEXPECTED_RESP", INTERNAL, "An unexpected response was received from the message bus. Execution status unknown.";
    Timeout = -1007, "TIMEOUT", GATEWAY_TIMEOUT, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";
    ServerBusy = -1008, "SERVER_BUSY", UNAVAILABLE, "Server is currently overloaded with other requests. Please try again in a few minutes.";
    InvalidMessage = -1013, "INVALID_MESSAGE", BAD_REQUEST, "The request is rejected by the API. (i.e. The request didn't reach the Matching Engine.)";
    UnknownOrderComposition = -1014, "UNKNOWN_ORDER_COMPOSITION", BAD_REQUEST, "Unsupported order combination.";
    TooManyOrders = -1015, "TOO_MANY_ORDERS", TOO_MANY_REQUESTS, "Too many new orders.";
    ServiceShuttingDown = -1016, "SERVICE_SHUTTING_DOWN", BAD_REQUEST, "This service is no longer available.";
    UnsupportedOperation = -1020, "UNSUPPORTED_OPERATION", BAD_REQUEST, "This operation is not supported.";
    InvalidTimestamp = -1021, "INVALID_TIMESTAMP", BAD_REQUEST, "Timestamp for this request is outside of the recvWindow.";
    InvalidSignature = -1022, "INVALID_SIGNATURE", BAD_REQUEST, "Signature for this request is not valid.";
    IllegalChars = -1100, "ILLEGAL_CHARS", BAD_REQUEST, "Illegal characters found in a parameter.";
    TooManyParameters = -1101, "TOO_MANY_PARAMETERS", BAD_REQUEST, "Too many parameters sent for this endpoint.";
    MandatoryParam = -1102, "MANDATORY_PARAM_EMPTY_OR_MALFORMED", BAD_REQUEST, "A mandatory parameter was not sent, was empty/null, or malformed.";
    UnknownParam = -1103, "UNKNOWN_PARAM", BAD_REQUEST, "An unknown parameter was sent.";
    UnreadParameters = -1104, "UNREAD_PARAMETERS", BAD_REQUEST, "Not all sent parameters were read.";
    ParamEmpty = -1105, "PARAM_EMPTY", BAD_REQUEST, "A parameter was empty.";
    ParamNotRequired = -1106, "PARAM_NOT_REQUIRED", BAD_REQUEST, "A parameter was sent when not required.";
    ParamOverflow = -1108, "PARAM_OVERFLOW", BAD_REQUEST, "A parameter overflowed.";
    BadPrecision = -1111, "BAD_PRECISION", BAD_REQUEST, "A parameter has too much precision.";
    NoDepth = -1112, "NO_DEPTH", BAD_REQUEST, "No orders on book for symbol.";
    TifNotRequired = -1114, "TIF_NOT_REQUIRED", BAD_REQUEST, "TimeInForce parameter sent when not required.";
    InvalidTif = -1115, "INVALID_TIF", BAD_REQUEST, "Invalid timeInForce.";
    InvalidOrderType = -1116, "INVALID_ORDER_TYPE", BAD_REQUEST, "Invalid orderType.";
    InvalidSide = -1117, "INVALID_SIDE", BAD_REQUEST, "Invalid side.";
    EmptyNewClientOrderId = -1118, "EMPTY_NEW_CL_ORD_ID", BAD_REQUEST, "New client order ID was empty.";
    EmptyOriginalClientOrderId = -1119, "EMPTY_ORG_CL_ORD_ID", BAD_REQUEST, "Original client order ID was empty.";
    BadInterval = -1120, "BAD_INTERVAL", BAD_REQUEST, "Invalid interval.";
    BadSymbol = -1121, "BAD_SYMBOL", BAD_REQUEST, "Invalid symbol.";
    InvalidSymbolStatus = -1122, "INVALID_SYMBOLSTATUS", BAD_REQUEST, "Invalid symbolStatus.";
    MoreThanHours = -1127, "MORE_THAN_XX_HOURS", BAD_REQUEST, "Lookup interval is too big.";
    OptionalParamsBadCombo = -1128, "OPTIONAL_PARAMS_BAD_COMBO", BAD_REQUEST, "Combination of optional parameters invalid.";
    InvalidParameter = -1130, "INVALID_PARAMETER", BAD_REQUEST, "Invalid data sent for a parameter.";
    BadStrategyType = -1134, "BAD_STRATEGY_TYPE", BAD_REQUEST, "`strategyType` was less than 1000000.";
    InvalidJson = -1135, "INVALID_JSON", BAD_REQUEST, "Invalid JSON Request";
    InvalidTickerType = -1139, "INVALID_TICKER_TYPE", BAD_REQUEST, "Invalid ticker type.";
    InvalidCancelRestrictions = -1145, "INVALID_CANCEL_RESTRICTIONS", BAD_REQUEST, "Invalid cancelRestrictions";
    DuplicateSymbols = -1151, "DUPLICATE_SYMBOLS", BAD_REQUEST, "Symbol is present multiple times in the list.";
    SbeDisabled = -1155, "SBE_DISABLED", BAD_REQUEST, "SBE is not enabled.";
    InvalidTimeUnit = -1194, "INVALID_TIME_UNIT", BAD_REQUEST, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.";
    SymbolDoesNotMatchStatus = -1220, "SYMBOL_DOES_NOT_MATCH_STATUS", BAD_REQUEST, "The symbol's status does not match the requested symbolStatus.";
    NewOrderRejected = -2010, "NEW_ORDER_REJECTED", BAD_REQUEST, "NEW_ORDER_REJECTED";
    CancelRejected = -2011, "CANCEL_REJECTED", BAD_REQUEST, "CANCEL_REJECTED";
    NoSuchOrder = -2013, "NO_SUCH_ORDER", BAD_REQUEST, "Order does not exist.";
    BadApiKeyFormat = -2014, "BAD_API_KEY_FMT", UNAUTHORIZED, "API-key format invalid.";
    RejectedApiKey = -2015, "REJECTED_MBX_KEY", UNAUTHORIZED, "Invalid API-key, IP, or permissions for action.";
    OrderArchived = -2026, "ORDER_ARCHIVED", BAD_REQUEST, "Order was canceled or expired with no executed qty over 90 days ago and has been archived.";
    SubscriptionActive = -2035, "SUBSCRIPTION_ACTIVE", BAD_REQUEST, "User Data Stream subscription already active.";
    SubscriptionInactive = -2036, "SUBSCRIPTION_INACTIVE", BAD_REQUEST, "User Data Stream subscription not active.";
    ClientOrderIdInvalid = -2039, "CLIENT_ORDER_ID_INVALID", BAD_REQUEST, "Client order ID is not correct for this order ID.";
    MaximumSubscriptionIds = -2042, "MAXIMUM_SUBSCRIPTION_IDS", BAD_REQUEST, "Maximum subscription ID reached for this connection.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_names_are_unique() {
        let numbers: BTreeSet<i32> = Code::ALL.iter().map(|code| code.number()).collect();
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(numbers.len(), Code::ALL.len());
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn only_codes_with_an_unknown_or_a_postponed_outcome_are_5xx() {
        let server_side: Vec<i32> =
            Code::ALL.iter().filter(|code| code.status() >= 500).map(|code| code.number()).collect();
        assert_eq!(server_side, [-1000, -1001, -1006, -1007, -1008]);
    }
}
