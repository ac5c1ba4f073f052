//! A recorded market, played on a venue through the real binary.

use crate::support::{Folder, Trader, Venue, check_refusal, emporion, eventually, json, refused, run};
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

/// The cut recording, whose origin `tests/data/README.md` tells.
fn recording() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/btcusdt_20240808_head.gz").display().to_string()
}

/// Its lines.
fn recorded_lines() -> Vec<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(recording()).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Its trades as price, quantity and whether the buyer was maker.
fn recorded_trades() -> Vec<(String, String, bool)> {
    let trade = |line: &String| {
        let message: Value = serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
        let data = &message["data"];
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        (data["e"] == "trade").then(|| (text("p"), text("q"), data["m"].as_bool().unwrap()))
    };
    recorded_lines().iter().filter_map(trade).collect()
}

fn printed_trades(venue: &Venue) -> Vec<(String, String, bool)> {
    let trades = venue.get_ok("/api/v3/trades?symbol=BTCUSDT&limit=1000");
    let trade = |trade: &Value| {
        let text = |name: &str| trade[name].as_str().unwrap().to_owned();
        (text("price"), text("qty"), trade["isBuyerMaker"].as_bool().unwrap())
    };
    trades.as_array().unwrap().iter().map(trade).collect()
}

#[test]
fn the_tape_and_the_book_are_the_recordings() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let data = folder.data();
    let replay = ["replay", &recording(), "--symbol", "BTCUSDT", "--speed", "0", "--data-dir", &data];
    let report = json(&replay);
    let recorded = recorded_trades();
    assert_eq!(printed_trades(&venue), recorded);
    let count = recorded.len();
    assert_eq!(report["trades"]["recorded"], count, "{report}");
    assert_eq!(report["trades"]["equal"], count, "{report}");
    assert_eq!(report["deviations"]["offGrid"], 1, "one level has more decimals than the symbol: {report}");
    let none = ["keptAhead", "refused", "crossed", "takenByOthers"];
    assert!(none.iter().all(|kind| report["deviations"][kind] == 0), "{report}");
    let book = &report["lastBook"];
    assert_eq!((&book["bidsEqual"], &book["asksEqual"]), (&Value::from(20), &Value::from(20)), "{report}");

    let again = json(&replay);
    assert_eq!(again["trades"]["equal"], count, "the same accounts play again: {again}");
    assert_eq!(again["lastBook"], *book);
    venue.stop();
    folder.audit();
}

#[test]
fn a_stop_cancels_the_makers_orders_and_says_how_far_it_got() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let (data, file) = (folder.data(), recording());
    let mut command = emporion(&["replay", &file, "--symbol", "BTCUSDT", "--speed", "0.001", "--data-dir", &data]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually(|| {
        let book = venue.get_ok("/api/v3/depth?symbol=BTCUSDT&limit=5000");
        ["bids", "asks"].iter().all(|half| book[*half].as_array().unwrap().len() == 1000).then_some(())
    });
    let second = ["replay", &file, "--symbol", "BTCUSDT", "--data-dir", &data];
    refused(&second, 1, "another replay plays on BTCUSDT: wait for its end, or stop it");
    let told = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("was stopped by a signal: it was played up to line"), "{stderr}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("deviations  none"));
    assert_eq!(venue.get_ok("/api/v3/depth?symbol=BTCUSDT")["bids"], serde_json::json!([]));
    venue.stop();
    folder.audit();
}

#[test]
fn trades_without_a_book_are_played_on_a_synthetic_one_around_whoever_rests() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let data = folder.data();
    let alice = Trader::open(&folder, "alice", &["USDT=1000000"]);
    alice.limit(&venue, "BUY", "0.5", "60000");
    let trades = "1,60000.5,0.1,6000.05,1700000000000,false,true\n2,59999,0.7,41999.3,1700000000001,true,true\n";
    let file = folder.write("trades.csv", trades);
    let output = run(&["replay", &file, "--symbol", "BTCUSDT", "--speed", "10", "--data-dir", &data]);
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("Recognised: CSV of trades. Playing it on BTCUSDT at speed 10; it has no book, so a synthetic"),
        "{stderr}"
    );
    assert!(stderr.contains("klines are shorter than recorded"), "{stderr}");
    assert!(stdout.contains("2 recorded, 2 printed: 1 equal, 1 met by others; 0 printed short"), "{stdout}");
    let printed = [("60000.50000000", "0.10000000", false), ("60000.00000000", "0.50000000", true)];
    let printed = printed.into_iter().chain([("59999.00000000", "0.20000000", true)]);
    let printed: Vec<_> = printed.map(|(price, quantity, m)| (price.to_owned(), quantity.to_owned(), m)).collect();
    assert_eq!(printed_trades(&venue), printed);
    venue.stop();
    folder.audit();
}

#[test]
fn a_recording_that_is_not_right_is_refused_with_its_line() {
    let folder = Folder::new();
    let data = folder.data();
    let replay =
        |file: &str| ["replay", file, "--symbol", "BTCUSDT", "--speed", "0", "--data-dir", &data].map(str::to_owned);
    let check = |file: &str, exit: i32, sentence: &str| {
        let arguments = replay(file);
        refused(&arguments.each_ref().map(String::as_str), exit, sentence);
    };
    check(&folder.text("missing"), 2, "cannot be read");
    check(&folder.write("foreign", "hello\n"), 2, "is not right at line 1: it is neither a raw stream line nor a row");
    check(&folder.write("bookless", &recorded_lines()[..5].join("\n")), 2, "line 5: the file ends without a depth");
    check(&recording(), 1, "no venue runs on the data folder");

    let venue = Venue::start(&folder);
    let whole = std::fs::read(recording()).unwrap();
    std::fs::write(folder.path("cut.gz"), &whole[..whole.len() - 9_000]).unwrap();
    check(&folder.text("cut.gz"), 2, "it is truncated; it was played up to line");
    let unknown = ["replay", &recording(), "--symbol", "NOSUCH", "--data-dir", &data];
    refused(&unknown, 1, "the steps of NOSUCH cannot be learned: the venue refused to answer: Invalid symbol");
    let mut lines = recorded_lines();
    lines.remove(200);
    let gap = lines.iter().position(|line| line.contains("depthUpdate")).unwrap();
    assert!(gap < 200);
    let next_diff = 200 + lines[200..].iter().position(|line| line.contains("depthUpdate")).unwrap();
    lines.remove(next_diff);
    check(&folder.write("gap", &lines.join("\n")), 2, "there is a gap; it was played up to line");
    let arguments = replay(&folder.write("steps.csv", "1,60000.001,0.1,6000.05,1700000000000,false,true\n"));
    let output = run(&arguments.each_ref().map(String::as_str));
    check_refusal(
        &output,
        2,
        "line 1: its trade cannot be made on BTCUSDT: the price 60000.001 is no multiple of the tick",
    );
    assert_eq!(venue.get_ok("/api/v3/depth?symbol=BTCUSDT&limit=5000")["asks"], serde_json::json!([]));
    venue.stop();
    folder.audit();
}

#[test]
fn where_money_is_real_nothing_is_played() {
    let folder = Folder::new();
    let data = folder.data();
    let sandbox = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("genesis/sandbox.toml")).unwrap();
    let live = folder.write("genesis.toml", &sandbox.replace("mode = \"sandbox\"", "mode = \"live\""));
    let made = run(&["genesis", "--file", &live, "--data-dir", &data]);
    assert!(made.status.success(), "{}", crate::support::stderr(&made));
    let venue = Venue::start(&folder);
    let output = run(&["replay", &recording(), "--symbol", "BTCUSDT", "--data-dir", &data]);
    check_refusal(&output, 1, "the venue refused: ");
    assert_eq!(venue.get_ok("/api/v3/depth?symbol=BTCUSDT")["bids"], serde_json::json!([]));
    venue.stop();
    folder.audit();
}
