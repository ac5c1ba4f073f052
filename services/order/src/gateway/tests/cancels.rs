//! Canceling: what is answered and what is refused.

use super::support::{ALICE, BOB, NOW_MS, Venue};
use emporion_model::{Action, Options, OrderCountLimits, SymbolId, SymbolStatus};

const PLACE: &str =
    "POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&price=100&quantity=1&newClientOrderId=order";

/// The client order id is the cancel's; the order's is the original one.
#[tokio::test]
async fn a_cancel_answers_with_both_client_ids_and_the_final_quantities() {
    let venue = Venue::start().await;
    venue.send(ALICE, &format!("{PLACE}&strategyId=7")).await.ok();
    venue.limit(BOB, "BUY", "100", "0.25").await;
    venue.sleep_ms(5);
    venue.send(ALICE, "DELETE order symbol=BTCUSDT&orderId=1&newClientOrderId=cancel").await.is(concat!(
        r#"{"symbol":"BTCUSDT","origClientOrderId":"order","orderId":1,"orderListId":-1,"clientOrderId":"cancel","#,
        r#""transactTime":1700000000005,"price":"100.00000000","origQty":"1.00000000","executedQty":"0.25000000","#,
        r#""origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"25.00000000","status":"CANCELED","#,
        r#""timeInForce":"GTC","type":"LIMIT","side":"SELL","strategyId":7,"selfTradePreventionMode":"NONE"}"#,
    ));
}

#[tokio::test]
async fn a_missing_cancel_id_is_made_up() {
    let venue = Venue::start().await;
    venue.send(ALICE, PLACE).await.ok();
    let answer = venue.send(ALICE, "DELETE order symbol=BTCUSDT&origClientOrderId=order").await.ok();
    assert_eq!((&answer["origClientOrderId"], &answer["orderId"]), (&"order".into(), &1.into()));
    assert_eq!(answer["clientOrderId"].as_str().unwrap().len(), 22);
}

#[tokio::test]
async fn what_cannot_be_canceled_is_refused() {
    let venue = Venue::start().await;
    venue.send(ALICE, PLACE).await.ok();
    let unknown = "Unknown order sent.";
    for (client, params, message) in [
        (ALICE, "symbol=BTCUSDT&orderId=2", unknown),
        (ALICE, "symbol=ETHUSDT&orderId=1", unknown),
        (ALICE, "symbol=BTCUSDT&origClientOrderId=other", unknown),
        (ALICE, "symbol=ETHUSDT&origClientOrderId=order", unknown),
        (BOB, "symbol=BTCUSDT&orderId=1", unknown),
        (BOB, "symbol=BTCUSDT&origClientOrderId=order", unknown),
        (
            ALICE,
            "symbol=BTCUSDT&orderId=1&origClientOrderId=other",
            "Cancel order is invalid. Check origClOrdId and orderId.",
        ),
        (
            ALICE,
            "symbol=BTCUSDT&orderId=1&cancelRestrictions=ONLY_PARTIALLY_FILLED",
            "Order was not canceled due to cancel restrictions.",
        ),
    ] {
        venue.send(client, &format!("DELETE order {params}")).await.refuses(400, -2011, message);
    }
    venue.limit(BOB, "BUY", "100", "0.5").await;
    venue.send(ALICE, "DELETE order symbol=BTCUSDT&orderId=1&cancelRestrictions=ONLY_NEW").await.refuses(
        400,
        -2011,
        "Order was not canceled due to cancel restrictions.",
    );
    venue.send(ALICE, "DELETE order symbol=BTCUSDT&orderId=1&origClientOrderId=order").await.ok();
    venue.send(ALICE, "DELETE order symbol=BTCUSDT&orderId=1").await.refuses(400, -2011, unknown);
}

#[tokio::test]
async fn stopped_symbols_and_accounts_may_cancel() {
    let venue = Venue::start().await;
    venue.send(ALICE, PLACE).await.ok();
    venue.operator(1, Action::SetSymbolStatus(SymbolId(0), SymbolStatus::Break)).await;
    venue.operator(2, Action::SetFrozen(ALICE.account, true)).await;
    venue.send(ALICE, "DELETE order symbol=BTCUSDT&orderId=1").await.ok();
}

#[tokio::test]
async fn a_mass_cancel_answers_with_every_order_and_one_cancel_id() {
    let venue = Venue::start().await;
    for price in ["100", "101", "102"] {
        venue.limit(ALICE, "SELL", price, "1").await;
    }
    venue.limit(BOB, "SELL", "103", "1").await;
    let answer = venue.send(ALICE, "DELETE openOrders symbol=BTCUSDT").await.ok();
    let orders = answer.as_array().unwrap();
    let ids: Vec<u64> = orders.iter().map(|order| order["orderId"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert!(orders.iter().all(|order| order["status"] == "CANCELED" && order["transactTime"] == NOW_MS));
    assert!(orders.iter().all(|order| order["clientOrderId"] == orders[0]["clientOrderId"]));
    assert_eq!(venue.send(BOB, "GET openOrders").await.ok().as_array().unwrap().len(), 1);
    let nothing_left = venue.send(ALICE, "DELETE openOrders symbol=BTCUSDT").await;
    nothing_left.refuses(400, -2011, "Unknown order sent.");
}

/// The steps of a mass cancel are commands of their own; the answer has the orders of all of them.
#[tokio::test]
async fn a_mass_cancel_in_steps_is_answered_whole() {
    let venue = Venue::start().await;
    let options = Options {
        cancels_per_step_max: 2,
        order_counts: OrderCountLimits { per_ten_seconds: None, per_day: None },
        ..Options::default()
    };
    venue.operator(1, Action::SetOptions(options)).await;
    for _ in 0..7 {
        venue.limit(ALICE, "SELL", "100", "1").await;
    }
    let answer = venue.send(ALICE, "DELETE openOrders symbol=BTCUSDT").await.ok();
    assert_eq!(answer.as_array().unwrap().len(), 7);
    venue.send(ALICE, "GET openOrders").await.is("[]");
}
