//! A venue that serves: trading, restarts, stops.

use crate::support::{Folder, Trader, Venue, emporion, json, key_fixture, refused, request, run};
use emporion_api::paths;
use std::fs;
use std::process::{Child, Command};

/// Two accounts that trade once: `maker` rests 0.5 BTC at 20000, `taker` buys 0.2 of it.
fn trade(folder: &Folder, venue: &Venue) -> (Trader, Trader) {
    let maker = Trader::open(folder, "maker", &["BTC=2"]);
    let taker = Trader::open(folder, "taker", &["USDT=10000"]);
    maker.limit(venue, "SELL", "0.5", "20000");
    let bought = taker.limit(venue, "BUY", "0.2", "20000");
    assert_eq!((&bought["status"], &bought["executedQty"]), (&"FILLED".into(), &"0.20000000".into()));
    (maker, taker)
}

#[test]
fn what_was_traded_is_there_after_a_restart() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let (maker, taker) = trade(&folder, &venue);
    let check = |venue: &Venue| {
        assert_eq!(maker.balance(venue, "BTC"), ("1.50000000".to_owned(), "0.30000000".to_owned()));
        assert_eq!(taker.balance(venue, "USDT"), ("6000.00000000".to_owned(), "0.00000000".to_owned()));
        let open = maker.send_ok(venue, "GET", "/api/v3/openOrders", &[]);
        assert_eq!((open[0]["status"].as_str(), open.as_array().unwrap().len()), (Some("PARTIALLY_FILLED"), 1));
        assert_eq!(venue.get_ok("/api/v3/trades?symbol=BTCUSDT")[0]["price"], "20000.00000000");
        assert_eq!(venue.get_ok("/api/v3/depth?symbol=BTCUSDT")["asks"][0][1], "0.30000000");
    };
    check(&venue);
    venue.stop();
    let stopped = folder.audit();
    let venue = Venue::start(&folder);
    check(&venue);
    let running = json(&["audit", "--data-dir", &folder.data()]);
    assert!(running["seq"].as_u64() >= stopped["seq"].as_u64(), "ticks may have been journaled");
    taker.limit(&venue, "BUY", "0.3", "20000");
    venue.kill();
    let venue = Venue::start(&folder);
    assert_eq!(maker.balance(&venue, "BTC").1, "0.00000000");
    venue.stop();
    folder.audit();
}

#[test]
fn an_ephemeral_venue_leaves_nothing() {
    let folder = Folder::new();
    let venue = Venue::start_with(&folder, &["--ephemeral", "--rate-limits", "off"]);
    let data = venue.ready["dataDir"].as_str().unwrap().to_owned();
    let created = json(&["account", "create", "--data-dir", &data, "--name", "a", "--deposit", "USDT=1000"]);
    let trader = Trader::hmac(created["apiKey"].as_str().unwrap(), created["secretKey"].as_str().unwrap());
    trader.limit(&venue, "BUY", "0.01", "20000");
    assert!(fs::exists(&data).unwrap());
    venue.stop();
    assert!(!fs::exists(&data).unwrap());
}

#[test]
fn every_path_of_the_table_is_answered_where_it_belongs() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let address: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path("data/address.json")).unwrap()).unwrap();
    let operator = address["operator"].as_str().unwrap().trim_start_matches("http://").to_owned();
    for endpoint in paths::ALL {
        let path = endpoint.path.replace("{apiKey}", "none").replace("{symbol}", "BTCUSDT");
        let is_operator = endpoint.path.starts_with("/v1/operator/");
        let (here, there) =
            if is_operator { (&operator[..], venue.address()) } else { (venue.address(), &operator[..]) };
        let method = endpoint.method.as_str();
        assert_ne!(request(here, method, &path, &[]).0, 404, "{method} {path}");
        let is_process = endpoint.role == paths::Role::Process;
        assert!(is_process || request(there, method, &path, &[]).0 == 404, "{method} {path}");
    }
    let (status, body) = request(&operator, "GET", "/v1/operator/symbols", &[("Authorization", "Bearer wrong")]);
    assert_eq!((status, body["error"]["code"].as_str()), (401, Some("unauthenticated")));
    assert_eq!(venue.get_ok("/readyz"), serde_json::json!({ "status": "ready", "degraded": [] }));
    assert_eq!(venue.get_ok("/healthz"), "ok");
    let metrics = venue.get_ok("/metrics");
    for name in ["http_requests_total", "sequencer_committed_seq", "projector_projected_seq", "market_data_seq"] {
        assert!(metrics.as_str().unwrap().contains(name), "{name}");
    }
    venue.stop();
    folder.audit();
}

#[test]
fn a_venue_that_somebody_else_leads_ends() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let journal = rusqlite::Connection::open(folder.path("data/journal.db")).unwrap();
    journal.execute("update engine_head set epoch = epoch + 1", []).unwrap();
    drop(journal);
    // The tick of the next second finds it.
    let (exit, log) = venue.ended();
    assert_eq!(exit, Some(42), "{log}");
    assert!(log.ends_with("emporion: somebody else leads this venue now\n"), "{log}");
    Venue::start(&folder).stop();
    folder.audit();
}

#[test]
fn limits_are_those_of_the_profile_and_exchange_info_tells_them() {
    let folder = Folder::new();
    let config = folder.write("emporion.toml", "[limits]\norders_per_ten_seconds = 3\nweight_per_minute = 5000\n");
    let venue = Venue::start_with(&folder, &["--data-dir", &folder.data(), "--config", &config]);
    let limits = venue.get_ok("/api/v3/exchangeInfo")["rateLimits"].clone();
    let of = |kind: &str, interval: &str| {
        let limits = limits.as_array().unwrap();
        let limit = limits.iter().find(|limit| limit["rateLimitType"] == kind && limit["interval"] == interval);
        limit.unwrap()["limit"].as_u64().unwrap()
    };
    assert_eq!((of("REQUEST_WEIGHT", "MINUTE"), of("ORDERS", "SECOND"), of("ORDERS", "DAY")), (5_000, 3, 200_000));
    let trader = Trader::open(&folder, "a", &["USDT=1000"]);
    venue.stop();

    let accounts = "[limits]\norders_per_ten_seconds = 3\naccounts = [\n\
        { account = 1000, orders_per_ten_seconds = \"off\", orders_per_day = 7 }]\n";
    let config = folder.write("emporion.toml", accounts);
    let venue = Venue::start_with(&folder, &["--data-dir", &folder.data(), "--config", &config]);
    for _ in 0..7 {
        trader.limit(&venue, "BUY", "0.001", "20000");
    }
    let order = [("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "LIMIT"), ("timeInForce", "GTC")];
    let order = [&order[..], &[("quantity", "0.001"), ("price", "20000")]].concat();
    let (status, body) = trader.send(&venue, "POST", "/api/v3/order", &order);
    assert_eq!((status, body["code"].as_i64()), (429, Some(-1015)), "{body}");
    venue.stop();
    let journal = folder.audit()["seq"].clone();
    let config_again = Venue::start_with(&folder, &["--data-dir", &folder.data(), "--config", &config]);
    config_again.stop();
    let after = folder.audit()["seq"].clone();
    assert!(after.as_u64().unwrap() - journal.as_u64().unwrap() < 5, "a config that is followed already is no command");
}

#[test]
fn an_account_can_bring_its_own_public_key() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let public = key_fixture("ed25519_public.pem").display().to_string();
    let data = folder.data();
    let create = ["account", "create", "--data-dir", &data, "--name", "e", "--ed25519-public-key", &public];
    let create = [&create[..], &["--deposit", "USDT=1000"]].concat();
    let created = json(&create);
    assert_eq!(created.get("secretKey"), None);
    assert_eq!(json(&create), created, "the same request again gives the same account");
    let private = fs::read_to_string(key_fixture("ed25519_private.pem")).unwrap();
    let trader = Trader::ed25519(created["apiKey"].as_str().unwrap(), &private);
    assert_eq!(trader.balance(&venue, "USDT").0, "1000.00000000");
    let other = ["account", "create", "--data-dir", &data, "--name", "e"];
    refused(&other, 1, "the venue refused: The name stands for an account");
    refused(&["account", "create", "--data-dir", &data, "--name", "f", "--deposit", "XAU=1"], 1, "the venue refused: ");
    venue.stop();
    refused(&["account", "create", "--data-dir", &data, "--name", "g"], 1, "no venue runs on the data folder");
    folder.audit();
}

#[test]
fn secrets_open_after_a_restart_and_with_the_right_master_key_only() {
    let folder = Folder::new();
    let keys = |digit: &str| format!("[users]\nmaster_keys = [\"k:{}\"]\n", digit.repeat(64));
    let serve = |config: &str| Venue::start_with(&folder, &["--data-dir", &folder.data(), "--config", config]);
    let right = folder.write("right.toml", &keys("1"));
    let venue = serve(&right);
    let trader = Trader::open(&folder, "a", &["USDT=1"]);
    assert!(!folder.path("data/master-key").exists(), "a key of the config is kept nowhere");
    venue.stop();
    let venue = serve(&right);
    assert_eq!(trader.balance(&venue, "USDT").0, "1.00000000");
    venue.stop();
    let wrong = folder.write("wrong.toml", &keys("2"));
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &folder.data(), "--config", &wrong]);
    crate::support::check_refusal(&output, 1, "master key \"k\" does not open what was sealed under it");
    folder.audit();
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let folder = Folder::new();
    let ready = folder.path("ready.json");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--ephemeral", "--ready-file", &ready.display().to_string()];
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut venue = Started(emporion(&arguments).env("EMPORION_LOG__LEVEL", "trace").stderr(full).spawn().unwrap());
    while !ready.exists() {
        assert_eq!(venue.0.try_wait().unwrap(), None, "it ended");
        std::thread::yield_now();
    }
    let address: serde_json::Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
    let address = address["rest"].as_str().unwrap().trim_start_matches("http://").to_owned();
    for _ in 0..10 {
        assert_eq!(request(&address, "GET", "/api/v3/time", &[]).0, 200);
    }
    assert!(Command::new("kill").args(["-TERM", &venue.0.id().to_string()]).status().unwrap().success());
    assert_eq!(venue.0.wait().unwrap().code(), Some(0));
}

/// A process that is killed when it is dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It has ended already, or nobody needs it any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
