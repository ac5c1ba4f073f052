//! Placing orders: what is answered, in how much detail, and why an order is refused.

use super::support::{ALICE, BOB, CAROL, NOW_MS, Venue};
use emporion_model::{AccountId, Action, Origin, SymbolId, SymbolStatus, TimeUs};

const LIMIT: &str =
    "POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100.5&quantity=2&newClientOrderId=mine";

#[tokio::test]
async fn an_acknowledgement_is_short() {
    let venue = Venue::start().await;
    venue
        .send(ALICE, &format!("{LIMIT}&newOrderRespType=ACK"))
        .await
        .is(r#"{"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"mine","transactTime":1700000000000}"#);
}

#[tokio::test]
async fn a_result_has_no_fills() {
    let venue = Venue::start().await;
    venue.send(ALICE, &format!("{LIMIT}&newOrderRespType=RESULT&strategyId=7&strategyType=1000000")).await.is(concat!(
        r#"{"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"mine","transactTime":1700000000000,"#,
        r#""price":"100.50000000","origQty":"2.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","#,
        r#""cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"BUY","#,
        r#""strategyId":7,"strategyType":1000000,"workingTime":1700000000000,"selfTradePreventionMode":"NONE"}"#,
    ));
}

/// Numbers are texts, the misspelt key stays, and the fee comes out of what is
/// received.
#[tokio::test]
async fn a_full_answer_has_the_fills() {
    let venue = Venue::start().await;
    venue.limit(BOB, "SELL", "100", "0.5").await;
    venue.limit(BOB, "SELL", "100.25", "0.5").await;
    venue.send(ALICE, LIMIT).await.is(concat!(
        r#"{"symbol":"BTCUSDT","orderId":3,"orderListId":-1,"clientOrderId":"mine","transactTime":1700000000000,"#,
        r#""price":"100.50000000","origQty":"2.00000000","executedQty":"1.00000000","origQuoteOrderQty":"0.00000000","#,
        r#""cummulativeQuoteQty":"100.12500000","status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","#,
        r#""side":"BUY","workingTime":1700000000000,"selfTradePreventionMode":"NONE","fills":["#,
        r#"{"price":"100.00000000","qty":"0.50000000","commission":"0.00100000","commissionAsset":"BTC","tradeId":1},"#,
        r#"{"price":"100.25000000","qty":"0.50000000","commission":"0.00100000","commissionAsset":"BTC","tradeId":2}]}"#,
    ));
    let balances = venue.send(ALICE, "GET account").await.ok()["balances"].clone();
    assert_eq!(balances[0]["free"], "10.99800000", "a buyer receives less than it executed");
}

#[tokio::test]
async fn the_order_type_decides_how_much_is_answered() {
    let venue = Venue::start().await;
    venue.trade_once().await;
    venue.limit(BOB, "SELL", "200", "5").await;
    let order = "POST order symbol=BTCUSDT&side=BUY";
    for (terms, keys) in [
        ("type=LIMIT&timeInForce=GTC&price=100&quantity=1", 17),
        ("type=MARKET&quantity=1", 17),
        ("type=LIMIT_MAKER&price=100&quantity=1", 5),
        ("type=LIMIT_MAKER&price=100&quantity=1&newOrderRespType=FULL", 17),
        ("type=MARKET&quantity=1&newOrderRespType=RESULT", 16),
        ("type=MARKET&quantity=1&newOrderRespType=ACK", 5),
    ] {
        let answer = venue.send(ALICE, &format!("{order}&{terms}")).await.ok();
        assert_eq!(answer.as_object().unwrap().len(), keys, "{terms}: {answer}");
    }
}

#[tokio::test]
async fn a_market_order_that_empties_the_book_expires() {
    let venue = Venue::start().await;
    venue.trade_once().await;
    venue.limit(BOB, "SELL", "100", "1").await;
    venue.send(ALICE, "POST order symbol=BTCUSDT&side=BUY&type=MARKET&quantity=3&newClientOrderId=mine").await.is(concat!(
        r#"{"symbol":"BTCUSDT","orderId":4,"orderListId":-1,"clientOrderId":"mine","transactTime":1700000000000,"#,
        r#""price":"0.00000000","origQty":"3.00000000","executedQty":"1.00000000","origQuoteOrderQty":"0.00000000","#,
        r#""cummulativeQuoteQty":"100.00000000","status":"EXPIRED","timeInForce":"GTC","type":"MARKET","side":"BUY","#,
        r#""workingTime":1700000000000,"selfTradePreventionMode":"NONE","fills":["#,
        r#"{"price":"100.00000000","qty":"1.00000000","commission":"0.00200000","commissionAsset":"BTC","tradeId":2}],"#,
        r#""expiryReason":"INSUFFICIENT_LIQUIDITY"}"#,
    ));
}

#[tokio::test]
async fn time_in_force_decides_what_becomes_of_the_rest() {
    for (time_in_force, executed, status, reason) in [
        ("GTC", "1.00000000", "PARTIALLY_FILLED", None),
        ("IOC", "1.00000000", "EXPIRED", Some("UNFILLED_IOC_QUANTITY_EXPIRED")),
        ("FOK", "0.00000000", "EXPIRED", Some("UNFILLED_FOK_ORDER_EXPIRED")),
    ] {
        let venue = Venue::start().await;
        venue.limit(BOB, "SELL", "100", "1").await;
        let terms = format!("type=LIMIT&timeInForce={time_in_force}&price=100&quantity=3");
        let answer = venue.send(ALICE, &format!("POST order symbol=BTCUSDT&side=BUY&{terms}")).await.ok();
        assert_eq!((&answer["executedQty"], &answer["status"]), (&executed.into(), &status.into()));
        assert_eq!(answer["expiryReason"].as_str(), reason);
    }
}

#[tokio::test]
async fn a_market_order_by_quote_quantity_says_both_sizes() {
    let venue = Venue::start().await;
    venue.limit(BOB, "SELL", "100", "1").await;
    let answer = venue.send(ALICE, "POST order symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=50.0005").await.ok();
    assert_eq!(answer["origQuoteOrderQty"], "50.00050000");
    assert_eq!(answer["origQty"], "0.50000000");
    assert_eq!(answer["executedQty"], "0.50000000");
    assert_eq!(answer["status"], "FILLED");
}

#[tokio::test]
async fn a_missing_client_order_id_is_made_up() {
    let venue = Venue::start().await;
    let order = "POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
    let ids: Vec<String> = [venue.send(ALICE, order).await, venue.send(ALICE, order).await]
        .map(|a| a.ok()["clientOrderId"].as_str().unwrap().to_owned())
        .to_vec();
    assert!(ids.iter().all(|id| id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{ids:?}");
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn times_are_in_the_unit_that_was_asked_for() {
    let venue = Venue::start().await;
    let answer = venue.send_with(ALICE, LIMIT, &[("x-mbx-time-unit", "MICROSECOND")]).await.ok();
    assert_eq!(answer["transactTime"], NOW_MS * 1_000);
    assert_eq!(answer["workingTime"], NOW_MS * 1_000);
}

/// The headers of a placement.
#[tokio::test]
async fn a_placement_tells_the_order_counts() {
    let venue = Venue::start().await;
    let order = "POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
    let counts = |answer: &super::support::Answer| {
        ["x-mbx-order-count-10s", "x-mbx-order-count-1d"].map(|name| answer.header(name).map(str::to_owned))
    };
    let told = |seconds: &str, day: &str| [Some(seconds.to_owned()), Some(day.to_owned())];
    assert_eq!(counts(&venue.send(ALICE, order).await), told("1", "1"));
    assert_eq!(counts(&venue.send(ALICE, order).await), told("2", "2"));
    venue.sleep_ms(10_000);
    assert_eq!(counts(&venue.send(ALICE, order).await), told("1", "3"));
    let refused = venue.send(ALICE, "POST order symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0").await;
    assert_eq!(counts(&refused), [None, None]);
}

#[tokio::test]
async fn too_many_orders_are_429_until_the_window_ends() {
    let venue = Venue::start().await;
    venue.sleep_ms(3_000);
    let order = "POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&price=100&quantity=1";
    for _ in 0..20 {
        venue.send(ALICE, order).await.ok();
    }
    let refused = venue.send(ALICE, order).await;
    refused.refuses(429, -1015, "Too many new orders.");
    assert_eq!(refused.header("retry-after"), Some("7"));
    venue.sleep_ms(7_000);
    venue.send(ALICE, order).await.ok();
}

#[tokio::test]
async fn the_engines_refusals_have_their_texts() {
    let venue = Venue::start().await;
    venue.limit(BOB, "SELL", "101", "1").await;
    venue.send(ALICE, LIMIT).await.ok();
    let limit = "type=LIMIT&timeInForce=GTC";
    for (terms, code, message) in [
        (format!("{limit}&price=0&quantity=1"), -1013, "Filter failure: PRICE_FILTER"),
        (format!("{limit}&price=1000000.01&quantity=1"), -1013, "Filter failure: PRICE_FILTER"),
        (format!("{limit}&price=100&quantity=0"), -1013, "Filter failure: LOT_SIZE"),
        (format!("{limit}&price=100&quantity=9000.00001"), -1013, "Filter failure: LOT_SIZE"),
        (format!("{limit}&price=100&quantity=0.0499"), -1013, "Filter failure: MIN_NOTIONAL"),
        ("type=MARKET&quantity=100.00001".to_owned(), -1013, "Filter failure: MARKET_LOT_SIZE"),
        ("type=MARKET&quoteOrderQty=4.99".to_owned(), -1013, "Filter failure: MIN_NOTIONAL"),
        ("type=LIMIT_MAKER&price=101&quantity=1".to_owned(), -2010, "Order would immediately match and take."),
        (format!("{limit}&price=100&quantity=1001"), -2010, "Account has insufficient balance for requested action."),
        (format!("{limit}&price=99&quantity=1&newClientOrderId=mine"), -2010, "Duplicate order sent."),
    ] {
        let answer = venue.send(ALICE, &format!("POST order symbol=BTCUSDT&side=BUY&{terms}")).await;
        answer.refuses(400, code, message);
    }
    let eth = "POST order symbol=ETHUSDT&side=BUY";
    for (terms, code, message) in [
        ("type=MARKET&quantity=1", -2010, "Market orders are not supported for this symbol."),
        ("type=LIMIT_MAKER&price=100&quantity=1", -2010, "Unsupported order combination"),
        (
            "type=LIMIT&timeInForce=GTC&price=100&quantity=1&selfTradePreventionMode=EXPIRE_MAKER",
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
    ] {
        venue.send(ALICE, &format!("{eth}&{terms}")).await.refuses(400, code, message);
    }
}

#[tokio::test]
async fn a_stopped_symbol_and_a_stopped_account_take_no_orders() {
    let venue = Venue::start().await;
    venue.send(ALICE, LIMIT).await.ok();
    venue.operator(1, Action::SetSymbolStatus(SymbolId(0), SymbolStatus::Halt)).await;
    let again = LIMIT.replace("mine", "again");
    venue.send(ALICE, &again).await.refuses(400, -1013, "Market is closed.");
    venue.operator(2, Action::SetSymbolStatus(SymbolId(0), SymbolStatus::Trading)).await;
    venue.operator(3, Action::SetFrozen(ALICE.account, true)).await;
    venue.send(ALICE, &again).await.refuses(400, -2010, "This account may not place or cancel orders.");
    venue.send(CAROL, LIMIT).await.refuses(401, -1002, "You are not authorized to execute this request.");
}

/// An id is free again once its order is closed.
#[tokio::test]
async fn a_client_order_id_may_be_used_again_once_its_order_is_closed() {
    let venue = Venue::start().await;
    venue.send(ALICE, LIMIT).await.ok();
    venue.send(ALICE, LIMIT).await.refuses(400, -2010, "Duplicate order sent.");
    venue.send(ALICE, "DELETE order symbol=BTCUSDT&origClientOrderId=mine").await.ok();
    assert_eq!(venue.send(ALICE, LIMIT).await.ok()["orderId"], 2);
}

/// Whose order it is comes from the key alone, and its deadline from what was signed.
#[tokio::test]
async fn a_command_carries_who_signed_and_until_when() {
    let venue = Venue::start().await;
    venue.send(ALICE, &format!("{LIMIT}&timestamp={NOW_MS}&recvWindow=1000.5")).await.ok();
    venue.send(BOB, LIMIT).await.ok();
    venue.send(ALICE, &LIMIT.replace("mine", "other")).await.ok();
    let submitted = venue.queue.submitted();
    let account = |place: usize| match &submitted[place].1.action {
        Action::PlaceOrder(order) => order.account,
        other => panic!("{other:?}"),
    };
    assert_eq!([account(0), account(1), account(2)], [ALICE.account, BOB.account, AccountId(1_000)]);
    let Origin::Client(_, deadline) = submitted[0].1.origin else { panic!("a client's command") };
    assert_eq!(deadline, TimeUs(NOW_MS * 1_000 + 1_000_500));
    assert_eq!(submitted[0].0, submitted[2].0, "a key is a session");
    assert_ne!(submitted[0].0, submitted[1].0);
}

/// Parameters come from the query, from a form, or from both.
#[tokio::test]
async fn parameters_may_stand_in_the_body() {
    let venue = Venue::start().await;
    let answer = venue
        .send_form(ALICE, "POST order symbol=BTCUSDT&side=BUY", "type=LIMIT&timeInForce=GTC&price=100&quantity=1")
        .await;
    assert_eq!(answer.ok()["orderId"], 1);
    let canceled = venue.send_form(ALICE, "DELETE order", "symbol=BTCUSDT&orderId=1").await;
    assert_eq!(canceled.ok()["status"], "CANCELED");
}
