//! Prices cost the database nothing: PostgreSQL counts the statements of the processes that answer.

use crate::harness::{ServedBy, counted, json};
use emporion_cluster::Cluster;
use emporion_cluster::http::request_from;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

const READS: usize = 1_000;

const PRICES: [&str; 3] = [
    "/api/v3/ticker/price?symbol=BTCUSDT",
    "/api/v3/ticker/bookTicker?symbol=BTCUSDT",
    "/api/v3/depth?symbol=BTCUSDT&limit=5",
];

/// Statements by their text, with how often they were run.
type Statements = BTreeMap<String, u64>;

pub(crate) fn prices_ask_the_database_nothing(cluster: &Cluster) {
    cluster.trio().sql("emporion", "create extension if not exists pg_stat_statements").unwrap();
    let control = asked(cluster, 10, "/api/v3/klines?symbol=BTCUSDT&interval=1m");
    assert!(control.values().sum::<u64>() >= 10, "the count counts what does ask the database: {control:?}");
    for path in PRICES {
        assert_eq!(asked(cluster, READS, path), Statements::new(), "{READS} reads of {path}");
    }
}

/// What the processes of market data asked the database while this was read so often through the load balancer.
///
/// They have nothing else to ask as long as the feed is not interrupted; when it is, they look into the journal, and
/// the reads are done anew.
fn asked(cluster: &Cluster, reads: usize, path: &str) -> Statements {
    let interruptions = || -> u64 {
        let names = cluster.names("market-data").into_iter();
        names.map(|name| counted(cluster, name, "feed_read_interruptions_total", "")).sum()
    };
    for _ in 0..10 {
        let before = interruptions();
        let asked = asked_once(cluster, reads, path);
        if interruptions() == before {
            return asked;
        }
    }
    panic!("the feed is interrupted again and again");
}

fn asked_once(cluster: &Cluster, reads: usize, path: &str) -> Statements {
    let before = statements(cluster);
    let mut served_by = ServedBy::default();
    for number in 0..reads {
        // No address reaches its limit.
        let source = Ipv4Addr::new(127, 3, 1, u8::try_from(number / 100).unwrap() + 1);
        let answer = request_from(source, cluster.public(), "GET", path, &[], "").unwrap();
        json(&answer);
        assert_eq!(answer.header("X-Emporion-Stale-Ms"), None, "{answer:?}");
        served_by.note(&answer);
    }
    served_by.check(cluster, &["market-data"]);
    let after = statements(cluster);
    let more = |(text, calls): (String, u64)| {
        let more = calls - before.get(&text).copied().unwrap_or_default();
        (more > 0).then_some((text, more))
    };
    after.into_iter().filter_map(more).collect()
}

/// What the processes of market data have asked any of the nodes.
fn statements(cluster: &Cluster) -> Statements {
    let mut statements = Statements::new();
    let query = "select s.query, sum(s.calls)::text from pg_stat_statements s join pg_roles r on r.oid = s.userid \
                 where r.rolname = 'emporion_market_data' group by s.query";
    for node in 0..emporion_cluster::trio::NODES {
        for row in cluster.trio().sql_at(node, "emporion", query).unwrap() {
            let [Some(text), Some(calls)] = &row[..] else { panic!("{row:?}") };
            *statements.entry(text.clone()).or_default() += calls.parse::<u64>().unwrap();
        }
    }
    statements
}
