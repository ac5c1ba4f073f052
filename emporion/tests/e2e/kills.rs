//! Killed at random under load: what was acknowledged is there, once, and all money with it; and private events told
//! every fill before some moment, and none that is not there.

use crate::sockets::Listeners;
use crate::support::{Folder, Trader, Venue, json};
use emporion_bench::load::{Acknowledged, Credentials, Kind, LoadConfig, Mix, run};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// How often the venue is killed, unless `EMPORION_TEST_KILLS` says otherwise.
const KILLS: u32 = 24;
const ACCOUNTS: usize = 4;

#[test]
fn what_was_acknowledged_before_a_kill_is_there_once() {
    let folder = Folder::new();
    let mut random = StdRng::seed_from_u64(24);
    let runtime = Runtime::new().unwrap();
    let mut venue = Venue::start(&folder);
    let names = ["a", "b", "c", "d"];
    let traders = names.map(|name| Trader::open(&folder, name, &["BTC=1000", "USDT=10000000"]));
    assert_eq!(traders.len(), ACCOUNTS);
    let sums = asset_sums(&folder);
    let mut acknowledged = Vec::new();
    for kill in 0..kills() {
        let count = random.random_range(1..150);
        let listeners = Listeners::begin(&venue, &traders);
        let load = load(&venue, &traders, kill);
        let told = runtime.block_on(acknowledged_before_kill(load, count, || venue.kill()));
        venue = Venue::start(&folder);
        check(&venue, &traders, &told);
        listeners.check(&venue, &traders);
        acknowledged.extend(told);
    }
    check_once(&venue, &traders, &acknowledged);
    venue.stop();
    folder.audit();
    assert_eq!(asset_sums(&folder), sums, "no asset's sum moved");
}

fn load(venue: &Venue, traders: &[Trader], kill: u32) -> LoadConfig {
    let credentials = |trader: &Trader| Credentials {
        api_key: trader.api_key.clone(),
        secret_key: trader.secret_key.clone().unwrap(),
    };
    LoadConfig {
        target: venue.address().parse().unwrap(),
        accounts: traders.iter().map(credentials).collect(),
        symbol: "BTCUSDT".to_owned(),
        price_if_none: "20000".to_owned(),
        rate: 400,
        duration: Duration::from_secs(3_600),
        connections: 16,
        mix: Mix::default(),
        seed: u64::from(kill),
        run: format!("k{kill}"),
        capacity: Duration::ZERO,
        acknowledged: None,
    }
}

fn kills() -> u32 {
    let wanted = std::env::var("EMPORION_TEST_KILLS");
    wanted.map_or(KILLS, |kills| kills.parse().expect("EMPORION_TEST_KILLS is a number"))
}

/// Kills the venue in the middle of a load, once `count` orders and cancels are acknowledged. Gives all that
/// were.
async fn acknowledged_before_kill(config: LoadConfig, count: usize, kill: impl FnOnce()) -> Vec<Acknowledged> {
    let (sender, mut told) = mpsc::channel(10_000);
    let load = tokio::spawn(run(LoadConfig { acknowledged: Some(sender), ..config }));
    let mut acknowledged = Vec::new();
    while acknowledged.len() < count {
        acknowledged.push(told.recv().await.expect("the load goes on for longer than this"));
    }
    kill();
    load.abort();
    while let Some(more) = told.recv().await {
        acknowledged.push(more);
    }
    acknowledged
}

/// Every one of these is there, in a state that what was acknowledged can have led to.
fn check(venue: &Venue, traders: &[Trader], acknowledged: &[Acknowledged]) {
    for told in acknowledged {
        let answer: Value = serde_json::from_slice(&told.body).unwrap();
        let id = answer["orderId"].to_string();
        let query = [("symbol", "BTCUSDT"), ("orderId", &id[..])];
        let order = traders[told.account].send_ok(venue, "GET", "/api/v3/order", &query);
        let field = if told.kind == Kind::Cancel { "origClientOrderId" } else { "clientOrderId" };
        assert_eq!(order["clientOrderId"], answer[field], "{answer}");
        if told.kind == Kind::Cancel {
            assert_eq!(order["status"], "CANCELED", "{answer}");
        }
        assert!(executed(&order) >= executed(&answer), "{answer} became {order}");
    }
}

/// The executed quantity in units of 10^-8.
fn executed(order: &Value) -> u128 {
    emporion_model::decimal::parse(order["executedQty"].as_str().unwrap(), 8).unwrap()
}

/// Over all that each account ever placed, no client order id and no order id stands twice, and none that was
/// acknowledged is missing.
fn check_once(venue: &Venue, traders: &[Trader], acknowledged: &[Acknowledged]) {
    for (place, trader) in traders.iter().enumerate() {
        let orders = all_orders(venue, trader);
        let placed = acknowledged.iter().filter(|told| told.account == place && told.kind != Kind::Cancel);
        for told in placed {
            let answer: Value = serde_json::from_slice(&told.body).unwrap();
            let id = answer["clientOrderId"].as_str().unwrap();
            assert_eq!(orders.get(id).map(Vec::as_slice), Some(&[answer["orderId"].as_u64().unwrap()][..]), "{id}");
        }
        assert!(orders.values().all(|ids| ids.len() == 1), "an order was placed twice");
    }
}

/// Order ids by client order id.
fn all_orders(venue: &Venue, trader: &Trader) -> BTreeMap<String, Vec<u64>> {
    let mut orders: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut from = 0;
    loop {
        let query = [("symbol", "BTCUSDT"), ("orderId", &from.to_string()[..]), ("limit", "1000")];
        let page = trader.send_ok(venue, "GET", "/api/v3/allOrders", &query);
        for order in page.as_array().unwrap() {
            let (id, client) = (order["orderId"].as_u64().unwrap(), order["clientOrderId"].as_str().unwrap());
            orders.entry(client.to_owned()).or_default().push(id);
            from = id + 1;
        }
        if page.as_array().unwrap().len() < 1_000 {
            return orders;
        }
    }
}

/// What came in from outside, by asset: trading moves none of it.
fn asset_sums(folder: &Folder) -> Vec<(String, String)> {
    let report = json(&["audit", "--data-dir", &folder.data()]);
    let sum = |asset: &Value| {
        let text = |name: &str| asset[name].as_str().unwrap().to_owned();
        (text("asset"), text("external"))
    };
    report["assets"].as_array().unwrap().iter().map(sum).collect()
}
