//! The venue as services, from outside: every part is real, and requests come through the load balancer.
//!
//! One cluster for all of it, as each takes many seconds to start.
#![allow(clippy::unwrap_used)]

mod paths;

use emporion_api::signing::{Query, Signer};
use emporion_cluster::http::{Answer, get, request};
use emporion_cluster::parts::family;
use emporion_cluster::{Cluster, Options, down};
use emporion_edge::Clock;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_emporion");

#[test]
fn the_venue_runs_as_services() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("cluster");
    let cluster = Cluster::start(&Options::new(&dir, BINARY)).unwrap();
    ready_file_names_every_process(&cluster);
    assert!(Cluster::start(&Options::new(&dir, BINARY)).unwrap_err().to_string().contains("runs in"));
    paths::every_path_goes_to_its_role(&cluster);
    let (alice, bob) = (Trader::open(&cluster, "alice"), Trader::open(&cluster, "bob"));
    trade(&cluster, &alice, &bob);
    a_killed_leader_is_followed(&cluster, &alice, &bob);
    let audit = command(&cluster, &["audit"]);
    assert!(audit["seq"].as_u64().unwrap() > 0, "{audit}");

    let me = family::mark(std::process::id());
    // Eight of the venue, haproxy, six of Redis, three of PostgreSQL, and the emulator.
    assert!(family::children(&me).len() >= 19);
    drop(cluster);
    assert_eq!(family::children(&me), Vec::<String>::new());
    for name in ["ready.json", "address.json", "operator-token"] {
        assert!(!dir.join(name).exists(), "{name} says that a venue runs");
    }
    let nowhere = down(folder.path()).unwrap_err().to_string();
    assert!(nowhere.contains("no cluster runs in"), "{nowhere}");
}

fn ready_file_names_every_process(cluster: &Cluster) {
    let ready: Value = serde_json::from_slice(&std::fs::read(cluster.folder().join("ready.json")).unwrap()).unwrap();
    assert_eq!(ready["rest"], cluster.rest());
    let processes = ready["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 8);
    for process in processes {
        let name = process["name"].as_str().unwrap();
        assert_eq!(process["pid"].as_u64().map(|pid| pid as u32), cluster.process(name).pid());
        assert_eq!(
            get(process["address"].as_str().unwrap().parse().unwrap(), "/readyz").unwrap().status,
            200,
            "{name}"
        );
        assert!(cluster.names(process["role"].as_str().unwrap()).contains(&name));
    }
}

/// An order that rests and one that meets it, each through whichever gateway.
fn trade(cluster: &Cluster, alice: &Trader, bob: &Trader) {
    assert_eq!(get(cluster.public(), "/api/v3/ping").unwrap().status, 200);
    let info = get(cluster.public(), "/api/v3/exchangeInfo").unwrap();
    assert!(info.body.contains("BTCUSDT"), "{info:?}");
    assert_eq!(alice.limit(cluster, "SELL")["status"], "NEW");
    let bought = bob.limit(cluster, "BUY");
    assert_eq!((&bought["status"], &bought["executedQty"]), (&"FILLED".into(), &"0.01000000".into()), "{bought}");
    let trades = bob.send(cluster, "GET", "/api/v3/myTrades", &[("symbol", "BTCUSDT")]);
    let trades: Value = serde_json::from_str(&trades.body).unwrap();
    assert!(trades.as_array().unwrap().iter().any(|trade| trade["orderId"] == bought["orderId"]), "{trades}");
}

fn a_killed_leader_is_followed(cluster: &Cluster, alice: &Trader, bob: &Trader) {
    let before = cluster.leader().unwrap().to_owned();
    let pid = cluster.process(&before).pid();
    cluster.process(&before).hold();
    cluster.process(&before).kill();
    eventually(|| cluster.leader().filter(|leader| *leader != before));
    trade(cluster, alice, bob);
    cluster.process(&before).release();
    cluster.wait_ready(&before).unwrap();
    assert_ne!(cluster.process(&before).pid(), pid);
}

/// What a command that works says about the cluster.
#[track_caller]
fn command(cluster: &Cluster, arguments: &[&str]) -> Value {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EMPORION_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).arg("--json").arg("--config").arg(cluster.folder().join("emporion.toml"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Somebody with an API key.
struct Trader {
    api_key: String,
    signer: Signer,
}

impl Trader {
    fn open(cluster: &Cluster, name: &str) -> Self {
        let deposits = ["--deposit", "USDT=100000", "--deposit", "BTC=10"];
        let made = command(cluster, &[&["account", "create", "--name", name], &deposits[..]].concat());
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self { api_key: text("apiKey"), signer: Signer::hmac(&text("secretKey")) }
    }

    fn send(&self, cluster: &Cluster, method: &str, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let query = parameters.iter().fold(Query::new(), |query, (name, value)| query.with(name, value));
        let query = query.with("timestamp", Clock::system().now().millis()).signed(&self.signer);
        let headers = [("X-MBX-APIKEY", self.api_key.as_str())];
        request(cluster.public(), method, &format!("{path}?{query}"), &headers, "").unwrap()
    }

    #[track_caller]
    fn limit(&self, cluster: &Cluster, side: &str) -> Value {
        let order = [("symbol", "BTCUSDT"), ("side", side), ("type", "LIMIT"), ("timeInForce", "GTC")];
        let order = [&order[..], &[("quantity", "0.01"), ("price", "60000")]].concat();
        let answer = self.send(cluster, "POST", "/api/v3/order", &order);
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }
}

/// Looks until something is there.
#[track_caller]
fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "it did not come within 60 s");
        std::thread::yield_now();
    }
}
