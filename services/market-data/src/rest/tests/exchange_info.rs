//! `GET exchangeInfo` byte by byte.

use crate::testing::{App, ETHBTC, FakeTables, TestVenue};
use emporion_edge::LimitPolicy;
use emporion_model::SymbolStatus;

const HEAD: &str = concat!(
    r#"{"timezone":"UTC","serverTime":1700000000000,"rateLimits":["#,
    r#"{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000},"#,
    r#"{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100},"#,
    r#"{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000},"#,
    r#"{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000}],"#,
    r#""exchangeFilters":[],"#,
);
const BTCUSDT: &str = concat!(
    r#"{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","baseAssetPrecision":8,"quoteAsset":"USDT","#,
    r#""quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,"quoteCommissionPrecision":8,"#,
    r#""orderTypes":["LIMIT","LIMIT_MAKER","MARKET"],"icebergAllowed":false,"ocoAllowed":false,"#,
    r#""otoAllowed":false,"opoAllowed":false,"quoteOrderQtyMarketAllowed":true,"allowTrailingStop":false,"#,
    r#""cancelReplaceAllowed":false,"amendAllowed":false,"pegInstructionsAllowed":false,"#,
    r#""isSpotTradingAllowed":true,"isMarginTradingAllowed":false,"filters":["#,
    r#"{"filterType":"PRICE_FILTER","minPrice":"0.01000000","maxPrice":"1000000.00000000","tickSize":"0.01000000"},"#,
    r#"{"filterType":"LOT_SIZE","minQty":"0.00001000","maxQty":"9000.00000000","stepSize":"0.00001000"},"#,
    r#"{"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"100.00000000","stepSize":"0.00000000"},"#,
    r#"{"filterType":"NOTIONAL","minNotional":"0.00000000","applyMinToMarket":true,"#,
    r#""maxNotional":"9000000.00000000","applyMaxToMarket":false,"avgPriceMins":5},"#,
    r#"{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200},"#,
    r#"{"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"5.0000","bidMultiplierDown":"0.2000","#,
    r#""askMultiplierUp":"5.0000","askMultiplierDown":"0.2000","avgPriceMins":5}],"#,
    r#""permissions":[],"permissionSets":[["SPOT"]],"defaultSelfTradePreventionMode":"NONE","#,
    r#""allowedSelfTradePreventionModes":["NONE","EXPIRE_MAKER","EXPIRE_TAKER","EXPIRE_BOTH","DECREMENT"]}"#,
);

fn venue() -> TestVenue {
    let mut venue = TestVenue::new(1_700_000_000_000);
    venue.set_status(ETHBTC, SymbolStatus::Break);
    venue.commit();
    venue
}

#[tokio::test]
async fn a_symbol_has_26_keys() {
    let app = App::new(&venue());
    let body = format!(r#"{HEAD}"symbols":[{BTCUSDT}]}}"#);
    for query in [
        "symbol=BTCUSDT",
        "symbols=[%22BTCUSDT%22]",
        "symbolStatus=TRADING",
        "permissions=SPOT&symbolStatus=TRADING",
        "permissions=[%22MARGIN%22,%22SPOT%22]&symbolStatus=TRADING&showPermissionSets=true",
    ] {
        app.check(&format!("/api/v3/exchangeInfo?{query}"), &body).await;
    }
    let bare = body.replace(r#"[["SPOT"]]"#, "[]");
    app.check("/api/v3/exchangeInfo?symbol=BTCUSDT&showPermissionSets=false", &bare).await;
    let keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(BTCUSDT).unwrap();
    assert_eq!(keys.len(), 26);
}

#[tokio::test]
async fn permissions_and_statuses_choose_symbols() {
    let app = App::new(&venue());
    for (query, symbols) in [
        ("", &["BTCUSDT", "ETHBTC"][..]),
        ("?permissions=SPOT", &["BTCUSDT", "ETHBTC"]),
        ("?permissions=MARGIN", &[]),
        ("?permissions=TRD_GRP_003", &[]),
        ("?symbolStatus=BREAK", &["ETHBTC"]),
        ("?symbolStatus=HALT", &[]),
        ("?symbols=[%22ETHBTC%22,%22BTCUSDT%22]", &["ETHBTC", "BTCUSDT"]),
    ] {
        let (status, body) = app.get(&format!("/api/v3/exchangeInfo{query}")).await;
        let info: serde_json::Value = serde_json::from_str(&body).unwrap();
        let listed = info["symbols"].as_array().unwrap();
        let names: Vec<&str> = listed.iter().map(|symbol| symbol["symbol"].as_str().unwrap()).collect();
        assert_eq!((status, &names[..]), (200, symbols), "{query}");
    }
}

#[tokio::test]
async fn limits_are_told_as_they_are() {
    let venue = venue();
    for (limits, weight, requests) in [
        (
            LimitPolicy::RELAXED,
            r#"{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":600000},"#,
            true,
        ),
        (LimitPolicy::OFF, "", false),
    ] {
        let app = App::over(&venue, FakeTables::new(&venue), limits);
        let (_, body) = app.get("/api/v3/exchangeInfo?symbol=BTCUSDT").await;
        let orders = r#"{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100}"#;
        assert!(body.contains(&format!(r#""rateLimits":[{weight}{orders}"#)), "{body}");
        assert_eq!(body.contains("RAW_REQUESTS"), requests);
    }
}
