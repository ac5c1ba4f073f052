//! Sign-up, log-in, sessions, passwords.

use emporion_ports::users::UserStore;
use serde_json::{Value, json};

use crate::support::{Act, Answer, HOME, PASSWORD, Venue, credentials};

const OTHER: &str = "another good one";

async fn sign_up(venue: &Venue, name: &str, password: &str) -> Answer {
    venue.call("POST", "/v1/users", None, credentials(name, password)).await
}

async fn log_in_from(venue: &Venue, from: &str, name: &str, password: &str) -> Answer {
    venue.call_from(from, "POST", "/v1/sessions", None, &credentials(name, password).to_string()).await
}

async fn me(venue: &Venue, token: &str) -> Answer {
    venue.call("GET", "/v1/me", Some(token), Value::Null).await
}

#[tokio::test]
async fn a_person_signs_up_logs_in_and_out() {
    let venue = Venue::start().await;
    let token = venue.person("Ann@Example.org").await;
    let expected = json!({
        "name": "ann@example.org",
        "createdAtMs": 1_700_000_000_000_u64,
        "accounts": [{"label": "", "state": "OPEN", "accountId": 1000}],
    });
    assert_eq!(me(&venue, &token).await.check(200), expected);

    let other = venue.log_in("ann@example.org").await;
    venue.call("DELETE", "/v1/sessions/current", Some(&token), Value::Null).await.check(204);
    me(&venue, &token).await.check_error(401, "unauthenticated");
    me(&venue, &other).await.check(200);
}

#[tokio::test]
async fn an_account_is_pending_until_the_engine_answers() {
    let venue = Venue::start().await;
    venue.engine.script([Act::Hang]);
    venue.sign_up("ann").await;
    let token = venue.log_in("ann").await;
    assert_eq!(me(&venue, &token).await.check(200)["accounts"], json!([{"label": "", "state": "PENDING"}]));
}

#[tokio::test]
async fn nobody_learns_from_a_sign_up_whether_a_name_exists() {
    let venue = Venue::start().await;
    let free = sign_up(&venue, "ann", PASSWORD).await;
    let rows_before = venue.store.audit_after(0, 100).await.unwrap().len();
    let taken = sign_up(&venue, "ann", OTHER).await;
    assert_eq!((free.status, &free.body), (202, &String::new()));
    assert_eq!(taken, free);
    assert!(venue.store.audit_after(0, 100).await.unwrap().len() > rows_before, "both wrote to the disk");

    log_in_from(&venue, HOME, "ann", OTHER).await.check_error(401, "invalid_credentials");
    venue.log_in("ann").await;
}

#[tokio::test]
async fn nobody_learns_from_a_log_in_whether_a_name_exists() {
    let venue = Venue::start().await;
    venue.sign_up("ann").await;
    let wrong_password = log_in_from(&venue, HOME, "ann", OTHER).await;
    wrong_password.check_error(401, "invalid_credentials");
    for (name, password) in [("bob", PASSWORD), ("not a name", PASSWORD), ("", ""), ("ann", &"x".repeat(1_000))] {
        assert_eq!(log_in_from(&venue, HOME, name, password).await, wrong_password, "{name:?}");
    }
}

#[tokio::test]
async fn bad_requests_are_told_apart_and_change_nothing() {
    let venue = Venue::start().await;
    let cases = [
        (r#"{"name":"ann","password":"short"}"#, "invalid_password"),
        (r#"{"name":"ann","password":"password"}"#, "invalid_password"),
        (r#"{"name":"ann@example.org","password":"ANN@example.org"}"#, "invalid_password"),
        (r#"{"name":"an","password":"k7 Fq2!x"}"#, "invalid_field"),
        (r#"{"name":"ann smith","password":"k7 Fq2!x"}"#, "invalid_field"),
        (r#"{"name":"ann"}"#, "invalid_request"),
        (r#"{"name":"ann","password":null}"#, "invalid_request"),
        (r#"{"name":"ann","password":12345678}"#, "invalid_request"),
        (r#"{"name":"ann","password":"k7 Fq2!x","admin":true}"#, "invalid_request"),
        (r#"{"name":"ann","name":"bob","password":"k7 Fq2!x"}"#, "invalid_request"),
        (r#"{"name":"ann","password":"k7 Fq2!x"} {}"#, "invalid_request"),
        (r#"["ann","k7 Fq2!x"]"#, "invalid_request"),
        ("", "invalid_request"),
        ("name=ann&password=k7+Fq2!x", "invalid_request"),
    ];
    for (body, code) in cases {
        let answer = venue.call_from(HOME, "POST", "/v1/users", None, body).await;
        answer.check_error(400, code);
        assert!(!answer.body.contains("k7 Fq2!x"), "{answer:?}");
    }
    let with_query = venue.call("POST", "/v1/users?name=ann", None, credentials("ann", PASSWORD)).await;
    with_query.check_error(400, "invalid_request");
    assert_eq!(venue.store.outbox_head().await.unwrap().last_n, 0);
}

#[tokio::test]
async fn guessing_is_rationed_alike_for_names_that_exist_and_others() {
    let venue = Venue::start_small().await;
    venue.sign_up("ann").await;
    for name in ["ann", "bob"] {
        for stranger in 0..3 {
            let from = format!("198.51.{stranger}.1");
            log_in_from(&venue, &from, name, OTHER).await.check_error(401, "invalid_credentials");
        }
        let refused = log_in_from(&venue, "203.0.113.1", name, OTHER).await;
        refused.check_error(429, "too_many_attempts");
        assert_eq!(refused.headers.get("retry-after").unwrap(), "60");
    }
    venue.pass_s(60);
    log_in_from(&venue, "203.0.113.1", "ann", PASSWORD).await.check(201);
}

#[tokio::test]
async fn an_attacker_does_not_lock_the_owner_out() {
    let venue = Venue::start_small().await;
    venue.sign_up("ann").await;
    venue.log_in("ann").await;
    for stranger in 0..5 {
        log_in_from(&venue, &format!("198.51.{stranger}.1"), "ann", OTHER).await;
    }
    log_in_from(&venue, "203.0.113.1", "ann", PASSWORD).await.check_error(429, "too_many_attempts");
    venue.log_in("ann").await;
    log_in_from(&venue, "192.0.2.200", "ann", PASSWORD).await.check(201);
}

#[tokio::test]
async fn one_network_does_not_try_many_names() {
    let venue = Venue::start_small().await;
    for index in 0..5 {
        log_in_from(&venue, "203.0.113.1", &format!("name{index}"), OTHER)
            .await
            .check_error(401, "invalid_credentials");
    }
    log_in_from(&venue, "203.0.113.9", "name99", OTHER).await.check_error(429, "too_many_attempts");
    log_in_from(&venue, "203.0.114.1", "name99", OTHER).await.check_error(401, "invalid_credentials");
}

#[tokio::test]
async fn a_right_password_costs_no_try() {
    let venue = Venue::start_small().await;
    venue.sign_up("ann").await;
    for _ in 0..6 {
        venue.log_in("ann").await;
    }
}

#[tokio::test]
async fn one_network_does_not_sign_up_a_crowd() {
    let venue = Venue::start_small().await;
    for index in 0..3 {
        venue.sign_up(&format!("name{index}")).await;
    }
    sign_up(&venue, "name3", PASSWORD).await.check_error(429, "too_many_attempts");
    venue.pass_s(60);
    venue.sign_up("name3").await;
}

#[tokio::test]
async fn a_session_ends_by_disuse_and_by_age() {
    const MINUTE_S: u64 = 60;
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    for _ in 0..3 {
        venue.pass_s(29 * MINUTE_S);
        me(&venue, &token).await.check(200);
    }
    venue.pass_s(30 * MINUTE_S);
    me(&venue, &token).await.check_error(401, "unauthenticated");

    let token = venue.log_in("ann").await;
    for _ in 0..12 * 60 / 29 {
        venue.pass_s(29 * MINUTE_S);
        me(&venue, &token).await.check(200);
    }
    venue.pass_s(29 * MINUTE_S);
    me(&venue, &token).await.check_error(401, "unauthenticated");
    assert_eq!(venue.service.people.prune_sessions().await.unwrap(), 2);
}

#[tokio::test]
async fn a_token_travels_in_the_header_only_and_is_exact() {
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    let query = format!("/v1/me?token={token}");
    venue.call("GET", &query, None, Value::Null).await.check_error(400, "invalid_request");
    venue.call("GET", &query, Some(&token), Value::Null).await.check_error(400, "invalid_request");
    for wrong in ["", " ", &token[1..], &token.to_uppercase(), &format!("{token} ")] {
        let answer = me(&venue, wrong).await;
        answer.check_error(401, "unauthenticated");
        assert_eq!(answer.headers.get("www-authenticate").unwrap(), "Bearer");
    }
    venue.call("GET", "/v1/me", None, Value::Null).await.check_error(401, "unauthenticated");
}

#[tokio::test]
async fn a_password_change_ends_every_session() {
    let venue = Venue::start().await;
    let (one, two) = (venue.person("ann").await, venue.log_in("ann").await);
    let change = async |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        venue.call("PUT", "/v1/me/password", Some(&one), body).await
    };
    change(OTHER, "a third good one").await.check_error(401, "invalid_credentials");
    change(PASSWORD, "short").await.check_error(400, "invalid_password");
    me(&venue, &two).await.check(200);

    change(PASSWORD, OTHER).await.check(204);
    for token in [&one, &two] {
        me(&venue, token).await.check_error(401, "unauthenticated");
    }
    log_in_from(&venue, HOME, "ann", PASSWORD).await.check_error(401, "invalid_credentials");
    log_in_from(&venue, HOME, "ann", OTHER).await.check(201);
}

#[tokio::test]
async fn a_stolen_session_cannot_guess_the_password_for_long() {
    let venue = Venue::start_small().await;
    let token = venue.person("ann").await;
    let body = json!({"currentPassword": OTHER, "newPassword": "a third good one"});
    for _ in 0..3 {
        let answer = venue.call("PUT", "/v1/me/password", Some(&token), body.clone()).await;
        answer.check_error(401, "invalid_credentials");
    }
    venue.call("PUT", "/v1/me/password", Some(&token), body).await.check_error(429, "too_many_attempts");
}

#[tokio::test]
async fn a_suspended_person_is_out_and_may_come_back() {
    let venue = Venue::start().await;
    let token = venue.person("ann").await;
    let set = async |name: &str, state: &str| {
        venue.operator("PUT", "/v1/operator/user-state", json!({"name": name, "state": state})).await
    };
    set("Ann", "SUSPENDED").await.check(204);
    me(&venue, &token).await.check_error(401, "unauthenticated");
    log_in_from(&venue, HOME, "ann", PASSWORD).await.check_error(403, "suspended");
    log_in_from(&venue, HOME, "ann", OTHER).await.check_error(401, "invalid_credentials");
    set("ann", "ACTIVE").await.check(204);
    venue.log_in("ann").await;
    set("bob", "SUSPENDED").await.check_error(404, "not_found");
    set("ann", "suspended").await.check_error(400, "invalid_request");
}
