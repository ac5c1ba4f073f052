//! Looking orders up: `GET order` and `GET openOrders`.

use super::support::{ALICE, BOB, CAROL, Venue};

const PLACE: &str =
    "POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1&newClientOrderId=order";

#[tokio::test]
async fn an_order_is_answered_with_all_keys() {
    let venue = Venue::start().await;
    venue.send(ALICE, PLACE).await.ok();
    venue.sleep_ms(7);
    venue.limit(BOB, "SELL", "100", "0.25").await;
    let body = concat!(
        r#"{"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"order","price":"100.00000000","#,
        r#""origQty":"1.00000000","executedQty":"0.25000000","cummulativeQuoteQty":"25.00000000","#,
        r#""status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0.00000000","#,
        r#""icebergQty":"0.00000000","time":1700000000000,"updateTime":1700000000007,"isWorking":true,"#,
        r#""workingTime":1700000000000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}"#,
    );
    venue.send(ALICE, "GET order symbol=BTCUSDT&orderId=1").await.is(body);
    venue.send(ALICE, "GET order symbol=BTCUSDT&origClientOrderId=order").await.is(body);
    venue.send(ALICE, "GET order symbol=BTCUSDT&orderId=1&origClientOrderId=order").await.is(body);
    venue.send(ALICE, "GET openOrders").await.is(&format!("[{body}]"));
    venue.send(ALICE, "GET openOrders symbol=BTCUSDT").await.is(&format!("[{body}]"));
    venue.send(ALICE, "GET openOrders symbol=ETHUSDT").await.is("[]");
    venue.send(ALICE, "GET allOrders symbol=BTCUSDT").await.is(&format!("[{body}]"));
}

#[tokio::test]
async fn times_are_in_the_unit_that_was_asked_for() {
    let venue = Venue::start().await;
    venue.send(ALICE, PLACE).await.ok();
    let header = [("x-mbx-time-unit", "microsecond")];
    let order = venue.send_with(ALICE, "GET order symbol=BTCUSDT&orderId=1", &header).await.ok();
    assert_eq!(
        (&order["time"], &order["updateTime"]),
        (&1_700_000_000_000_000_u64.into(), &1_700_000_000_000_000_u64.into())
    );
}

#[tokio::test]
async fn an_order_that_is_not_the_callers_does_not_exist() {
    let venue = Venue::start().await;
    venue.send(ALICE, PLACE).await.ok();
    for (client, params) in [
        (ALICE, "symbol=BTCUSDT&orderId=2"),
        (ALICE, "symbol=ETHUSDT&orderId=1"),
        (ALICE, "symbol=BTCUSDT&origClientOrderId=other"),
        (BOB, "symbol=BTCUSDT&orderId=1"),
        (BOB, "symbol=BTCUSDT&origClientOrderId=order"),
        (BOB, "symbol=BTCUSDT&orderId=1&origClientOrderId=order"),
        (CAROL, "symbol=BTCUSDT&orderId=1"),
    ] {
        venue.send(client, &format!("GET order {params}")).await.refuses(400, -2013, "Order does not exist.");
    }
    venue.send(ALICE, "GET order symbol=BTCUSDT&orderId=1&origClientOrderId=other").await.refuses(
        400,
        -2039,
        "Client order ID is not correct for this order ID.",
    );
    venue.send(BOB, "GET openOrders").await.is("[]");
    venue.send(BOB, "GET allOrders symbol=BTCUSDT").await.is("[]");
}

/// Of orders with the same client order id the newest is found.
#[tokio::test]
async fn the_newest_order_with_a_client_order_id_is_found() {
    let venue = Venue::start().await;
    for _ in 0..2 {
        venue.send(ALICE, PLACE).await.ok();
        venue.send(ALICE, "DELETE order symbol=BTCUSDT&origClientOrderId=order").await.ok();
    }
    venue.send(ALICE, PLACE).await.ok();
    let order = venue.send(ALICE, "GET order symbol=BTCUSDT&origClientOrderId=order").await.ok();
    assert_eq!((&order["orderId"], &order["status"]), (&3.into(), &"NEW".into()));
}

#[tokio::test]
async fn open_orders_are_sorted_by_symbol_and_id() {
    let venue = Venue::start().await;
    venue.send(ALICE, "POST order symbol=ETHUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=10&quantity=1").await.ok();
    venue.limit(ALICE, "BUY", "10", "1").await;
    venue.limit(ALICE, "BUY", "11", "1").await;
    venue.limit(BOB, "SELL", "11", "1").await;
    let orders = venue.send(ALICE, "GET openOrders").await.ok();
    let keys: Vec<_> = orders.as_array().unwrap().iter().map(|order| (&order["symbol"], &order["orderId"])).collect();
    assert_eq!(keys, [(&"BTCUSDT".into(), &1.into()), (&"ETHUSDT".into(), &1.into())]);
}

#[tokio::test]
async fn an_expired_order_says_why() {
    let venue = Venue::start().await;
    venue.send(ALICE, &PLACE.replace("GTC", "IOC")).await.ok();
    let order = venue.send(ALICE, "GET order symbol=BTCUSDT&orderId=1").await.ok();
    assert_eq!(
        (&order["status"], &order["expiryReason"]),
        (&"EXPIRED".into(), &"UNFILLED_IOC_QUANTITY_EXPIRED".into())
    );
}
