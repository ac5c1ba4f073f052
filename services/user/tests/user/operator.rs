//! The operator's accounts, deposits and token.

use emporion_model::Reject;
use emporion_ports::users::UserStore;
use serde_json::{Value, json};

use crate::support::{Act, Answer, OPERATOR_TOKEN, Venue};

const ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";

async fn make(venue: &Venue, wish: Value) -> Answer {
    venue.operator("POST", "/v1/operator/accounts", wish).await
}

async fn deposit(venue: &Venue, reference: &str, account_id: u64, asset: &str, amount: &str) -> Answer {
    let wish = json!({"reference": reference, "accountId": account_id, "asset": asset, "amount": amount});
    venue.operator("POST", "/v1/operator/deposits", wish).await
}

fn bot(name: &str) -> Value {
    json!({"name": name, "deposits": [{"asset": "BTC", "amount": "0.5"}, {"asset": "USDT", "amount": "1000.10"}]})
}

#[tokio::test]
async fn an_account_comes_open_with_key_and_money() {
    let venue = Venue::start().await;
    let made = make(&venue, bot("bot-1")).await.check(200);
    assert_eq!(made["accountId"], 1000);
    assert!(made["apiKey"].as_str().unwrap().len() == 64 && made["secretKey"].as_str().unwrap().len() == 64);
    let deposits = json!([
        {"asset": "BTC", "amount": "0.500000000000", "state": "DONE"},
        {"asset": "USDT", "amount": "1000.10000000", "state": "DONE"},
    ]);
    assert_eq!(made["deposits"], deposits);
    assert_eq!((venue.engine.balance(1_000, 0), venue.engine.balance(1_000, 1)), (500_000_000_000, 100_010_000_000));

    let name = emporion_ports::users::ApiKeyName::parse(made["apiKey"].as_str().unwrap()).unwrap();
    let record = venue.service.key_directory().lookup(&name).await.unwrap().unwrap();
    assert!(record.permissions.read && record.permissions.trade && record.ip_rules.is_empty());
}

#[tokio::test]
async fn the_same_request_again_changes_nothing() {
    let venue = Venue::start().await;
    let first = make(&venue, bot("bot-1")).await;
    first.check(200);
    assert_eq!(make(&venue, bot("bot-1")).await, first);
    assert_eq!(venue.engine.executed(), [1, 2, 3]);

    let others = [
        json!({"name": "bot-1"}),
        json!({"name": "bot-1", "deposits": [{"asset": "BTC", "amount": "0.5"}]}),
        json!({"name": "bot-1", "deposits": [{"asset": "BTC", "amount": "0.5"}, {"asset": "USDT", "amount": "1000.11"}]}),
    ];
    for other in others {
        make(&venue, other).await.check_error(409, "conflict");
    }
    assert_eq!(make(&venue, bot("BOT-1")).await.check(200)["accountId"], 1001, "another name is another account");
}

#[tokio::test]
async fn requests_at_the_same_time_make_one_account() {
    let venue = Venue::start().await;
    let (one, two) = tokio::join!(make(&venue, bot("bot-1")), make(&venue, bot("bot-1")));
    one.check(200);
    assert_eq!(one, two);
    assert_eq!(venue.engine.executed(), [1, 2, 3]);
}

#[tokio::test]
async fn a_given_public_key_needs_no_secret() {
    let venue = Venue::start().await;
    let wish = json!({"name": "bot-1", "ed25519PublicKey": ED25519});
    let made = make(&venue, wish.clone()).await;
    assert_eq!(made.check(200).get("secretKey"), None);
    assert_eq!(make(&venue, wish).await, made);
    let bad = make(&venue, json!({"name": "bot-2", "ed25519PublicKey": "PEM"})).await;
    bad.check_error(400, "invalid_field");
    assert!(bad.body.contains("ed25519PublicKey"), "{bad:?}");
}

#[tokio::test]
async fn what_the_engine_refuses_is_told() {
    let venue = Venue::start().await;
    let greedy = json!({"name": "greedy", "deposits": [{"asset": "USDT", "amount": "10000.00000001"}]});
    let made = make(&venue, greedy).await.check(200);
    let expected = json!([
        {"asset": "USDT", "amount": "10000.00000001", "state": "REFUSED", "reject": "SupplyCapExceeded"},
    ]);
    assert_eq!(made["deposits"], expected);

    venue.engine.script([Act::Refuse(Reject::TableFull)]);
    let refused = make(&venue, bot("late")).await;
    refused.check_error(422, "account_refused");
    assert!(refused.body.contains("TableFull"));
    make(&venue, bot("late")).await.check_error(422, "account_refused");
}

#[tokio::test]
async fn bad_wishes_are_refused_and_write_nothing() {
    let venue = Venue::start().await;
    let amount = |text: &str| json!({"name": "bot", "deposits": [{"asset": "USDT", "amount": text}]});
    let cases = [
        (json!({"name": ""}), "invalid_field"),
        (json!({"name": "a bot"}), "invalid_field"),
        (json!({"name": "x".repeat(49)}), "invalid_field"),
        (json!({"name": "bot", "deposits": vec![json!({"asset": "USDT", "amount": "1"}); 101]}), "invalid_field"),
        (json!({"name": "bot", "deposits": [{"asset": "DOGE", "amount": "1"}]}), "invalid_field"),
        (json!({"name": "bot", "deposits": [{"asset": "usdt", "amount": "1"}]}), "invalid_field"),
        (amount("0"), "invalid_field"),
        (amount("-1"), "invalid_field"),
        (amount("1e3"), "invalid_field"),
        (amount("0.000000001"), "invalid_field"),
        (amount(&"9".repeat(21)), "invalid_field"),
        (json!({"name": "bot", "deposits": [{"asset": "USDT", "amount": 1}]}), "invalid_request"),
        (json!({"name": "bot", "deposits": [{"asset": "USDT", "amount": "1", "free": true}]}), "invalid_request"),
        (json!({"name": "bot", "secret": "mine"}), "invalid_request"),
        (json!({}), "invalid_request"),
    ];
    for (wish, code) in cases {
        make(&venue, wish).await.check_error(400, code);
    }
    assert_eq!(venue.store.outbox_head().await.unwrap().last_n, 0);
}

#[tokio::test]
async fn a_deposit_is_credited_once() {
    let venue = Venue::start().await;
    make(&venue, json!({"name": "bot"})).await.check(200);
    let first = deposit(&venue, "ticket-17", 1_000, "USDT", "5").await;
    assert_eq!(first.check(200), json!({"reference": "ticket-17", "state": "DONE"}));
    assert_eq!(deposit(&venue, "ticket-17", 1_000, "USDT", "5.0").await, first);
    assert_eq!(venue.engine.balance(1_000, 1), 500_000_000);

    make(&venue, json!({"name": "other"})).await.check(200);
    for (account, asset, amount) in [(1_000, "USDT", "6"), (1_000, "BTC", "5"), (1_001, "USDT", "5")] {
        deposit(&venue, "ticket-17", account, asset, amount).await.check_error(409, "conflict");
    }
    let refused = deposit(&venue, "ticket-18", 1_000, "USDT", "10000").await.check(200);
    assert_eq!(refused, json!({"reference": "ticket-18", "state": "REFUSED", "reject": "SupplyCapExceeded"}));
    deposit(&venue, "ticket-19", 1_002, "USDT", "5").await.check_error(404, "not_found");
    deposit(&venue, "account:bot:0", 1_000, "USDT", "5").await.check_error(400, "invalid_field");
    deposit(&venue, "", 1_000, "USDT", "5").await.check_error(400, "invalid_field");
}

#[tokio::test]
async fn a_persons_account_takes_deposits_too() {
    let venue = Venue::start().await;
    venue.person("ann").await;
    deposit(&venue, "t1", 1_000, "BTC", "1").await.check(200);
    assert_eq!(venue.engine.balance(1_000, 0), 1_000_000_000_000);
}

#[tokio::test]
async fn only_the_operators_token_opens_the_operators_paths() {
    let venue = Venue::start().await;
    let session = venue.person("ann").await;
    let near = &OPERATOR_TOKEN[..OPERATOR_TOKEN.len() - 1];
    let paths =
        [("POST", "/v1/operator/accounts"), ("POST", "/v1/operator/deposits"), ("PUT", "/v1/operator/user-state")];
    for (method, path) in paths {
        for token in [None, Some(""), Some(near), Some(session.as_str())] {
            venue.call(method, path, token, bot("bot")).await.check_error(401, "unauthenticated");
        }
    }
    venue.call("GET", "/v1/me", Some(OPERATOR_TOKEN), Value::Null).await.check_error(401, "unauthenticated");
    assert_eq!(venue.engine.executed(), [1]);
}
