//! Request limits hold over all processes, by the address that the load balancer saw.
//!
//! Clients come from loopback addresses of their own. 127.0.0.1 is the load balancer's, whose word the processes take.

use crate::harness::{ServedBy, Trader, code};
use emporion_cluster::Cluster;
use emporion_cluster::http::{Answer, get, request_from};
use emporion_edge::Clock;
use std::net::Ipv4Addr;

/// Weighs 250 of the 6000 that an address has in a minute.
const DEEP: &str = "/api/v3/depth?symbol=BTCUSDT&limit=5000";
const PER_MINUTE: u32 = 6_000;

pub(crate) fn check(cluster: &Cluster, trader: &Trader) {
    weight_is_counted_over_all_processes(cluster);
    nobody_escapes_by_naming_other_addresses(cluster);
    orders_of_an_account_are_counted_over_all_processes(cluster, trader);
}

/// A client at a loopback address.
struct Client<'a> {
    cluster: &'a Cluster,
    address: Ipv4Addr,
}

impl Client<'_> {
    fn send(&self, path: &str, forwarded: &[&str]) -> Answer {
        let headers: Vec<_> = forwarded.iter().map(|text| ("X-Forwarded-For", *text)).collect();
        request_from(self.address, self.cluster.public(), "GET", path, &headers, "").unwrap()
    }

    /// The weight that this address has used in this minute, an unsigned request of weight 1 included.
    fn used(&self, forwarded: &[&str]) -> u32 {
        used(&self.send("/api/v3/ping", forwarded))
    }
}

fn used(answer: &Answer) -> u32 {
    answer.header("X-MBX-USED-WEIGHT-1M").unwrap().parse().unwrap()
}

/// Does something anew until it fell into one window of the limits, in which no process had to count by itself because
/// Redis did not answer it in time.
fn within<T>(cluster: &Cluster, window_ms: u64, mut act: impl FnMut(u8) -> T) -> T {
    let window = || (Clock::system().now().millis() / window_ms, counted_alone(cluster));
    for attempt in 1..=20 {
        let before = window();
        let done = act(attempt);
        if window() == before {
            return done;
        }
    }
    panic!("it never fell into one window of {window_ms} ms");
}

/// How many requests processes have counted by themselves, as their metrics say.
fn counted_alone(cluster: &Cluster) -> Vec<String> {
    let names = [cluster.names("market-data"), cluster.names("order")].concat();
    let lines = names.into_iter().flat_map(|name| {
        let metrics = get(cluster.address(name).unwrap(), "/metrics").unwrap().body;
        let lines = metrics.lines().filter(|line| line.starts_with("request_counts_unshared_total"));
        lines.map(|line| format!("{name}: {line}")).collect::<Vec<_>>()
    });
    lines.collect()
}

fn weight_is_counted_over_all_processes(cluster: &Cluster) {
    let client = |number| Client { cluster, address: Ipv4Addr::new(127, 1, 1, number) };
    let (weights, served_by) = within(cluster, 60_000, |attempt| {
        let mut served_by = ServedBy::default();
        let paths = ["/api/v3/ping", "/api/v3/ticker/price?symbol=BTCUSDT", "/api/v3/account", "/api/v3/nothing"];
        let weights: Vec<u32> = paths
            .iter()
            .flat_map(|path| [path; 4])
            .map(|path| {
                let answer = client(attempt).send(path, &[]);
                served_by.note(&answer);
                used(&answer)
            })
            .collect();
        (weights, served_by)
    });
    let expected = [1, 2, 20, 1].into_iter().flat_map(|weight| [weight; 4]).scan(0, |sum, weight| {
        *sum += weight;
        Some(*sum)
    });
    assert_eq!(weights, expected.collect::<Vec<u32>>());
    served_by.check(cluster, &["market-data", "order"]);
}

fn nobody_escapes_by_naming_other_addresses(cluster: &Cluster) {
    let spoofs: [&[&str]; 10] = [
        &["127.2.3.1"],
        &["203.0.113.7"],
        &["203.0.113.7, 127.2.3.1, 127.0.0.1"],
        &["127.0.0.1"],
        &["2001:db8::7"],
        &["::ffff:127.2.3.1"],
        &["[2001:db8::7]:443"],
        &["nonsense, , 999.1.1.1"],
        &["203.0.113.7", "127.2.3.1", "127.0.0.1"],
        &["127.2.3.1,"],
    ];
    within(cluster, 60_000, |attempt| {
        let client = Client { cluster, address: Ipv4Addr::new(127, 2, 2, attempt) };
        // It is this one that all of them name.
        let other = Client { cluster, address: Ipv4Addr::new(127, 2, 3, 1) };
        let weights: Vec<u32> = spoofs.iter().map(|forwarded| client.used(forwarded)).collect();
        let mut served_by = ServedBy::default();
        let deep: Vec<Answer> = (0..24).map(|number| client.send(DEEP, spoofs[number % spoofs.len()])).collect();
        let after: Vec<Answer> = spoofs.iter().map(|forwarded| client.send("/api/v3/ping", forwarded)).collect();
        after.iter().for_each(|answer| served_by.note(answer));
        let others = [other.used(&[]), other.used(&[])];
        move || {
            assert_eq!(weights, (1..=10).collect::<Vec<u32>>());
            let (last, within_limit) = deep.split_last().unwrap();
            assert!(within_limit.iter().all(|answer| answer.status == 200), "{within_limit:?}");
            assert_eq!((last.status, code(last)), (429, -1003), "{last:?}");
            assert!(used(last) > PER_MINUTE);
            for answer in &after {
                assert_eq!((answer.status, code(answer)), (429, -1003), "{answer:?}");
                assert!(answer.header("Retry-After").is_some(), "{answer:?}");
            }
            served_by.check(cluster, &["market-data"]);
            assert_eq!(others[1] - others[0], 1);
            assert!(others[0] <= 2 * u32::from(attempt), "{others:?}");
        }
    })();
}

/// A hundred orders in 10 s, as on the live venue.
fn orders_of_an_account_are_counted_over_all_processes(cluster: &Cluster, trader: &Trader) {
    let (counts, served_by) = within(cluster, 10_000, |_| {
        let mut served_by = ServedBy::default();
        let mut count = || {
            let answer = trader.place(cluster, "BUY", "5000", "IOC");
            assert_eq!(answer.status, 200, "{answer:?}");
            served_by.note(&answer);
            answer.header("X-MBX-ORDER-COUNT-10S").unwrap().parse().unwrap()
        };
        let counts: Vec<u32> = (0..6).map(|_| count()).collect();
        (counts, served_by)
    });
    assert!(counts.is_sorted_by(|one, next| one + 1 == *next), "{counts:?}");
    served_by.check(cluster, &["order"]);
    let refused = std::thread::scope(|scope| {
        let placing =
            || (0..300).map(|_| trader.place(cluster, "BUY", "5000", "IOC")).find(|answer| answer.status != 200);
        let threads = [(); 4].map(|()| scope.spawn(placing));
        threads.map(|thread| thread.join().unwrap())
    });
    for answer in refused {
        let answer = answer.expect("more than a hundred orders within 10 s");
        assert_eq!((answer.status, code(&answer)), (429, -1015), "{answer:?}");
    }
}
