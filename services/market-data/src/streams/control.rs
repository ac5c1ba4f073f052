//! What clients ask on a stream's connection, and how they are answered: texts in, texts out. What must not live here:
//! what comes of a request.

use super::event::Shape;
use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// The longest text of an error, in characters: it repeats what the client sent.
const MESSAGE_CHARS_MAX: usize = 256;

/// A request that is well-formed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// These streams too, by name.
    Subscribe(Vec<String>),
    /// These streams no more, by name.
    Unsubscribe(Vec<String>),
    /// Which streams?
    ListSubscriptions,
    /// The property `combined`.
    SetShape(Shape),
    /// The property `combined`?
    GetShape,
}

/// The outcome of a request that was served.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    Done,
    Streams(Vec<String>),
    IsCombined(bool),
}

/// Why a request is not served. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Refusal {
    code: u8,
    msg: Cow<'static, str>,
}

/// A request's own mark, which its answer repeats: a signed 64-bit number, a short text, or `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Id(Value);

impl Refusal {
    /// A stream's name that cannot be one.
    pub(super) const INVALID_STREAM: Self = Self::invalid("Invalid request: invalid stream");
    /// More streams than a connection may have.
    pub(super) const TOO_MANY: Self = Self::invalid("Invalid request: too many parameters");
    const PROPERTY_NAME: Self = Self::invalid("Invalid request: property name must be a string");
    /// The text is the documented one, although numbers below zero, texts and `null` are taken.
    const ID: Self = Self::invalid("Invalid request: request ID must be an unsigned integer");
    const UNKNOWN_PROPERTY: Self = Self { code: 0, msg: Cow::Borrowed("Unknown property") };
    const VALUE_TYPE: Self = Self { code: 1, msg: Cow::Borrowed("Invalid value type: expected Boolean") };

    const fn invalid(msg: &'static str) -> Self {
        Self { code: 2, msg: Cow::Borrowed(msg) }
    }

    fn invalid_request(error: impl std::fmt::Display) -> Self {
        Self { code: 2, msg: cut(format!("Invalid request: {error}")) }
    }

    fn invalid_json(error: impl std::fmt::Display) -> Self {
        Self { code: 3, msg: cut(format!("Invalid JSON: {error}")) }
    }
}

fn cut(text: String) -> Cow<'static, str> {
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(text[..end].to_owned()),
        None => Cow::Owned(text),
    }
}

/// The answer to a message, given what serves a request.
pub(super) fn answer(message: &str, serve: impl FnOnce(Request) -> Result<Outcome, Refusal>) -> String {
    let id = match read_id(message) {
        Ok(id) => id,
        Err(refusal) => return refused(refusal, None),
    };
    match read_request(message).and_then(serve) {
        Ok(outcome) => served(&outcome, &id),
        Err(refusal) => refused(refusal, Some(id)),
    }
}

fn served(outcome: &Outcome, id: &Id) -> String {
    #[derive(Serialize)]
    struct Served<'a> {
        result: &'a Outcome,
        id: &'a Id,
    }
    text(&Served { result: outcome, id })
}

/// The documents print errors bare, as `{"code":2,"msg":"…"}`, one of them with the id; what Binance sends, and what
/// CCXT waits for, has them under `error`: `{"error":{"code":2,"msg":"…"},"id":1}`. One object is both. The id is
/// there whenever the request had one that can be repeated, so that a client knows which of its requests failed.
fn refused(refusal: Refusal, id: Option<Id>) -> String {
    #[derive(Serialize)]
    struct Refused {
        #[serde(flatten)]
        bare: Refusal,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Id>,
        error: Refusal,
    }
    text(&Refused { bare: refusal.clone(), id, error: refusal })
}

fn text(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("texts, numbers and lists always serialise")
}

fn read_id(message: &str) -> Result<Id, Refusal> {
    #[derive(Deserialize)]
    struct Marked {
        #[serde(default, deserialize_with = "present")]
        id: Option<Value>,
    }
    serde_json::from_str::<IgnoredAny>(message).map_err(Refusal::invalid_json)?;
    // A list of fields in order would be taken for an object otherwise.
    if !message.trim_start().starts_with('{') {
        return Err(Refusal::invalid_request("expected an object"));
    }
    let Marked { id } = serde_json::from_str(message).map_err(Refusal::invalid_request)?;
    id.and_then(Id::new).ok_or(Refusal::ID)
}

impl Id {
    /// The documents call texts alphanumeric, and their own examples have hyphens.
    fn new(value: Value) -> Option<Self> {
        let is_mark = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_legal = match &value {
            Value::Null => true,
            Value::Number(number) => number.is_i64(),
            Value::String(text) => (1..=36).contains(&text.len()) && text.bytes().all(is_mark),
            _ => false,
        };
        is_legal.then_some(Self(value))
    }
}

/// Tells `null` from nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn read_request(message: &str) -> Result<Request, Refusal> {
    #[derive(Deserialize)]
    struct Named {
        method: Method,
    }
    let Named { method } = serde_json::from_str(message).map_err(Refusal::invalid_request)?;
    Ok(match method {
        Method::Subscribe => Request::Subscribe(read_names(message)?),
        Method::Unsubscribe => Request::Unsubscribe(read_names(message)?),
        Method::ListSubscriptions => {
            read_values(message, 0)?;
            Request::ListSubscriptions
        }
        Method::SetProperty => {
            let values = read_values(message, 2)?;
            expect_combined(&values)?;
            let is_combined = values.get(1).and_then(Value::as_bool).ok_or(Refusal::VALUE_TYPE)?;
            Request::SetShape(if is_combined { Shape::Combined } else { Shape::Raw })
        }
        Method::GetProperty => {
            expect_combined(&read_values(message, 1)?)?;
            Request::GetShape
        }
    })
}

fn expect_combined(values: &[Value]) -> Result<(), Refusal> {
    match values.first().and_then(Value::as_str) {
        Some("combined") => Ok(()),
        Some(_) => Err(Refusal::UNKNOWN_PROPERTY),
        None => Err(Refusal::PROPERTY_NAME),
    }
}

fn read_names(message: &str) -> Result<Vec<String>, Refusal> {
    #[derive(Deserialize)]
    struct WithNames {
        params: Vec<String>,
    }
    let WithNames { params } = serde_json::from_str(message).map_err(Refusal::invalid_request)?;
    Ok(params)
}

/// At most so many values; none if there are no `params`.
fn read_values(message: &str, values_max: usize) -> Result<Vec<Value>, Refusal> {
    #[derive(Deserialize)]
    struct WithValues {
        params: Option<Vec<Value>>,
    }
    let WithValues { params } = serde_json::from_str(message).map_err(Refusal::invalid_request)?;
    let values = params.unwrap_or_default();
    if values.len() > values_max { Err(Refusal::TOO_MANY) } else { Ok(values) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Subscribe,
    Unsubscribe,
    ListSubscriptions,
    SetProperty,
    GetProperty,
}

impl Method {
    const NAMES: &[&str] = &["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"];
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(match name.as_str() {
            "SUBSCRIBE" => Self::Subscribe,
            "UNSUBSCRIBE" => Self::Unsubscribe,
            "LIST_SUBSCRIPTIONS" => Self::ListSubscriptions,
            "SET_PROPERTY" => Self::SetProperty,
            "GET_PROPERTY" => Self::GetProperty,
            _ => return Err(D::Error::unknown_variant(&name, Self::NAMES)),
        })
    }
}
