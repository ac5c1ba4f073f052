//! `POST order/test`: what is judged, and that nothing happens.

use super::support::{ALICE, CAROL, Venue};
use emporion_model::{Action, SymbolId, SymbolStatus};

async fn check(venue: &Venue, terms: &str, expected: Result<(), (i32, &str)>) {
    let answer = venue.send(ALICE, &format!("POST order/test {terms}")).await;
    match expected {
        Ok(()) => answer.is("{}"),
        Err((code, message)) => answer.refuses(400, code, message),
    }
}

#[tokio::test]
async fn the_symbols_rules_are_judged() {
    let venue = Venue::start().await;
    let filter = |name| Err((-1013, name));
    let limit = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC";
    let market = "symbol=BTCUSDT&side=BUY&type=MARKET";
    check(&venue, &format!("{limit}&price=100&quantity=1"), Ok(())).await;
    check(&venue, &format!("{limit}&price=100&quantity=1000"), Ok(())).await;
    check(&venue, "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&price=100&quantity=1", Ok(())).await;
    check(&venue, &format!("{limit}&price=0&quantity=1"), filter("Filter failure: PRICE_FILTER")).await;
    check(&venue, &format!("{limit}&price=100&quantity=0"), filter("Filter failure: LOT_SIZE")).await;
    check(&venue, &format!("{limit}&price=1&quantity=1"), filter("Filter failure: MIN_NOTIONAL")).await;
    check(&venue, &format!("{market}&quantity=1"), Ok(())).await;
    check(&venue, &format!("{market}&quantity=0"), filter("Filter failure: LOT_SIZE")).await;
    check(&venue, &format!("{market}&quantity=101"), filter("Filter failure: MARKET_LOT_SIZE")).await;
    check(&venue, &format!("{market}&quoteOrderQty=5"), Ok(())).await;
    check(&venue, &format!("{market}&quoteOrderQty=4"), filter("Filter failure: MIN_NOTIONAL")).await;
    let eth = "symbol=ETHUSDT&side=BUY";
    let unsupported = Err((-2010, "Market orders are not supported for this symbol."));
    check(&venue, &format!("{eth}&type=MARKET&quantity=1"), unsupported).await;
    let stp = Err((-1013, "This symbol does not allow the specified self-trade prevention mode."));
    let terms = "type=LIMIT&timeInForce=GTC&price=100&quantity=1&selfTradePreventionMode=DECREMENT";
    check(&venue, &format!("{eth}&{terms}"), stp).await;
    assert_eq!(venue.queue.submitted(), []);
    venue.send(ALICE, "GET openOrders").await.is("[]");
    venue.operator(1, Action::SetSymbolStatus(SymbolId(0), SymbolStatus::CancelOnly)).await;
    let closed = Err((-1013, "Market is closed."));
    // The directory follows the feed; a read waits for it, this endpoint does not.
    venue.follow().await;
    check(&venue, &format!("{limit}&price=100&quantity=1"), closed).await;
}

#[tokio::test]
async fn an_orders_commission_is_computed_on_demand() {
    let venue = Venue::start().await;
    let order = "POST order/test symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
    venue.send(ALICE, &format!("{order}&computeCommissionRates=false")).await.is("{}");
    let none = r#"{"maker":"0.00000000","taker":"0.00000000"}"#;
    venue.send(ALICE, &format!("{order}&computeCommissionRates=true")).await.is(&format!(
        concat!(
            r#"{{"standardCommissionForOrder":{{"maker":"0.00100000","taker":"0.00200000"}},"#,
            r#""specialCommissionForOrder":{none},"taxCommissionForOrder":{none},"discount":{{"#,
            r#""enabledForAccount":false,"enabledForSymbol":false,"discountAsset":null,"discount":"0.00000000"}}}}"#,
        ),
        none = none
    ));
    venue.send(CAROL, &format!("{order}&computeCommissionRates=true")).await.refuses(
        401,
        -1002,
        "You are not authorized to execute this request.",
    );
}

/// It adds nothing to the order counts.
#[tokio::test]
async fn a_test_is_not_counted() {
    let venue = Venue::start().await;
    let order = "POST order/test symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
    let answer = venue.send(ALICE, order).await;
    assert_eq!(answer.header("x-mbx-order-count-10s"), None);
    assert_eq!(venue.send(ALICE, "GET rateLimit/order").await.ok()[1]["count"], 0);
}
