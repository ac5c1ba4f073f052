//! Answers byte by byte, from a venue whose every trade is known.

use crate::testing::{ALICE, App, BOB, BTCUSDT, ETHBTC, TestVenue};
use emporion_model::{Side, SymbolStatus};

/// 2023-11-14 22:13:20 UTC.
const T: u64 = 1_700_000_000_000;

/// A day and some: one trade on the first day, a run of three and one more on the second, a book around them.
fn venue() -> TestVenue {
    let mut venue = TestVenue::new(T);
    venue.at(T + 1_500).limit(ALICE, BTCUSDT, Side::Sell, 3_000_000, 50_000);
    venue.limit(BOB, BTCUSDT, Side::Buy, 3_000_000, 20_000);
    venue.at(T + 86_400_000).tick();
    venue.at(T + 86_402_250);
    venue.limit(ALICE, BTCUSDT, Side::Sell, 3_000_000, 10_000);
    venue.limit(ALICE, BTCUSDT, Side::Sell, 3_010_050, 25_000);
    venue.limit(BOB, BTCUSDT, Side::Buy, 3_010_050, 50_000);
    venue.limit(BOB, BTCUSDT, Side::Buy, 2_990_000, 12_345);
    venue.at(T + 86_403_999).market(ALICE, BTCUSDT, Side::Sell, 345);
    venue.limit(ALICE, BTCUSDT, Side::Sell, 3_020_000, 100);
    venue.at(T + 86_410_123).tick();
    venue
}

#[tokio::test]
async fn the_connection_and_the_time() {
    let app = App::new(&venue());
    app.check("/api/v3/ping", "{}").await;
    app.check("/api/v3/time", r#"{"serverTime":1700086410123}"#).await;
}

#[tokio::test]
async fn depth_is_best_first_and_bears_the_last_change() {
    let app = App::new(&venue());
    app.check(
        "/api/v3/depth?symbol=BTCUSDT",
        concat!(
            r#"{"lastUpdateId":18,"bids":[["29900.00000000","0.12000000"]],"#,
            r#""asks":[["30100.50000000","0.15000000"],["30200.00000000","0.00100000"]]}"#,
        ),
    )
    .await;
    app.check(
        "/api/v3/depth?symbol=BTCUSDT&limit=1&symbolStatus=TRADING",
        concat!(
            r#"{"lastUpdateId":18,"bids":[["29900.00000000","0.12000000"]],"#,
            r#""asks":[["30100.50000000","0.15000000"]]}"#,
        ),
    )
    .await;
    app.check("/api/v3/depth?symbol=ETHBTC&limit=999999", r#"{"lastUpdateId":0,"bids":[],"asks":[]}"#).await;
}

const TRADE_4: &str = r#"{"id":4,"price":"30100.50000000","qty":"0.10000000","quoteQty":"3010.05000000","time":1700086402250,"isBuyerMaker":false,"isBestMatch":true}"#;
const TRADE_5: &str = r#"{"id":5,"price":"29900.00000000","qty":"0.00345000","quoteQty":"103.15500000","time":1700086403999,"isBuyerMaker":true,"isBestMatch":true}"#;

#[tokio::test]
async fn trades_are_oldest_first() {
    let app = App::new(&venue());
    app.check("/api/v3/trades?symbol=BTCUSDT&limit=2", &format!("[{TRADE_4},{TRADE_5}]")).await;
    app.check("/api/v3/historicalTrades?symbol=BTCUSDT&limit=1", &format!("[{TRADE_5}]")).await;
    app.check("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=4&limit=1", &format!("[{TRADE_4}]")).await;
    app.check("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=6", "[]").await;
    app.check("/api/v3/trades?symbol=ETHBTC", "[]").await;
}

#[tokio::test]
async fn runs_of_one_taker_at_one_price_are_one() {
    let app = App::new(&venue());
    let runs = [
        r#"{"a":1,"p":"30000.00000000","q":"0.20000000","f":1,"l":1,"T":1700000001500,"m":false,"M":true}"#,
        r#"{"a":2,"p":"30000.00000000","q":"0.40000000","f":2,"l":3,"T":1700086402250,"m":false,"M":true}"#,
        r#"{"a":3,"p":"30100.50000000","q":"0.10000000","f":4,"l":4,"T":1700086402250,"m":false,"M":true}"#,
        r#"{"a":4,"p":"29900.00000000","q":"0.00345000","f":5,"l":5,"T":1700086403999,"m":true,"M":true}"#,
    ];
    for (query, part) in [
        ("", 0..4),
        ("&limit=1", 3..4),
        ("&fromId=2&limit=2", 1..3),
        ("&startTime=0&limit=1", 0..1),
        ("&startTime=1700086402250", 1..4),
        ("&startTime=1700086402251", 3..4),
        ("&endTime=1700086402250&limit=2", 1..3),
        ("&endTime=1700086402249", 0..1),
        ("&startTime=1700086402250&endTime=1700086402250", 1..3),
        ("&startTime=1700086402250000&endTime=1700086402250000", 1..3),
        ("&startTime=1700086402250001", 3..4),
        ("&startTime=9&endTime=8", 0..0),
        ("&startTime=18446744073709551615", 0..0),
    ] {
        app.check(&format!("/api/v3/aggTrades?symbol=BTCUSDT{query}"), &format!("[{}]", runs[part].join(","))).await;
    }
}

#[tokio::test]
async fn klines_are_rows_of_twelve() {
    let app = App::new(&venue());
    let days = concat!(
        r#"[[1699920000000,"30000.00000000","30000.00000000","30000.00000000","30000.00000000","0.20000000","#,
        r#"1700006399999,"6000.00000000",1,"0.20000000","6000.00000000","0"],"#,
        r#"[1700006400000,"30000.00000000","30100.50000000","29900.00000000","29900.00000000","0.50345000","#,
        r#"1700092799999,"15113.20500000",4,"0.50000000","15010.05000000","0"]]"#,
    );
    app.check("/api/v3/klines?symbol=BTCUSDT&interval=1d", days).await;
    app.check("/api/v3/uiKlines?symbol=BTCUSDT&interval=1d", days).await;
    app.check(
        "/api/v3/klines?symbol=BTCUSDT&interval=1s&startTime=1700086403000&endTime=1700086404000",
        concat!(
            r#"[[1700086403000,"29900.00000000","29900.00000000","29900.00000000","29900.00000000","0.00345000","#,
            r#"1700086403999,"103.15500000",1,"0.00000000","0.00000000","0"],"#,
            r#"[1700086404000,"29900.00000000","29900.00000000","29900.00000000","29900.00000000","0.00000000","#,
            r#"1700086404999,"0.00000000",0,"0.00000000","0.00000000","0"]]"#,
        ),
    )
    .await;
    app.check(
        "/api/v3/klines?symbol=BTCUSDT&interval=1M&timeZone=-1:00&limit=1",
        concat!(
            r#"[[1698800400000,"30000.00000000","30100.50000000","29900.00000000","29900.00000000","0.70345000","#,
            r#"1701392399999,"21113.20500000",5,"0.70000000","21010.05000000","0"]]"#,
        ),
    )
    .await;
    app.check("/api/v3/klines?symbol=ETHBTC&interval=1m", "[]").await;
}

#[tokio::test]
async fn the_average_is_of_five_minutes() {
    let app = App::new(&venue());
    let average = r#"{"mins":5,"price":"30019.27000000","closeTime":1700086403999}"#;
    app.check("/api/v3/avgPrice?symbol=BTCUSDT", average).await;
    app.check("/api/v3/avgPrice?symbol=ETHBTC", r#"{"mins":5,"price":"0.00000000","closeTime":0}"#).await;
    let mut later = venue();
    later.at(T + 90_000_000).tick();
    let last = r#"{"mins":5,"price":"29900.00000000","closeTime":1700086403999}"#;
    App::new(&later).check("/api/v3/avgPrice?symbol=BTCUSDT", last).await;
}

const DAY: &str = concat!(
    r#"{"symbol":"BTCUSDT","priceChange":"-100.00000000","priceChangePercent":"-0.333","#,
    r#""weightedAvgPrice":"30019.27698878","prevClosePrice":"30000.00000000","lastPrice":"29900.00000000","#,
    r#""lastQty":"0.00345000","bidPrice":"29900.00000000","bidQty":"0.12000000","askPrice":"30100.50000000","#,
    r#""askQty":"0.15000000","openPrice":"30000.00000000","highPrice":"30100.50000000","#,
    r#""lowPrice":"29900.00000000","volume":"0.50345000","quoteVolume":"15113.20500000","#,
    r#""openTime":1700000010000,"closeTime":1700086410123,"firstId":2,"lastId":5,"count":4}"#,
);
const MINI_DAY: &str = concat!(
    r#"{"symbol":"BTCUSDT","openPrice":"30000.00000000","highPrice":"30100.50000000","#,
    r#""lowPrice":"29900.00000000","lastPrice":"29900.00000000","volume":"0.50345000","#,
    r#""quoteVolume":"15113.20500000","openTime":1700000010000,"closeTime":1700086410123,"#,
    r#""firstId":2,"lastId":5,"count":4}"#,
);
const MINI_DAY_UNTRADED: &str = concat!(
    r#"{"symbol":"ETHBTC","openPrice":"0.00000000","highPrice":"0.00000000","lowPrice":"0.00000000","#,
    r#""lastPrice":"0.00000000","volume":"0.00000000","quoteVolume":"0.00000000","#,
    r#""openTime":1700000010000,"closeTime":1700086410123,"firstId":-1,"lastId":-1,"count":0}"#,
);

#[tokio::test]
async fn the_day_of_one_several_or_all_symbols() {
    let app = App::new(&venue());
    let day = "/api/v3/ticker/24hr";
    app.check(&format!("{day}?symbol=BTCUSDT"), DAY).await;
    app.check(&format!("{day}?symbol=BTCUSDT&type=FULL"), DAY).await;
    app.check(&format!("{day}?symbol=BTCUSDT&type=MINI"), MINI_DAY).await;
    app.check(&format!("{day}?symbols=[%22BTCUSDT%22]"), &format!("[{DAY}]")).await;
    let both = format!("[{MINI_DAY_UNTRADED},{MINI_DAY}]");
    app.check(&format!("{day}?symbols=%5B%22ETHBTC%22%2C%22BTCUSDT%22%5D&type=MINI"), &both).await;
    app.check(&format!("{day}?type=MINI"), &format!("[{MINI_DAY},{MINI_DAY_UNTRADED}]")).await;
}

#[tokio::test]
async fn a_quiet_day_stays_at_the_last_price() {
    let mut venue = venue();
    venue.at(T + 300_000_000).tick();
    App::new(&venue)
        .check(
            "/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI",
            concat!(
                r#"{"symbol":"BTCUSDT","openPrice":"29900.00000000","highPrice":"29900.00000000","#,
                r#""lowPrice":"29900.00000000","lastPrice":"29900.00000000","volume":"0.00000000","#,
                r#""quoteVolume":"0.00000000","openTime":1700213600000,"closeTime":1700300000000,"#,
                r#""firstId":-1,"lastId":-1,"count":0}"#,
            ),
        )
        .await;
}

#[tokio::test]
async fn prices_and_best_levels() {
    let app = App::new(&venue());
    let price = r#"{"symbol":"BTCUSDT","price":"29900.00000000"}"#;
    app.check("/api/v3/ticker/price?symbol=BTCUSDT", price).await;
    let untraded = r#"{"symbol":"ETHBTC","price":"0.00000000"}"#;
    app.check("/api/v3/ticker/price", &format!("[{price},{untraded}]")).await;
    let book = concat!(
        r#"{"symbol":"BTCUSDT","bidPrice":"29900.00000000","bidQty":"0.12000000","#,
        r#""askPrice":"30100.50000000","askQty":"0.15000000"}"#,
    );
    app.check("/api/v3/ticker/bookTicker?symbol=BTCUSDT", book).await;
    let empty = concat!(
        r#"{"symbol":"ETHBTC","bidPrice":"0.00000000","bidQty":"0.00000000","#,
        r#""askPrice":"0.00000000","askQty":"0.00000000"}"#,
    );
    app.check("/api/v3/ticker/bookTicker", &format!("[{book},{empty}]")).await;
}

#[tokio::test]
async fn a_status_chooses_symbols() {
    let mut venue = venue();
    venue.set_status(ETHBTC, SymbolStatus::Halt);
    venue.commit();
    let app = App::new(&venue);
    let (btc, eth) =
        (r#"{"symbol":"BTCUSDT","price":"29900.00000000"}"#, r#"{"symbol":"ETHBTC","price":"0.00000000"}"#);
    let price = "/api/v3/ticker/price";
    app.check(&format!("{price}?symbolStatus=TRADING"), &format!("[{btc}]")).await;
    app.check(&format!("{price}?symbolStatus=HALT"), &format!("[{eth}]")).await;
    app.check(&format!("{price}?symbolStatus=BREAK"), "[]").await;
    let both = "symbols=[%22BTCUSDT%22,%22ETHBTC%22]";
    app.check(&format!("{price}?{both}&symbolStatus=HALT"), &format!("[{eth}]")).await;
    app.check(&format!("{price}?symbol=ETHBTC&symbolStatus=HALT"), eth).await;
    let mismatch = "The symbol's status does not match the requested symbolStatus.";
    for path in ["ticker/price", "ticker/bookTicker", "ticker/24hr", "depth"] {
        let path = format!("/api/v3/{path}?symbol=ETHBTC&symbolStatus=TRADING");
        app.check_error(&path, -1220, mismatch).await;
    }
}

#[tokio::test]
async fn times_come_in_the_unit_that_is_asked_for() {
    let app = App::new(&venue());
    for (unit, path, body) in [
        ("MICROSECOND", "time", r#"{"serverTime":1700086410123000}"#),
        (
            "microsecond",
            "avgPrice?symbol=BTCUSDT",
            r#"{"mins":5,"price":"30019.27000000","closeTime":1700086403999000}"#,
        ),
        (
            "MICROSECOND",
            "klines?symbol=BTCUSDT&interval=1s&limit=1",
            concat!(
                r#"[[1700086410000000,"29900.00000000","29900.00000000","29900.00000000","29900.00000000","#,
                r#""0.00000000",1700086410999999,"0.00000000",0,"0.00000000","0.00000000","0"]]"#,
            ),
        ),
        ("MILLISECOND", "time", r#"{"serverTime":1700086410123}"#),
    ] {
        let got = app.get_with(&format!("/api/v3/{path}"), &[("X-MBX-TIME-UNIT", unit)]).await;
        assert_eq!(got, (200, body.to_owned()), "{unit} {path}");
    }
}

#[tokio::test]
async fn what_the_tape_forgot_is_in_the_tables() {
    let mut venue = venue();
    for n in 0..2_100 {
        venue.at(T + 86_420_000 + n * 100);
        venue.limit(ALICE, ETHBTC, Side::Sell, 7_000 + n % 50, 10);
        venue.limit(BOB, ETHBTC, Side::Buy, 7_000 + n % 50, 10);
    }
    venue.commit();
    let app = App::new(&venue);
    for (query, first, last) in [
        ("historicalTrades?symbol=ETHBTC&fromId=1&limit=3", 1, 3),
        ("historicalTrades?symbol=ETHBTC&fromId=40&limit=1000", 40, 1_039),
        ("historicalTrades?symbol=ETHBTC&fromId=1500&limit=1000", 1_500, 2_100),
        ("historicalTrades?symbol=ETHBTC&limit=1000", 1_101, 2_100),
        ("trades?symbol=ETHBTC&limit=5000", 1_101, 2_100),
        ("aggTrades?symbol=ETHBTC&fromId=1&limit=2", 1, 2),
        ("aggTrades?symbol=ETHBTC&startTime=0&limit=2", 1, 2),
        ("aggTrades?symbol=ETHBTC&endTime=1700086420400&limit=1000", 1, 5),
        ("aggTrades?symbol=ETHBTC", 1_601, 2_100),
    ] {
        let (status, body) = app.get(&format!("/api/v3/{query}")).await;
        let rows: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
        let id = |row: &serde_json::Value| row.get("id").or_else(|| row.get("a")).and_then(serde_json::Value::as_u64);
        let ids: Vec<u64> = rows.iter().map(|row| id(row).unwrap()).collect();
        assert_eq!((status, ids), (200, (first..=last).collect()), "{query}");
    }
}

#[tokio::test]
async fn clients_that_ask_outside_of_the_spot_api_are_answered() {
    let app = App::new(&venue());
    app.check("/sapi/v1/system/status", r#"{"status":0,"msg":"normal"}"#).await;
    for path in ["/sapi/v1/margin/allPairs", "/sapi/v1/margin/isolated/allPairs"] {
        app.check(path, "[]").await;
        app.check(&format!("{path}?timestamp=1700000000000&recvWindow=10000&signature=00"), "[]").await;
    }
}
