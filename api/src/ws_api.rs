//! The envelope of the WebSocket API: messages of a client, their parameters, and the answers to them.
//!
//! Numbers keep the text that the client wrote, because it is what he signed: nothing here goes through a float
//! or an integer. What a method does is not here.

use crate::wire::OrderCount;
use crate::{ApiError, Code, Params, Time};
use emporion_model::TimeUs;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The longest text as a message's id, in characters.
const ID_CHARS_MAX: usize = 36;

const ID_EXPECTED: &str = "an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null";

/// What a client tells its answers apart by, in the JSON that he sent: an integer, a short text, or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId(Option<Box<str>>);

impl MessageId {
    /// That of a message which named none, and of one whose id could not be read.
    pub const NULL: Self = Self(None);

    fn parse(raw: Option<&RawValue>) -> Result<Self, ApiError> {
        let Some(raw) = raw else { return Ok(Self::NULL) };
        let is_text = || text(raw).is_ok_and(|text| is_id_text(&text));
        if raw.get().parse::<i64>().is_ok() || raw.get().starts_with('"') && is_text() {
            return Ok(Self(Some(raw.get().into())));
        }
        Err(ApiError::invalid_message("id", ID_EXPECTED))
    }

    fn json(&self) -> &str {
        self.0.as_deref().unwrap_or("null")
    }
}

fn is_id_text(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(legal)
}

/// A message of a client: one JSON object.
#[derive(Clone, Debug)]
pub struct Message<'t> {
    /// What the answer repeats.
    pub id: MessageId,
    method: Cow<'t, str>,
    params: Option<&'t RawValue>,
}

/// A message that could not be read, and the id to answer it under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What the answer repeats.
    pub id: MessageId,
    /// What is wrong.
    pub error: ApiError,
}

#[derive(Deserialize)]
struct Envelope<'t> {
    #[serde(borrow)]
    id: Option<&'t RawValue>,
    #[serde(borrow)]
    method: Option<&'t RawValue>,
    #[serde(borrow)]
    params: Option<&'t RawValue>,
}

impl<'t> Message<'t> {
    /// Reads the envelope. Refused with -1135 is what is not one JSON object with each member at most once, and
    /// members of another kind than documented; members that are not documented are nobody's.
    pub fn parse(json: &'t str) -> Result<Self, Unreadable> {
        let nameless = |error| Unreadable { id: MessageId::NULL, error };
        // Without this, an array of the members' values would do.
        let is_object = json.trim_ascii_start().starts_with('{');
        let envelope = serde_json::from_str::<Envelope<'_>>(json).ok().filter(|_| is_object);
        let envelope = envelope.ok_or_else(|| nameless(Code::InvalidJson.into()))?;
        let id = MessageId::parse(envelope.id).map_err(nameless)?;
        let is_text = |raw: &&RawValue| raw.get().starts_with('"');
        let Some(method) = envelope.method.filter(is_text).and_then(|raw| text(raw).ok()) else {
            return Err(Unreadable { id, error: ApiError::invalid_message("method", "a string") });
        };
        Ok(Self { id, method, params: envelope.params })
    }

    /// The method's name, without the version that may stand before it.
    pub fn method(&self) -> &str {
        self.method.strip_prefix("v3/").unwrap_or(&self.method)
    }

    /// The parameters as text: strings without their escapes, numbers and booleans as they were written, lists as
    /// JSON without spaces. `null` and objects are refused.
    pub fn params(&self) -> Result<Params, ApiError> {
        let Some(raw) = self.params else { return Ok(Params::default()) };
        let members: Members<'_> =
            serde_json::from_str(raw.get()).map_err(|_| ApiError::invalid_message("params", "an object"))?;
        let texts: Vec<(String, Cow<'_, str>)> = members
            .0
            .into_iter()
            .map(|(name, raw)| value_text(&name, raw).map(|text| (name, text)))
            .collect::<Result<_, _>>()?;
        Params::from_pairs(texts.iter().map(|(name, text)| (name.as_str(), text.as_ref())))
    }
}

/// An object's members in their order, doubles included.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

fn value_text<'t>(name: &str, raw: &'t RawValue) -> Result<Cow<'t, str>, ApiError> {
    match raw.get().as_bytes().first() {
        Some(b'"') => text(raw),
        Some(b'[') => Ok(compact(raw.get())),
        Some(b'{' | b'n') | None => Err(ApiError::invalid_json_parameter(name)),
        Some(_) => Ok(raw.get().into()),
    }
}

/// The text that a JSON string stands for. One that escapes half a character stands for none.
fn text(raw: &RawValue) -> Result<Cow<'_, str>, ApiError> {
    let quoted = raw.get();
    if !quoted.contains('\\') {
        return Ok(quoted.trim_matches('"').into());
    }
    serde_json::from_str::<String>(quoted).map(Cow::Owned).map_err(|_| Code::IllegalChars.into())
}

/// Valid JSON without the spaces between its values.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.contains([' ', '\t', '\n', '\r']) {
        return json.into();
    }
    let (mut in_text, mut is_escaped) = (false, false);
    let kept = json.chars().filter(|&letter| {
        let is_kept = in_text || !letter.is_ascii_whitespace();
        match letter {
            '"' if !is_escaped => in_text = !in_text,
            _ => {}
        }
        is_escaped = letter == '\\' && !is_escaped;
        is_kept
    });
    kept.collect::<String>().into()
}

/// The methods that belong to the connection and have no endpoint. Each weighs [`SessionMethod::WEIGHT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionMethod {
    /// `session.logon`
    LogOn,
    /// `session.status`
    Status,
    /// `session.logout`
    LogOut,
    /// `session.subscriptions`
    Subscriptions,
    /// `userDataStream.subscribe`
    Subscribe,
    /// `userDataStream.subscribe.signature`
    SubscribeBySignature,
    /// `userDataStream.unsubscribe`
    Unsubscribe,
}

impl SessionMethod {
    /// What each of them weighs.
    pub const WEIGHT: u32 = 2;

    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::LogOn,
        Self::Status,
        Self::LogOut,
        Self::Subscriptions,
        Self::Subscribe,
        Self::SubscribeBySignature,
        Self::Unsubscribe,
    ];

    /// The method of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogOn => "session.logon",
            Self::Status => "session.status",
            Self::LogOut => "session.logout",
            Self::Subscriptions => "session.subscriptions",
            Self::Subscribe => "userDataStream.subscribe",
            Self::SubscribeBySignature => "userDataStream.subscribe.signature",
            Self::Unsubscribe => "userDataStream.unsubscribe",
        }
    }
}

/// What `session.logon`, `session.status` and `session.logout` answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// The key that is logged on.
    pub api_key: Option<String>,
    /// When it was.
    pub authorized_since: Option<Time>,
    /// When the connection was opened.
    pub connected_since: Time,
    /// Whether answers say how much of the limits is used, unless a message says otherwise.
    pub return_rate_limits: bool,
    /// The server's clock.
    pub server_time: Time,
    /// Whether the connection has a subscription.
    pub user_data_stream: bool,
}

/// One subscription to private events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionId {
    /// Its number within the connection, from 0.
    pub subscription_id: u64,
}

/// The last event of a subscription that ended before its connection did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EventStreamTerminated {
    #[serde(rename = "e")]
    event: &'static str,
    #[serde(rename = "E")]
    time: Time,
}

impl EventStreamTerminated {
    /// That of this time.
    pub fn at(time: Time) -> Self {
        Self { event: "eventStreamTerminated", time }
    }
}

/// An answer other than success, as its `error` member says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorBody<'e> {
    code: i32,
    msg: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<RetryData>,
}

/// When a client that asked for too much may come back, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryData {
    server_time: u64,
    retry_after: u64,
}

impl<'e> ErrorBody<'e> {
    /// Of an error that happened now.
    pub fn new(error: &'e ApiError, now: TimeUs) -> Self {
        let retry_after_s = error.retry_after_s.filter(|_| matches!(error.status, 418 | 429));
        let data = retry_after_s.map(|seconds| RetryData {
            server_time: now.millis(),
            // Limits end with whole seconds of the clock.
            retry_after: TimeUs::from_second(now.second().saturating_add(seconds)).millis(),
        });
        Self { code: error.code.number(), msg: &error.message, data }
    }

    /// Its JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and a text always serialise")
    }
}

/// An answer in the making.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// That of the message.
    pub id: &'a MessageId,
    /// As in HTTP.
    pub status: u16,
    /// The JSON of `result`, or with any other status than 200 of `error`.
    pub body: &'a str,
    /// What is used of the limits, unless the client does not want to know.
    pub rate_limits: Option<&'a [OrderCount]>,
}

impl Answer<'_> {
    /// Its JSON.
    pub fn to_json(&self) -> String {
        let member = if self.status == 200 { "result" } else { "error" };
        let limits = self.rate_limits.map_or_else(String::new, |limits| {
            let limits = serde_json::to_string(limits).expect("words and numbers always serialise");
            format!(r#","rateLimits":{limits}"#)
        });
        let Self { id, status, body, .. } = self;
        let head = format!(r#"{{"id":{},"status":{status},"{member}":"#, id.json());
        // Of one exact size: bodies are large, and a text that grew has up to twice its length.
        [&*head, body, &limits, "}"].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimeUnit;
    use crate::names::{LimitInterval, RateLimitType};
    use proptest::prelude::*;

    /// Reads a message and shows it as `id method name=value …`, or as `id code text`.
    fn read(json: &str) -> String {
        let shown =
            |id: &MessageId, error: ApiError| format!("{} {} {}", id.json(), error.code.number(), error.message);
        match Message::parse(json) {
            Err(Unreadable { id, error }) => shown(&id, error),
            Ok(message) => match message.params() {
                Err(error) => shown(&message.id, error),
                Ok(params) => {
                    let params: String = params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
                    format!("{} {}{params}", message.id.json(), message.method())
                }
            },
        }
    }

    #[track_caller]
    fn check(json: &str, expected: &str) {
        assert_eq!(read(json), expected, "{json}");
    }

    #[test]
    fn ids_come_back_as_they_were_sent() {
        for id in ["1", "-9223372036854775808", "9223372036854775807", "0", "-0", "null", r#""a-Z_9""#, r#""\u0061""#] {
            check(&format!(r#"{{"id":{id},"method":"ping"}}"#), &format!("{id} ping"));
        }
        check(r#"{"method":"ping"}"#, "null ping");
        let longest = "x".repeat(36);
        check(&format!(r#"{{"id":"{longest}","method":"ping"}}"#), &format!(r#""{longest}" ping"#));
        let too_long = format!(r#""{longest}x""#);
        for id in ["1.0", "1e3", "9223372036854775808", "true", "[]", "{}", r#""""#, r#""a b""#, r#""é""#, &too_long] {
            check(
                &format!(r#"{{"id":{id},"method":"ping"}}"#),
                "null -1135 Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null.",
            );
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        let texts = [
            "",
            "x",
            "1",
            "null",
            "[]",
            r#"[1,"ping",{}]"#,
            r#"{"id":1,"method":"ping""#,
            r#"{"id":1,"method":"ping"}{}"#,
            r#"{"id":1,"id":2,"method":"ping"}"#,
            r#"{"id":1,"method":"ping","method":"time"}"#,
            r#"{"id":01,"method":"ping"}"#,
            "{'id':1}",
        ];
        for text in texts {
            check(text, "null -1135 Invalid JSON Request");
        }
        check(" \r\n{\"id\": 1,\t\"method\": \"ping\"} ", "1 ping");
        check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "1 ping");
    }

    #[test]
    fn methods_are_texts_and_may_name_their_version() {
        check(r#"{"id":7,"method":"v3/order.place"}"#, "7 order.place");
        check(r#"{"id":7,"method":"v3/v3/x"}"#, "7 v3/x");
        for method in [r#""id":7"#, r#""id":7,"method":1"#, r#""id":7,"method":null"#, r#""id":7,"method":"\ud800""#] {
            check(&format!("{{{method}}}"), "7 -1135 Invalid 'method' in JSON request; expected a string.");
        }
    }

    #[track_caller]
    fn check_params(params: &str, expected: &str) {
        check(&format!(r#"{{"id":1,"method":"m","params":{params}}}"#), &format!("1 {expected}"));
    }

    #[test]
    fn parameters_keep_the_text_that_was_written() {
        check_params("{}", "m");
        check_params("null", "m");
        check_params(r#"{"b":1.0,"a":-1e-05,"c":"1.0","d":true,"e":""}"#, "m b=1.0 a=-1e-05 c=1.0 d=true e=");
        check_params(r#"{ "n" : 123456789012345678901234567890.10 }"#, "m n=123456789012345678901234567890.10");
        check_params(r#"{"symbols":[ "BTCUSDT" , "A B" ],"n":[1.0, 2]}"#, r#"m symbols=["BTCUSDT","A B"] n=[1.0,2]"#);
        check_params(r#"{"a":[ "\" x" , "\\" ]}"#, r#"m a=["\" x","\\"]"#);
        check_params(r#"{"s":"\u00e9\"\ud83d\ude00","\u0061":"１"}"#, "m s=é\"😀 a=１");
    }

    #[test]
    fn parameters_of_another_kind_are_refused() {
        for params in ["[]", "1", r#""a""#, "true", r#"["a"]"#] {
            check_params(params, "-1135 Invalid 'params' in JSON request; expected an object.");
        }
        check_params(r#"{"a":null}"#, "-1135 JSON sent for parameter 'a' is not valid");
        check_params(r#"{"a":{}}"#, "-1135 JSON sent for parameter 'a' is not valid");
        check_params(r#"{"a":1,"\u0061":2}"#, "-1101 Duplicate values for parameter 'a'.");
        check_params(r#"{"a":"\n"}"#, "-1100 Illegal characters found in a parameter.");
        check_params(r#"{"a":"\udc00"}"#, "-1100 Illegal characters found in a parameter.");
        let many: Vec<String> = (0..65).map(|n| format!(r#""p{n}":{n}"#)).collect();
        check_params(&format!("{{{}}}", many.join(",")), "-1101 Too many parameters sent for this endpoint.");
    }

    #[test]
    fn session_methods_are_found_by_name() {
        for method in SessionMethod::ALL {
            assert_eq!(SessionMethod::parse(method.name()), Some(method));
        }
        assert_eq!(SessionMethod::parse("session"), None);
    }

    #[test]
    fn answers_have_the_documented_shape() {
        let limit = OrderCount {
            rate_limit_type: RateLimitType::RequestWeight.into(),
            interval: LimitInterval::Minute.into(),
            interval_num: 1,
            limit: 6000,
            count: 70,
        };
        let id = MessageId(Some("1".into()));
        let answer = Answer { id: &id, status: 200, body: "{}", rate_limits: Some(&[limit]) };
        let limits =
            r#"[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":70}]"#;
        assert_eq!(answer.to_json(), format!(r#"{{"id":1,"status":200,"result":{{}},"rateLimits":{limits}}}"#));
        let banned = ApiError::banned(1_659_146_400_000, 3_493);
        let body = ErrorBody::new(&banned, TimeUs(1_659_142_907_531_000)).to_json();
        let answer = Answer { id: &MessageId::NULL, status: 418, body: &body, rate_limits: None };
        assert_eq!(
            answer.to_json(),
            r#"{"id":null,"status":418,"error":{"code":-1003,"msg":"Way too much request weight used; IP banned until 1659146400000. Please use WebSocket Streams for live updates to avoid bans.","data":{"serverTime":1659142907531,"retryAfter":1659146400000}}}"#
        );
        let busy = ErrorBody::new(&ApiError::busy(1), TimeUs(0)).to_json();
        assert!(!busy.contains("data"), "{busy}");
    }

    #[test]
    fn session_answers_have_the_documented_shape() {
        let time = |ms| TimeUnit::Millisecond.of(TimeUs::from_millis(ms));
        let status = SessionStatus {
            api_key: None,
            authorized_since: None,
            connected_since: time(1),
            return_rate_limits: false,
            server_time: time(2),
            user_data_stream: true,
        };
        assert_eq!(
            serde_json::to_string(&status).expect("serialises"),
            r#"{"apiKey":null,"authorizedSince":null,"connectedSince":1,"returnRateLimits":false,"serverTime":2,"userDataStream":true}"#
        );
        let ended = serde_json::to_string(&EventStreamTerminated::at(time(3))).expect("serialises");
        assert_eq!(ended, r#"{"e":"eventStreamTerminated","E":3}"#);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r#"[\[\]{}",:\\0-9a-zé.+\-n ]{0,60}"#) {
            read(&text);
            read(&format!(r#"{{"id":{text},"method":"m"}}"#));
            read(&format!(r#"{{"id":1,"method":"m","params":{text}}}"#));
            read(&format!(r#"{{"id":1,"method":"m","params":{{"a":[{text}]}}}}"#));
        }

        #[test]
        fn no_characters_panic(text in any::<String>()) {
            read(&text);
        }
    }
}
