//! Symbols that an operator adds, halts and resumes.

use crate::support::{Folder, Trader, Venue, json, refused};
use serde_json::json;
use std::fs;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/genesis.example.toml");

pub(crate) fn an_operator_adds_halts_and_resumes_symbols(folder: &Folder, venue: &Venue) {
    let data = folder.data();
    let before = json(&["symbol", "list", "--data-dir", &data])["symbols"].as_array().unwrap().len();
    let example = fs::read_to_string(EXAMPLE).unwrap().replace("mode = \"sandbox\"", "");
    let added = example.replace("\"BTC\"", "\"XPT\"").replace("BTCUSDT", "XPTUSDT");
    let file = folder.write("symbols.toml", &added);
    let add = ["symbol", "add", "--file", &file, "--data-dir", &data];
    assert_eq!(json(&add), json!({ "added": ["XPT", "XPTUSDT"], "existing": ["USDT"] }));
    assert_eq!(json(&add), json!({ "added": [], "existing": ["XPT", "USDT", "XPTUSDT"] }));
    let trader = Trader::open(folder, "a", &["USDT=1000"]);
    let order = [("symbol", "XPTUSDT"), ("side", "BUY"), ("type", "LIMIT"), ("timeInForce", "GTC")];
    let order = [&order[..], &[("quantity", "0.1"), ("price", "2000")]].concat();
    let placed = trader.send_ok(venue, "POST", "/api/v3/order", &order);
    json(&["symbol", "halt", "XPTUSDT", "--data-dir", &data]);
    json(&["symbol", "halt", "XPTUSDT", "--data-dir", &data]);
    let status = |venue: &Venue| {
        let info = venue.get_ok("/api/v3/exchangeInfo?symbol=XPTUSDT");
        info["symbols"][0]["status"].as_str().unwrap().to_owned()
    };
    venue.settle();
    assert_eq!(status(venue), "HALT");
    assert_eq!(trader.send(venue, "POST", "/api/v3/order", &order).0, 400);
    let id = placed["orderId"].to_string();
    trader.send_ok(venue, "DELETE", "/api/v3/order", &[("symbol", "XPTUSDT"), ("orderId", &id)]);
    json(&["symbol", "resume", "XPTUSDT", "--data-dir", &data]);
    venue.settle();
    assert_eq!(status(venue), "TRADING");
    let listed = json(&["symbol", "list", "--data-dir", &data]);
    assert_eq!(listed["symbols"].as_array().unwrap().len(), before + 1);
    refused(&["symbol", "halt", "EURUSDT", "--data-dir", &data], 1, "the venue refused: There is no such symbol");
    refused(&["symbol", "halt", "eur/usdt", "--data-dir", &data], 2, "a symbol's name must be");
    let wrong =
        folder.write("wrong.toml", &added.replace("base = \"XPT\"", "base = \"XPD\"").replace("XPTUSDT", "XPDUSDT"));
    refused(&["symbol", "add", "--file", &wrong, "--data-dir", &data], 1, "symbol XPDUSDT: there is no asset XPD");
}
