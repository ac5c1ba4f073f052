//! The market streams of the real binary: what a client hears, against what REST says.

use crate::support::{Folder, Trader, Venue, json};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpStream;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// Longer than anything here takes.
const GUARD: Duration = Duration::from_secs(60);

/// Whatever tells how something stands.
const VALUES: &[&str] = &[
    "bookTicker",
    "depth5",
    "depth10",
    "depth20",
    "depth5@100ms",
    "depth20@100ms",
    "ticker",
    "miniTicker",
    "avgPrice",
    "kline_1s",
    "kline_1m",
    "kline_1d@+08:00",
];

/// One connection to `/stream`.
struct Client(WebSocket<TcpStream>);

impl Client {
    fn new(venue: &Venue, streams: &[String]) -> Self {
        let socket = TcpStream::connect(venue.address()).unwrap();
        socket.set_read_timeout(Some(GUARD)).unwrap();
        let uri = format!("ws://{}/stream?streams={}", venue.address(), streams.join("/"));
        Self(client(uri, socket).unwrap().0)
    }

    fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next event that is `wanted`, and its stream.
    fn find(&mut self, wanted: impl Fn(&str, &Value) -> bool) -> (String, Value) {
        loop {
            let mut event = self.next();
            let stream = event["stream"].as_str().unwrap().to_owned();
            if wanted(&stream, &event["data"]) {
                return (stream, event["data"].take());
            }
        }
    }

    /// The first event of each of these streams; there must be no other stream.
    fn firsts(&mut self, streams: &[String]) -> BTreeMap<String, Value> {
        let mut missing: BTreeSet<&String> = streams.iter().collect();
        let mut firsts = BTreeMap::new();
        while !missing.is_empty() {
            let (stream, data) = self.find(|_, _| true);
            assert!(streams.contains(&stream), "{stream}: {data}");
            missing.remove(&stream);
            firsts.entry(stream).or_insert(data);
        }
        firsts
    }
}

/// The streams of a symbol.
fn streams(symbol: &str, kinds: &[&str]) -> Vec<String> {
    kinds.iter().map(|kind| format!("{symbol}@{}", kind.replace('+', "%2B"))).collect()
}

/// Those of [`VALUES`] that a symbol without a trade has.
fn untraded() -> Vec<&'static str> {
    VALUES.iter().copied().filter(|kind| !kind.contains("kline") && *kind != "avgPrice").collect()
}

/// Streams as events name them.
fn named(streams: &[String]) -> Vec<String> {
    streams.iter().map(|stream| stream.replace("%2B", "+")).collect()
}

/// Expects each field of an event to be what REST calls it.
#[track_caller]
fn check_fields(event: &Value, rest: &Value, names: &[(&str, &str)]) {
    for (short, long) in names {
        assert_eq!(event[short], rest[long], "{short} in {event} and {long} in {rest}");
    }
}

const TICKER: &[(&str, &str)] = &[
    ("s", "symbol"),
    ("p", "priceChange"),
    ("P", "priceChangePercent"),
    ("w", "weightedAvgPrice"),
    ("x", "prevClosePrice"),
    ("c", "lastPrice"),
    ("Q", "lastQty"),
    ("b", "bidPrice"),
    ("B", "bidQty"),
    ("a", "askPrice"),
    ("A", "askQty"),
    ("o", "openPrice"),
    ("h", "highPrice"),
    ("l", "lowPrice"),
    ("v", "volume"),
    ("q", "quoteVolume"),
    ("F", "firstId"),
    ("L", "lastId"),
    ("n", "count"),
];
const BEST: &[(&str, &str)] =
    &[("s", "symbol"), ("b", "bidPrice"), ("B", "bidQty"), ("a", "askPrice"), ("A", "askQty")];

/// Expects values to be those of REST, while nothing happens.
fn check_values(venue: &Venue, firsts: &BTreeMap<String, Value>) {
    let get = |path: &str| venue.get_ok(&format!("/api/v3/{path}symbol=BTCUSDT"));
    let day = get("ticker/24hr?");
    check_fields(&firsts["btcusdt@ticker"], &day, TICKER);
    let (_, short): (Vec<_>, Vec<_>) = TICKER.iter().partition(|(name, _)| !"scohlvq".contains(name));
    check_fields(&firsts["btcusdt@miniTicker"], &day, &short);
    check_fields(&firsts["btcusdt@bookTicker"], &get("ticker/bookTicker?"), BEST);
    for name in ["depth5", "depth10", "depth20", "depth5@100ms", "depth20@100ms"] {
        let levels = name.trim_start_matches("depth").trim_end_matches("@100ms");
        assert_eq!(firsts[&format!("btcusdt@{name}")], get(&format!("depth?limit={levels}&")), "{name}");
    }
}

pub(crate) fn whoever_comes_to_a_quiet_venue_is_told_how_it_stands(folder: &Folder, venue: &Venue) {
    let (all, few) = (streams("btcusdt", VALUES), streams("btcusdt", &untraded()));
    let arrays = ["!ticker@arr", "!miniTicker@arr"].map(str::to_owned);
    // Nothing was ever traded; the second hears what the first heard.
    for _ in 0..2 {
        check_values(venue, &Client::new(venue, &all).firsts(&named(&few)));
    }
    let symbols = venue.get_ok("/api/v3/exchangeInfo")["symbols"].as_array().unwrap().len();
    let _first = Client::new(venue, &arrays).firsts(&arrays);
    let second = Client::new(venue, &arrays).firsts(&arrays);
    assert!(second.values().all(|array| array.as_array().unwrap().len() == symbols), "{second:?}");

    let maker = Trader::open(folder, "maker", &["BTC=2"]);
    let taker = Trader::open(folder, "taker", &["USDT=10000"]);
    maker.limit(venue, "SELL", "0.5", "20000");
    taker.limit(venue, "BUY", "0.2", "20000");
    taker.limit(venue, "BUY", "0.1", "19000");
    venue.settle();
    let mut first = Client::new(venue, &all);
    check_values(venue, &first.firsts(&named(&all)));
    let firsts = Client::new(venue, &all).firsts(&named(&all));
    check_values(venue, &firsts);
    assert_eq!(firsts["btcusdt@avgPrice"]["w"], venue.get_ok("/api/v3/avgPrice?symbol=BTCUSDT")["price"]);
    let kline = &firsts["btcusdt@kline_1d@+08:00"]["k"];
    let day = &venue.get_ok("/api/v3/klines?symbol=BTCUSDT&interval=1d&timeZone=%2B08:00&limit=1")[0];
    let fields = ["t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q"].map(|name| &kline[name]);
    assert!(fields.into_iter().eq(day.as_array().unwrap().iter().take(11)), "{kline} {day}");
}

/// A client's own book.
#[derive(Debug, Default)]
struct Book {
    id: u64,
    sides: [BTreeMap<String, String>; 2],
}

impl Book {
    fn of(depth: &Value) -> Self {
        let mut book = Self { id: depth["lastUpdateId"].as_u64().unwrap(), ..Self::default() };
        book.set([&depth["bids"], &depth["asks"]]);
        book
    }

    /// As the documents say; an event must follow on the book.
    fn apply(&mut self, event: &Value) {
        let [first, last] = ["U", "u"].map(|name| event[name].as_u64().unwrap());
        if last > self.id {
            assert!(first <= self.id + 1, "{first} after {}", self.id);
            self.id = last;
            self.set([&event["b"], &event["a"]]);
        }
    }

    fn set(&mut self, sides: [&Value; 2]) {
        for (side, rows) in self.sides.iter_mut().zip(sides) {
            for row in rows.as_array().unwrap() {
                let [price, quantity] = [0, 1].map(|index| row[index].as_str().unwrap().to_owned());
                match quantity.bytes().all(|byte| b"0.".contains(&byte)) {
                    true => side.remove(&price),
                    false => side.insert(price, quantity),
                };
            }
        }
    }
}

pub(crate) fn clients_keep_the_book_through_reconnections(folder: &Folder, venue: &Venue) {
    let maker = Trader::open(folder, "maker", &["BTC=10"]);
    let taker = Trader::open(folder, "taker", &["USDT=100000"]);
    let depth = || venue.get_ok("/api/v3/depth?symbol=BTCUSDT&limit=1000");
    for round in 0..4_u32 {
        let speeds = ["btcusdt@depth", "btcusdt@depth@100ms"];
        venue.settle();
        let mut clients = speeds.map(|stream| Client::new(venue, &[stream.to_owned()]));
        let mut books = [0, 1].map(|_| Book::of(&depth()));
        for step in 0..8_u32 {
            maker.limit(venue, "SELL", "0.03", &format!("{}", 20_000 + (7 * step + round) % 11));
            taker.limit(venue, "BUY", "0.02", &format!("{}", 19_990 + (5 * step + round) % 13));
        }
        maker.send_ok(venue, "DELETE", "/api/v3/openOrders", &[("symbol", "BTCUSDT")]);
        maker.limit(venue, "SELL", "0.03", "20100");
        venue.settle();
        let end = Book::of(&depth());
        for (client, book) in clients.iter_mut().zip(&mut books) {
            let mut before = None;
            while book.id < end.id {
                let (_, event) = client.find(|_, event| event["e"] == "depthUpdate");
                assert!(before.is_none_or(|last| event["U"] == last + 1), "{event} after {before:?}");
                before = event["u"].as_u64();
                book.apply(&event);
            }
            assert_eq!((book.id, &book.sides), (end.id, &end.sides));
        }
    }
}

pub(crate) fn a_symbol_listed_later_sends_to_who_came_before(folder: &Folder, venue: &Venue) {
    let data = folder.data();
    let kinds = ["trade", "aggTrade", "depth", "depth@100ms"];
    let before = streams("xauusdt", &[VALUES, &kinds].concat());
    let mut client = Client::new(venue, &before);
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/genesis.example.toml")).unwrap();
    let added = example.replace("mode = \"sandbox\"", "").replace("\"BTC\"", "\"XAU\"").replace("BTCUSDT", "XAUUSDT");
    let file = folder.write("symbols.toml", &added);
    json(&["symbol", "add", "--file", &file, "--data-dir", &data]);
    client.firsts(&named(&streams("xauusdt", &untraded())));
    let maker = Trader::open(folder, "maker", &["XAU=2"]);
    let taker = Trader::open(folder, "taker", &["USDT=10000"]);
    let order = |side, quantity| {
        let order = [("symbol", "XAUUSDT"), ("side", side), ("type", "LIMIT"), ("timeInForce", "GTC")];
        [&order[..], &[("quantity", quantity), ("price", "2000")]].concat()
    };
    let placed = maker.send_ok(venue, "POST", "/api/v3/order", &order("SELL", "1"));
    taker.send_ok(venue, "POST", "/api/v3/order", &order("BUY", "0.4"));
    let firsts = client.firsts(&named(&before));
    assert_eq!((&firsts["xauusdt@trade"]["t"], &firsts["xauusdt@depth"]["U"]), (&json!(1), &json!(1)));

    // While it is halted, orders can be cancelled, and the books of clients must know.
    json(&["symbol", "halt", "XAUUSDT", "--data-dir", &data]);
    let id = placed["orderId"].to_string();
    maker.send_ok(venue, "DELETE", "/api/v3/order", &[("symbol", "XAUUSDT"), ("orderId", &id)]);
    let gone = json!([["2000.00000000", "0.00000000"]]);
    client.find(|stream, event| stream == "xauusdt@depth@100ms" && event["a"] == gone);
    assert_eq!(maker.send(venue, "POST", "/api/v3/order", &order("SELL", "1")).0, 400);
    json(&["symbol", "resume", "XAUUSDT", "--data-dir", &data]);
    maker.send_ok(venue, "POST", "/api/v3/order", &order("SELL", "1"));
    taker.send_ok(venue, "POST", "/api/v3/order", &order("BUY", "0.4"));
    assert_eq!(client.find(|stream, _| stream == "xauusdt@trade").1["t"], 2);
}
