//! Leases, compare-and-swap, takeover and redelivery, all interleavings of a small world: whatever stops, wakes, is lost
//! or comes again, each command is in the journal once at most, and once it is acknowledged it is there.

mod explore;
mod model;

use explore::{Found, explore};
use model::{Bounds, Bug, Model};

const SMALL: Bounds = Bounds { processes: 2, commands: 2, deliveries: 2, takeovers: 2, requests: 2 };
const THREE: Bounds = Bounds { processes: 3, commands: 2, deliveries: 2, takeovers: 3, requests: 2 };
const WIDE: Bounds = Bounds { processes: 3, commands: 3, deliveries: 3, takeovers: 3, requests: 3 };

#[expect(clippy::print_stderr, reason = "how far it went is of interest by itself")]
fn check(bounds: Bounds, depth: usize) -> Found {
    let found = explore(&Model { bounds, bug: None }, depth);
    eprintln!("{bounds:?}: {} worlds, {} steps, cut: {}", found.worlds, found.depth, found.is_cut);
    assert_eq!(found.violation, None);
    found
}

#[test]
fn two_processes_keep_every_promise_in_all_worlds() {
    let found = check(SMALL, usize::MAX - 1);
    assert!(!found.is_cut && found.all_acknowledged > 0, "{found:?}");
    assert_eq!((found.leaderships, found.leaders), (2, 2));
}

#[test]
fn three_processes_keep_every_promise_as_far_as_was_looked() {
    let found = check(THREE, 14);
    assert!(found.worlds > 10_000 && found.leaders == 3, "{found:?}");
}

#[test]
#[ignore = "minutes, and gigabytes of memory"]
fn three_processes_keep_every_promise_far_out() {
    let found = check(THREE, usize::MAX - 1);
    assert_eq!((found.leaderships, found.leaders), (2, 3));
    check(WIDE, 16);
}

fn catches(bug: Bug, promise: &str) {
    let found = explore(&Model { bounds: SMALL, bug: Some(bug) }, 20);
    let (broken, steps) = found.violation.unwrap_or_else(|| panic!("{bug:?} was not noticed"));
    assert_eq!(broken, promise, "{bug:?}: {steps:?}");
}

#[test]
fn every_planted_mistake_is_noticed() {
    catches(Bug::NoEpochCheck, "a deposed leader committed");
    catches(Bug::NoEndCheck, "a row does not follow the one before it");
    catches(Bug::AcknowledgeBeforeCommit, "what was acknowledged is not in the journal");
    catches(Bug::DoubtIsCommitted, "what was acknowledged is not in the journal");
    catches(Bug::RetryWithoutReading, "a command is in the journal twice");
    catches(Bug::NoDeduplication, "a command is in the journal twice");
    catches(Bug::NoDeduplicationInFlight, "a command is in the journal twice");
}
