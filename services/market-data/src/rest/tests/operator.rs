//! Klines that an operator imports: what is taken, what is refused, and what everybody sees afterwards.

use crate::testing::{ALICE, App, BOB, BTCUSDT, FakeTables, OPERATOR_TOKEN, TestVenue};
use emporion_edge::LimitPolicy;
use emporion_model::Side;

/// 2023-11-14 22:13:20 UTC.
const T: u64 = 1_700_000_000_000;
const PATH: &str = "/v1/operator/klines";

/// One trade, at [`T`].
fn venue() -> TestVenue {
    let mut venue = TestVenue::new(T);
    venue.limit(ALICE, BTCUSDT, Side::Sell, 3_000_000, 20_000);
    venue.limit(BOB, BTCUSDT, Side::Buy, 3_000_000, 20_000);
    venue.at(T + 90_000_000).tick();
    venue
}

fn body(interval: &str, rows: &[&str]) -> String {
    let rows = rows.join(",");
    format!(r#"{{"symbol":"BTCUSDT","interval":"{interval}","source":"file.csv","klines":[{rows}]}}"#)
}

const HOURS: [&str; 2] = [
    r#"[1699988400000,"29000.5","29500","28999.99","29100","1.5","43700.12345678",12,"0.5","14500"]"#,
    r#"[1699995600000,"29200.00","29200.00","29200.00","29200.00","0.10000","2920.0",1,"0","0"]"#,
];

/// Sends a body and expects a refusal with this code and message.
async fn check(app: &App, body: String, status: u16, code: &str, message: &str) {
    let expected = format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#);
    assert_eq!(app.operate(OPERATOR_TOKEN, PATH, Some(body)).await, (status, expected));
}

#[tokio::test]
async fn what_is_imported_is_listed_and_shown() {
    let app = App::new(&venue());
    let klines = "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=4&startTime=0";
    let before = app.get(klines).await;
    let list = async || app.operate(OPERATOR_TOKEN, PATH, None).await;
    assert_eq!(list().await, (200, r#"{"ranges":[]}"#.to_owned()));
    let check_only = body("1h", &HOURS).replace(r#""source""#, r#""checkOnly":true,"source""#);
    let checked = app.operate(OPERATOR_TOKEN, PATH, Some(check_only)).await;
    assert_eq!(checked, (200, r#"{"checked":2,"imported":0}"#.to_owned()));
    assert_eq!((list().await.1, app.get(klines).await), (r#"{"ranges":[]}"#.to_owned(), before));
    for _ in 0..2 {
        let imported = app.operate(OPERATOR_TOKEN, PATH, Some(body("1h", &HOURS))).await;
        assert_eq!(imported, (200, r#"{"checked":2,"imported":2}"#.to_owned()));
        let range = concat!(
            r#"{"ranges":[{"symbol":"BTCUSDT","interval":"1h","firstOpenTime":1699988400000,"#,
            r#""lastOpenTime":1699995600000,"klines":2,"source":"file.csv"}]}"#,
        );
        assert_eq!(list().await, (200, range.to_owned()));
    }
    app.check(
        klines,
        concat!(
            r#"[[1699988400000,"29000.50000000","29500.00000000","28999.99000000","29100.00000000","1.50000000","#,
            r#"1699991999999,"43700.12345678",12,"0.50000000","14500.00000000","0"],"#,
            r#"[1699992000000,"29100.00000000","29100.00000000","29100.00000000","29100.00000000","0.00000000","#,
            r#"1699995599999,"0.00000000",0,"0.00000000","0.00000000","0"],"#,
            r#"[1699995600000,"29200.00000000","29200.00000000","29200.00000000","29200.00000000","0.10000000","#,
            r#"1699999199999,"2920.00000000",1,"0.00000000","0.00000000","0"],"#,
            r#"[1699999200000,"30000.00000000","30000.00000000","30000.00000000","30000.00000000","0.20000000","#,
            r#"1700002799999,"6000.00000000",1,"0.20000000","6000.00000000","0"]]"#,
        ),
    )
    .await;
    let (_, days) = app.get("/api/v3/uiKlines?symbol=BTCUSDT&interval=1d&limit=1&startTime=0").await;
    let day = concat!(
        r#"[[1699920000000,"29000.50000000","30000.00000000","28999.99000000","30000.00000000","1.80000000","#,
        r#"1700006399999,"52620.12345678",14,"0.70000000","20500.00000000","0"]]"#,
    );
    assert_eq!(days, day);
}

#[tokio::test]
async fn a_wrong_kline_is_named_and_nothing_is_imported() {
    let app = App::new(&venue());
    let first = |from: &str, to: &str| [&HOURS[0].replacen(from, to, 1), HOURS[1]].map(str::to_owned);
    let second = |from: &str, to: &str| [HOURS[0], &HOURS[1].replacen(from, to, 1)].map(str::to_owned);
    let between = "the open and the close price do not both lie between the low and the high price";
    for (rows, index, clause) in [
        (second("1699995600000", "1699995600001"), 1, "no kline of 1h begins at the open time 1699995600001"),
        (second("1699995600000", "1699997400000"), 1, "no kline of 1h begins at the open time 1699997400000"),
        (
            second("1699995600000", "1699988400000"),
            1,
            "the open time 1699988400000 is not after that of the kline before",
        ),
        (
            second("1699995600000", "1699984800000"),
            1,
            "the open time 1699984800000 is not after that of the kline before",
        ),
        (first("1699988400000", "1483225200000"), 0, "the open time 1483225200000 is before 2017"),
        (first("1699988400000", "1699988400"), 0, "the open time 1699988400 is before 2017"),
        (second("1699995600000", "1700092800000"), 1, "the open time 1700092800000 is in the future"),
        (second("1699995600000", "1699995600000000"), 1, "the open time 1699995600000000 is in the future"),
        (second("1699995600000", "1700089200000"), 1, "the kline of 1h from 1700089200000 on has not ended yet"),
        (first("29500", "29099.99"), 0, between),
        (first("29500", "29000"), 0, between),
        (first("28999.99", "29000.51"), 0, between),
        (first("28999.99", "0"), 0, "the low price is zero"),
        (first("29000.5", "29000.505"), 0, "the open price is 29000.505 but may have 2 decimals at most"),
        (first("1.5", "1.500001"), 0, "the volume is 1.500001 but may have 5 decimals at most"),
        (first("12345678", "123456789"), 0, "the quote volume is 43700.123456789 but may have 8 decimals at most"),
        (first("29000.5", "-1"), 0, "the open price is not a plain decimal number such as 12.34"),
        (first("1.5", "1e3"), 0, "the volume is not a plain decimal number such as 12.34"),
        (first("1.5", "-1.5"), 0, "the volume is not a plain decimal number such as 12.34"),
        (first("29500", "99999999999999999999"), 0, "the high price is too large"),
        (first("12,\"0.5\"", "12,\"1.50001\""), 0, "takers bought more than was traded"),
        (first("14500", "43700.12345679"), 0, "takers bought more than was traded"),
    ] {
        let rows: Vec<_> = rows.iter().map(String::as_str).collect();
        check(&app, body("1h", &rows), 400, "invalid_field", &format!("klines[{index}]: {clause}.")).await;
    }
    let after = "klines[0]: the kline of 1h from 1699999200000 on ends after BTCUSDT's first trade here, in the second \
                 of 1700000000000, from which on imported klines never show.";
    for (from, to, message) in [
        ("1699995600000", "1699999200000", after.to_owned()),
        ("1699995600000", "1700002800000", after.replace("1699999200000", "1700002800000")),
    ] {
        check(&app, body("1h", &[&HOURS[1].replacen(from, to, 1)]), 400, "invalid_field", &message).await;
    }
    // What ends where the first trade begins is before it.
    let second = HOURS[1].replacen("1699995600000", "1699999999000", 1);
    assert_eq!(app.operate(OPERATOR_TOKEN, PATH, Some(body("1s", &[&second]))).await.0, 200);
    let list = app.operate(OPERATOR_TOKEN, PATH, None).await.1;
    assert!(!list.contains("1h") && list.contains("1s"), "{list}");
}

#[tokio::test]
async fn a_request_is_whole_and_of_a_known_symbol() {
    let app = App::new(&venue());
    let good = body("1h", &HOURS);
    let symbol = "There is no such symbol.";
    check(&app, good.replace("BTCUSDT", "BTCEUR"), 404, "not_found", symbol).await;
    check(&app, good.replace("BTCUSDT", "btc/usdt"), 404, "not_found", symbol).await;
    let intervals = "interval must be one of 1s, 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w, 1M.";
    check(&app, good.replace("\"1h\"", "\"60m\""), 400, "invalid_field", intervals).await;
    let source = "source must be 1 to 255 bytes of text in one line.";
    for wrong in [String::new(), "x".repeat(256), "a\\nb".to_owned()] {
        check(&app, good.replace("file.csv", &wrong), 400, "invalid_field", source).await;
    }
    let none = "klines holds 0 but must hold 1 to 5000.";
    check(&app, body("1h", &[]), 400, "invalid_field", none).await;
    let many = "klines holds 5001 but must hold 1 to 5000.";
    let rows = vec![r#"[1,"","","","","","",0,"",""]"#; 5_001];
    check(&app, body("1h", &rows), 400, "invalid_field", many).await;
    let (status, text) = app.operate(OPERATOR_TOKEN, PATH, Some(good.replace("12,", "12.5,"))).await;
    assert!(status == 400 && text.contains("not JSON of the documented shape"), "{text}");
}

#[tokio::test]
async fn nobody_but_the_operator_may() {
    let app = App::new(&venue());
    let refused = r#"{"error":{"code":"unauthenticated","message":"The token is missing, unknown or has run out."}}"#;
    for wish in [None, Some(body("1h", &HOURS))] {
        assert_eq!(app.operate("somebody", PATH, wish).await, (401, refused.to_owned()));
    }
}

#[tokio::test]
async fn a_venue_of_real_money_shows_nothing_but_its_own() {
    let app = App::over(&venue(), FakeTables::live(&venue()), LimitPolicy::OFF);
    let message = "The money of this venue is real: it shows no klines but its own.";
    let good = body("1h", &HOURS);
    check(&app, good.replace(r#""source""#, r#""checkOnly":true,"source""#), 409, "conflict", message).await;
    check(&app, good, 409, "conflict", message).await;
    assert_eq!(app.operate(OPERATOR_TOKEN, PATH, None).await, (200, r#"{"ranges":[]}"#.to_owned()));
}
