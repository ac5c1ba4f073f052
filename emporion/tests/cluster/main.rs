//! The venue as services, from outside: every part is real, and requests come through the load balancer.
//!
//! One cluster for all of it, as each takes many seconds to start.
#![allow(clippy::unwrap_used)]

mod drain;
mod limits;
mod paths;
mod peers;
mod statements;
mod support;
mod users;

use emporion_cluster::http::get;
use emporion_cluster::parts::family;
use emporion_cluster::{Cluster, Options, RateLimits, down};
use serde_json::Value;
use support::{BINARY, Trader, command, eventually};

#[test]
fn the_venue_runs_as_services() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("cluster");
    let options = Options { rate_limits: RateLimits::Binance, ..Options::new(&dir, BINARY) };
    let cluster = Cluster::start(&options).unwrap();
    ready_file_names_every_process(&cluster);
    assert!(Cluster::start(&options).unwrap_err().to_string().contains("runs in"));
    paths::every_path_goes_to_its_role(&cluster);
    let (alice, bob) = (Trader::open(&cluster, "alice"), Trader::open(&cluster, "bob"));
    trade(&cluster, &alice, &bob);
    if std::env::var("ONLY").is_err() {
        limits::check(&cluster, &Trader::open(&cluster, "carol"));
        statements::prices_ask_the_database_nothing(&cluster);
        users::check(&cluster);
    }
    drain::nobody_loses_a_request(&cluster);
    peers::strangers_get_nothing_in(&cluster);
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
