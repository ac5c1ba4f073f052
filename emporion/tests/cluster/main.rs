//! The venue as services, from outside: every part is real, and requests come through the load balancer.
//!
//! One cluster for all of it, as each takes many seconds to start.
#![allow(clippy::unwrap_used)]

mod drain;
mod harness;
mod limits;
mod paths;
mod peers;
mod statements;
mod users;

#[path = "../e2e/protocol.rs"]
mod protocol;
#[path = "../e2e/streams.rs"]
mod streams;
#[path = "../e2e/support.rs"]
#[expect(dead_code, reason = "it holds what the tests of one process need, too")]
mod support;
#[path = "../e2e/symbols.rs"]
mod symbols;

use emporion_cluster::http::get;
use emporion_cluster::parts::family;
use emporion_cluster::{Cluster, Options, RateLimits, down};
use harness::{BINARY, KeptLogs, SYMBOL, Trader, command, eventually, ready};
use serde_json::Value;
use support::{Folder, Venue};

#[test]
fn the_venue_runs_as_services() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("cluster");
    let _kept = KeptLogs(dir.join("log"));
    let options = Options { rate_limits: RateLimits::Binance, ..Options::new(&dir, BINARY) };
    let cluster = Cluster::start(&options).unwrap();
    ready_file_names_every_process(&cluster);
    assert!(Cluster::start(&options).unwrap_err().to_string().contains("runs in"));
    paths::every_path_goes_to_its_role(&cluster);
    the_scenarios_of_one_process_hold(&cluster);
    let (alice, bob) = (Trader::open(&cluster, "alice"), Trader::open(&cluster, "bob"));
    trade(&cluster, &alice, &bob);
    limits::check(&cluster, &Trader::open(&cluster, "carol"));
    statements::prices_ask_the_database_nothing(&cluster);
    users::check(&cluster);
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
    let ready = ready(cluster);
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

fn the_scenarios_of_one_process_hold(cluster: &Cluster) {
    let venue = Venue::running(ready(cluster));
    let scenarios = [
        // Nothing has been traded yet.
        streams::whoever_comes_to_a_quiet_venue_is_told_how_it_stands,
        streams::clients_keep_the_book_through_reconnections,
        streams::a_symbol_listed_later_sends_to_who_came_before,
        protocol::who_breaks_the_protocol_is_told_and_nobody_else_notices,
        protocol::what_the_protocol_allows_works,
        symbols::an_operator_adds_halts_and_resumes_symbols,
    ];
    for (number, scenario) in scenarios.into_iter().enumerate() {
        scenario(&Folder::beside(cluster.folder(), &format!("scenario-{number}-")), &venue);
    }
}

/// An order that rests and one that meets it, each through whichever gateway.
fn trade(cluster: &Cluster, alice: &Trader, bob: &Trader) {
    assert_eq!(get(cluster.public(), "/api/v3/ping").unwrap().status, 200);
    let info = get(cluster.public(), "/api/v3/exchangeInfo").unwrap();
    assert!(info.body.contains(SYMBOL), "{info:?}");
    assert_eq!(alice.limit(cluster, "SELL")["status"], "NEW");
    let bought = bob.limit(cluster, "BUY");
    assert_eq!((&bought["status"], &bought["executedQty"]), (&"FILLED".into(), &"0.01000000".into()), "{bought}");
    let trades = bob.send(cluster, "GET", "/api/v3/myTrades", &[("symbol", SYMBOL)]);
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
