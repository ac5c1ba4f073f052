//! Two User Services on one store: whatever one of them did, the other and everybody else know.

use crate::harness::{Trader, addresses, code, eventually, json};
use emporion_cluster::Cluster;
use emporion_cluster::http::{Answer, request};
use serde_json::{Value, json};
use std::net::SocketAddr;

const PASSWORD: &str = "correct horse battery staple";

pub(crate) fn check(cluster: &Cluster) {
    keys_are_known_everywhere(cluster);
    the_outbox_goes_on_when_its_sender_is_killed(cluster);
}

/// A person with a session, at whichever process.
struct Person {
    token: String,
}

impl Person {
    fn sign_up(server: SocketAddr, name: &str) -> Self {
        let who = json!({ "name": name, "password": PASSWORD });
        json(&call(server, "POST", "/v1/users", "", &who));
        let session = json(&call(server, "POST", "/v1/sessions", "", &who));
        Self { token: session["token"].as_str().unwrap().to_owned() }
    }

    #[track_caller]
    fn call(&self, server: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
        json(&call(server, method, path, &self.token, body))
    }
}

fn call(server: SocketAddr, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    request(server, method, path, &headers, &body).unwrap()
}

fn keys_are_known_everywhere(cluster: &Cluster) {
    let [one, other] = addresses(cluster, "user")[..] else { panic!("there are two user processes") };
    let orders = addresses(cluster, "order");
    let person = Person::sign_up(one, "dora@example.org");
    let me = || person.call(other, "GET", "/v1/me", &Value::Null);
    eventually(|| (me()["accounts"][0]["state"] == "OPEN").then_some(()));
    for (made_by, revoked_by) in [(one, other), (other, one)] {
        let wish = json!({ "password": PASSWORD, "kind": "HMAC", "label": "bot", "permissions": ["READ", "TRADE"] });
        let key = person.call(made_by, "POST", "/v1/api-keys", &wish);
        let (api_key, secret) = (key["apiKey"].as_str().unwrap(), key["secretKey"].as_str().unwrap());
        let trader = Trader::new(api_key, secret);
        let account = |server| trader.send_to(server, "GET", "/api/v3/account", &[]);
        for server in &orders {
            json(&account(*server));
        }
        let keys = person.call(revoked_by, "GET", "/v1/api-keys", &Value::Null);
        assert!(keys.to_string().contains(api_key), "{keys}");
        person.call(revoked_by, "DELETE", &format!("/v1/api-keys/{api_key}"), &Value::Null);
        for server in &orders {
            let refused = eventually(|| Some(account(*server)).filter(|answer| answer.status != 200));
            assert_eq!((refused.status, code(&refused)), (401, -2015), "{refused:?}");
        }
    }
}

/// One of the two has the turn to send: it is among those that are killed.
fn the_outbox_goes_on_when_its_sender_is_killed(cluster: &Cluster) {
    for (number, name) in cluster.names("user").into_iter().enumerate() {
        let process = cluster.process(name);
        process.hold();
        process.kill();
        let trader = Trader::open(cluster, &format!("heir-{number}"));
        let account = json(&trader.send(cluster, "GET", "/api/v3/account", &[]));
        let balance = account["balances"].as_array().unwrap().iter().find(|balance| balance["asset"] == "ETH");
        assert_eq!(balance.unwrap()["free"], "10.00000000", "{account}");
        process.release();
        cluster.wait_ready(name).unwrap();
    }
}
