//! The demo: alive at once, and the same for the same seed.

use crate::support::{Folder, Trader, Venue, eventually};
use serde_json::Value;

#[test]
fn books_tape_and_klines_live_and_an_account_can_trade() {
    let folder = Folder::new();
    let venue = Venue::start_with(&folder, &["--demo", "--data-dir", &folder.data()]);
    let symbols = venue.get_ok("/api/v3/exchangeInfo")["symbols"].clone();
    let symbols: Vec<_> = symbols.as_array().unwrap().iter().map(|symbol| symbol["symbol"].as_str().unwrap()).collect();
    assert_eq!(symbols.len(), 12);
    let filled = |path: String| {
        let rows = venue.get_ok(&path);
        rows.as_array().is_some_and(|rows| !rows.is_empty()).then_some(rows)
    };
    for symbol in &symbols {
        let book = venue.get_ok(&format!("/api/v3/depth?symbol={symbol}"));
        assert!(["bids", "asks"].iter().all(|half| !book[*half].as_array().unwrap().is_empty()), "{symbol}: {book}");
        eventually(|| filled(format!("/api/v3/trades?symbol={symbol}")));
        eventually(|| filled(format!("/api/v3/klines?symbol={symbol}&interval=1s")));
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
