//! What a client is told when a request is not served: a documented code, a documented text, an HTTP status.
//!
//! [`ApiError`] is a value, made where the fault is found and turned into HTTP in one place (the edge). Its
//! text is public; what only operators may know belongs in the log.

use crate::Code;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::borrow::Cow;
use std::fmt;

/// The longest piece of a client's own text that is repeated in an error text, in characters.
const ECHO_CHARS_MAX: usize = 64;

/// An answer other than success. Serialises to Binance's `{"code":…,"msg":…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The documented code.
    pub code: Code,
    /// The HTTP status; usually [`Code::status`].
    pub status: u16,
    /// The documented text, with its parameters filled in.
    pub message: Cow<'static, str>,
    /// Seconds for the `Retry-After` header, where one is due.
    pub retry_after_s: Option<u64>,
}

impl ApiError {
    /// `code` with a text of its own.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, status: code.status(), message: message.into(), retry_after_s: None }
    }

    /// The same error under another HTTP status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same error with a `Retry-After` header.
    pub fn with_retry_after_s(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// The JSON body of the answer.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a number and a text always serialise")
    }
}

/// What is wrong with a parameter. Names are repeated as the documentation writes them; a name that the
/// client made up is cut to a bounded length.
impl ApiError {
    /// -1100 with the regular expression that the parameter's text breaks.
    pub fn illegal_chars(name: &str, legal_range: &str) -> Self {
        Self::new(
            Code::IllegalChars,
            format!("Illegal characters found in parameter '{name}'; legal range is '{legal_range}'."),
        )
    }

    /// -1101: the endpoint takes `expected` parameters at most.
    pub fn too_many_parameters(expected: usize, received: usize) -> Self {
        Self::new(
            Code::TooManyParameters,
            format!("Too many parameters; expected '{expected}' and received '{received}'."),
        )
    }

    /// -1101: `name` was sent more than once in the query, or more than once in the body.
    pub fn duplicate_parameter(name: &str) -> Self {
        Self::new(Code::TooManyParameters, format!("Duplicate values for parameter '{}'.", echo(name)))
    }

    /// -1101: more than `max` elements in a list parameter.
    pub fn too_many_values(name: &str, max: usize) -> Self {
        Self::new(
            Code::TooManyParameters,
            format!("Too many values sent for parameter '{name}', maximum allowed up to {max}."),
        )
    }

    /// -1102: `name` is missing or has no meaning.
    pub fn mandatory(name: &str) -> Self {
        Self::new(
            Code::MandatoryParam,
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."),
        )
    }

    /// -1102: one of two parameters is needed.
    pub fn either_mandatory(first: &str, second: &str) -> Self {
        Self::new(
            Code::MandatoryParam,
            format!("Param '{first}' or '{second}' must be sent, but both were empty/null!"),
        )
    }

    /// -1102: `name` is above its greatest value.
    pub fn greater_than_allowed(name: &str, max: impl fmt::Display) -> Self {
        Self::new(Code::MandatoryParam, format!("'{name}' contains unexpected value. Cannot be greater than {max}."))
    }

    /// -1104: the endpoint knows only `read` of the `sent` parameters.
    pub fn unread_parameters(read: usize, sent: usize) -> Self {
        Self::new(
            Code::UnreadParameters,
            format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."),
        )
    }

    /// -1105: `name` was sent without a value.
    pub fn empty_parameter(name: &str) -> Self {
        Self::new(Code::ParamEmpty, format!("Parameter '{name}' was empty."))
    }

    /// -1106: `name` does not go with the other parameters.
    pub fn not_required(name: &str) -> Self {
        Self::new(Code::ParamNotRequired, format!("Parameter '{name}' sent when not required."))
    }

    /// -1108: `name` is a number beyond every range.
    pub fn overflowed(name: &str) -> Self {
        Self::new(Code::ParamOverflow, format!("Parameter '{name}' overflowed."))
    }

    /// -1111: `name` has more decimals than its asset.
    pub fn too_much_precision(name: &str) -> Self {
        Self::new(Code::BadPrecision, format!("Parameter '{name}' has too much precision."))
    }

    /// -1127: the times are too far apart for this lookup.
    pub fn more_than_hours(hours: u32) -> Self {
        Self::new(Code::MoreThanHours, format!("More than {hours} hours between startTime and endTime."))
    }

    /// -1135: `name` is an object or `null`, which no parameter of a message is.
    pub fn invalid_json_parameter(name: &str) -> Self {
        Self::new(Code::InvalidJson, format!("JSON sent for parameter '{}' is not valid", echo(name)))
    }

    /// -1130: `name` is well-formed but not one of its values.
    pub fn invalid_parameter(name: &str) -> Self {
        Self::new(Code::InvalidParameter, format!("Data sent for parameter '{name}' is not valid."))
    }
}

/// What is wrong with the request as a whole.
impl ApiError {
    /// -1021: the timestamp lies more than a second in the server's future.
    pub fn timestamp_ahead() -> Self {
        Self::new(Code::InvalidTimestamp, "Timestamp for this request was 1000ms ahead of the server's time.")
    }

    /// 429 -1003: the network used up its request weight; `per` is an interval such as `1 MINUTE`.
    pub fn too_much_weight(limit: u32, per: &str, retry_after_s: u64) -> Self {
        let message = format!(
            "Too much request weight used; current limit is {limit} request weight per {per}. \
             Please use WebSocket Streams for live updates to avoid polling the API."
        );
        Self::new(Code::TooManyRequests, message).with_retry_after_s(retry_after_s)
    }

    /// 429 -1003: the network sent too many requests, whatever their weight.
    pub fn too_many_requests(retry_after_s: u64) -> Self {
        Self::from(Code::TooManyRequests).with_retry_after_s(retry_after_s)
    }

    /// 418 -1003: the network went on after being told to stop.
    pub fn banned(until_ms: u64, retry_after_s: u64) -> Self {
        let message = format!(
            "Way too much request weight used; IP banned until {until_ms}. \
             Please use WebSocket Streams for live updates to avoid bans."
        );
        Self::new(Code::TooManyRequests, message).with_status(418).with_retry_after_s(retry_after_s)
    }

    /// 429 -1015: the account placed too many orders; `per` is an interval such as `10 SECOND`.
    pub fn too_many_orders(limit: u32, per: &str, retry_after_s: u64) -> Self {
        let message = format!("Too many new orders; current limit is {limit} orders per {per}.");
        Self::new(Code::TooManyOrders, message).with_retry_after_s(retry_after_s)
    }

    /// 503 -1008: not executed; there is no room at the moment.
    pub fn busy(retry_after_s: u64) -> Self {
        Self::from(Code::ServerBusy).with_retry_after_s(retry_after_s)
    }

    /// 404: no such path.
    pub fn unknown_path() -> Self {
        Self::from(Code::UnsupportedOperation).with_status(404)
    }

    /// 405: the path exists, but not for this method.
    pub fn wrong_method() -> Self {
        Self::from(Code::UnsupportedOperation).with_status(405)
    }

    /// 408: the body did not arrive in time.
    pub fn body_too_slow() -> Self {
        Self::from(Code::MandatoryParam).with_status(408)
    }

    /// 411: the body's length is not stated (RFC 9110, 15.5.12).
    pub fn length_required() -> Self {
        Self::from(Code::MandatoryParam).with_status(411)
    }

    /// 413: the body is larger than any request needs.
    pub fn body_too_large() -> Self {
        Self::from(Code::TooManyParameters).with_status(413)
    }

    /// -1135: a member of a message's envelope is not `expected`.
    pub fn invalid_message(member: &str, expected: &str) -> Self {
        Self::new(Code::InvalidJson, format!("Invalid '{member}' in JSON request; expected {expected}."))
    }

    /// -1013: the symbol does not take this self-trade prevention mode.
    pub fn stp_mode_not_allowed() -> Self {
        Self::new(Code::InvalidMessage, "This symbol does not allow the specified self-trade prevention mode.")
    }

    /// -1013: an order broke the filter of this name, such as `LOT_SIZE`.
    pub fn filter_failure(filter: &str) -> Self {
        Self::new(Code::InvalidMessage, format!("Filter failure: {filter}"))
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::new(code, code.text())
    }
}

impl Serialize for ApiError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("ApiError", 2)?;
        body.serialize_field("code", &self.code.number())?;
        body.serialize_field("msg", &self.message)?;
        body.end()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

fn echo(text: &str) -> &str {
    text.char_indices().nth(ECHO_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: ApiError, status: u16, json: &str) {
        assert_eq!((error.status, error.to_json().as_str()), (status, json));
    }

    #[test]
    fn texts_are_the_documented_bytes() {
        check(Code::BadSymbol.into(), 400, r#"{"code":-1121,"msg":"Invalid symbol."}"#);
        check(
            ApiError::mandatory("symbol"),
            400,
            r#"{"code":-1102,"msg":"Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."}"#,
        );
        check(
            ApiError::illegal_chars("quantity", r"^([0-9]{1,20})(\.[0-9]{1,20})?$"),
            400,
            r#"{"code":-1100,"msg":"Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."}"#,
        );
        check(
            ApiError::unread_parameters(2, 3),
            400,
            r#"{"code":-1104,"msg":"Not all sent parameters were read; read '2' parameter(s) but was sent '3'."}"#,
        );
        check(
            ApiError::timestamp_ahead(),
            400,
            r#"{"code":-1021,"msg":"Timestamp for this request was 1000ms ahead of the server's time."}"#,
        );
        check(ApiError::filter_failure("LOT_SIZE"), 400, r#"{"code":-1013,"msg":"Filter failure: LOT_SIZE"}"#);
    }

    #[test]
    fn limits_say_when_to_come_back() {
        let weight = ApiError::too_much_weight(6000, "1 MINUTE", 7);
        assert_eq!(weight.retry_after_s, Some(7));
        check(
            weight,
            429,
            r#"{"code":-1003,"msg":"Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."}"#,
        );
        check(
            ApiError::banned(1_659_146_400_000, 120),
            418,
            r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until 1659146400000. Please use WebSocket Streams for live updates to avoid bans."}"#,
        );
        check(
            ApiError::too_many_orders(50, "10 SECOND", 3),
            429,
            r#"{"code":-1015,"msg":"Too many new orders; current limit is 50 orders per 10 SECOND."}"#,
        );
    }

    #[test]
    fn a_clients_own_text_is_cut_and_escaped() {
        let error = ApiError::duplicate_parameter(&format!("\"é{}", "x".repeat(1_000)));
        assert_eq!(
            error.to_json(),
            format!(r#"{{"code":-1101,"msg":"Duplicate values for parameter '\"é{}'."}}"#, "x".repeat(62))
        );
    }
}
