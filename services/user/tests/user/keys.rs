//! API keys: made, listed, revoked, and found by the edge.

use std::sync::Arc;
use std::time::Duration;

use emporion_edge::Clock;
use emporion_model::{AccountId, TimeUs};
use emporion_ports::keys::{KeyDirectory, KeyRecord, VerifyingKey};
use emporion_ports::users::ApiKeyName;
use emporion_user::StoredKeys;
use serde_json::{Value, json};

use crate::support::{Act, Answer, PASSWORD, START_US, Venue, master_keys};

const ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";

async fn add(venue: &Venue, token: &str, changes: Value) -> Answer {
    let mut wish = json!({"password": PASSWORD, "kind": "HMAC", "label": "desk", "permissions": ["READ", "TRADE"]});
    for (field, value) in changes.as_object().unwrap() {
        wish[field] = value.clone();
    }
    venue.call("POST", "/v1/api-keys", Some(token), wish).await
}

async fn added(venue: &Venue, token: &str, changes: Value) -> ApiKeyName {
    let body = add(venue, token, changes).await.check(201);
    ApiKeyName::parse(body["apiKey"].as_str().unwrap()).unwrap()
}

async fn found(directory: &dyn KeyDirectory, name: &ApiKeyName) -> Option<Arc<KeyRecord>> {
    directory.lookup(name).await.unwrap()
}

async fn revoke(venue: &Venue, token: &str, name: &str) -> Answer {
    venue.call("DELETE", &format!("/v1/api-keys/{name}"), Some(token), Value::Null).await
}

#[tokio::test]
async fn an_hmac_secret_is_shown_once_and_verifies() {
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    let made = add(&venue, &token, json!({"ipList": ["192.0.2.7", "10.0.0.0/8"], "permissions": ["TRADE"]})).await;
    let made = made.check(201);
    let (api_key, secret) = (made["apiKey"].as_str().unwrap(), made["secretKey"].as_str().unwrap());
    let is_text = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    assert!(is_text(api_key) && is_text(secret) && api_key != secret);

    let name = ApiKeyName::parse(api_key).unwrap();
    let record = found(&*venue.service.key_directory(), &name).await.unwrap();
    assert_eq!((record.account, record.permissions.read, record.permissions.trade), (AccountId(1_000), false, true));
    assert!(matches!(&record.verifying_key, VerifyingKey::Hmac(kept) if kept.expose() == secret.as_bytes()));
    assert_eq!(record.ip_rules.len(), 2);

    let listed = venue.call("GET", "/v1/api-keys", Some(&token), Value::Null).await.check(200);
    let expected = json!({"apiKeys": [{
        "apiKey": api_key, "kind": "HMAC", "label": "desk", "permissions": ["TRADE"],
        "ipList": ["192.0.2.7", "10.0.0.0/8"], "createdAtMs": 1_700_000_000_000_u64,
    }]});
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_public_key_is_taken_as_it_is() {
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    let made = add(&venue, &token, json!({"kind": "ED25519", "publicKey": format!("{ED25519}\n")})).await.check(201);
    assert_eq!((&made["publicKey"], made.get("secretKey")), (&json!(ED25519), None));
    let name = ApiKeyName::parse(made["apiKey"].as_str().unwrap()).unwrap();
    let record = found(&*venue.service.key_directory(), &name).await.unwrap();
    assert!(matches!(&record.verifying_key, VerifyingKey::PublicPem(pem) if pem == ED25519));
}

#[tokio::test]
async fn bad_wishes_are_refused() {
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    let many: Vec<String> = (0..31).map(|index| format!("10.0.0.{index}")).collect();
    let cases = [
        (json!({"kind": "ED25519"}), 400, "invalid_field"),
        (json!({"kind": "RSA", "publicKey": ED25519}), 400, "invalid_field"),
        (json!({"kind": "ED25519", "publicKey": "PEM"}), 400, "invalid_field"),
        (json!({"publicKey": ED25519}), 400, "invalid_field"),
        (json!({"kind": "DSA"}), 400, "invalid_request"),
        (json!({"permissions": []}), 400, "invalid_field"),
        (json!({"permissions": ["READ", "READ"]}), 400, "invalid_field"),
        (json!({"permissions": ["WITHDRAW"]}), 400, "invalid_request"),
        (json!({"label": "x".repeat(65)}), 400, "invalid_field"),
        (json!({"label": "two\nlines"}), 400, "invalid_field"),
        (json!({"ipList": ["10.0.0.1/8"]}), 400, "invalid_field"),
        (json!({"ipList": ["localhost"]}), 400, "invalid_field"),
        (json!({"ipList": many}), 400, "invalid_field"),
        (json!({"expiresAtMs": START_US / 1_000}), 400, "invalid_field"),
        (json!({"expiresAtMs": -1}), 400, "invalid_request"),
        (json!({"password": "not hers at all"}), 401, "invalid_credentials"),
        (json!({"account": 1}), 400, "invalid_request"),
    ];
    for (changes, status, code) in cases {
        add(&venue, &token, changes.clone()).await.check_error(status, code);
    }
    let listed = venue.call("GET", "/v1/api-keys", Some(&token), Value::Null).await.check(200);
    assert_eq!(listed, json!({"apiKeys": []}));
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    let name = added(&venue, &token, json!({})).await;
    let directory = venue.service.key_directory();
    assert!(found(&*directory, &name).await.is_some());
    revoke(&venue, &token, name.as_str()).await.check(204);
    assert!(found(&*directory, &name).await.is_none());
    revoke(&venue, &token, name.as_str()).await.check_error(404, "not_found");
    let listed = venue.call("GET", "/v1/api-keys", Some(&token), Value::Null).await.check(200);
    assert_eq!(listed["apiKeys"][0]["revokedAtMs"], json!(START_US / 1_000));
}

#[tokio::test]
async fn another_process_refuses_a_revoked_key_within_a_second() {
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    let name = added(&venue, &token, json!({})).await;
    let clock = Clock::new(|| TimeUs(START_US));
    let elsewhere = StoredKeys::new(venue.store.clone(), Arc::new(master_keys()), clock);
    let before = found(&elsewhere, &name).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    let same = found(&elsewhere, &name).await.unwrap();
    assert!(Arc::ptr_eq(&before, &same), "an unchanged key stays the same record");
    tokio::time::resume();

    revoke(&venue, &token, name.as_str()).await.check(204);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(found(&elsewhere, &name).await.is_none());
}

#[tokio::test]
async fn a_key_works_from_the_opening_of_its_account_to_its_expiry() {
    let venue = Venue::start().await;
    venue.engine.script([Act::Busy, Act::Busy]);
    venue.sign_up("ann").await;
    let token = venue.log_in("ann").await;
    let name = added(&venue, &token, json!({"expiresAtMs": START_US / 1_000 + 5_000})).await;
    venue.drained().await;
    let directory = StoredKeys::new(venue.store.clone(), Arc::new(master_keys()), {
        let shown = venue.clock.clone();
        Clock::new(move || TimeUs(shown.load(std::sync::atomic::Ordering::Relaxed)))
    });
    assert!(found(&directory, &name).await.is_some());
    venue.pass_s(4);
    assert!(found(&directory, &name).await.is_some());
    venue.pass_s(1);
    assert!(found(&directory, &name).await.is_none(), "expiry does not wait for the cache");
}

#[tokio::test]
async fn a_pending_account_has_no_working_key() {
    let venue = Venue::start().await;
    venue.engine.script([Act::Hang]);
    venue.sign_up("ann").await;
    let token = venue.log_in("ann").await;
    let name = added(&venue, &token, json!({})).await;
    assert!(found(&*venue.service.key_directory(), &name).await.is_none());
}

#[tokio::test]
async fn suspension_stops_keys_at_once() {
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    let name = added(&venue, &token, json!({})).await;
    let directory = venue.service.key_directory();
    assert!(found(&*directory, &name).await.is_some());
    let set = async |state: &str| {
        venue.operator("PUT", "/v1/operator/user-state", json!({"name": "ann", "state": state})).await.check(204)
    };
    set("SUSPENDED").await;
    assert!(found(&*directory, &name).await.is_none());
    set("ACTIVE").await;
    assert!(found(&*directory, &name).await.is_some());
}

#[tokio::test]
async fn nobody_revokes_or_sees_anothers_key() {
    let venue = Venue::start().await;
    let (ann, bob) = (venue.person("ann").await, venue.person("bob").await);
    let name = added(&venue, &ann, json!({})).await;
    for text in [name.as_str(), &"x".repeat(64), "short", "%20"] {
        revoke(&venue, &bob, text).await.check_error(404, "not_found");
    }
    let listed = venue.call("GET", "/v1/api-keys", Some(&bob), Value::Null).await.check(200);
    assert_eq!(listed, json!({"apiKeys": []}));
    assert!(found(&*venue.service.key_directory(), &name).await.is_some());
}

#[tokio::test]
async fn working_keys_are_limited() {
    let venue = Venue::start_small().await;
    let token = venue.person("ann").await;
    let first = added(&venue, &token, json!({})).await;
    added(&venue, &token, json!({})).await;
    add(&venue, &token, json!({})).await.check_error(409, "too_many_keys");
    revoke(&venue, &token, first.as_str()).await.check(204);
    added(&venue, &token, json!({})).await;
}
