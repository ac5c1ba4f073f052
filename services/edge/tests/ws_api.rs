//! The WebSocket API over real sockets, beside REST on the same port.

use async_trait::async_trait;
use emporion_api::signing::Signer;
use emporion_api::{ApiError, Params, paths};
use emporion_edge::user_data::{PrivateEvent, Sink, Subscription, UserData};
use emporion_edge::{
    Caller, Clock, Edge, EdgeOptions, Json, LimitPolicy, LimitsOptions, OrderCounts, OrderLimits, Readiness, Request,
    Routes, ServeOptions, serve,
};
use emporion_model::{AccountId, TimeUs};
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord, VerifyingKey};
use emporion_ports::users::{ApiKeyName, Permissions};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const NOW_MS: u64 = 1_700_000_000_000;
const PUBLIC: &str = include_str!("../../../api/src/signing/fixtures/ed25519_public.pem");
const PRIVATE: &str = include_str!("../../../api/src/signing/fixtures/ed25519_private.pem");

/// Only a guard: every wait here is for an event.
const GUARD: Duration = Duration::from_secs(60);

/// One key, for everything.
struct OneKey(Arc<KeyRecord>);

#[async_trait]
impl KeyDirectory for OneKey {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        Ok((*name == self.0.name).then(|| self.0.clone()))
    }
}

fn key_name() -> ApiKeyName {
    ApiKeyName::parse(&"K".repeat(64)).expect("64 letters")
}

/// What handlers and subscriptions tell the test.
#[derive(Clone)]
struct Venue {
    placed: mpsc::Sender<String>,
    sinks: mpsc::Sender<(AccountId, Sink)>,
}

#[async_trait]
impl UserData for Venue {
    async fn subscribe(&self, account: AccountId, sink: Sink) -> Result<Subscription, ApiError> {
        self.sinks.send((account, sink)).await.expect("the test listens");
        Ok(Subscription::new(()))
    }
}

async fn ping(_: Venue, request: Request) -> Result<Json<Value>, ApiError> {
    request.read(|_| Ok(()))?;
    Ok(Json(Value::Object(serde_json::Map::new())))
}

async fn time(_: Venue, request: Request) -> Result<Json<i64>, ApiError> {
    request.read(|_| Ok(()))?;
    Ok(Json(request.time_unit.of(request.received_at).number()))
}

async fn account(_: Venue, caller: Caller, request: Request) -> Result<Json<u64>, ApiError> {
    request.read(|_| Ok(()))?;
    Ok(Json(caller.account.0))
}

async fn place(
    venue: Venue,
    _: Caller,
    request: Request,
) -> Result<(OrderCounts, OrderLimits, Json<String>), ApiError> {
    let id: emporion_model::ClientOrderId = request.read(|reader| reader.required("newClientOrderId"))?;
    venue.placed.send(id.to_string()).await.expect("the test listens");
    let limits = OrderLimits { ten_seconds: Some(50), day: Some(160_000) };
    Ok((OrderCounts { ten_seconds: 1, day: 7 }, limits, Json(id.to_string())))
}

struct Server {
    address: SocketAddr,
    placed: mpsc::Receiver<String>,
    sinks: mpsc::Receiver<(AccountId, Sink)>,
    shutdown: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

type Client = WebSocketStream<TcpStream>;

impl Server {
    async fn start() -> Self {
        Self::start_with(LimitPolicy::BINANCE).await
    }

    async fn start_with(policy: LimitPolicy) -> Self {
        let record = KeyRecord {
            name: key_name(),
            account: AccountId(1_000),
            permissions: Permissions { read: true, trade: true },
            ip_rules: Vec::new(),
            verifying_key: VerifyingKey::PublicPem(PUBLIC.to_owned()),
        };
        let limits = LimitsOptions { policy, ..LimitsOptions::default() };
        let options = EdgeOptions { limits, ..EdgeOptions::default() };
        let clock = Clock::new(|| TimeUs::from_millis(NOW_MS));
        let edge = Edge::new(options, Arc::new(OneKey(Arc::new(record))), Readiness::new(), clock);
        let (tell_placed, placed) = mpsc::channel(64);
        let (tell_sink, sinks) = mpsc::channel(64);
        let venue = Venue { placed: tell_placed, sinks: tell_sink };
        let router = Routes::new(edge)
            .open(&paths::PING, &venue, ping)
            .open(&paths::TIME, &venue, time)
            .signed(&paths::ACCOUNT, &venue, account)
            .signed(&paths::PLACE_ORDER, &venue, place)
            .ws_api(&paths::WS_API, Arc::new(venue))
            .into_router();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (shutdown, signal) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router, ServeOptions::default(), async {
            let _ = signal.await;
        }));
        Self { address, placed, sinks, shutdown: Some(shutdown), task }
    }

    async fn connect(&self, query: &str) -> Result<Client, Error> {
        let stream = TcpStream::connect(self.address).await.expect("the server listens");
        let request = format!("ws://{}/ws-api/v3{query}", self.address);
        client_async(request, stream).await.map(|(client, _)| client)
    }

    /// The answer to a REST request, headers and all.
    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        answer
    }

    async fn stop(mut self) {
        drop(self.shutdown.take());
        tokio::time::timeout(GUARD, self.task).await.expect("it ends").expect("without a panic");
    }
}

async fn send(client: &mut Client, text: &str) {
    client.send(Message::text(text)).await.expect("sent");
}

async fn next(client: &mut Client) -> Message {
    loop {
        let message = tokio::time::timeout(GUARD, client.next()).await.expect("a message in time");
        match message.expect("not at its end").expect("not broken") {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return message,
        }
    }
}

async fn ask(client: &mut Client, text: &str) -> String {
    send(client, text).await;
    next(client).await.into_text().expect("a text").as_str().to_owned()
}

/// The parameters `params` with the key, the time and the signature.
fn signed(params: &[(&str, &str)]) -> String {
    let (key, now) = (key_name(), NOW_MS.to_string());
    let mut pairs = vec![("apiKey", key.as_str()), ("timestamp", now.as_str())];
    pairs.extend_from_slice(params);
    pairs.sort_unstable();
    let payload: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let signer = Signer::ed25519_pem(PRIVATE).expect("a fixture");
    let signature = signer.sign(payload.join("&").as_bytes());
    pairs.push(("signature", &signature));
    let members: Vec<String> = pairs.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
    assert!(Params::from_pairs(pairs).is_ok());
    members.join(",")
}

#[tokio::test]
async fn a_client_logs_on_trades_and_listens_on_one_connection() {
    let mut server = Server::start().await;
    let mut client = server.connect("?returnRateLimits=false").await.expect("upgraded");
    let pong = ask(&mut client, r#"{"id":"p","method":"ping"}"#).await;
    assert_eq!(pong, r#"{"id":"p","status":200,"result":{}}"#);
    let log_on = format!(r#"{{"id":1,"method":"session.logon","params":{{{}}}}}"#, signed(&[]));
    let answer: Value = serde_json::from_str(&ask(&mut client, &log_on).await).expect("JSON");
    assert_eq!((&answer["status"], &answer["result"]["apiKey"]), (&200.into(), &key_name().as_str().into()));

    let account = ask(&mut client, r#"{"id":2,"method":"account.status","params":{"timestamp":1700000000000}}"#).await;
    assert_eq!(account, r#"{"id":2,"status":200,"result":1000}"#);
    let place = r#"{"id":3,"method":"order.place","params":{"newClientOrderId":"a","timestamp":1700000000000,"returnRateLimits":true}}"#;
    let limits = r#"[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":1},{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":160000,"count":7},{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":25}]"#;
    let placed = ask(&mut client, place).await;
    assert_eq!(placed, format!(r#"{{"id":3,"status":200,"result":"a","rateLimits":{limits}}}"#));
    assert_eq!(server.placed.recv().await.as_deref(), Some("a"));

    let subscribed = ask(&mut client, r#"{"id":4,"method":"userDataStream.subscribe"}"#).await;
    assert_eq!(subscribed, r#"{"id":4,"status":200,"result":{"subscriptionId":0}}"#);
    let (account, sink) = server.sinks.recv().await.expect("subscribed");
    assert_eq!(account, AccountId(1_000));
    sink.push(&PrivateEvent::new(|_| r#"{"e":"x"}"#.to_owned()));
    assert_eq!(next(&mut client).await, Message::text(r#"{"subscriptionId":0,"event":{"e":"x"}}"#));
    let out = ask(&mut client, r#"{"id":5,"method":"session.logout"}"#).await;
    assert_eq!(out, r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1700000000000}}"#);
    let out = next(&mut client).await.into_text().expect("a text");
    assert!(out.as_str().starts_with(r#"{"id":5,"status":200,"result":{"apiKey":null,"#), "{out}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn weights_are_shared_with_rest() {
    let server = Server::start().await;
    let mut client = server.connect("").await.expect("upgraded");
    assert!(server.get("/api/v3/ping").await.contains("x-mbx-used-weight-1m: 3\r\n"));
    let pong = ask(&mut client, r#"{"method":"ping"}"#).await;
    assert!(pong.contains(r#""count":4}]"#), "{pong}");
    assert!(server.get("/api/v3/ping").await.contains("x-mbx-used-weight-1m: 5\r\n"));
}

#[tokio::test]
async fn a_bad_url_is_refused_before_there_is_a_socket() {
    let server = Server::start().await;
    for (query, code) in [("?timeUnit=minute", -1194), ("?responseFormat=sbe", -1155), ("?x=1", -1104)] {
        let Err(Error::Http(response)) = server.connect(query).await else { panic!("{query} was not refused") };
        assert_eq!(response.status(), 400);
        let body: Value = serde_json::from_slice(response.body().as_deref().expect("a body")).expect("JSON");
        assert_eq!(body["code"], code);
    }
    let mut client = server.connect("?timeUnit=MICROSECOND").await.expect("upgraded");
    let time = ask(&mut client, r#"{"id":1,"method":"time"}"#).await;
    assert!(time.starts_with(r#"{"id":1,"status":200,"result":1700000000000000,"#), "{time}");
}

#[tokio::test]
async fn what_was_sent_before_the_end_is_begun_in_its_order() {
    let mut server = Server::start().await;
    let mut client = server.connect("").await.expect("upgraded");
    let names: Vec<String> = (0..50).map(|n| format!("order-{n}")).collect();
    for name in &names {
        let params = signed(&[("newClientOrderId", name)]);
        client
            .feed(Message::text(format!(r#"{{"method":"order.place","params":{{{params}}}}}"#)))
            .await
            .expect("there is room");
    }
    client.close(None).await.expect("closed");
    for name in names {
        let placed = tokio::time::timeout(GUARD, server.placed.recv()).await.expect("it is placed");
        assert_eq!(placed, Some(name));
    }
}

#[tokio::test]
async fn who_is_banned_is_told_so_and_cut() {
    let server = Server::start_with(LimitPolicy { weight_per_minute: Some(2), ..LimitPolicy::OFF }).await;
    let mut client = server.connect("?returnRateLimits=false").await.expect("upgraded");
    let mut statuses = Vec::new();
    let close: Option<CloseFrame> = loop {
        if statuses.last() != Some(&418) {
            send(&mut client, r#"{"id":1,"method":"ping"}"#).await;
        }
        match next(&mut client).await {
            Message::Text(text) => {
                let answer: Value = serde_json::from_str(&text).expect("JSON");
                assert!(answer["error"]["data"]["retryAfter"].as_u64() > Some(NOW_MS));
                statuses.push(answer["status"].as_u64().expect("a number"));
            }
            Message::Close(frame) => break frame,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(statuses.pop(), Some(418));
    assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(
        close.map(|frame| (u16::from(frame.code), frame.reason.as_str().to_owned())),
        Some((1008, "banned".to_owned()))
    );
}
