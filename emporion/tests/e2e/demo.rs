//! The demo: alive at once, with a past, the same for the same seed; and its page.

use crate::support::{Folder, Trader, Venue, json, refused, run};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

const INTERVALS: [&str; 16] =
    ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"];

fn symbols(venue: &Venue) -> Vec<String> {
    let symbols = venue.get_ok("/api/v3/exchangeInfo")["symbols"].clone();
    symbols.as_array().unwrap().iter().map(|symbol| symbol["symbol"].as_str().unwrap().to_owned()).collect()
}

/// What is asked for with a list as the answer, which is not empty.
#[track_caller]
fn rows(venue: &Venue, path: &str) -> Vec<Value> {
    let Value::Array(rows) = venue.get_ok(path) else { panic!("{path} is no list") };
    assert!(!rows.is_empty(), "{path}");
    rows
}

#[test]
fn who_waits_for_the_ready_file_finds_a_live_market_and_can_trade() {
    let folder = Folder::new();
    let venue = Venue::start_with(&folder, &["--demo", "--data-dir", &folder.data()]);
    let symbols = symbols(&venue);
    assert_eq!(symbols.len(), 12);
    for symbol in &symbols {
        let book = venue.get_ok(&format!("/api/v3/depth?symbol={symbol}"));
        let best = |half: &str| book[half][0][0].as_str().unwrap_or_else(|| panic!("{symbol}: {book}")).to_owned();
        assert!(best("bids").len() == best("asks").len() && best("bids") < best("asks"), "{symbol}: {book}");
        rows(&venue, &format!("/api/v3/trades?symbol={symbol}"));
        rows(&venue, &format!("/api/v3/klines?symbol={symbol}&interval=1s"));
    }
    let account = &venue.ready["accounts"][0];
    let text = |name: &str| account[name].as_str().unwrap();
    let alice = Trader::hmac(text("apiKey"), text("secretKey"));
    let order = [("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "MARKET"), ("quantity", "0.001")];
    assert_eq!(alice.send_ok(&venue, "POST", "/api/v3/order", &order)["status"], "FILLED");
    venue.stop();
    folder.audit();

    let again = Venue::start_with(&folder, &["--demo", "--data-dir", &folder.data()]);
    assert_eq!(
        &again.ready["accounts"][0],
        &serde_json::json!({
            "name": "alice", "apiKey": alice.api_key, "secretKey": alice.secret_key.as_deref().unwrap(),
        })
    );
    again.stop();
    folder.audit();
}

#[test]
fn the_seed_fixes_the_first_book() {
    let book = |seed: &str| -> Value {
        let folder = Folder::new();
        let venue = Venue::start_with(&folder, &["--demo", "--ephemeral", "--seed", seed]);
        let first = venue.get_ok("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1&limit=1");
        venue.stop();
        serde_json::json!([first[0]["price"], first[0]["qty"]])
    };
    assert_eq!(book("5"), book("5"));
    assert_ne!(book("5"), book("6"));
}

#[test]
fn there_is_a_past_of_every_interval_that_own_trades_go_on_from_and_that_is_written_once() {
    let folder = Folder::new();
    let venue = Venue::start_with(&folder, &["--demo", "--data-dir", &folder.data()]);
    let first = rows(&venue, "/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1&limit=1");
    let first = first[0]["time"].as_u64().unwrap();
    for symbol in symbols(&venue) {
        for interval in INTERVALS {
            let klines = rows(&venue, &format!("/api/v3/klines?symbol={symbol}&interval={interval}&limit=1000"));
            let starts: Vec<_> = klines.iter().map(|kline| kline[0].as_u64().unwrap()).collect();
            let ends: Vec<_> = klines.iter().map(|kline| kline[6].as_u64().unwrap()).collect();
            assert!(starts[0] >= 1_483_228_800_000, "{symbol} {interval}");
            assert!(starts[1..].iter().zip(&ends).all(|(start, end)| *start == end + 1), "{symbol} {interval}");
            assert!(klines.len() > 100, "{symbol} {interval}: {}", klines.len());
        }
    }
    let past = |venue: &Venue| {
        INTERVALS.map(|interval| {
            let path = format!("/api/v3/klines?symbol=ETHUSDT&interval={interval}&limit=1000&startTime=1483228800000");
            let mut klines = rows(venue, &path);
            klines.retain(|kline| kline[6].as_u64().unwrap() < first / 1_000 * 1_000);
            klines
        })
    };
    let written = past(&venue);
    venue.stop();
    let again = Venue::start_with(&folder, &["--demo", "--data-dir", &folder.data(), "--seed", "77"]);
    assert_eq!(past(&again), written);
    again.stop();
    folder.audit();
}

#[test]
fn a_demo_can_begin_without_a_past() {
    let folder = Folder::new();
    let config = folder.write("demo.toml", "[demo]\nhistory = false\nmakers = 1\nmomentum = 0\nreverters = 0\n");
    let venue = Venue::start_with(&folder, &["--demo", "--ephemeral", "--config", &config]);
    let days = rows(&venue, "/api/v3/klines?symbol=BTCUSDT&interval=1d");
    assert!(days.len() <= 2, "nothing is before the first own trade");
    venue.stop();
}

#[test]
fn the_page_is_served_as_it_is_exported() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let exported = folder.text("web");
    let answer = json(&["web", "export", &exported]);
    assert_eq!(answer["files"], serde_json::json!(["index.html", "page.js", "page.css"]));
    for (path, file, content_type) in [
        ("/", "index.html", "text/html"),
        ("/page.js", "page.js", "text/javascript"),
        ("/page.css", "page.css", "text/css"),
    ] {
        let (head, body) = fetch(venue.address(), path);
        assert_eq!(body, fs::read_to_string(folder.path("web").join(file)).unwrap());
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        for line in [
            &format!("content-type: {content_type}; charset=utf-8"),
            "x-content-type-options: nosniff",
            "cache-control: no-cache",
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ] {
            assert!(head.lines().any(|got| got == line), "{line} in {head}");
        }
    }
    venue.stop();
    refused(&["web", "export", &exported], 2, "is not empty: give an empty one, or one that is not there yet");
    fs::create_dir(folder.path("empty")).unwrap();
    assert!(run(&["web", "export", &folder.text("empty")]).status.success());
}

/// The head and the body of an answer.
fn fetch(address: &str, path: &str) -> (String, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
