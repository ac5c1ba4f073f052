//! A connection's session without its socket: texts in, texts out.

use super::methods::Outcome;
use super::{Methods, WsApi};
use crate::socket::{Cut, Opening, Outbox, OutboxLimits, Session};
use crate::user_data::{PrivateEvent, Sink, Subscription, UserData};
use crate::{
    Caller, Clock, Edge, EdgeOptions, Json, LimitPolicy, LimitsOptions, OrderCounts, OrderLimits, Readiness, Request,
};
use async_trait::async_trait;
use axum::response::IntoResponse;
use emporion_api::params::NumberText;
use emporion_api::signing::{MessagePayload, Signer};
use emporion_api::{ApiError, Code, paths};
use emporion_model::{AccountId, TimeUs};
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord, Secret, VerifyingKey};
use emporion_ports::users::{ApiKeyName, IpRule, Permissions};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

const NOW_MS: u64 = 1_700_000_000_000;
const SECRET: &str = "the secret of every HMAC key here";
const ED25519_PRIVATE: &str = include_str!("../../../../api/src/signing/fixtures/ed25519_private.pem");
const ED25519_PUBLIC: &str = include_str!("../../../../api/src/signing/fixtures/ed25519_public.pem");
const RSA_PUBLIC: &str = include_str!("../../../../api/src/signing/fixtures/rsa_message_public.pem");
/// Made with openssl over `apiKey=PP…P&timestamp=1700000000000`, by the private half of the fixture.
const RSA_SIGNATURE: &str = "f+Jv/yEpnzv6/WnSQyEkrTCdzWQQvb/44PR/X3YDZ/mqgAhRHfZu5ShjFOE8DCkFqUw9X52p04XYYwwbwCqAM5iMj4p1IdiNrQXIT1baVHSnzWFsO4tscDYjpd6C06hzP27wWo7rmPL+utGn0Xk5vpEt+seyHsQsmrLGArPatyt+CRHv404lukyFPBRy0471NiVE9prLirmDQtrTgjlN/F9XNWsL3JY4UkMhBH5WZoEY+/aB2HeRnXeUegN2py+6sjBvsXcpIa8sPax2kWuMXcHXbgmiswnVNfxffJiUJXWrBBFttoqC3Y8yzmUHY8dSfiYO58kfVZxaH69Hrmf9AA==";

/// Keys of one letter, 64 times; they can be changed.
#[derive(Clone, Default)]
struct Keys(Arc<Mutex<HashMap<ApiKeyName, Arc<KeyRecord>>>>);

fn key_name(letter: char) -> ApiKeyName {
    ApiKeyName::parse(&String::from(letter).repeat(64)).expect("64 letters")
}

impl Keys {
    fn new() -> Self {
        let keys = Self::default();
        let hmac = || VerifyingKey::Hmac(Secret::new(SECRET));
        let may = |read, trade| Permissions { read, trade };
        keys.add('A', 1_000, may(true, true), None, hmac());
        keys.add('B', 2_000, may(true, true), None, hmac());
        keys.add('R', 1_000, may(true, false), None, hmac());
        keys.add('T', 1_000, may(false, true), None, hmac());
        keys.add('E', 1_000, may(true, true), Some("198.51.100.0/24"), hmac());
        keys.add('D', 3_000, may(true, true), None, VerifyingKey::PublicPem(ED25519_PUBLIC.to_owned()));
        keys.add('P', 4_000, may(true, true), None, VerifyingKey::PublicPem(RSA_PUBLIC.to_owned()));
        keys
    }

    fn add(&self, letter: char, account: u64, permissions: Permissions, rule: Option<&str>, key: VerifyingKey) {
        let ip_rules = rule.map(|rule| IpRule::parse(rule).expect("a rule")).into_iter().collect();
        let account = AccountId(account);
        let name = key_name(letter);
        let record = KeyRecord { name: name.clone(), account, permissions, ip_rules, verifying_key: key };
        self.0.lock().insert(name, Arc::new(record));
    }

    fn revoke(&self, letter: char) {
        self.0.lock().remove(&key_name(letter));
    }
}

#[async_trait]
impl KeyDirectory for Keys {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        if *name == key_name('X') {
            return Err(KeyError("the store is away".to_owned()));
        }
        Ok(self.0.lock().get(name).cloned())
    }
}

/// A source of private events that says `hello` as soon as somebody subscribes.
#[derive(Clone, Default)]
struct Events {
    sinks: Arc<Mutex<Vec<Sink>>>,
    running: Arc<AtomicUsize>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl UserData for Events {
    async fn subscribe(&self, account: AccountId, sink: Sink) -> Result<Subscription, ApiError> {
        if account == AccountId(4_000) {
            return Err(ApiError::busy(1));
        }
        sink.push(&PrivateEvent::new(|_| r#""hello""#.to_owned()));
        self.sinks.lock().push(sink);
        self.running.fetch_add(1, Ordering::Relaxed);
        Ok(Subscription::new(Running(self.running.clone())))
    }
}

/// A venue with some endpoints, and what its handlers did.
struct Venue {
    api: WsApi,
    keys: Keys,
    events: Events,
    now: Arc<AtomicU64>,
    begun: Arc<Mutex<Vec<String>>>,
    /// How many placements may end.
    go_on: Arc<Semaphore>,
}

fn ping(_: Option<Caller>, request: Request) -> impl Future<Output = Outcome> + Send {
    std::future::ready(request.read(|_| Ok(())).map(|()| Json(HashMap::<u8, u8>::new()).into_response()))
}

fn time(_: Option<Caller>, request: Request) -> impl Future<Output = Outcome> + Send {
    let answer = request.read(|_| Ok(())).map(|()| request.time_unit.of(request.received_at).number());
    std::future::ready(answer.map(|now| Json(now).into_response()))
}

fn depth(_: Option<Caller>, request: Request) -> impl Future<Output = Outcome> + Send {
    assert!(request.is_message());
    let limit = request.read(|reader| reader.limit(100, 5_000));
    std::future::ready(limit.map(|limit| Json(limit).into_response()))
}

fn account(caller: Option<Caller>, request: Request) -> impl Future<Output = Outcome> + Send {
    let caller = caller.expect("the endpoint is signed");
    let answer = request.read(|_| Ok(())).map(|()| (caller.account.0, caller.deadline.0 - NOW_MS * 1_000));
    std::future::ready(answer.map(|answer| Json(answer).into_response()))
}

impl Venue {
    fn new() -> Self {
        Self::with_limits(LimitPolicy::BINANCE)
    }

    fn with_limits(policy: LimitPolicy) -> Self {
        let now = Arc::new(AtomicU64::new(NOW_MS * 1_000));
        let clock = Clock::new({
            let now = now.clone();
            move || TimeUs(now.load(Ordering::Relaxed))
        });
        let (keys, events) = (Keys::new(), Events::default());
        let options =
            EdgeOptions { limits: LimitsOptions { policy, ..LimitsOptions::default() }, ..EdgeOptions::default() };
        let edge = Edge::new(options, Arc::new(keys.clone()), Readiness::new(), clock);
        let begun = Arc::<Mutex<Vec<String>>>::default();
        let go_on = Arc::new(Semaphore::new(0));
        let mut methods = Methods::default();
        methods.add(&paths::PING, ping);
        methods.add(&paths::TIME, time);
        methods.add(&paths::DEPTH, depth);
        methods.add(&paths::ACCOUNT, account);
        methods.add(&paths::KLINES, |_, _| std::future::ready(Ok(StatusCode::NOT_FOUND.into_response())));
        methods.add(&paths::UI_KLINES, |_, _| std::future::ready(Ok(vec![0xff].into_response())));
        methods.add(&paths::PLACE_ORDER, {
            let (begun, go_on) = (begun.clone(), go_on.clone());
            move |caller, request| place(caller, request, begun.clone(), go_on.clone())
        });
        methods.add(&paths::CANCEL_ORDER, {
            let begun = begun.clone();
            move |_, request: Request| {
                let begun = begun.clone();
                async move {
                    begun.lock().push("cancel".to_owned());
                    request.read(|_| Ok(())).map(|()| Json("canceled").into_response())
                }
            }
        });
        let api = WsApi::new(edge, methods, Arc::new(events.clone()));
        Self { api, keys, events, now, begun, go_on }
    }

    fn connect(&self) -> Client {
        self.connect_with("").expect("nothing is wrong with the URL")
    }

    fn connect_with(&self, query: &str) -> Result<Client, ApiError> {
        let opening = Opening {
            address: "192.0.2.1".parse().expect("an address"),
            uri: format!("/ws-api/v3?{query}").parse().expect("a URI"),
            headers: HeaderMap::new(),
            opened_at: TimeUs(self.now.load(Ordering::Relaxed)),
        };
        let outbox = Outbox::new(OutboxLimits::default());
        Ok(Client { session: self.api.open(opening, outbox.clone())?, outbox })
    }

    fn let_go_on(&self, placements: usize) {
        self.go_on.add_permits(placements);
    }
}

/// Notes its price, then waits until it may go on. Without a price it fails at once.
async fn place(_: Option<Caller>, request: Request, begun: Arc<Mutex<Vec<String>>>, go_on: Arc<Semaphore>) -> Outcome {
    let price = request.read(|reader| {
        reader.optional::<NumberText<'_>>("price").map(|price| price.map(|price| price.as_str().to_owned()))
    })?;
    let price = price.ok_or_else(|| ApiError::filter_failure("PRICE_FILTER"))?;
    begun.lock().push(price.clone());
    go_on.acquire().await.expect("never closed").forget();
    assert_ne!(price, "13", "this price is a bug");
    let counts = OrderCounts { ten_seconds: 1, day: 7 };
    let limits = OrderLimits { ten_seconds: Some(50), day: None };
    Ok((counts, limits, Json(price)).into_response())
}

struct Client {
    session: Box<dyn Session>,
    outbox: Outbox,
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.session.receive(text).await;
    }

    /// What came so far, at least one text.
    async fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let taken = tokio::time::timeout(Duration::from_secs(10), self.outbox.take(&mut texts)).await;
        taken.expect("an answer within ten seconds").expect("not cut");
        texts.iter().map(|text| text.as_str().to_owned()).collect()
    }

    /// All that a text is answered with, one to a line.
    async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.texts().await.join("\n")
    }

    /// As [`Client::ask`], without the limits.
    async fn call(&mut self, method: &str, params: &str) -> String {
        self.ask(&message(method, params)).await
    }
}

/// A message that wants no limits in its answer.
fn message(method: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(r#"{{"id":1,"method":"{method}","params":{{{params}{comma}"returnRateLimits":false}}}}"#)
}

/// Members of `params` with a key and its signature over all that [`message`] sends.
fn signed_by(letter: char, signer: &Signer, params: &str) -> String {
    let api_key = key_name(letter);
    let members = format!(r#"{params},"apiKey":"{}""#, api_key.as_str());
    let text = message("m", &members);
    let params = emporion_api::ws_api::Message::parse(&text).expect("a message").params().expect("parameters");
    let payload = MessagePayload::of(&params).expect("unambiguous");
    format!(r#"{members},"signature":"{}""#, signer.sign(payload.as_str().as_bytes()))
}

fn signed(letter: char, params: &str) -> String {
    let signer = match letter {
        'D' => Signer::ed25519_pem(ED25519_PRIVATE).expect("a fixture"),
        _ => Signer::hmac(SECRET),
    };
    signed_by(letter, &signer, params)
}

fn stamped(params: &str) -> String {
    format!(r#""timestamp":{NOW_MS}{params}"#)
}

fn result(json: &str) -> String {
    format!(r#"{{"id":1,"status":200,"result":{json}}}"#)
}

fn error(status: u16, code: i32, text: &str) -> String {
    format!(r#"{{"id":1,"status":{status},"error":{{"code":{code},"msg":"{text}"}}}}"#)
}

const BAD_KEY: &str = "Invalid API-key, IP, or permissions for action.";

fn status(letter: Option<char>, since_ms: u64, now_ms: u64, user_data: bool) -> String {
    let (key, since) = letter.map_or(("null".to_owned(), "null".to_owned()), |letter| {
        (format!(r#""{}""#, key_name(letter).as_str()), since_ms.to_string())
    });
    result(&format!(
        r#"{{"apiKey":{key},"authorizedSince":{since},"connectedSince":{NOW_MS},"returnRateLimits":true,"serverTime":{now_ms},"userDataStream":{user_data}}}"#
    ))
}

#[tokio::test]
async fn messages_are_answered_in_the_documented_shape() {
    let venue = Venue::new();
    let weight = |count| {
        format!(
            r#","rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":{count}}}]}}"#
        )
    };
    let invalid = |member: &str, expected: &str| {
        format!(
            r#""status":400,"error":{{"code":-1135,"msg":"Invalid '{member}' in JSON request; expected {expected}."}}"#
        )
    };
    let id_expected = "an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null";
    let unsupported = r#""status":400,"error":{"code":-1020,"msg":"This operation is not supported."}"#;
    let cases = [
        (r#"{"id":1,"method":"ping"}"#, r#"{"id":1,"status":200,"result":{}"#.to_owned(), 1),
        (r#"{"id":"a-b","method":"v3/ping","params":{}}"#, r#"{"id":"a-b","status":200,"result":{}"#.to_owned(), 2),
        (r#"{"method":"time"}"#, format!(r#"{{"id":null,"status":200,"result":{NOW_MS}"#), 3),
        (r#"{"id":2,"method":"depth","params":{"limit":5000}}"#, r#"{"id":2,"status":200,"result":5000"#.to_owned(), 253),
        (r#"{"id":2,"method":"depth","params":{"limit":"1"}}"#, r#"{"id":2,"status":200,"result":1"#.to_owned(), 258),
        ("x", r#"{"id":null,"status":400,"error":{"code":-1135,"msg":"Invalid JSON Request"}"#.to_owned(), 259),
        (r#"{"id":1.0,"method":"ping"}"#, format!(r#"{{"id":null,{}"#, invalid("id", id_expected)), 260),
        (r#"{"id":3}"#, format!(r#"{{"id":3,{}"#, invalid("method", "a string")), 261),
        (r#"{"id":4,"method":"ping","params":[]}"#, format!(r#"{{"id":4,{}"#, invalid("params", "an object")), 262),
        (r#"{"id":5,"method":"pong"}"#, format!(r#"{{"id":5,{unsupported}"#), 263),
        (r#"{"id":5,"method":"v1/ping"}"#, format!(r#"{{"id":5,{unsupported}"#), 264),
        (r#"{"id":5,"method":"avgPrice"}"#, format!(r#"{{"id":5,{unsupported}"#), 265),
        (
            r#"{"id":6,"method":"ping","params":{"a":1}}"#,
            r#"{"id":6,"status":400,"error":{"code":-1104,"msg":"Not all sent parameters were read; read '0' parameter(s) but was sent '1'."}"#
                .to_owned(),
            266,
        ),
        (
            r#"{"id":7,"method":"depth","params":{"limit":1,"apiKey":"x","timestamp":1}}"#,
            r#"{"id":7,"status":400,"error":{"code":-1104,"msg":"Not all sent parameters were read; read '1' parameter(s) but was sent '3'."}"#
                .to_owned(),
            271,
        ),
    ];
    let mut client = venue.connect();
    for (text, expected, count) in cases {
        assert_eq!(client.ask(text).await, expected + &weight(count), "{text}");
    }
}

#[tokio::test]
async fn limits_are_shown_as_the_connection_and_the_message_say() {
    let venue = Venue::new();
    let shows = async |query: &str, params: &str| {
        let mut client = venue.connect_with(query).expect("a good URL");
        client.ask(&format!(r#"{{"method":"ping","params":{{{params}}}}}"#)).await.contains("rateLimits")
    };
    assert!(shows("", "").await);
    assert!(!shows("", r#""returnRateLimits":false"#).await);
    assert!(!shows("returnRateLimits=false", "").await);
    assert!(shows("returnRateLimits=false", r#""returnRateLimits":true"#).await);
    assert!(shows("returnRateLimits=true", r#""returnRateLimits":"true""#).await);
    let refused = venue.connect().call("ping", r#""x":1"#).await;
    assert!(refused.ends_with("}}"), "{refused}");
    let answer = venue.connect().ask(r#"{"id":1,"method":"ping","params":{"returnRateLimits":1}}"#).await;
    assert!(answer.contains("-1100"), "{answer}");
}

#[tokio::test]
async fn times_come_in_the_unit_of_the_url() {
    let venue = Venue::new();
    let mut client = venue.connect_with("timeUnit=MICROSECOND").expect("a good URL");
    assert_eq!(client.call("time", "").await, result(&format!("{NOW_MS}000")));
    let answer = client.call("session.status", "").await;
    assert!(answer.contains(&format!(r#""connectedSince":{NOW_MS}000"#)), "{answer}");
    let refused = venue.connect_with("timeUnit=minute").err().map(|error| error.code);
    assert_eq!(refused, Some(Code::InvalidTimeUnit));
}

#[tokio::test]
async fn signed_methods_know_their_caller_by_every_kind_of_key() {
    let venue = Venue::new();
    let mut client = venue.connect();
    let params = stamped(r#","recvWindow":1000.50"#);
    assert_eq!(client.call("account.status", &signed('A', &params)).await, result("[1000,1000500]"));
    assert_eq!(client.call("account.status", &signed('D', &params)).await, result("[3000,1000500]"));
    let rsa = format!(r#""timestamp":{NOW_MS},"apiKey":"{}","signature":"{RSA_SIGNATURE}""#, key_name('P').as_str());
    let text = format!(r#"{{"id":1,"method":"account.status","params":{{{rsa}}}}}"#);
    let answer = client.ask(&text).await;
    assert!(answer.starts_with(r#"{"id":1,"status":200,"result":[4000,5000000],"#), "{answer}");
}

#[tokio::test]
async fn authentication_refuses_in_the_order_of_rest() {
    let venue = Venue::new();
    let mut client = venue.connect();
    let good = signed('A', &stamped(""));
    let mandatory = |name: &str| {
        error(400, -1102, &format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
    };
    let bad_signature = error(400, -1022, "Signature for this request is not valid.");
    let bad_key = error(401, -2015, BAD_KEY);
    let busy = "Server is currently overloaded with other requests. Please try again in a few minutes.";
    let key = |letter| format!(r#""apiKey":"{}""#, key_name(letter).as_str());
    for (params, expected) in [
        (stamped(""), mandatory("apiKey")),
        (stamped(r#","signature":"00""#), mandatory("apiKey")),
        (stamped(r#","apiKey":"short""#), error(401, -2014, "API-key format invalid.")),
        (key('U'), bad_key.clone()),
        (signed('E', &stamped("")), bad_key.clone()),
        (signed('T', &stamped("")), bad_key.clone()),
        (signed('X', &stamped("")), error(503, -1008, busy)),
        (key('A'), mandatory("timestamp")),
        (
            signed('A', r#""timestamp":1699999994999"#),
            error(400, -1021, "Timestamp for this request is outside of the recvWindow."),
        ),
        (format!("{},{}", key('A'), stamped("")), mandatory("signature")),
        (good.replace("signature\":\"", "signature\":\"0"), bad_signature.clone()),
        (signed('A', &stamped(r#","recvWindow":1000"#)).replace("1000,", "1000.0,"), bad_signature.clone()),
        (signed_by('D', &Signer::hmac(SECRET), &stamped("")), bad_signature.clone()),
        (
            signed('A', &stamped(r#","name":"Eve""#)),
            error(400, -1104, "Not all sent parameters were read; read '4' parameter(s) but was sent '5'."),
        ),
    ] {
        assert_eq!(client.call("account.status", &params).await, expected, "{params}");
    }
    assert_eq!(client.call("order.place", &signed('R', &stamped(""))).await, bad_key);
}

#[tokio::test]
async fn a_log_on_stands_for_key_and_signature() {
    let venue = Venue::new();
    let mut client = venue.connect();
    assert_eq!(client.call("session.status", "").await, status(None, 0, NOW_MS, false));
    for letter in ['D', 'A'] {
        let answer = client.call("session.logon", &signed(letter, &stamped(""))).await;
        assert_eq!(answer, status(Some(letter), NOW_MS, NOW_MS, false));
    }
    assert_eq!(client.call("account.status", &stamped("")).await, result("[1000,5000000]"));
    assert_eq!(client.call("account.status", &stamped(r#","recvWindow":"2""#)).await, result("[1000,2000]"));
    let missing = client.call("account.status", "").await;
    assert!(missing.contains("-1102") && missing.contains("'timestamp'"), "{missing}");

    let other = client.call("account.status", &signed('B', &stamped(""))).await;
    assert_eq!(other, result("[2000,5000000]"), "a message's own key counts more");
    let forged = client.call("account.status", &signed('B', &stamped("")).replace('B', "A")).await;
    assert!(forged.contains("-1022"), "{forged}");
    let unsigned = client.call("account.status", &stamped(r#","signature":"00""#)).await;
    assert!(unsigned.contains("-1102") && unsigned.contains("'apiKey'"), "{unsigned}");

    let named = |letter| stamped(&format!(r#","apiKey":"{}""#, key_name(letter).as_str()));
    assert_eq!(client.call("account.status", &named('A')).await, result("[1000,5000000]"), "its own name is no harm");
    let other = client.call("account.status", &named('B')).await;
    assert!(other.contains("-1102") && other.contains("'signature'"), "{other}");

    venue.now.fetch_add(2_000_000, Ordering::Relaxed);
    assert_eq!(client.call("session.status", "").await, status(Some('A'), NOW_MS, NOW_MS + 2_000, false));
    assert_eq!(client.call("session.logout", "").await, status(None, 0, NOW_MS + 2_000, false));
    assert_eq!(client.call("session.logout", "").await, status(None, 0, NOW_MS + 2_000, false));
    let gone = client.call("account.status", &stamped("")).await;
    assert!(gone.contains("-1102") && gone.contains("'apiKey'"), "{gone}");
}

#[tokio::test]
async fn every_kind_of_key_may_log_on_and_a_failed_log_on_changes_nothing() {
    let venue = Venue::new();
    let mut client = venue.connect();
    let rsa = format!(r#""timestamp":{NOW_MS},"apiKey":"{}","signature":"{RSA_SIGNATURE}""#, key_name('P').as_str());
    let answer = client.ask(&format!(r#"{{"id":1,"method":"session.logon","params":{{{rsa}}}}}"#)).await;
    assert!(answer.contains(r#""userDataStream":false}"#), "{answer}");
    let logged_on = status(Some('P'), NOW_MS, NOW_MS, false);
    for (params, code) in [
        (String::new(), -1102),
        (signed('E', &stamped("")), -2015),
        (signed_by('B', &Signer::hmac("x"), &stamped("")), -1022),
        (signed('B', &stamped(r#","x":1"#)), -1104),
    ] {
        let answer = client.call("session.logon", &params).await;
        assert!(answer.contains(&format!(r#""code":{code},"#)), "{answer}");
        assert_eq!(client.call("session.status", "").await, logged_on);
    }
    let trader = client.call("session.logon", &signed('T', &stamped(""))).await;
    assert_eq!(trader, status(Some('T'), NOW_MS, NOW_MS, false));
    assert_eq!(client.call("account.status", &stamped("")).await, error(401, -2015, BAD_KEY));
    assert_eq!(client.call("session.status", "").await, trader, "a lack of permission is no revocation");
}

#[tokio::test]
async fn a_key_that_goes_bad_logs_the_session_out() {
    let revoked =
        r#"{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}"#;
    for (method, params) in [
        ("account.status", stamped("")),
        ("session.status", String::new()),
        ("userDataStream.subscribe", String::new()),
    ] {
        let venue = Venue::new();
        let mut client = venue.connect();
        client.call("session.logon", &signed('A', &stamped(""))).await;
        client.call("userDataStream.subscribe", "").await;
        client.call("userDataStream.subscribe.signature", &signed('B', &stamped(""))).await;
        venue.keys.revoke('A');
        let ended = format!(r#"{{"subscriptionId":0,"event":{{"e":"eventStreamTerminated","E":{NOW_MS}}}}}"#);
        assert_eq!(client.call(method, &params).await, format!("{ended}\n{revoked}"), "{method}");
        assert_eq!(client.call("session.status", "").await, status(None, 0, NOW_MS, true));
        assert_eq!(client.call("session.subscriptions", "").await, result(r#"[{"subscriptionId":1}]"#));
        assert_eq!(client.call("ping", "").await, result("{}"));
    }
}

fn event(id: u64, json: &str) -> String {
    format!(r#"{{"subscriptionId":{id},"event":{json}}}"#)
}

fn ended(id: u64) -> String {
    event(id, &format!(r#"{{"e":"eventStreamTerminated","E":{NOW_MS}}}"#))
}

#[tokio::test]
async fn subscriptions_begin_with_their_number_and_end_with_their_last_event() {
    let venue = Venue::new();
    let mut client = venue.connect();
    let unauthorized = error(401, -1002, "You are not authorized to execute this request.");
    assert_eq!(client.call("userDataStream.subscribe", "").await, unauthorized);
    assert_eq!(client.call("session.subscriptions", "").await, result("[]"));

    client.call("session.logon", &signed('A', &stamped(""))).await;
    let begun = |id| format!("{}\n{}", result(&format!(r#"{{"subscriptionId":{id}}}"#)), event(id, r#""hello""#));
    assert_eq!(client.call("userDataStream.subscribe", "").await, begun(0));
    let active = error(400, -2035, "User Data Stream subscription already active.");
    assert_eq!(client.call("userDataStream.subscribe", "").await, active);
    let by_signature = "userDataStream.subscribe.signature";
    assert_eq!(client.call(by_signature, &signed('R', &stamped(""))).await, active, "it is the same account");
    assert_eq!(client.call(by_signature, &signed('D', &stamped(""))).await, begun(1));
    assert_eq!(client.call(by_signature, &signed('B', &stamped(""))).await, begun(2));
    assert_eq!(client.call(by_signature, &signed('T', &stamped(""))).await, error(401, -2015, BAD_KEY));
    let all = r#"[{"subscriptionId":0},{"subscriptionId":1},{"subscriptionId":2}]"#;
    assert_eq!(client.call("session.subscriptions", "").await, result(all));
    assert_eq!(client.call("session.status", "").await, status(Some('A'), NOW_MS, NOW_MS, true));

    for sink in venue.events.sinks.lock().iter() {
        sink.push(&PrivateEvent::new(|_| "1".to_owned()));
    }
    assert_eq!(client.texts().await, [event(0, "1"), event(1, "1"), event(2, "1")]);

    let done = result("{}");
    assert_eq!(
        client.call("userDataStream.unsubscribe", r#""subscriptionId":1"#).await,
        format!("{}\n{done}", ended(1))
    );
    let inactive = error(400, -2036, "User Data Stream subscription not active.");
    assert_eq!(client.call("userDataStream.unsubscribe", r#""subscriptionId":1"#).await, inactive);
    let out = status(None, 0, NOW_MS, true);
    assert_eq!(client.call("session.logout", "").await, format!("{}\n{out}", ended(0)), "only the log-on's ends");
    assert_eq!(client.call("userDataStream.unsubscribe", "").await, format!("{}\n{done}", ended(2)));
    assert_eq!(client.call("userDataStream.unsubscribe", "").await, inactive);
    assert_eq!(client.call(by_signature, &signed('D', &stamped(""))).await, begun(3), "no number comes twice");
    assert_eq!(venue.events.running.load(Ordering::Relaxed), 1);
    drop(client);
    assert_eq!(venue.events.running.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_subscription_that_cannot_begin_takes_no_number() {
    let venue = Venue::new();
    let mut client = venue.connect();
    let rsa = format!(r#""timestamp":{NOW_MS},"apiKey":"{}","signature":"{RSA_SIGNATURE}""#, key_name('P').as_str());
    let text = format!(r#"{{"id":1,"method":"userDataStream.subscribe.signature","params":{{{rsa}}}}}"#);
    let answer = client.ask(&text).await;
    assert!(answer.contains("-1008"), "{answer}");
    let next = client.call("userDataStream.subscribe.signature", &signed('A', &stamped(""))).await;
    assert!(next.contains(r#""subscriptionId":0"#), "{next}");
}

#[tokio::test]
async fn another_log_on_ends_what_rested_on_the_first() {
    let venue = Venue::new();
    let mut client = venue.connect();
    client.call("session.logon", &signed('A', &stamped(""))).await;
    client.call("userDataStream.subscribe", "").await;
    let again = client.call("session.logon", &signed('A', &stamped(""))).await;
    assert_eq!(again, status(Some('A'), NOW_MS, NOW_MS, true), "the same key");
    let other = client.call("session.logon", &signed('B', &stamped(""))).await;
    assert_eq!(other, format!("{}\n{}", ended(0), status(Some('B'), NOW_MS, NOW_MS, false)));
}

#[tokio::test]
async fn a_connection_has_a_thousand_subscriptions_at_a_time_and_65_535_in_its_life() {
    let venue = Venue::with_limits(LimitPolicy::OFF);
    let opening = Opening {
        address: "192.0.2.1".parse().expect("an address"),
        uri: "/".parse().expect("a URI"),
        headers: HeaderMap::new(),
        opened_at: TimeUs(0),
    };
    let outbox = Outbox::new(OutboxLimits { messages_max: usize::MAX, bytes_max: usize::MAX });
    let choices = super::choices::Choices::read(&opening.uri).expect("none");
    let mut connection = super::connection::Connection::new(venue.api.clone(), &opening, choices, outbox);
    let subscriber = |account| super::subscriptions::Subscriber {
        account: AccountId(account),
        key: key_name('A'),
        basis: super::subscriptions::Basis::Signature,
    };
    let full = Some(Code::MaximumSubscriptionIds);
    for account in 10_000..11_000 {
        connection.subscriptions.subscribe(subscriber(account)).await.map(drop).expect("there is room");
    }
    assert_eq!(connection.subscriptions.subscribe(subscriber(1)).await.err().map(|error| error.code), full);
    connection.subscriptions.unsubscribe(None).expect("some run");
    for _ in 1_000..65_535 {
        connection.subscriptions.subscribe(subscriber(1)).await.map(drop).expect("there is room");
        connection.subscriptions.unsubscribe(None).expect("one runs");
    }
    assert_eq!(connection.subscriptions.subscribe(subscriber(1)).await.err().map(|error| error.code), full);

    let other = Venue::new();
    let outbox = Outbox::new(OutboxLimits::default());
    let mut connection = super::connection::Connection::new(other.api.clone(), &opening, choices, outbox);
    connection.subscriptions.subscribe(subscriber(1)).await.map(drop).expect("there is room");
    connection.subscriptions.review().await;
    assert_eq!(connection.subscriptions.ids().len(), 1, "the key works");
    other.keys.revoke('A');
    connection.subscriptions.review().await;
    assert_eq!(connection.subscriptions.ids(), [], "who only listens loses his events with his key");
}

#[tokio::test]
async fn orders_show_the_account_s_counts_and_cost_weight_only_when_they_fail() {
    let venue = Venue::new();
    venue.let_go_on(1);
    let mut client = venue.connect();
    let orders = r#"{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":1}"#;
    let weight = |count| {
        format!(
            r#"{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":{count}}}"#
        )
    };
    client.call("session.logon", &signed('A', &stamped(""))).await;
    let place = |params: &str| format!(r#"{{"id":9,"method":"order.place","params":{{{params}}}}}"#);
    let placed = client.ask(&place(&stamped(r#","price":"1.0""#))).await;
    assert_eq!(placed, format!(r#"{{"id":9,"status":200,"result":"1.0","rateLimits":[{orders},{}]}}"#, weight(2)));
    let refused = client.ask(&place(&stamped(""))).await;
    let filter = r#"{"code":-1013,"msg":"Filter failure: PRICE_FILTER"}"#;
    assert_eq!(refused, format!(r#"{{"id":9,"status":400,"error":{filter},"rateLimits":[{}]}}"#, weight(3)));
}

#[tokio::test]
async fn limits_are_those_of_the_address_and_a_ban_ends_the_connection() {
    let venue = Venue::with_limits(LimitPolicy { weight_per_minute: Some(10), ..LimitPolicy::OFF });
    let (mut first, mut second) = (venue.connect(), venue.connect());
    assert_eq!(first.call("depth", "").await, result("100"));
    assert_eq!(second.call("depth", "").await, result("100"));
    // 2023-11-14 22:13:20
    let refused = first.ask(r#"{"id":3,"method":"ping"}"#).await;
    let retry = r#""data":{"serverTime":1700000000000,"retryAfter":1700000040000}"#;
    assert!(refused.starts_with(r#"{"id":3,"status":429,"error":{"code":-1003,"#), "{refused}");
    assert!(refused.contains(retry) && refused.contains(r#""count":11}]"#), "{refused}");
    for _ in 0..99 {
        first.ask("x").await;
    }
    let banned = second.ask(r#"{"id":4,"method":"ping"}"#).await;
    assert!(banned.starts_with(r#"{"id":4,"status":418,"error":{"code":-1003,"#), "{banned}");
    assert!(banned.contains(r#""data":{"serverTime":1700000000000,"retryAfter":1700000120000}"#), "{banned}");
    let mut none = Vec::new();
    let end = second.outbox.take(&mut none).await;
    assert_eq!(end.map_err(|cut| cut.code), Err(1008));
    assert!(!first.outbox.is_ending());
}

#[tokio::test]
async fn calls_begin_in_the_order_of_their_messages_and_end_as_they_can() {
    let venue = Venue::new();
    let mut client = venue.connect();
    client.call("session.logon", &signed('A', &stamped(""))).await;
    for price in ["1", "2", "3"] {
        client.send(&message("order.place", &stamped(&format!(r#","price":{price}"#)))).await;
        client.send(&message("order.cancel", &stamped(""))).await;
    }
    assert_eq!(*venue.begun.lock(), ["1", "cancel", "2", "cancel", "3", "cancel"]);
    assert_eq!(client.texts().await, [result(r#""canceled""#), result(r#""canceled""#), result(r#""canceled""#)]);
    venue.let_go_on(1);
    assert_eq!(client.texts().await, [result(r#""1""#)]);
    assert_eq!(client.call("ping", "").await, result("{}"));
}

#[tokio::test]
async fn a_connection_with_64_calls_in_flight_is_not_read_on() {
    let venue = Venue::new();
    let mut client = venue.connect();
    client.call("session.logon", &signed('A', &stamped(""))).await;
    let place = message("order.place", &stamped(r#","price":1"#));
    for _ in 0..64 {
        client.send(&place).await;
    }
    let mut next = Box::pin(client.session.receive(&place));
    let early = futures_util::future::poll_immediate(&mut next).await;
    assert_eq!((early, venue.begun.lock().len()), (None, 64));
    venue.let_go_on(1);
    next.await;
    assert_eq!(venue.begun.lock().len(), 65);
}

#[tokio::test]
async fn who_does_not_read_is_not_read_on_and_not_cut() {
    let mut client = Venue::new().connect();
    let unread = "x".repeat(super::UNREAD_BYTES_MAX + 1);
    client.outbox.push(unread.as_str().into());
    let mut next = Box::pin(client.session.receive(r#"{"id":1,"method":"ping","params":{"returnRateLimits":false}}"#));
    assert!(futures_util::future::poll_immediate(&mut next).await.is_none());
    let mut texts = Vec::new();
    client.outbox.take(&mut texts).await.expect("not cut");
    next.await;
    assert_eq!(texts.len(), 1);
    assert_eq!(client.texts().await, [result("{}")]);
}

#[tokio::test]
async fn a_call_ends_with_its_connection_and_a_bug_ends_the_connection() {
    let venue = Venue::new();
    let mut client = venue.connect();
    client.call("session.logon", &signed('A', &stamped(""))).await;
    client.send(&message("order.place", &stamped(r#","price":1"#))).await;
    assert_eq!(Arc::strong_count(&venue.go_on), 3);
    drop(client);
    while Arc::strong_count(&venue.go_on) > 2 {
        tokio::task::yield_now().await;
    }

    let mut client = venue.connect();
    client.call("session.logon", &signed('A', &stamped(""))).await;
    client.send(&message("order.place", &stamped(r#","price":13"#))).await;
    venue.let_go_on(1);
    assert_eq!(client.outbox.cut_off().await, Cut { code: 1011, reason: "internal error" });
}

#[tokio::test]
async fn duplicates_and_lists_in_parameters_are_as_documented() {
    let venue = Venue::new();
    let mut client = venue.connect();
    let twice = error(400, -1101, "Duplicate values for parameter 'limit'.");
    let answer = client.ask(r#"{"id":1,"method":"depth","params":{"limit":1,"limit":2}}"#).await;
    assert!(answer.starts_with(&twice[..twice.len() - 1]), "{answer}");
    let null = error(400, -1135, "JSON sent for parameter 'limit' is not valid");
    let answer = client.ask(r#"{"id":1,"method":"depth","params":{"limit":null}}"#).await;
    assert!(answer.starts_with(&null[..null.len() - 1]), "{answer}");
}

#[tokio::test]
async fn what_no_message_can_hold_is_an_error() {
    let mut client = Venue::new().connect();
    let unknown = error(500, -1000, "An unknown error occurred while processing the request.");
    assert_eq!(client.call("klines", "").await, unknown);
    assert_eq!(client.call("uiKlines", "").await, unknown);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes, each message has one answer, which is JSON.
    #[test]
    fn no_text_goes_unanswered(
        texts in prop::collection::vec(
            prop_oneof![
                any::<String>(),
                r#"\{"id":[0-9"a.]{1,4},"method":"(ping|depth|session\.logon|order\.place)","params":\{[\[\]{}",:\\a-z0-9.]{0,20}\}\}"#,
                r#"\{"id":1,"method":"(ping|depth|session\.[a-z]{1,6}|userDataStream\.unsubscribe)","params":\{("[a-zA-Z]{1,9}":([0-9.]{1,3}|"[a-z\\n]{0,3}"))?\}\}"#,
            ],
            1..8,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let mut client = Venue::new().connect();
            for text in &texts {
                let answer = client.ask(text).await;
                let answer: serde_json::Value = serde_json::from_str(&answer).expect("one JSON text");
                assert!(answer["status"].is_u64() && answer.get("id").is_some(), "{text}: {answer}");
            }
        });
    }

    #[test]
    fn numbers_are_read_and_signed_as_they_were_written(number in r"(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        let text = message("m", &signed('A', &stamped(&format!(r#","recvWindow":{number}"#))));
        let params = emporion_api::ws_api::Message::parse(&text).expect("a message").params().expect("parameters");
        prop_assert_eq!(params.get("recvWindow"), Some(number.as_str()));
        let payload = MessagePayload::of(&params).expect("unambiguous");
        let recv_window = format!("&recvWindow={number}&");
        prop_assert!(payload.as_str().contains(&recv_window));
    }
}
