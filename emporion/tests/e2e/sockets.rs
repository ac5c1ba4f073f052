//! Sockets of the real binary, with clients that break the protocol, do not answer, or are simply many; and private
//! events beside kills.

use crate::protocol::{PING, Raw, frame, trades_on};
use crate::support::{Folder, Trader, Venue};
use emporion_api::signing::Signer;
use emporion_edge::Clock;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Only a guard: every wait here is for an event.
const GUARD: Duration = Duration::from_secs(60);

#[test]
fn sockets_that_say_nothing_or_too_much_are_ended() {
    let folder = Folder::new();
    let config = folder.write("emporion.toml", "[sockets]\nping_interval_s = 1\npong_timeout_s = 1\n");
    let venue = Venue::start_with(&folder, &["--data-dir", &folder.data(), "--config", &config]);
    let (mut half_open, mut chatty) = (Raw::open(&venue, "/ws-api/v3"), Raw::open(&venue, "/ws"));
    for _ in 0..6 {
        chatty.send(&frame(0x81, br#"{"id":1,"method":"LIST_SUBSCRIPTIONS"}"#));
    }
    chatty.check_end(1008, "too many messages");
    assert_eq!(half_open.next().map(|ping| ping.opcode), Some(9));
    half_open.check_end(1008, "no pong");
    trades_on(&folder, &venue);
    venue.stop();
    folder.audit();
}

#[test]
fn attempts_are_counted_and_what_is_dropped_is_let_go() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    for number in 0..1_500 {
        let mut socket = Raw::open(&venue, if number % 2 == 0 { "/ws" } else { "/ws-api/v3" });
        if number % 3 == 0 {
            socket.send(&frame(0x81, PING.as_bytes())[..5]);
        }
    }
    let open = || {
        let metrics = venue.get_ok("/metrics");
        let lines = metrics.as_str().unwrap().lines().filter(|line| line.starts_with("socket_connections{"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum::<u32>()
    };
    crate::support::eventually(|| (open() == 0).then_some(()));
    trades_on(&folder, &venue);
    venue.stop();
    let venue = Venue::start_with(&folder, &["--data-dir", &folder.data(), "--rate-limits", "binance"]);
    // The five minutes may change on the way, once.
    let refused = (0..=600).find(|_| Raw::ask(&venue, "/ws", "").1 == 429);
    assert!(refused.is_some_and(|number| number >= 300), "{refused:?}");
    assert_eq!(venue.get("/api/v3/ping").0, 200);
    venue.stop();
    folder.audit();
}

#[test]
fn a_venue_that_stops_says_so_on_every_socket() {
    let folder = Folder::new();
    let config = folder.write("emporion.toml", "[http]\ndrain_timeout_s = 4\n");
    let venue = Venue::start_with(&folder, &["--data-dir", &folder.data(), "--config", &config]);
    let paths = ["/ws", "/ws/btcusdt@trade", "/stream?streams=btcusdt@trade", "/ws-api/v3"];
    let mut sockets = paths.map(|path| Raw::open(&venue, path));
    let silent = Raw::open(&venue, "/ws-api/v3");
    venue.stop();
    for (socket, path) in sockets.iter_mut().zip(paths) {
        let announced = String::from_utf8(socket.next().unwrap().payload).unwrap();
        assert!(announced.contains(r#""e":"serverShutdown""#), "{path}: {announced}");
        assert_eq!(announced.contains(r#""stream":"!serverShutdown""#), path.starts_with("/stream"), "{announced}");
        socket.check_end(1001, "server shutdown");
    }
    drop(silent);
    folder.audit();
}

type Client = WebSocketStream<tokio::net::TcpStream>;

/// A socket of the WebSocket API with a subscription to the trader's events.
async fn subscribe(venue: &Venue, trader: &Trader) -> Client {
    let socket = tokio::net::TcpStream::connect(venue.address()).await.unwrap();
    let (mut client, _) = client_async(format!("ws://{}/ws-api/v3", venue.address()), socket).await.unwrap();
    let (key, timestamp) = (&trader.api_key, Clock::system().now().millis());
    let signature = Signer::hmac(trader.secret_key.as_ref().unwrap())
        .sign(format!("apiKey={key}&timestamp={timestamp}").as_bytes());
    let params = json!({ "apiKey": key, "timestamp": timestamp, "signature": signature });
    let message = json!({ "id": 1, "method": "userDataStream.subscribe.signature", "params": params });
    client.send(Message::text(message.to_string())).await.unwrap();
    let answer = tokio::time::timeout(GUARD, client.next()).await.unwrap().unwrap().unwrap();
    let answer: Value = serde_json::from_str(answer.to_text().unwrap()).unwrap();
    assert_eq!(answer["status"], 200, "{answer}");
    client
}

/// Everything that still comes, until the connection is gone.
async fn events(mut client: Client) -> Vec<Value> {
    let mut events = Vec::new();
    while let Some(Ok(message)) = client.next().await {
        if let Message::Text(text) = message {
            let message: Value = serde_json::from_str(&text).unwrap();
            events.push(message["event"].clone());
        }
    }
    events
}

/// What runs while a venue is killed: subscribers of each trader, several each.
pub(crate) struct Listeners {
    runtime: Runtime,
    told: Vec<(usize, tokio::task::JoinHandle<Vec<Value>>)>,
}

impl Listeners {
    /// Begins to listen.
    pub(crate) fn begin(venue: &Venue, traders: &[Trader]) -> Self {
        let runtime = Runtime::new().unwrap();
        let listen = |place| {
            let client = runtime.block_on(subscribe(venue, &traders[place]));
            (place, runtime.spawn(events(client)))
        };
        let told = (0..traders.len()).flat_map(|place| [place, place]).map(listen).collect();
        Self { runtime, told }
    }

    /// After the kill and a restart: each listener was told every fill of his account once up to some moment, and
    /// nothing that REST does not have.
    pub(crate) fn check(self, venue: &Venue, traders: &[Trader]) {
        for (place, told) in self.told {
            let events = self.runtime.block_on(async { tokio::time::timeout(GUARD, told).await.unwrap().unwrap() });
            let reports: Vec<&Value> = events.iter().filter(|event| event["e"] == "executionReport").collect();
            let executions: Vec<u64> = reports.iter().map(|report| report["I"].as_u64().unwrap()).collect();
            assert!(executions.is_sorted_by(|one, next| one < next), "each once, in order");
            let fills: Vec<&Value> = reports.into_iter().filter(|report| report["x"] == "TRADE").collect();
            let (Some(first), Some(last)) = (fills.first(), fills.last()) else { continue };
            let known = trades(venue, &traders[place], first["t"].as_u64().unwrap(), last["t"].as_u64().unwrap());
            let described = |trade: &Value, names: [&str; 6]| names.map(|name| trade[name].clone());
            // An account that trades with itself is told of both halves of a trade; REST has one of them.
            let of_event = |fill: &&&Value| {
                known.get(&fill["t"].as_u64().unwrap()).map(|known| &known["orderId"]) == Some(&fill["i"])
            };
            let told: Vec<_> =
                fills.iter().filter(of_event).map(|fill| described(fill, ["t", "i", "L", "l", "n", "m"])).collect();
            let names = ["id", "orderId", "price", "qty", "commission", "isMaker"];
            let expected: Vec<_> = known.values().map(|trade| described(trade, names)).collect();
            assert_eq!(told, expected);
            assert!(fills.iter().all(|fill| known.contains_key(&fill["t"].as_u64().unwrap())));
        }
    }
}

/// The trader's trades from one to another, by their ids.
fn trades(venue: &Venue, trader: &Trader, first: u64, last: u64) -> BTreeMap<u64, Value> {
    let mut trades = BTreeMap::new();
    let mut from = first;
    loop {
        let query = [("symbol", "BTCUSDT"), ("fromId", &from.to_string()[..]), ("limit", "1000")];
        let page = trader.send_ok(venue, "GET", "/api/v3/myTrades", &query);
        let page = page.as_array().unwrap();
        for trade in page {
            from = trade["id"].as_u64().unwrap() + 1;
            trades.insert(from - 1, trade.clone());
        }
        if page.len() < 1_000 || from > last {
            trades.retain(|id, _| *id <= last);
            return trades;
        }
    }
}
