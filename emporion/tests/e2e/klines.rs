//! `emporion klines`: history into a running venue, and what everybody reads afterwards.

use crate::support::{Folder, Trader, Venue, json, refused, stderr};
use emporion_edge::Clock;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// 2025-01-01 00:00 UTC.
const YEAR_2025: u64 = 1_735_689_600_000;

/// A line of Binance's CSV: one trade of one coin at this price, sold by a taker.
fn line(open_time: u64, length: u64, price: u64) -> String {
    let close_time = open_time + length - 1;
    format!("{open_time},{price}.00,{price}.50000000,{price}.00,{price}.25,1.00000,{close_time},{price}.25,1,0,0,0\n")
}

/// So many klines of this length.
fn lines(first: u64, length: u64, count: u64) -> String {
    (0..count).map(|number| line(first + number * length, length, 20_000 + number % 5_000)).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The arguments that import a file.
fn import<'a>(data: &'a str, file: &'a str, interval: &'a str) -> [&'a str; 9] {
    ["klines", "import", file, "--symbol", "BTCUSDT", "--interval", interval, "--data-dir", data]
}

fn list(data: &str) -> Value {
    json(&["klines", "list", "--data-dir", data])["ranges"].clone()
}

fn klines(venue: &Venue, query: &str) -> Vec<Value> {
    venue.get_ok(&format!("/api/v3/klines?symbol=BTCUSDT&{query}")).as_array().unwrap().clone()
}

fn trades(klines: &[Value]) -> u64 {
    klines.iter().map(|kline| kline[8].as_u64().unwrap()).sum()
}

#[test]
fn what_was_imported_is_read_before_what_was_traded() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let data = folder.data();
    assert_eq!(list(&data), json!([]));

    // Days of January 2025, in microseconds and compressed; then the last 4,500 minutes, in several requests.
    let days: String = (0..31)
        .map(|day| {
            let line = line(YEAR_2025 + day * DAY, DAY, 90_000 + day);
            let (open, close) = ((YEAR_2025 + day * DAY).to_string(), (YEAR_2025 + (day + 1) * DAY - 1).to_string());
            line.replace(&open, &format!("{open}000")).replace(&close, &format!("{close}999"))
        })
        .collect();
    fs::write(folder.path("days.csv.gz"), gzip(&days)).unwrap();
    let file = folder.text("days.csv.gz");
    let imported = json(&import(&data, &file, "1d"));
    let expected = json!({
        "symbol": "BTCUSDT", "interval": "1d", "source": "days.csv.gz", "klines": 31,
        "firstOpenTime": YEAR_2025, "lastOpenTime": YEAR_2025 + 30 * DAY,
    });
    assert_eq!(imported, expected);
    let now = Clock::system().now().millis() / MINUTE * MINUTE;
    let first = now - 4_500 * MINUTE;
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
                  taker_buy_quote_volume,ignore\n";
    let file = folder.write("minutes.csv", &format!("{header}{}", lines(first, MINUTE, 4_500)));
    assert_eq!(json(&import(&data, &file, "1m"))["klines"], 4_500);
    let listed = list(&data);
    let minutes = json!({
        "symbol": "BTCUSDT", "interval": "1m", "source": "minutes.csv", "klines": 4_500,
        "firstOpenTime": first, "lastOpenTime": now - MINUTE,
    });
    assert_eq!((&listed[0], &listed[1]["klines"]), (&minutes, &json!(31)));
    let text = crate::support::run(&["klines", "list", "--data-dir", &data]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("2025-01-01 00:00:00 to 2025-01-31 00:00:00  days.csv.gz"), "{text}");

    let trader = Trader::open(&folder, "a", &["USDT=10000", "BTC=1"]);
    let other = Trader::open(&folder, "b", &["USDT=10000", "BTC=1"]);
    trader.limit(&venue, "SELL", "0.2", "20000");
    other.limit(&venue, "BUY", "0.2", "20000");
    let check = |venue: &Venue| {
        // Whatever the interval, every imported minute and the trade are in it once.
        for interval in ["1m", "15m", "1h", "4h", "1d"] {
            let mut from = first - first % DAY;
            let mut sum = 0;
            loop {
                let part = klines(venue, &format!("interval={interval}&limit=1000&startTime={from}"));
                sum += trades(&part);
                let Some(last) = part.last().filter(|_| part.len() == 1_000) else { break };
                from = last[6].as_u64().unwrap() + 1;
            }
            assert_eq!(sum, 4_500 + 1, "{interval}");
        }
        let zoned = klines(venue, &format!("interval=1d&timeZone=5:45&startTime={}", first - DAY));
        assert_eq!(trades(&zoned), 4_500 + 1);
        // The day of the trade: its minutes and the trade.
        let traded = venue.get_ok("/api/v3/trades?symbol=BTCUSDT")[0]["time"].as_u64().unwrap();
        let midnight = traded - traded % DAY;
        let today = klines(venue, &format!("interval=1d&limit=1&startTime={midnight}")).remove(0);
        assert_eq!(today[8], now.saturating_sub(midnight) / MINUTE + 1);
        assert_eq!(today[4], "20000.00000000");
        let oldest = klines(venue, "interval=1d&startTime=0&limit=2");
        assert_eq!((&oldest[0][0], &oldest[0][1]), (&YEAR_2025.into(), &"90000.00000000".into()));
        assert_eq!((&oldest[1][2], &oldest[1][7]), (&"90001.50000000".into(), &"90001.25000000".into()));
        let january = klines(venue, "interval=1M&startTime=0&limit=1").remove(0);
        assert_eq!((&january[0], &january[5], &january[8]), (&YEAR_2025.into(), &"31.00000000".into(), &31.into()));
        assert_eq!((&january[1], &january[4]), (&"90000.00000000".into(), &"90030.25000000".into()));
        // Nothing else knows of them.
        assert_eq!(venue.get_ok("/api/v3/ticker?symbol=BTCUSDT&windowSize=7d")["count"], 1);
        assert_eq!(venue.get_ok("/api/v3/ticker/tradingDay?symbol=BTCUSDT")["lastPrice"], "20000.00000000");
    };
    check(&venue);

    let late = folder.write("late.csv", &lines(now + HOUR - now % HOUR - HOUR, HOUR, 1));
    refused(&import(&data, &late, "1h"), 2, "late.csv are not right at line 1: the kline of 1h from");
    let backup = folder.text("backup");
    json(&["backup", &backup, "--data-dir", &data]);
    venue.stop();
    refused(&import(&data, &file, "1m"), 1, "no venue runs on the data folder");
    folder.audit();
    let venue = Venue::start(&folder);
    check(&venue);
    venue.stop();

    let restored = Folder::new();
    json(&["restore", &backup, "--data-dir", &restored.data()]);
    let venue = Venue::start(&restored);
    assert_eq!(list(&restored.data()), listed);
    check(&venue);
    venue.stop();
    restored.audit();
}

#[test]
fn a_wrong_file_imports_nothing_and_is_told_with_its_line() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let data = folder.data();
    let good = lines(YEAR_2025, MINUTE, 4_500);
    let check = |text: &str, interval: &str, sentence: &str| {
        let file = folder.write("klines.csv", text);
        refused(&import(&data, &file, interval), 2, sentence);
        assert_eq!(list(&data), json!([]), "{sentence}");
    };
    check("", "1m", "klines.csv are not right at line 1: there is no kline in it");
    check(&format!("{good}1,2,3\n"), "1m", "at line 4501: it has 3 columns but a kline has 12");
    let high = good.replacen(",20100.50000000,", ",20100.00000000,", 1);
    check(&high, "1m", "at line 101: the open and the close price do not both lie between the low and the high price");
    let decimals = good.replacen(",24499.25,1.00000,", ",24499.255,1.00000,", 1);
    check(&decimals, "1m", "at line 4500: the close price is 24499.255 but may have 2 decimals at most");
    let twice = format!("{good}{}", line(YEAR_2025, MINUTE, 20_000));
    check(&twice, "1m", "at line 4501: the open time 1735689600000 is not after that of the kline before");
    check(&good, "5m", "at line 2: no kline of 5m begins at the open time 1735689660000");
    check(&lines(YEAR_2025, HOUR, 3), "1m", "at line 1: the kline from 1735689600000 to 1735693199999 is longer than");
    check(&line(1_451_606_400_000, MINUTE, 400), "1m", "at line 1: the open time 1451606400000 is before 2017");
    let future = Clock::system().now().millis() / DAY * DAY + DAY;
    check(&line(future, DAY, 400), "1d", "at line 1: the open time");
    check("PK\u{3}\u{4}", "1m", "klines.csv cannot be read: it is a zip archive; unpack it first");
    check(&good, "60m", "the interval is \"60m\" but must be one of 1s, 1m");
    let whole = gzip(&good);
    fs::write(folder.path("cut.csv.gz"), &whole[..whole.len() / 2]).unwrap();
    let sentence = "the gzip file ends here, in the middle: it is truncated";
    refused(&import(&data, &folder.text("cut.csv.gz"), "1m"), 2, sentence);
    refused(&import(&data, &folder.text("none.csv"), "1m"), 2, "none.csv cannot be read: ");
    assert_eq!(list(&data), json!([]));
    let file = folder.write("klines.csv", &good);
    let unknown = ["klines", "import", &file, "--symbol", "BTCEUR", "--interval", "1m", "--data-dir", &data];
    refused(&unknown, 1, "the venue refused: There is no such symbol");
    let output = crate::support::run(&import(&data, &file, "1m"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        said,
        "imported 4500 klines of BTCUSDT 1m, 2025-01-01 00:00:00 to 2025-01-04 02:59:00\n",
        "{}",
        stderr(&output)
    );
    venue.stop();
    folder.audit();
}

/// Something that looks like a venue, takes every check and the first import, and then has no room.
fn busy_venue(folder: &Folder) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    fs::create_dir(folder.path("data")).unwrap();
    let found = json!({ "rest": address, "operator": address, "pid": 1 });
    fs::write(folder.path("data/address.json"), found.to_string()).unwrap();
    fs::write(folder.path("data/operator-token"), "token").unwrap();
    std::thread::spawn(move || {
        let mut imports = 0;
        for socket in listener.incoming() {
            let mut socket = BufReader::new(socket.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while socket.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            socket.read_exact(&mut body).unwrap();
            let wish: Value = serde_json::from_slice(&body).unwrap();
            imports += usize::from(wish["checkOnly"] == false);
            let (status, answer) = if imports > 1 {
                ("503 Service Unavailable", json!({ "error": { "code": "busy", "message": "There is no room." } }))
            } else {
                ("200 OK", json!({ "checked": 1, "imported": 1 }))
            };
            let answer = answer.to_string();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
            socket.get_mut().write_all(format!("{head}{answer}").as_bytes()).unwrap();
        }
    });
}

#[test]
fn what_was_imported_before_a_failure_is_told() {
    let folder = Folder::new();
    busy_venue(&folder);
    let data = folder.data();
    let file = folder.write("klines.csv", &lines(YEAR_2025, MINUTE, 1_500));
    let output = crate::support::run(&import(&data, &file, "1m"));
    crate::support::check_refusal(&output, 1, "were imported, then the venue refused: There is no room");
    let sentence = stderr(&output);
    let words: Vec<_> = sentence.trim_start_matches("emporion: ").split(' ').collect();
    let imported: u64 = words[0].parse().unwrap();
    assert!((1..1_500).contains(&imported) && words[1..4] == ["of", "1500", "klines"], "{sentence}");
}

#[test]
fn a_venue_of_real_money_takes_no_klines() {
    let folder = Folder::new();
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/genesis.example.toml")).unwrap();
    let live = folder.write("live.toml", &example.replace("mode = \"sandbox\"", "mode = \"live\""));
    let data = folder.data();
    json(&["genesis", "--file", &live, "--data-dir", &data]);
    let venue = Venue::start(&folder);
    let file = folder.write("klines.csv", &lines(YEAR_2025, MINUTE, 3));
    let sentence = "the venue refused: The money of this venue is real: it shows no klines but its own";
    refused(&import(&data, &file, "1m"), 1, sentence);
    assert_eq!((list(&data), klines(&venue, "interval=1m&startTime=0")), (json!([]), vec![]));
    venue.stop();
    folder.audit();
}
