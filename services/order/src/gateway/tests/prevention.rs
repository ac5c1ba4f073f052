//! Self-trade prevention in answers, by the scenarios of the documentation's FAQ.

use super::support::{ALICE, BOB, Venue};
use emporion_model::{Action, TradeGroupId};
use serde_json::{Value, json};

/// Alice bids at three prices, then sells 3 at 1000 under `mode`.
async fn sell_into_own_bids(mode: &str) -> (Venue, Value) {
    let venue = Venue::start().await;
    for (price, quantity) in [("1200", "1.2"), ("1100", "1.3"), ("1000", "8.1")] {
        venue.limit(ALICE, "BUY", price, quantity).await;
    }
    let terms = format!("type=LIMIT&timeInForce=GTC&price=1000&quantity=3&selfTradePreventionMode={mode}");
    let answer = venue.send(ALICE, &format!("POST order symbol=BTCUSDT&side=SELL&{terms}")).await.ok();
    (venue, answer)
}

async fn state_of(venue: &Venue, order_id: u64) -> Value {
    venue.send(ALICE, &format!("GET order symbol=BTCUSDT&orderId={order_id}")).await.ok()
}

#[tokio::test]
async fn expire_maker_takes_the_makers() {
    let (venue, taker) = sell_into_own_bids("EXPIRE_MAKER").await;
    assert_eq!(taker["status"], "NEW");
    assert_eq!(taker["fills"], json!([]));
    assert_eq!(
        taker["preventedMatches"],
        json!([
            {"preventedMatchId":1,"makerOrderId":1,"price":"1200.00000000","makerPreventedQuantity":"1.20000000"},
            {"preventedMatchId":2,"makerOrderId":2,"price":"1100.00000000","makerPreventedQuantity":"1.30000000"},
            {"preventedMatchId":3,"makerOrderId":3,"price":"1000.00000000","makerPreventedQuantity":"8.10000000"},
        ])
    );
    assert_eq!((taker.get("preventedQuantity"), taker.get("tradeGroupId")), (None, None));
    let maker = state_of(&venue, 2).await;
    assert_eq!(maker["status"], "EXPIRED_IN_MATCH");
    assert_eq!((&maker["preventedMatchId"], &maker["preventedQuantity"]), (&json!(2), &json!("1.30000000")));
    assert_eq!(state_of(&venue, 4).await.get("preventedMatchId"), None, "the taker lost nothing");
}

#[tokio::test]
async fn expire_taker_takes_the_taker() {
    let (venue, taker) = sell_into_own_bids("EXPIRE_TAKER").await;
    assert_eq!((&taker["status"], &taker["preventedQuantity"]), (&json!("EXPIRED_IN_MATCH"), &json!("3.00000000")));
    assert_eq!(
        taker["preventedMatches"],
        json!([{"preventedMatchId":1,"makerOrderId":1,"price":"1200.00000000","takerPreventedQuantity":"3.00000000"}])
    );
    assert_eq!(state_of(&venue, 1).await["status"], "NEW");
    assert_eq!(taker.get("expiryReason"), None);
}

#[tokio::test]
async fn expire_both_takes_both() {
    let (venue, taker) = sell_into_own_bids("EXPIRE_BOTH").await;
    assert_eq!(taker["status"], "EXPIRED_IN_MATCH");
    assert_eq!(
        taker["preventedMatches"],
        json!([{
            "preventedMatchId":1,"makerOrderId":1,"price":"1200.00000000",
            "takerPreventedQuantity":"3.00000000","makerPreventedQuantity":"1.20000000",
        }])
    );
    assert_eq!(state_of(&venue, 1).await["status"], "EXPIRED_IN_MATCH");
    assert_eq!(state_of(&venue, 2).await["status"], "NEW");
}

#[tokio::test]
async fn decrement_shrinks_both() {
    let (venue, taker) = sell_into_own_bids("DECREMENT").await;
    assert_eq!((&taker["status"], &taker["preventedQuantity"]), (&json!("EXPIRED_IN_MATCH"), &json!("3.00000000")));
    let maker = state_of(&venue, 3).await;
    assert_eq!(maker["status"], "NEW");
    assert_eq!((&maker["preventedMatchId"], &maker["preventedQuantity"]), (&json!(3), &json!("0.50000000")));
}

#[tokio::test]
async fn only_a_full_answer_lists_prevented_matches() {
    let venue = Venue::start().await;
    venue.limit(ALICE, "BUY", "1000", "1").await;
    let terms = "type=LIMIT&timeInForce=GTC&price=1000&quantity=1&selfTradePreventionMode=EXPIRE_TAKER";
    let order = format!("POST order symbol=BTCUSDT&side=SELL&{terms}&newOrderRespType=RESULT");
    let answer = venue.send(ALICE, &order).await.ok();
    assert_eq!(answer["preventedQuantity"], "1.00000000");
    assert_eq!((answer.get("preventedMatches"), answer.get("fills")), (None, None));
}

#[tokio::test]
async fn a_trade_group_is_told_where_it_mattered() {
    let venue = Venue::start().await;
    venue.operator(1, Action::SetTradeGroup(ALICE.account, Some(TradeGroupId(7)))).await;
    venue.operator(2, Action::SetTradeGroup(BOB.account, Some(TradeGroupId(7)))).await;
    venue.limit(BOB, "BUY", "1000", "1").await;
    let terms = "type=LIMIT&timeInForce=GTC&price=1000&quantity=1&selfTradePreventionMode=EXPIRE_TAKER";
    let answer = venue.send(ALICE, &format!("POST order symbol=BTCUSDT&side=SELL&{terms}")).await.ok();
    assert_eq!((&answer["tradeGroupId"], &answer["status"]), (&json!(7), &json!("EXPIRED_IN_MATCH")));
    let rests =
        venue.send(ALICE, &format!("POST order symbol=BTCUSDT&side=SELL&{}", terms.replace("=1000", "=1001"))).await;
    assert_eq!(rests.ok().get("tradeGroupId"), None);
}

/// A market order whose only maker expires finds an empty book.
#[tokio::test]
async fn a_market_taker_left_without_a_book_expires() {
    let venue = Venue::start().await;
    venue.trade_once().await;
    venue.limit(ALICE, "BUY", "1000", "1").await;
    venue.limit(BOB, "BUY", "999", "1").await;
    let order = "POST order symbol=BTCUSDT&side=SELL&type=MARKET&quantity=2&selfTradePreventionMode=EXPIRE_MAKER";
    let answer = venue.send(ALICE, order).await.ok();
    assert_eq!((&answer["status"], &answer["executedQty"]), (&json!("EXPIRED"), &json!("1.00000000")));
    assert_eq!(answer["preventedMatches"][0]["makerPreventedQuantity"], "1.00000000");
}
