//! Parameters that are missing, empty, doubled, unknown, ill-formed or do not go together: code and text.

use crate::testing::{App, TestVenue};

const ILLEGAL_SYMBOL: &str =
    r"Illegal characters found in parameter 'symbol'; legal range is '^[\w\-._&&[^a-z]]{1,50}$'.";
const INVALID_SYMBOL: &str = "Invalid symbol.";
const BAD_COMBINATION: &str = "Combination of optional parameters invalid.";

/// Every endpoint that needs a symbol, with what else it needs.
const OF_A_SYMBOL: [&str; 8] = [
    "depth?",
    "trades?",
    "historicalTrades?",
    "aggTrades?",
    "klines?interval=1m&",
    "uiKlines?interval=1m&",
    "avgPrice?",
    "depth?limit=5&",
];

/// Every endpoint that takes one symbol, several, or none.
const OF_SYMBOLS: [&str; 4] = ["ticker/24hr?", "ticker/price?", "ticker/bookTicker?", "exchangeInfo?"];

/// Every endpoint that takes one symbol or several, and must have some.
const OF_NAMED_SYMBOLS: [&str; 2] = ["ticker?", "ticker/tradingDay?"];

fn app() -> App {
    App::new(&TestVenue::new(1_700_000_000_000))
}

async fn check(app: &App, endpoint: &str, query: &str, code: i32, message: &str) {
    app.check_error(&format!("/api/v3/{endpoint}{query}"), code, message).await;
}

#[tokio::test]
async fn a_symbol_is_mandatory_and_must_exist() {
    let app = app();
    let missing = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.";
    for endpoint in OF_A_SYMBOL {
        check(&app, endpoint, "", -1102, missing).await;
    }
    for endpoint in OF_NAMED_SYMBOLS {
        let missing = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!";
        check(&app, endpoint, "", -1102, missing).await;
        check(&app, endpoint, "type=MINI", -1102, missing).await;
    }
    for endpoint in OF_A_SYMBOL.into_iter().chain(OF_SYMBOLS).chain(OF_NAMED_SYMBOLS) {
        check(&app, endpoint, "symbol=", -1105, "Parameter 'symbol' was empty.").await;
        check(&app, endpoint, "symbol=btcusdt", -1100, ILLEGAL_SYMBOL).await;
        check(&app, endpoint, "symbol=BTC%2FUSDT", -1100, ILLEGAL_SYMBOL).await;
        check(&app, endpoint, "symbol=BTCEUR", -1121, INVALID_SYMBOL).await;
        check(&app, endpoint, "symbol=BTC_USDT", -1121, INVALID_SYMBOL).await;
        let twice = "symbol=BTCUSDT&symbol=BTCUSDT";
        check(&app, endpoint, twice, -1101, "Duplicate values for parameter 'symbol'.").await;
    }
}

#[tokio::test]
async fn lists_of_symbols_are_json_and_exist() {
    let app = app();
    let illegal = concat!(
        r#"Illegal characters found in parameter 'symbols'; legal range is "#,
        r#"'^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,})?\]$'."#,
    );
    let named = |count: u32| {
        let names: Vec<String> = (0..count).map(|number| format!("%22S{number}%22")).collect();
        format!("symbols=[{}]", names.join(","))
    };
    for endpoint in OF_NAMED_SYMBOLS {
        let too_many = "Too many values sent for parameter 'symbols', maximum allowed up to 100.";
        check(&app, endpoint, &named(101), -1101, too_many).await;
        check(&app, endpoint, &named(100), -1121, INVALID_SYMBOL).await;
    }
    for endpoint in OF_SYMBOLS.into_iter().chain(OF_NAMED_SYMBOLS) {
        check(&app, endpoint, "symbols=BTCUSDT", -1100, illegal).await;
        check(&app, endpoint, "symbols=[%22BTCUSDT%22,%20%22ETHBTC%22]", -1100, illegal).await;
        check(&app, endpoint, "symbols=[]", -1105, "Parameter 'symbols' was empty.").await;
        check(&app, endpoint, "symbols=[%22BTCUSDT%22,%22BTCEUR%22]", -1121, INVALID_SYMBOL).await;
        let twice = "symbols=[%22BTCUSDT%22,%22BTCUSDT%22]";
        check(&app, endpoint, twice, -1151, "Symbol is present multiple times in the list.").await;
        check(&app, endpoint, "symbol=BTCUSDT&symbols=[%22BTCUSDT%22]", -1128, BAD_COMBINATION).await;
    }
}

#[tokio::test]
async fn what_an_endpoint_does_not_know_is_refused() {
    let app = app();
    for endpoint in OF_A_SYMBOL {
        let sent = 2 + endpoint.matches('=').count();
        let message =
            format!("Not all sent parameters were read; read '{}' parameter(s) but was sent '{sent}'.", sent - 1);
        check(&app, endpoint, "symbol=BTCUSDT&recvWindow=5000", -1104, &message).await;
    }
    for endpoint in OF_SYMBOLS {
        let message = "Not all sent parameters were read; read '0' parameter(s) but was sent '1'.";
        check(&app, endpoint, "foo=1", -1104, message).await;
    }
    for (endpoint, unknown) in [("ticker?", "timeZone=0"), ("ticker/tradingDay?", "windowSize=1d")] {
        let message = "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.";
        check(&app, endpoint, &format!("symbol=BTCUSDT&{unknown}"), -1104, message).await;
    }
    for endpoint in ["ping?", "time?"] {
        check(&app, endpoint, "foo=1", -1101, "Too many parameters; expected '0' and received '1'.").await;
    }
}

#[tokio::test]
async fn limits_are_positive_integers() {
    let app = app();
    let illegal = "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.";
    for endpoint in &OF_A_SYMBOL[..6] {
        let endpoint = &format!("{endpoint}symbol=BTCUSDT&");
        check(&app, endpoint, "limit=0", -1130, "Data sent for parameter 'limit' is not valid.").await;
        check(&app, endpoint, "limit=-1", -1100, illegal).await;
        check(&app, endpoint, "limit=1.5", -1100, illegal).await;
        check(&app, endpoint, "limit=", -1105, "Parameter 'limit' was empty.").await;
        check(&app, endpoint, "limit=99999999999999999999", -1108, "Parameter 'limit' overflowed.").await;
        let (status, _) = app.get(&format!("/api/v3/{endpoint}limit=1000000")).await;
        assert_eq!(status, 200, "{endpoint}");
    }
}

#[tokio::test]
async fn ids_and_times_are_integers_and_go_together_where_they_can() {
    let app = app();
    let illegal = |name| format!("Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.");
    check(&app, "historicalTrades?symbol=BTCUSDT&", "fromId=x", -1100, &illegal("fromId")).await;
    for endpoint in ["aggTrades?symbol=BTCUSDT&", "klines?symbol=BTCUSDT&interval=1m&"] {
        check(&app, endpoint, "startTime=-1", -1100, &illegal("startTime")).await;
        check(&app, endpoint, "endTime=now", -1100, &illegal("endTime")).await;
        check(&app, endpoint, "startTime=", -1105, "Parameter 'startTime' was empty.").await;
        app.check(&format!("/api/v3/{endpoint}startTime=0&endTime=18446744073709551615"), "[]").await;
    }
    for query in ["startTime=1", "endTime=1", "startTime=1&endTime=2"] {
        check(&app, "aggTrades?symbol=BTCUSDT&fromId=1&", query, -1128, BAD_COMBINATION).await;
    }
    check(
        &app,
        "trades?symbol=BTCUSDT&",
        "fromId=1",
        -1104,
        "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.",
    )
    .await;
}

#[tokio::test]
async fn intervals_and_time_zones_are_the_documented_ones() {
    let app = app();
    for endpoint in ["klines?symbol=BTCUSDT", "uiKlines?symbol=BTCUSDT"] {
        let missing = "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.";
        check(&app, endpoint, "", -1102, missing).await;
        for interval in ["2m", "1H", "1D", "60", "1mo"] {
            check(&app, endpoint, &format!("&interval={interval}"), -1120, "Invalid interval.").await;
        }
        for time_zone in ["15", "-13", "14:01", "8:60", "UTC", "1:2"] {
            let query = format!("&interval=1d&timeZone={time_zone}");
            check(&app, endpoint, &query, -1130, "Data sent for parameter 'timeZone' is not valid.").await;
        }
        for interval in emporion_model::Interval::ALL {
            app.check(&format!("/api/v3/{endpoint}&interval={}&timeZone=-1:00", interval.as_str()), "[]").await;
        }
    }
}

#[tokio::test]
async fn words_are_the_documented_ones() {
    let app = app();
    for endpoint in ["ticker/24hr?", "ticker/price?", "ticker/bookTicker?", "exchangeInfo?", "depth?symbol=BTCUSDT&"] {
        for status in ["trading", "CANCEL_ONLY", "END_OF_DAY", "x"] {
            check(&app, endpoint, &format!("symbolStatus={status}"), -1122, "Invalid symbolStatus.").await;
        }
    }
    for endpoint in ["ticker/24hr?", "ticker?symbol=BTCUSDT&", "ticker/tradingDay?symbol=BTCUSDT&"] {
        for ticker_type in ["full", "BOTH"] {
            check(&app, endpoint, &format!("type={ticker_type}"), -1139, "Invalid ticker type.").await;
        }
        check(&app, endpoint, "symbolStatus=x", -1122, "Invalid symbolStatus.").await;
    }
    for window_size in ["0m", "60m", "24h", "8d", "1w", "1M", "1D", "d"] {
        let message = "Data sent for parameter 'windowSize' is not valid.";
        check(&app, "ticker?symbol=BTCUSDT&", &format!("windowSize={window_size}"), -1130, message).await;
    }
    let message = "Data sent for parameter 'timeZone' is not valid.";
    check(&app, "ticker/tradingDay?symbol=BTCUSDT&", "timeZone=15", -1130, message).await;
    let invalid = "Data sent for parameter 'permissions' is not valid.";
    for permissions in ["FUTURES", "spot", "TRD_GRP_1", "[%22SPOT%22,%22x%22]", "[SPOT]"] {
        check(&app, "exchangeInfo?", &format!("permissions={permissions}"), -1130, invalid).await;
    }
    let illegal = "Illegal characters found in parameter 'showPermissionSets'; legal range is '^(true|false)$'.";
    check(&app, "exchangeInfo?", "showPermissionSets=1", -1100, illegal).await;
    for query in [
        "symbol=BTCUSDT&permissions=SPOT",
        "symbols=[%22BTCUSDT%22]&permissions=SPOT",
        "symbol=BTCUSDT&symbolStatus=TRADING",
        "symbols=[%22BTCUSDT%22]&symbolStatus=TRADING",
    ] {
        check(&app, "exchangeInfo?", query, -1128, BAD_COMBINATION).await;
    }
    let (status, body) = app.get_with("/api/v3/time", &[("X-MBX-TIME-UNIT", "NANOSECOND")]).await;
    assert!(status == 400 && body.starts_with(r#"{"code":-1194,"#), "{body}");
}
