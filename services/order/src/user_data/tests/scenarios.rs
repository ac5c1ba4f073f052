//! What a trader hears of each kind of thing that can happen.

use super::support::{Stream, Streams, check, kinds};
use crate::gateway::tests::support::{ALICE, BOB, NOW_MS};
use emporion_api::TimeUnit;
use emporion_edge::socket::{Outbox, OutboxLimits};
use emporion_model::{AccountId, Action, Amount, AssetId, Transfer, TransferReason};
use serde_json::{Value, json};

const POSITION: &str = "outboundAccountPosition";

#[tokio::test]
async fn an_order_that_rests_and_is_canceled() {
    let streams = Streams::start().await;
    let alice = streams.listen(ALICE.account).await;
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1.5&newClientOrderId=first";
    streams.venue.send(ALICE, &format!("POST order {order}")).await.ok();
    streams.venue.sleep_ms(5);
    let cancel = "DELETE order symbol=BTCUSDT&origClientOrderId=first&newClientOrderId=away";
    streams.venue.send(ALICE, cancel).await.ok();
    streams.told(&alice).await;

    let again = streams.listen(ALICE.account).await;
    streams.venue.send(ALICE, &format!("POST order {order}")).await.ok();
    streams.venue.send(ALICE, cancel).await.ok();
    super::support::told(&streams.user_data, streams.venue.tables.seq()).await;
    let time = NOW_MS + 5;
    let report = |c: &str, orig: &str, x: &str, id: u32, w: bool| {
        format!(
            concat!(
                r#"{{"subscriptionId":0,"event":{{"e":"executionReport","E":{time},"s":"BTCUSDT","c":"{c}","S":"BUY","#,
                r#""o":"LIMIT","f":"GTC","q":"1.50000000","p":"100.00000000","P":"0.00000000","F":"0.00000000","#,
                r#""g":-1,"C":"{orig}","x":"{x}","X":"{x}","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","#,
                r#""L":"0.00000000","n":"0","N":null,"T":{time},"t":-1,"I":{id},"w":{w},"m":false,"M":false,"#,
                r#""O":{time},"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":{time},"V":"NONE"}}}}"#
            ),
            c = c,
            orig = orig,
            x = x,
            id = id,
            w = w,
            time = time,
        )
    };
    let position = |free: &str, locked: &str| {
        format!(
            concat!(
                r#"{{"subscriptionId":0,"event":{{"e":"outboundAccountPosition","E":{time},"u":{time},"#,
                r#""B":[{{"a":"USDT","f":"{free}","l":"{locked}"}}]}}}}"#
            ),
            time = time,
            free = free,
            locked = locked,
        )
    };
    let expected = [
        report("first", "", "NEW", 3, true),
        position("99850.00000000", "150.00000000"),
        report("away", "first", "CANCELED", 4, false),
        position("100000.00000000", "0.00000000"),
    ];
    assert_eq!(again.texts().await.unwrap(), expected);
}

#[tokio::test]
async fn a_maker_hears_of_each_fill_with_its_fee() {
    let streams = Streams::start().await;
    let id = streams.venue.limit(ALICE, "SELL", "100", "1").await;
    let alice = streams.listen(ALICE.account).await;
    streams.venue.limit(BOB, "BUY", "100", "0.4").await;
    streams.venue.limit(BOB, "BUY", "101", "0.9").await;
    let events = streams.told(&alice).await;
    assert_eq!(kinds(&events), ["TRADE PARTIALLY_FILLED", POSITION, "TRADE FILLED", POSITION]);
    let fill = |l: &str, z: &str, n: &str, t: u32, w: bool, quote: (&str, &str)| {
        json!({
            "i": id, "S": "SELL", "q": "1.00000000", "p": "100.00000000", "l": l, "z": z, "L": "100.00000000",
            "n": n, "N": "USDT", "t": t, "w": w, "m": true, "M": true, "Y": quote.0, "Z": quote.1, "C": "",
        })
    };
    check(&events[0], &fill("0.40000000", "0.40000000", "0.04000000", 1, true, ("40.00000000", "40.00000000")));
    check(&events[2], &fill("0.60000000", "1.00000000", "0.06000000", 2, false, ("60.00000000", "100.00000000")));
    let balances = json!([
        {"a": "BTC", "f": "9.00000000", "l": "0.60000000"},
        {"a": "USDT", "f": "100039.96000000", "l": "0.00000000"},
    ]);
    check(&events[1], &json!({ "B": balances }));
}

#[tokio::test]
async fn a_taker_hears_of_its_order_then_its_fills_then_its_balances() {
    let streams = Streams::start().await;
    streams.venue.limit(ALICE, "SELL", "100", "0.4").await;
    streams.venue.limit(ALICE, "SELL", "101", "0.4").await;
    let (alice, bob) = (streams.listen(ALICE.account).await, streams.listen(BOB.account).await);
    streams.venue.limit(BOB, "BUY", "101", "1").await;
    let events = streams.told(&bob).await;
    let expected = ["NEW NEW", "TRADE PARTIALLY_FILLED", "TRADE PARTIALLY_FILLED", POSITION];
    assert_eq!(kinds(&events), expected);
    check(&events[1], &json!({"L": "100.00000000", "l": "0.40000000", "w": true, "m": false, "M": true, "t": 1}));
    check(&events[1], &json!({"n": "0.00080000", "N": "BTC", "Z": "40.00000000"}));
    check(&events[2], &json!({"L": "101.00000000", "z": "0.80000000", "Y": "40.40000000", "Z": "80.40000000"}));
    let ids: Vec<u64> = events[..3].iter().map(|event| event["I"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert_eq!(kinds(&streams.told(&alice).await), ["TRADE FILLED", "TRADE FILLED", POSITION]);
}

#[tokio::test]
async fn canceling_all_reports_each_order_under_the_cancels_id() {
    let streams = Streams::start().await;
    let alice = streams.listen(ALICE.account).await;
    for price in ["100", "101", "102"] {
        streams.venue.limit(ALICE, "BUY", price, "1").await;
    }
    assert_eq!(streams.told(&alice).await.len(), 6);
    let canceled = streams.venue.send(ALICE, "DELETE openOrders symbol=BTCUSDT").await.ok();
    let events = streams.told(&alice).await;
    assert_eq!(kinds(&events), ["CANCELED CANCELED", "CANCELED CANCELED", "CANCELED CANCELED", POSITION]);
    for (event, canceled) in events.iter().zip(canceled.as_array().unwrap()) {
        let ids = json!({"c": canceled["clientOrderId"], "C": canceled["origClientOrderId"], "i": canceled["orderId"]});
        check(event, &ids);
    }
}

/// Bob places an order into a book where Alice sells 0.4 at 100 and 0.4 at 101.
async fn taker_hears(order: &str) -> Vec<Value> {
    let streams = Streams::start().await;
    streams.venue.trade_once().await;
    streams.venue.limit(ALICE, "SELL", "100", "0.4").await;
    streams.venue.limit(ALICE, "SELL", "101", "0.4").await;
    let bob = streams.listen(BOB.account).await;
    streams.venue.send(BOB, &format!("POST order symbol=BTCUSDT&side=BUY&{order}")).await.ok();
    streams.told(&bob).await
}

#[tokio::test]
async fn what_does_not_match_at_once_expires_with_its_reason() {
    let events = taker_hears("type=LIMIT&timeInForce=IOC&price=100&quantity=1").await;
    assert_eq!(kinds(&events), ["NEW NEW", "TRADE PARTIALLY_FILLED", "EXPIRED EXPIRED", POSITION]);
    check(&events[1], &json!({"w": false, "eR": null}));
    let expired = json!({
        "eR": "UNFILLED_IOC_QUANTITY_EXPIRED", "z": "0.40000000", "l": "0.00000000", "L": "0.00000000",
        "Y": "0.00000000", "n": "0", "N": null, "t": -1, "w": false, "M": false, "f": "IOC", "C": "",
    });
    check(&events[2], &expired);

    let events = taker_hears("type=LIMIT&timeInForce=FOK&price=101&quantity=1").await;
    assert_eq!(kinds(&events), ["NEW NEW", "EXPIRED EXPIRED"], "nothing of its balances changed");
    check(&events[1], &json!({"eR": "UNFILLED_FOK_ORDER_EXPIRED", "z": "0.00000000"}));

    let events = taker_hears("type=LIMIT&timeInForce=FOK&price=101&quantity=0.8").await;
    assert_eq!(kinds(&events), ["NEW NEW", "TRADE PARTIALLY_FILLED", "TRADE FILLED", POSITION]);
}

/// The documentation's sample.
#[tokio::test]
async fn a_market_order_that_exhausts_the_book() {
    let events = taker_hears("type=MARKET&quantity=2").await;
    let expected = ["NEW NEW", "TRADE PARTIALLY_FILLED", "TRADE PARTIALLY_FILLED", "EXPIRED EXPIRED", POSITION];
    assert_eq!(kinds(&events), expected);
    let working = [true, false, false, false];
    let time = NOW_MS;
    for (event, w) in events.iter().zip(working) {
        let same = json!({
            "o": "MARKET", "f": "GTC", "q": "2.00000000", "p": "0.00000000", "Q": "0.00000000", "w": w,
            "M": event["x"] == "TRADE", "O": time, "W": time, "T": time, "E": time,
        });
        check(event, &same);
    }
    check(&events[3], &json!({"eR": "INSUFFICIENT_LIQUIDITY", "z": "0.80000000", "Z": "80.40000000"}));
    check(
        &events[4],
        &json!({"B": [
            {"a": "BTC", "f": "10.69840000", "l": "0.00000000"},
            {"a": "USDT", "f": "99929.59000000", "l": "0.00000000"},
        ]}),
    );
}

#[tokio::test]
async fn a_market_order_by_quote_quantity() {
    let events = taker_hears("type=MARKET&quoteOrderQty=50").await;
    assert_eq!(kinds(&events), ["NEW NEW", "TRADE PARTIALLY_FILLED", "TRADE FILLED", POSITION]);
    check(&events[0], &json!({"Q": "50.00000000", "q": "0.00000000", "p": "0.00000000"}));
    check(&events[2], &json!({"Q": "50.00000000", "q": "0.49900000", "z": "0.49900000", "Z": "49.99900000"}));
}

#[tokio::test]
async fn a_trade_with_oneself_is_reported_from_both_sides() {
    let streams = Streams::start().await;
    let alice = streams.listen(ALICE.account).await;
    let bob = streams.listen(BOB.account).await;
    streams.venue.limit(ALICE, "SELL", "100", "1").await;
    streams.venue.limit(ALICE, "BUY", "100", "1").await;
    let events = streams.told(&alice).await;
    assert_eq!(kinds(&events), ["NEW NEW", POSITION, "NEW NEW", "TRADE FILLED", "TRADE FILLED", POSITION]);
    check(&events[3], &json!({"i": 1, "S": "SELL", "m": true, "N": "USDT", "I": 3}));
    check(&events[4], &json!({"i": 2, "S": "BUY", "m": false, "N": "BTC", "I": 4}));
    assert_eq!(streams.told(&bob).await, Vec::<Value>::new(), "what others do is not told");
}

#[tokio::test]
async fn money_that_comes_and_goes() {
    let streams = Streams::start().await;
    let alice = streams.listen(ALICE.account).await;
    let transfer = |reason, from, to, amount| {
        let (asset, reference) = (AssetId(0), "ticket".parse().unwrap());
        Action::Transfer(Transfer { reason, from, to, asset, amount: Amount(amount), reference })
    };
    let (outside, treasury, unit) = (AccountId::EXTERNAL, AccountId::TREASURY, 1_000_000_000_000);
    let moves = [
        (TransferReason::Deposit, outside, ALICE.account, unit / 2, "0.50000000", "10.50000000"),
        (TransferReason::Withdrawal, ALICE.account, outside, 3 * unit, "-3.00000000", "7.50000000"),
        (TransferReason::Adjustment, ALICE.account, treasury, unit, "-1.00000000", "6.50000000"),
        (TransferReason::Adjustment, treasury, ALICE.account, unit, "1.00000000", "7.50000000"),
    ];
    for (place, (reason, from, to, amount, delta, free)) in moves.into_iter().enumerate() {
        streams.venue.sleep_ms(1);
        streams.venue.operator(place as u64 + 1, transfer(reason, from, to, amount)).await;
        let time = streams.venue.now_ms();
        let balances = json!([{"a": "BTC", "f": free, "l": "0.00000000"}]);
        let expected = vec![
            json!({"e": "balanceUpdate", "E": time, "a": "BTC", "d": delta, "T": time}),
            json!({"e": POSITION, "E": time, "u": time, "B": balances}),
        ];
        assert_eq!(streams.told(&alice).await, expected);
    }
}

#[tokio::test]
async fn labels_fees_of_zero_and_microseconds() {
    let streams = Streams::start().await;
    streams.venue.operator(1, Action::SetFeeTier(ALICE.account, 1)).await;
    let outbox = Outbox::new(OutboxLimits::default());
    let alice = Stream::open_into(&streams.user_data, ALICE.account, outbox, TimeUnit::Microsecond).await.unwrap();
    let order = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
    streams.venue.send(ALICE, &format!("POST order {order}&strategyId=7&strategyType=1000001")).await.ok();
    streams.venue.sleep_ms(1);
    streams.venue.limit(BOB, "BUY", "100", "1").await;
    let events = streams.told(&alice).await;
    let placed = NOW_MS * 1_000;
    check(&events[0], &json!({"j": 7, "J": 1_000_001, "E": placed, "T": placed, "O": placed, "W": placed}));
    let filled = placed + 1_000;
    check(&events[2], &json!({"j": 7, "J": 1_000_001, "E": filled, "T": filled, "O": placed, "W": placed}));
    check(&events[2], &json!({"n": "0.00000000", "N": "USDT"}));
    check(&events[3], &json!({"E": filled, "u": filled}));
}

/// Orders look in their reports as REST answers them.
#[tokio::test]
async fn reports_and_rest_agree() {
    let streams = Streams::start().await;
    let alice = streams.listen(ALICE.account).await;
    let id = streams.venue.limit(ALICE, "SELL", "100.01", "0.12345").await;
    streams.venue.limit(BOB, "BUY", "100.01", "0.1").await;
    let report = streams.told(&alice).await[2].clone();
    let order = streams.venue.send(ALICE, &format!("GET order symbol=BTCUSDT&orderId={id}")).await.ok();
    let pairs = [
        ("s", "symbol"),
        ("c", "clientOrderId"),
        ("S", "side"),
        ("o", "type"),
        ("f", "timeInForce"),
        ("q", "origQty"),
        ("p", "price"),
        ("P", "stopPrice"),
        ("F", "icebergQty"),
        ("g", "orderListId"),
        ("X", "status"),
        ("i", "orderId"),
        ("z", "executedQty"),
        ("Z", "cummulativeQuoteQty"),
        ("Q", "origQuoteOrderQty"),
        ("O", "time"),
        ("T", "updateTime"),
        ("W", "workingTime"),
        ("V", "selfTradePreventionMode"),
    ];
    for (key, name) in pairs {
        assert_eq!(report[key], order[name], "{key}");
    }
    let trade = streams.venue.send(ALICE, "GET myTrades symbol=BTCUSDT").await.ok()[0].clone();
    let pairs = [
        ("t", "id"),
        ("L", "price"),
        ("l", "qty"),
        ("Y", "quoteQty"),
        ("n", "commission"),
        ("N", "commissionAsset"),
        ("m", "isMaker"),
    ];
    for (key, name) in pairs {
        assert_eq!(report[key], trade[name], "{key}");
    }
}
