//! Self-trade prevention, by the scenarios of the documentation's FAQ.

use super::support::{Streams, check, kinds};
use crate::gateway::tests::support::{ALICE, BOB};
use emporion_model::{Action, TradeGroupId};
use serde_json::{Value, json};

const POSITION: &str = "outboundAccountPosition";
const ENDED: &str = "TRADE_PREVENTION EXPIRED_IN_MATCH";

/// Alice bids at three prices, then sells 3 at 1000 under `mode`: what she hears of that.
async fn sell_into_own_bids(mode: &str) -> Vec<Value> {
    let streams = Streams::start().await;
    for (price, quantity) in [("1200", "1.2"), ("1100", "1.3"), ("1000", "8.1")] {
        streams.venue.limit(ALICE, "BUY", price, quantity).await;
    }
    let alice = streams.listen(ALICE.account).await;
    let terms = format!("type=LIMIT&timeInForce=GTC&price=1000&quantity=3&selfTradePreventionMode={mode}");
    streams.venue.send(ALICE, &format!("POST order symbol=BTCUSDT&side=SELL&{terms}")).await.ok();
    let events = streams.told(&alice).await;
    let ids: Vec<u64> = events.iter().filter_map(|event| event["I"].as_u64()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    for event in events.iter().filter(|event| event["x"] == "TRADE_PREVENTION") {
        let nothing = "0.00000000";
        let always = json!({
            "l": nothing, "L": nothing, "Y": nothing, "z": nothing, "n": "0", "N": null, "t": -1, "m": false,
            "M": false, "Cs": "BTCUSDT", "C": "", "u": null, "eR": null,
        });
        check(event, &always);
    }
    events
}

#[track_caller]
fn check_prevention(event: &Value, order: u32, counter: u32, lost: (&str, &str), id: u32, would_be: [&str; 3]) {
    let [pl, price, quote] = would_be;
    let expected = json!({
        "i": order, "U": counter, "B": lost.0, "A": lost.1, "v": id, "pl": pl, "pL": price, "pY": quote,
    });
    check(event, &expected);
}

#[tokio::test]
async fn expire_maker_ends_the_makers() {
    let events = sell_into_own_bids("EXPIRE_MAKER").await;
    assert_eq!(kinds(&events), ["NEW NEW", ENDED, ENDED, ENDED, POSITION]);
    let would_be = |pl, price, quote| [pl, price, quote];
    let lost = "1.20000000";
    check_prevention(&events[1], 1, 4, (lost, lost), 1, would_be(lost, "1200.00000000", "1440.00000000"));
    let lost = "1.30000000";
    check_prevention(&events[2], 2, 4, (lost, lost), 2, would_be(lost, "1100.00000000", "1430.00000000"));
    let lost = "8.10000000";
    check_prevention(&events[3], 3, 4, (lost, lost), 3, would_be("3.00000000", "1000.00000000", "3000.00000000"));
    check(&events[3], &json!({"S": "BUY", "V": "NONE", "w": false}));
}

#[tokio::test]
async fn expire_taker_ends_the_taker() {
    let events = sell_into_own_bids("EXPIRE_TAKER").await;
    assert_eq!(kinds(&events), ["NEW NEW", ENDED]);
    let (lost, would_be) = ("3.00000000", ["1.20000000", "1200.00000000", "1440.00000000"]);
    check_prevention(&events[1], 4, 1, (lost, lost), 1, would_be);
    check(&events[1], &json!({"S": "SELL", "V": "EXPIRE_TAKER", "w": false}));
}

#[tokio::test]
async fn expire_both_ends_both() {
    let events = sell_into_own_bids("EXPIRE_BOTH").await;
    assert_eq!(kinds(&events), ["NEW NEW", ENDED, ENDED, POSITION]);
    let would_be = ["1.20000000", "1200.00000000", "1440.00000000"];
    check_prevention(&events[1], 4, 1, ("3.00000000", "3.00000000"), 1, would_be);
    check_prevention(&events[2], 1, 4, ("1.20000000", "1.20000000"), 1, would_be);
}

#[tokio::test]
async fn decrement_takes_the_same_from_both() {
    let events = sell_into_own_bids("DECREMENT").await;
    let goes_on = "TRADE_PREVENTION NEW";
    assert_eq!(kinds(&events), ["NEW NEW", goes_on, ENDED, goes_on, ENDED, ENDED, goes_on, POSITION]);
    let first = ["1.20000000", "1200.00000000", "1440.00000000"];
    check_prevention(&events[1], 4, 1, ("1.20000000", "1.20000000"), 1, first);
    check(&events[1], &json!({"w": true}));
    check_prevention(&events[2], 1, 4, ("1.20000000", "1.20000000"), 1, first);
    let last = ["0.50000000", "1000.00000000", "500.00000000"];
    check_prevention(&events[5], 4, 3, ("0.50000000", "3.00000000"), 3, last);
    check_prevention(&events[6], 3, 4, ("0.50000000", "0.50000000"), 3, last);
    check(&events[6], &json!({"w": true, "q": "8.10000000"}));
}

/// A market order whose only maker expires finds an empty book.
#[tokio::test]
async fn a_market_taker_left_without_a_book_expires() {
    let streams = Streams::start().await;
    streams.venue.trade_once().await;
    streams.venue.limit(ALICE, "BUY", "1000", "1").await;
    streams.venue.limit(BOB, "BUY", "999", "1").await;
    let alice = streams.listen(ALICE.account).await;
    let order = "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=2&selfTradePreventionMode=EXPIRE_MAKER";
    streams.venue.send(ALICE, &format!("POST order {order}")).await.ok();
    let events = streams.told(&alice).await;
    assert_eq!(kinds(&events), ["NEW NEW", ENDED, "TRADE PARTIALLY_FILLED", "EXPIRED EXPIRED", POSITION]);
    check(&events[3], &json!({"eR": "INSUFFICIENT_LIQUIDITY", "A": null, "v": null}));
}

/// What a quote amount would have bought counts in whole steps.
#[tokio::test]
async fn a_market_order_by_quote_quantity_would_have_bought_what_it_affords() {
    let streams = Streams::start().await;
    streams.venue.trade_once().await;
    streams.venue.limit(BOB, "SELL", "100", "0.1").await;
    streams.venue.limit(ALICE, "SELL", "101", "1").await;
    streams.venue.limit(BOB, "SELL", "102", "1").await;
    let alice = streams.listen(ALICE.account).await;
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=20&selfTradePreventionMode=EXPIRE_MAKER";
    streams.venue.send(ALICE, &format!("POST order {order}")).await.ok();
    let events = streams.told(&alice).await;
    // 10 are left for it after the first trade.
    check_prevention(&events[2], 4, 6, ("1.00000000", "1.00000000"), 1, ["0.09900000", "101.00000000", "9.99900000"]);
}

/// It lost nothing to the maker that expired, but the next one is too dear for what it has: prevention ended it.
#[tokio::test]
async fn an_order_that_prevention_ends_without_taking_from_it_expires() {
    let streams = Streams::start().await;
    streams.venue.trade_once().await;
    streams.venue.limit(ALICE, "SELL", "100", "1").await;
    streams.venue.limit(BOB, "SELL", "1000000", "1").await;
    let alice = streams.listen(ALICE.account).await;
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=6&selfTradePreventionMode=EXPIRE_MAKER";
    streams.venue.send(ALICE, &format!("POST order {order}")).await.ok();
    let events = streams.told(&alice).await;
    assert_eq!(kinds(&events), ["NEW NEW", ENDED, "EXPIRED EXPIRED_IN_MATCH", POSITION]);
    check(&events[2], &json!({"i": 5, "A": null, "v": null, "eR": null, "w": false}));
}

#[tokio::test]
async fn in_a_trade_group_each_hears_of_its_own_order() {
    for (mode, alice_hears, bob_hears) in [
        ("EXPIRE_TAKER", &["NEW NEW", ENDED][..], &[][..]),
        ("EXPIRE_MAKER", &["NEW NEW", POSITION], &[ENDED, POSITION]),
        ("DECREMENT", &["NEW NEW", "TRADE_PREVENTION NEW", POSITION], &[ENDED, POSITION]),
    ] {
        let streams = Streams::start().await;
        for (n, client) in [(1, ALICE), (2, BOB)] {
            streams.venue.operator(n, Action::SetTradeGroup(client.account, Some(TradeGroupId(7)))).await;
        }
        streams.venue.limit(BOB, "BUY", "1000", "1").await;
        let (alice, bob) = (streams.listen(ALICE.account).await, streams.listen(BOB.account).await);
        let terms = format!("type=LIMIT&timeInForce=GTC&price=1000&quantity=2&selfTradePreventionMode={mode}");
        streams.venue.send(ALICE, &format!("POST order symbol=BTCUSDT&side=SELL&{terms}")).await.ok();
        let (to_alice, to_bob) = (streams.told(&alice).await, streams.told(&bob).await);
        assert_eq!(kinds(&to_alice), alice_hears, "{mode}");
        assert_eq!(kinds(&to_bob), bob_hears, "{mode}");
        for event in to_alice.iter().chain(&to_bob).filter(|event| event["x"] == "TRADE_PREVENTION") {
            // How much another's untouched order has left is not told.
            let would_be = if mode == "EXPIRE_TAKER" { Value::Null } else { json!("1.00000000") };
            check(event, &json!({"u": 7, "pl": would_be}));
        }
    }
}
