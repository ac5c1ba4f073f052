//! Sockets of the real binary, with clients that break the protocol, do not answer, or are simply many; and private
//! events beside kills.

use crate::support::{Folder, Trader, Venue, request};
use emporion_api::signing::Signer;
use emporion_edge::Clock;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Only a guard: every wait here is for an event.
const GUARD: Duration = Duration::from_secs(60);

const PING: &str = r#"{"id":1,"method":"ping"}"#;
const PONG: &str = r#"{"id":1,"status":200,"result":{},"rateLimits":[]}"#;

/// A socket of which every byte is the test's own.
struct Raw(TcpStream);

/// A frame of the server.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    opcode: u8,
    payload: Vec<u8>,
}

impl Raw {
    /// Asks for an upgrade with these headers in addition, and gives the status too.
    fn ask(venue: &Venue, path: &str, headers: &str) -> (Self, u16) {
        let mut socket = TcpStream::connect(venue.address()).unwrap();
        socket.set_read_timeout(Some(GUARD)).unwrap();
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        write!(socket, "GET {path} HTTP/1.1\r\nhost: {}\r\n{upgrade}{headers}\r\n", venue.address()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let status = std::str::from_utf8(&head[9..12]).unwrap().parse().unwrap();
        (Self(socket), status)
    }

    fn open(venue: &Venue, path: &str) -> Self {
        let (socket, status) = Self::ask(venue, path, "");
        assert_eq!(status, 101);
        socket
    }

    /// Sends bytes; a server that has closed already takes no more of them.
    fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// The next frame, or nothing when the connection is closed.
    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 2];
        if let Err(error) = self.0.read_exact(&mut head) {
            assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}");
            return None;
        }
        let mut length = usize::from(head[1]);
        if length == 126 {
            let mut long = [0; 2];
            self.0.read_exact(&mut long).unwrap();
            length = u16::from_be_bytes(long).into();
        }
        assert!(length < 126 || head[1] == 126, "longer than any answer here");
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        Some(Frame { opcode: head[0] & 0xf, payload })
    }

    #[track_caller]
    fn check_text(&mut self, expected: &str) {
        let frame = self.next().expect("not closed");
        assert_eq!((frame.opcode, String::from_utf8(frame.payload).unwrap()), (1, expected.to_owned()));
    }

    /// Whatever comes before, the connection ends with a close frame of this code and reason.
    #[track_caller]
    fn check_end(&mut self, code: u16, reason: &str) {
        let mut last = None;
        while let Some(frame) = self.next() {
            last = Some(frame);
        }
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        assert_eq!(last, Some(Frame { opcode: 8, payload }));
    }
}

/// A client's frame, masked with zeros, which leave the payload as it is.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        short @ 0..126 => vec![0x80 | u8::try_from(short).unwrap()],
        long @ 126..65_536 => [&[0xfe], &u16::try_from(long).unwrap().to_be_bytes()[..]].concat(),
        huge => [&[0xff], &(huge as u64).to_be_bytes()[..]].concat(),
    };
    [&[head], &length[..], &[0; 4], payload].concat()
}

fn trades_on(folder: &Folder, venue: &Venue) {
    let trader = Trader::open(folder, "after", &["USDT=1000"]);
    trader.limit(venue, "BUY", "0.001", "20000");
}

#[test]
fn who_breaks_the_protocol_is_told_and_nobody_else_notices() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let mut other = Raw::open(&venue, "/ws-api/v3");
    let text = |payload: &[u8]| frame(0x81, payload);
    let unmasked = [&[0x81, PING.len() as u8], PING.as_bytes()].concat();
    let attacks: [(&[u8], u16, &str); 10] = [
        (&text(&vec![b'x'; 5 << 20]), 1009, "message too big"),
        (&text(&vec![b' '; (64 << 10) + 1]), 1009, "message too big"),
        (&frame(0x82, b"\x00"), 1003, "binary messages are not accepted"),
        (&unmasked, 1002, "protocol error"),
        (&frame(0x89, &[b'x'; 126]), 1002, "protocol error"),
        (&frame(0x09, b"x"), 1002, "protocol error"),
        (&frame(0x80, b"x"), 1002, "protocol error"),
        (&frame(0xc1, b"x"), 1002, "protocol error"),
        (&text(b"\xff\xfe"), 1007, "invalid UTF-8"),
        (b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1002, "protocol error"),
    ];
    for path in ["/ws", "/ws-api/v3"] {
        for (bytes, code, reason) in attacks {
            let mut socket = Raw::open(&venue, path);
            socket.send(bytes);
            socket.check_end(code, reason);
        }
    }
    other.send(&text(PING.as_bytes()));
    other.check_text(PONG);
    trades_on(&folder, &venue);
    venue.stop();
    folder.audit();
}

#[test]
fn what_the_protocol_allows_works() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let mut socket = Raw::open(&venue, "/ws-api/v3");
    let (first, rest) = PING.as_bytes().split_at(5);
    let (second, third) = rest.split_at(1);
    let parts = [frame(0x01, first), frame(0x89, b"hi"), frame(0x00, second), frame(0x00, b""), frame(0x80, third)];
    for byte in parts.concat() {
        socket.send(&[byte]);
    }
    assert_eq!(socket.next(), Some(Frame { opcode: 10, payload: b"hi".to_vec() }));
    socket.check_text(PONG);
    socket.send(&frame(0x8a, b"nobody asked for this pong"));
    let largest = format!("{PING}{}", " ".repeat((64 << 10) - PING.len()));
    socket.send(&frame(0x81, largest.as_bytes()));
    socket.check_text(PONG);
    socket.send(&frame(0x88, &[&1000_u16.to_be_bytes(), &b"bye"[..]].concat()));
    socket.check_end(1000, "bye");
    for path in ["/ws", "/ws-api/v3"] {
        assert_eq!(request(venue.address(), "GET", path, &[]).0, 400, "{path}");
        assert_eq!(Raw::ask(&venue, path, "cookie: a=1\r\norigin: https://evil.example\r\n").1, 403, "{path}");
        assert_eq!(Raw::ask(&venue, path, "sec-websocket-version: 12\r\n").1, 400, "{path}");
    }
    venue.stop();
    folder.audit();
}

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
