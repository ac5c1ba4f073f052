//! What holds for every path alike, found by enumeration, so that a new one cannot be forgotten.

use emporion_api::paths::{self, Security};
use emporion_api::{Endpoint, Role};
use serde_json::{Value, json};

use crate::support::{OPERATOR_TOKEN, Venue};

fn served() -> impl Iterator<Item = &'static Endpoint> {
    paths::ALL.iter().copied().filter(|endpoint| endpoint.role == Role::User)
}

#[tokio::test]
async fn every_protected_path_refuses_who_carries_no_token() {
    let venue = Venue::start().await;
    for endpoint in served().filter(|endpoint| endpoint.security != Security::None) {
        for token in [None, Some("nonsense")] {
            let answer = venue.call(endpoint.method.as_str(), endpoint.path, token, json!({})).await;
            answer.check_error(401, "unauthenticated");
        }
    }
}

#[tokio::test]
async fn no_path_takes_a_query_string() {
    let venue = Venue::start().await;
    let session = venue.person("ann").await;
    for endpoint in served() {
        let token = if endpoint.security == Security::Operator { OPERATOR_TOKEN } else { &session };
        let path = format!("{}?token=x", endpoint.path);
        let answer = venue.call(endpoint.method.as_str(), &path, Some(token), Value::Null).await;
        answer.check_error(400, "invalid_request");
    }
}
