//! `GET ticker` and `GET ticker/tradingDay`: byte by byte, and against a look at every trade.

use crate::testing::{ALICE, App, BOB, BTCUSDT, ETHBTC, OPERATOR_TOKEN, TestVenue};
use emporion_model::{Side, SymbolStatus};
use serde_json::Value;

/// 2023-11-14 22:13:20 UTC.
const T: u64 = 1_700_000_000_000;

fn trade(venue: &mut TestVenue, price: u64, quantity: u64) {
    venue.limit(ALICE, BTCUSDT, Side::Sell, price, quantity);
    venue.limit(BOB, BTCUSDT, Side::Buy, price, quantity);
}

/// A trade a day and some ago, two in the last minutes.
fn venue() -> TestVenue {
    let mut venue = TestVenue::new(T);
    trade(venue.at(T + 1_500), 3_000_000, 20_000);
    trade(venue.at(T + 86_402_250), 3_010_050, 10_000);
    trade(venue.at(T + 86_403_999), 2_990_000, 345);
    venue.at(T + 86_470_123).tick();
    venue
}

const FULL: &str = concat!(
    r#"{"symbol":"BTCUSDT","priceChange":"-200.50000000","priceChangePercent":"-0.666","#,
    r#""weightedAvgPrice":"30093.81343644","openPrice":"30100.50000000","highPrice":"30100.50000000","#,
    r#""lowPrice":"29900.00000000","lastPrice":"29900.00000000","volume":"0.10345000","#,
    r#""quoteVolume":"3113.20500000","openTime":1700086380000,"closeTime":1700086470123,"#,
    r#""firstId":2,"lastId":3,"count":2}"#,
);
const MINI: &str = concat!(
    r#"{"symbol":"BTCUSDT","openPrice":"30100.50000000","highPrice":"30100.50000000","#,
    r#""lowPrice":"29900.00000000","lastPrice":"29900.00000000","volume":"0.10345000","#,
    r#""quoteVolume":"3113.20500000","openTime":1700086380000,"closeTime":1700086470123,"#,
    r#""firstId":2,"lastId":3,"count":2}"#,
);
const MINI_UNTRADED: &str = concat!(
    r#"{"symbol":"ETHBTC","openPrice":"0.00000000","highPrice":"0.00000000","lowPrice":"0.00000000","#,
    r#""lastPrice":"0.00000000","volume":"0.00000000","quoteVolume":"0.00000000","#,
    r#""openTime":1700086380000,"closeTime":1700086470123,"firstId":-1,"lastId":-1,"count":0}"#,
);

#[tokio::test]
async fn a_window_of_one_or_several_symbols() {
    let app = App::new(&venue());
    // 22:14:30 less a minute is 22:13:30, which is in the minute that began at 22:13:00.
    let minute = "/api/v3/ticker?windowSize=1m";
    app.check(&format!("{minute}&symbol=BTCUSDT"), FULL).await;
    app.check(&format!("{minute}&symbol=BTCUSDT&type=FULL&symbolStatus=TRADING"), FULL).await;
    app.check(&format!("{minute}&symbol=BTCUSDT&type=MINI"), MINI).await;
    app.check(&format!("{minute}&symbols=[%22BTCUSDT%22]"), &format!("[{FULL}]")).await;
    let both = "symbols=[%22ETHBTC%22,%22BTCUSDT%22]";
    app.check(&format!("{minute}&{both}&type=MINI"), &format!("[{MINI_UNTRADED},{MINI}]")).await;
}

#[tokio::test]
async fn a_trading_day_lasts_until_its_end() {
    let app = App::new(&venue());
    let day = |open: u64, close: u64| {
        MINI.replace("1700086380000", &open.to_string()).replace("1700086470123", &close.to_string())
    };
    let path = "/api/v3/ticker/tradingDay?symbol=BTCUSDT&type=MINI";
    app.check(path, &day(1_700_006_400_000, 1_700_092_799_999)).await;
    app.check(&format!("{path}&timeZone=-1:00"), &day(1_700_010_000_000, 1_700_096_399_999)).await;
    // 22:14:30 is the last minute of a day at +01:45, and the first one of the next at +01:46.
    app.check(&format!("{path}&timeZone=1:45"), &day(1_700_000_100_000, 1_700_086_499_999)).await;
    let quiet = concat!(
        r#"{"symbol":"BTCUSDT","openPrice":"29900.00000000","highPrice":"29900.00000000","#,
        r#""lowPrice":"29900.00000000","lastPrice":"29900.00000000","volume":"0.00000000","#,
        r#""quoteVolume":"0.00000000","openTime":1700086440000,"closeTime":1700172839999,"#,
        r#""firstId":-1,"lastId":-1,"count":0}"#,
    );
    app.check(&format!("{path}&timeZone=1:46"), quiet).await;
}

#[tokio::test]
async fn a_quiet_window_stays_at_the_last_price() {
    let mut venue = venue();
    venue.at(T + 900_000_000).tick();
    let app = App::new(&venue);
    for size in ["1m", "23h", "1d", "7d"] {
        let (_, body) = app.get(&format!("/api/v3/ticker?symbol=BTCUSDT&windowSize={size}")).await;
        let ticker: Value = serde_json::from_str(&body).unwrap();
        let told = ["openPrice", "highPrice", "lowPrice", "lastPrice"].map(|name| ticker[name].as_str().unwrap());
        assert_eq!(told, ["29900.00000000"; 4], "{size}");
        assert_eq!((&ticker["priceChange"], &ticker["count"]), (&"0.00000000".into(), &0.into()));
        assert_eq!((&ticker["firstId"], &ticker["weightedAvgPrice"]), (&(-1).into(), &"0.00000000".into()));
    }
}

#[tokio::test]
async fn a_status_chooses_symbols() {
    let mut venue = venue();
    venue.set_status(ETHBTC, SymbolStatus::Halt);
    venue.commit();
    let app = App::new(&venue);
    for path in ["/api/v3/ticker", "/api/v3/ticker/tradingDay"] {
        let both = "symbols=[%22BTCUSDT%22,%22ETHBTC%22]";
        let (status, body) = app.get(&format!("{path}?{both}&symbolStatus=HALT")).await;
        let tickers: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, tickers.as_array().unwrap().len(), &tickers[0]["symbol"]), (200, 1, &"ETHBTC".into()));
        let mismatch = "The symbol's status does not match the requested symbolStatus.";
        app.check_error(&format!("{path}?symbol=ETHBTC&symbolStatus=TRADING"), -1220, mismatch).await;
    }
}

#[tokio::test]
async fn every_window_agrees_with_a_look_at_each_trade() {
    let mut venue = TestVenue::new(T);
    // Trades some minutes apart for nine days, each with a price of its own.
    for number in 0..2_000u64 {
        trade(venue.at(T + number * 391_007), 3_000_000 + number * number % 1_009, 1 + number % 7);
    }
    for past in [0, 59_000, 3_540_000, 3_700_000] {
        venue.at(T + 2_000 * 391_007 + past).tick();
        let app = App::new(&venue);
        let now = T + 2_000 * 391_007 + past;
        for (size, minutes) in [("1m", 1), ("59m", 59), ("7h", 420), ("23h", 1_380), ("1d", 1_440), ("2d", 2_880)]
            .into_iter()
            .chain([("3d", 4_320), ("6d", 8_640), ("7d", 10_080)])
        {
            let open = (now - minutes * 60_000) / 60_000 * 60_000;
            let (_, body) = app.get(&format!("/api/v3/ticker?symbol=BTCUSDT&windowSize={size}")).await;
            check(&venue, &body, open, now, size);
        }
        for (zone, minutes) in [("0", 0), ("-12:00", -720), ("5:45", 345), ("14", 840)] {
            let shift = |time: u64| time.saturating_add_signed(minutes * 60_000);
            let open = shift(now) / 86_400_000 * 86_400_000;
            let open = open.saturating_add_signed(-minutes * 60_000);
            let (_, body) = app.get(&format!("/api/v3/ticker/tradingDay?symbol=BTCUSDT&timeZone={zone}")).await;
            check(&venue, &body, open, open + 86_399_999, zone);
        }
    }
}

/// Compares a ticker with all trades from `open` on.
#[track_caller]
fn check(venue: &TestVenue, body: &str, open: u64, close: u64, what: &str) {
    let ticker: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&ticker["openTime"], &ticker["closeTime"]), (&open.into(), &close.into()), "{what}");
    let trades: Vec<_> = venue.trades.iter().filter(|trade| trade.time.millis() >= open).collect();
    assert_eq!(ticker["count"], trades.len() as u64, "{what}");
    let (Some(first), Some(last)) = (trades.first(), trades.last()) else { return };
    assert_eq!((&ticker["firstId"], &ticker["lastId"]), (&first.trade_id.0.into(), &last.trade_id.0.into()));
    let price = |price: u64| Value::from(format!("{}.{:02}000000", price / 100, price % 100));
    let prices = || trades.iter().map(|trade| trade.price.0);
    let expected = [first.price.0, prices().max().unwrap(), prices().min().unwrap(), last.price.0].map(price);
    assert_eq!(["openPrice", "highPrice", "lowPrice", "lastPrice"].map(|name| ticker[name].clone()), expected);
    let volume: u64 = trades.iter().map(|trade| trade.quantity.0).sum();
    assert_eq!(ticker["volume"], format!("{}.{:05}000", volume / 100_000, volume % 100_000));
}

#[tokio::test]
async fn imported_klines_do_not_count() {
    let app = App::new(&venue());
    let path = "/api/v3/ticker?symbol=BTCUSDT&windowSize=7d";
    let before = app.get(path).await;
    let row = r#"[1699833600000,"1","1","1","1","1","1",1,"0","0"]"#;
    let body = format!(r#"{{"symbol":"BTCUSDT","interval":"1d","source":"a test","klines":[{row}]}}"#);
    assert_eq!(app.operate(OPERATOR_TOKEN, "/v1/operator/klines", Some(body)).await.0, 200);
    assert_eq!(app.get(path).await, before);
}
