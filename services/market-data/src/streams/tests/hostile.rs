//! Texts that nobody would send who means well.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

/// Sends a text and expects one JSON object in return.
fn check(text: &str) -> Result<(), TestCaseError> {
    let mut client = Client::new(&Hub::default(), "/ws/btcusdt@trade");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = runtime.block_on(client.ask(text));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    prop_assert!(answer.is_object());
    prop_assert_eq!(answer.get("result").is_some(), answer.get("error").is_none(), "{}", text);
    prop_assert_eq!(answer.get("code").is_some(), answer.get("error").is_some(), "{}", text);
    Ok(())
}

/// Any JSON, a few levels deep.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(Value::from("combined")),
        Just(Value::from("btcusdt@trade")),
        Just(Value::from("SUBSCRIBE")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("id|method|params|x", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_text_is_answered_in_json(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn every_request_is_answered_in_json(
        method in prop_oneof![
            prop::sample::select(vec![
                "SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "what",
            ]).prop_map(Value::from),
            json(),
        ],
        params in json(),
        id in json(),
        cut in 0usize..200,
    ) {
        let text = serde_json::json!({ "method": method, "params": params, "id": id }).to_string();
        check(&text)?;
        check(&text.chars().take(cut).collect::<String>())?;
    }

    #[test]
    fn every_address_is_opened_or_refused(path in "/(ws|stream)(/|\\?streams=)?[!-~]{0,60}") {
        if let Ok(uri) = path.parse() {
            let hub = Hub::default();
            drop(Client::open(&hub, uri, OutboxLimits::default()));
            prop_assert!(hub.is_empty());
        }
    }
}

#[tokio::test]
async fn nesting_is_bounded() {
    let mut client = Client::new(&Hub::default(), "/ws");
    for text in [
        "[".repeat(100_000),
        format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
        format!(r#"{{"method":"GET_PROPERTY","id":1,"params":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
    ] {
        assert!(client.ask(&text).await.contains(r#""error":{"code":"#));
    }
}
