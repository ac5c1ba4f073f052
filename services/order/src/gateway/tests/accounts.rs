//! Balances, fees and order counts of an account.

use super::support::{ALICE, BOB, CAROL, Venue};
use emporion_model::{Action, Amount, AssetId, OrderCountLimits, Transfer, TransferReason};
use serde_json::json;

#[tokio::test]
async fn an_account_has_every_asset() {
    let venue = Venue::start().await;
    venue.sleep_ms(9);
    venue.limit(ALICE, "BUY", "100.5", "2").await;
    venue.send(ALICE, "GET account").await.is(concat!(
        r#"{"makerCommission":10,"takerCommission":20,"buyerCommission":0,"sellerCommission":0,"#,
        r#""commissionRates":{"maker":"0.00100000","taker":"0.00200000","buyer":"0.00000000","seller":"0.00000000"},"#,
        r#""canTrade":true,"canWithdraw":true,"canDeposit":true,"brokered":false,"requireSelfTradePrevention":false,"#,
        r#""preventSor":false,"updateTime":1700000000009,"accountType":"SPOT","balances":["#,
        r#"{"asset":"BTC","free":"10.00000000","locked":"0.00000000"},"#,
        r#"{"asset":"ETH","free":"10.00000000","locked":"0.00000000"},"#,
        r#"{"asset":"USDT","free":"99799.00000000","locked":"201.00000000"}],"permissions":["SPOT"],"uid":1000}"#,
    ));
    venue.send(CAROL, "GET account").await.refuses(401, -1002, "You are not authorized to execute this request.");
}

/// A balance that shows as zero is one, whatever the ledger holds beyond.
#[tokio::test]
async fn zero_balances_can_be_left_out() {
    let venue = Venue::start().await;
    let transfer = |asset, amount| {
        Action::Transfer(Transfer {
            reason: TransferReason::Withdrawal,
            from: ALICE.account,
            to: emporion_model::AccountId::EXTERNAL,
            asset: AssetId(asset),
            amount: Amount(amount),
            reference: "".parse().unwrap(),
        })
    };
    venue.operator(1, transfer(0, 10_000_000_000_000 - 9_999)).await;
    venue.operator(2, transfer(1, 1_000_000_000)).await;
    let assets = |answer: serde_json::Value| -> Vec<String> {
        answer["balances"].as_array().unwrap().iter().map(|row| row["asset"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(assets(venue.send(ALICE, "GET account omitZeroBalances=true").await.ok()), ["USDT"]);
    assert_eq!(assets(venue.send(ALICE, "GET account omitZeroBalances=false").await.ok()), ["BTC", "ETH", "USDT"]);
    assert_eq!(venue.send(ALICE, "GET account").await.ok()["balances"][0]["free"], "0.00000000");
}

#[tokio::test]
async fn a_frozen_account_says_so() {
    let venue = Venue::start().await;
    venue.operator(1, Action::SetFrozen(ALICE.account, true)).await;
    let account = venue.send(ALICE, "GET account").await.ok();
    assert_eq!(
        (&account["canTrade"], &account["canWithdraw"], &account["canDeposit"]),
        (&json!(false), &json!(false), &json!(true))
    );
    venue.send(ALICE, "GET /sapi/v1/account/status").await.is(r#"{"data":"Locked"}"#);
    venue.send(BOB, "GET /sapi/v1/account/status").await.is(r#"{"data":"Normal"}"#);
}

#[tokio::test]
async fn fees_follow_the_tier() {
    let venue = Venue::start().await;
    let none = r#"{"maker":"0.00000000","taker":"0.00000000","buyer":"0.00000000","seller":"0.00000000"}"#;
    let body = |maker: &str, taker: &str| {
        format!(
            concat!(
                r#"{{"symbol":"BTCUSDT","standardCommission":{{"maker":"{}","taker":"{}","buyer":"0.00000000","#,
                r#""seller":"0.00000000"}},"specialCommission":{none},"taxCommission":{none},"discount":{{"#,
                r#""enabledForAccount":false,"enabledForSymbol":false,"discountAsset":null,"discount":"0.00000000"}}}}"#,
            ),
            maker,
            taker,
            none = none
        )
    };
    venue.send(ALICE, "GET account/commission symbol=BTCUSDT").await.is(&body("0.00100000", "0.00200000"));
    venue.operator(1, Action::SetFeeTier(ALICE.account, 1)).await;
    venue.send(ALICE, "GET account/commission symbol=BTCUSDT").await.is(&body("0.00000000", "0.00050000"));
    let account = venue.send(ALICE, "GET account").await.ok();
    assert_eq!(
        (&account["makerCommission"], &account["takerCommission"]),
        (&json!(5), &json!(7)),
        "the highest of all symbols"
    );
    assert_eq!(account["commissionRates"]["taker"], "0.00075000");
}

#[tokio::test]
async fn order_counts_belong_to_the_windows_of_now() {
    let venue = Venue::start().await;
    let body = |limits: (u32, u32), counts: (u32, u32)| {
        format!(
            concat!(
                r#"[{{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":{},"count":{}}},"#,
                r#"{{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":{},"count":{}}}]"#,
            ),
            limits.0, counts.0, limits.1, counts.1
        )
    };
    venue.send(ALICE, "GET rateLimit/order").await.is(&body((20, 1_000), (0, 0)));
    venue.limit(ALICE, "BUY", "100", "1").await;
    venue.limit(ALICE, "BUY", "100", "1").await;
    venue.send(ALICE, "GET rateLimit/order").await.is(&body((20, 1_000), (2, 2)));
    venue.send(BOB, "GET rateLimit/order").await.is(&body((20, 1_000), (0, 0)));
    venue.sleep_ms(10_000);
    venue.send(ALICE, "GET rateLimit/order").await.is(&body((20, 1_000), (0, 2)));
    venue.sleep_ms(86_400_000);
    venue.send(ALICE, "GET rateLimit/order").await.is(&body((20, 1_000), (0, 0)));
    let own = OrderCountLimits { per_ten_seconds: Some(7), per_day: Some(8) };
    venue.operator(1, Action::SetOrderCountLimits(ALICE.account, Some(own))).await;
    venue.send(ALICE, "GET rateLimit/order").await.is(&body((7, 8), (0, 0)));
    let none = OrderCountLimits { per_ten_seconds: None, per_day: None };
    venue.operator(2, Action::SetOrderCountLimits(ALICE.account, Some(none))).await;
    venue.send(ALICE, "GET rateLimit/order").await.is("[]");
}

#[tokio::test]
async fn coins_and_trade_fees_for_clients_that_ask_by_default() {
    let venue = Venue::start().await;
    let coins = venue.send(ALICE, "GET /sapi/v1/capital/config/getall").await.ok();
    assert_eq!(coins.as_array().unwrap().len(), 3);
    assert_eq!((&coins[2]["coin"], &coins[2]["free"]), (&json!("USDT"), &json!("100000.00000000")));
    venue.send(ALICE, "GET /sapi/v1/asset/tradeFee").await.is(concat!(
        r#"[{"symbol":"BTCUSDT","makerCommission":"0.00100000","takerCommission":"0.00200000"},"#,
        r#"{"symbol":"ETHUSDT","makerCommission":"0.00050000","takerCommission":"0.00075000"}]"#,
    ));
    venue
        .send(ALICE, "GET /sapi/v1/asset/tradeFee symbol=ETHUSDT")
        .await
        .is(r#"[{"symbol":"ETHUSDT","makerCommission":"0.00050000","takerCommission":"0.00075000"}]"#);
}
