//! What all [`RequestCounts`] must do.
//!
//! An adapter's test module says `emporion_ports::counts_contract!(open);`, where `open()` is an async function that
//! returns counts of nothing yet.

use std::sync::Arc;

use crate::counts::{RequestCounts, Use, Used};

/// One test per case of the contract on the counts that `$open` makes.
#[macro_export]
macro_rules! counts_contract {
    ($open:path) => {
        $crate::counts_contract!(@cases $open:
            uses_add_up_in_their_windows,
            networks_are_counted_apart,
            counts_stop_at_the_largest_number,
            a_ban_lasts_and_is_forgotten,
            a_shorter_ban_changes_nothing,
            nothing_is_lost_between_many,
        );
    };
    (@cases $open:path: $($case:ident,)+) => {
        $(#[tokio::test]
        async fn $case() {
            $crate::contract::counts::$case($open().await).await;
        })+
    };
}

/// One of everything in this minute.
pub fn one(minute: u64) -> Use {
    Use { minute, five_minutes: minute / 5, weight: 1, requests: 1, connections: 1, refusals: 1 }
}

/// Nothing, to see what was used until this minute.
pub fn nothing(minute: u64) -> Use {
    Use { minute, five_minutes: minute / 5, ..Use::default() }
}

/// Minutes begin anew each minute, five minutes each five.
pub async fn uses_add_up_in_their_windows(counts: Arc<dyn RequestCounts>) {
    let used = Use { weight: 20, requests: 1, connections: 3, refusals: 2, ..nothing(100) };
    let after =
        |weight, requests, connections, refusals| Used { weight, requests, connections, refusals, ..Used::default() };
    let steps = [
        (nothing(100), after(0, 0, 0, 0)),
        (used, after(20, 1, 3, 2)),
        (used, after(40, 2, 6, 4)),
        (one(101), after(1, 3, 7, 1)),
        (nothing(104), after(0, 3, 7, 0)),
        (one(105), after(1, 1, 1, 1)),
    ];
    for (used, expected) in steps {
        assert_eq!(counts.add("192.0.2.1", used).await.unwrap(), expected, "after {used:?}");
    }
}

/// Any short text names a network.
pub async fn networks_are_counted_apart(counts: Arc<dyn RequestCounts>) {
    for network in ["192.0.2.1", "2001:db8::/64", "", "{a}", "a b"] {
        counts.ban(network, 1, 7_000, 8_000).await.unwrap();
        assert_eq!(counts.add(network, one(100)).await.unwrap().requests, 1, "{network:?}");
    }
    assert_eq!(counts.add("192.0.2.2", nothing(100)).await.unwrap(), Used::default());
}

/// A count that would overflow stays at its largest number.
pub async fn counts_stop_at_the_largest_number(counts: Arc<dyn RequestCounts>) {
    let most = Use { weight: u32::MAX, requests: u32::MAX, connections: u32::MAX, refusals: u32::MAX, ..nothing(100) };
    counts.add("a", one(100)).await.unwrap();
    let used = counts.add("a", most).await.unwrap();
    assert_eq!([used.weight, used.requests, used.connections, used.refusals], [u32::MAX; 4]);
}

/// A ban is told with every use until it is over, and its number until it is forgotten.
pub async fn a_ban_lasts_and_is_forgotten(counts: Arc<dyn RequestCounts>) {
    counts.ban("a", 2, 6_120, 6_300).await.unwrap();
    for (minute, bans, banned_until_s) in [(100, 2, 6_120), (101, 2, 6_120), (102, 2, 0), (104, 2, 0), (105, 0, 0)] {
        let used = counts.add("a", nothing(minute)).await.unwrap();
        assert_eq!((used.bans, used.banned_until_s), (bans, banned_until_s), "in minute {minute}");
    }
    counts.ban("a", 1, 6_400, 6_500).await.unwrap();
    assert_eq!(counts.add("a", nothing(105)).await.unwrap().bans, 1);
}

/// Two processes may ban for the same burst; the longer one holds.
pub async fn a_shorter_ban_changes_nothing(counts: Arc<dyn RequestCounts>) {
    counts.ban("a", 3, 9_000, 9_900).await.unwrap();
    counts.ban("a", 2, 8_000, 8_900).await.unwrap();
    let used = counts.add("a", nothing(100)).await.unwrap();
    assert_eq!((used.bans, used.banned_until_s), (3, 9_000));
    assert_eq!(counts.add("a", nothing(149)).await.unwrap().banned_until_s, 9_000);
    assert_eq!(counts.add("a", nothing(164)).await.unwrap().bans, 3);
}

/// Every use counts once, and each one sees another sum.
pub async fn nothing_is_lost_between_many(counts: Arc<dyn RequestCounts>) {
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let counts = counts.clone();
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for _ in 0..50 {
                    seen.push(counts.add("a", one(100)).await.unwrap().requests);
                }
                seen
            })
        })
        .collect();
    let mut seen = Vec::new();
    for task in tasks {
        seen.extend(task.await.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=200).collect::<Vec<u32>>());
}
