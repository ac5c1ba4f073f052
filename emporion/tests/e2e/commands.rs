//! The commands beside `serve`.

use crate::support::{Folder, Trader, Venue, json, refused, run, stderr};
use serde_json::json;
use std::fs;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/genesis.example.toml");

#[test]
fn a_genesis_begins_a_venue_once() {
    let folder = Folder::new();
    let data = folder.data();
    let genesis = |file: &str| ["genesis", "--file", file, "--data-dir", &data].map(str::to_owned);
    let arguments = genesis(EXAMPLE);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    assert_eq!(json(&arguments), json!({ "began": true, "mode": "sandbox", "assets": 2, "symbols": 1 }));
    assert_eq!(json(&arguments)["began"], false);
    let example = fs::read_to_string(EXAMPLE).unwrap();
    let other = folder.write("other.toml", &example.replace("ordersMax = 200", "ordersMax = 100"));
    refused(
        &["genesis", "--file", &other, "--data-dir", &data],
        1,
        "nothing is applied; the file differs in symbol BTCUSDT",
    );
    let wrong = folder.write("wrong.toml", &example.replace("tick = \"0.01\"", "tick = \"0\""));
    refused(&["genesis", "--file", &wrong, "--data-dir", &folder.text("new")], 2, "symbol BTCUSDT: PRICE_FILTER needs");
    assert!(!folder.path("new").exists(), "a wrong file touches nothing");
    Venue::start(&folder).stop();
    folder.audit();
}

#[test]
fn a_backup_of_a_running_venue_is_restored_to_the_same_state() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let trader = Trader::open(&folder, "a", &["USDT=1000", "BTC=1"]);
    trader.limit(&venue, "BUY", "0.01", "20000");
    trader.limit(&venue, "SELL", "0.01", "30000");
    let backup = folder.text("backup");
    let backed_up = json(&["backup", &backup, "--data-dir", &folder.data()]);
    trader.limit(&venue, "BUY", "0.01", "10000");
    refused(&["backup", &backup, "--data-dir", &folder.data()], 1, "is not empty");
    venue.stop();
    folder.audit();

    let other = Folder::new();
    let restored = json(&["restore", &backup, "--data-dir", &other.data()]);
    assert_eq!(restored, backed_up);
    refused(&["restore", &backup, "--data-dir", &other.data()], 1, "is not empty");
    let audited = other.audit();
    assert_eq!((&audited["seq"], &audited["stateHash"]), (&backed_up["seq"], &backed_up["stateHash"]));
    let venue = Venue::start(&other);
    assert_eq!(trader.send_ok(&venue, "GET", "/api/v3/openOrders", &[]).as_array().unwrap().len(), 2);
    let later = Trader::open(&other, "b", &["USDT=5"]);
    assert_eq!(later.balance(&venue, "USDT").0, "5.00000000");
    venue.stop();
    other.audit();
}

#[test]
fn a_restored_journal_gets_again_what_its_users_know() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    Trader::open(&folder, "early", &["USDT=1"]);
    let backup = folder.text("backup");
    json(&["backup", &backup, "--data-dir", &folder.data()]);
    let late = Trader::open(&folder, "late", &["USDT=7"]);
    venue.stop();
    let other = Folder::new();
    json(&["restore", &backup, "--data-dir", &other.data()]);
    fs::copy(folder.path("data/users.db"), other.path("data/users.db")).unwrap();
    let venue = Venue::start(&other);
    assert_eq!(late.balance(&venue, "USDT").0, "7.00000000");
    venue.stop();
    other.audit();
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let folder = Folder::new();
    fs::create_dir(folder.path("empty")).unwrap();
    refused(&["restore", &folder.text("empty"), "--data-dir", &folder.data()], 2, "there is no finished backup in");
    assert!(!folder.path("data").exists());
}

#[test]
fn an_audit_stops_where_it_is_told_and_begins_at_a_snapshot() {
    let folder = Folder::new();
    let config = folder.write("emporion.toml", "[snapshots]\nevery_commands = 1000\n[limits]\nprofile = \"off\"\n");
    let venue = Venue::start_with(&folder, &["--data-dir", &folder.data(), "--config", &config]);
    let trader = Trader::open(&folder, "a", &["USDT=1000"]);
    for _ in 0..1_100 {
        trader.limit(&venue, "BUY", "0.001", "10000");
        trader.send_ok(&venue, "DELETE", "/api/v3/openOrders", &[("symbol", "BTCUSDT")]);
    }
    crate::support::eventually(|| {
        let snapshots = fs::read_dir(folder.path("data/snapshots")).unwrap();
        let whole = snapshots.filter(|entry| !entry.as_ref().unwrap().path().to_string_lossy().contains("unfinished"));
        (whole.count() > 0).then_some(())
    });
    venue.stop();
    let whole = folder.audit();
    let data = folder.data();
    let from = json(&["audit", "--from-snapshot", "--data-dir", &data]);
    assert!(from["fromSeq"].as_u64().unwrap() >= 1_000, "{from}");
    assert_eq!((&from["stateHash"], &from["tablesRebuilt"]), (&whole["stateHash"], &false.into()));
    assert_eq!(from["tablesSeq"], whole["tablesSeq"]);
    let early = json(&["audit", "--at-seq", "5", "--data-dir", &data]);
    assert!(early["seq"].as_u64().unwrap() >= 5 && early.get("tablesSeq").is_none(), "{early}");
    refused(&["audit", "--at-seq", "999999999", "--data-dir", &data], 2, "the journal has no seq 999999999");
    let venue = Venue::start(&folder);
    assert!(venue.log().contains("\"from_snapshot\":"), "{}", venue.log());
    venue.stop();
    folder.audit();
}

#[test]
fn a_load_is_measured() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let bench = ["bench", "--rate", "100", "--duration", "1", "--accounts", "2", "--connections", "4"];
    let report = json(&[&bench[..], &["--data-dir", &folder.data()]].concat());
    assert_eq!(report["intendedPerSecond"], 100);
    assert!(report["kinds"].as_array().is_some_and(|kinds| !kinds.is_empty()), "{report}");
    venue.stop();
    folder.audit();
    refused(&["bench", "--data-dir", &folder.data()], 1, "no venue runs on the data folder");
}

#[test]
fn the_manual_is_printed() {
    let output = run(&["config"]);
    let default = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/config.default.toml")).unwrap();
    assert_eq!(output.stdout, default, "{}", stderr(&output));
    let wrong = run(&["frobnicate"]);
    assert_eq!(wrong.status.code(), Some(2));
}
