//! When to try to lead: a judgement about the lease, on the watcher's own clock.
//!
//! A wrong judgement costs an epoch and a moment, never an order: the commits decide. What must not live here: I/O.

use emporion_model::Epoch;
use emporion_ports::leases::Lease;
use std::time::{Duration, Instant};

/// Watches one lease.
pub(super) struct LeaseWatch {
    patience: Duration,
    /// So much longer than another process does this one wait, so that two that wait do not both try at once.
    jitter: Duration,
    /// What was seen last, and when it was seen first: the epoch and the beat of one who leads, or nobody.
    seen: Option<(Option<(Epoch, u64)>, Instant)>,
}

impl LeaseWatch {
    /// Takes a beat that stands still for longer than `patience` for a leader's death.
    pub(super) fn new(patience: Duration, jitter: Duration) -> Self {
        Self { patience, jitter, seen: None }
    }

    /// Whether it is time to try, the lease being this at `now`.
    pub(super) fn may_lead(&mut self, lease: Option<&Lease>, now: Instant) -> bool {
        let present = lease.filter(|lease| !lease.released).map(|lease| (lease.epoch, lease.beat));
        let since = match self.seen {
            Some((seen, since)) if seen == present => since,
            _ => now,
        };
        self.seen = Some((present, since));
        let patience = if present.is_some() { self.patience } else { Duration::ZERO };
        now.duration_since(since) >= patience + self.jitter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(epoch: u64, beat: u64, released: bool) -> Lease {
        Lease { holder: "a".to_owned(), epoch: Epoch(epoch), address: "b:1".to_owned(), beat, released }
    }

    #[test]
    fn a_leader_that_beats_is_left_alone() {
        let (mut watch, start) = (LeaseWatch::new(Duration::from_secs(1), Duration::ZERO), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!watch.may_lead(Some(&lease(1, 1, false)), at(0)));
        assert!(!watch.may_lead(Some(&lease(1, 1, false)), at(999)));
        assert!(!watch.may_lead(Some(&lease(1, 2, false)), at(1_000)));
        assert!(!watch.may_lead(Some(&lease(1, 2, false)), at(1_999)));
        assert!(!watch.may_lead(Some(&lease(2, 2, false)), at(2_500)));
        assert!(watch.may_lead(Some(&lease(2, 2, false)), at(3_500)));
    }

    #[test]
    fn nobody_and_one_who_left_are_followed_after_the_jitter() {
        let start = Instant::now();
        for none in [None, Some(lease(1, 9, true))] {
            let watch = |jitter_ms| LeaseWatch::new(Duration::from_secs(1), Duration::from_millis(jitter_ms));
            assert!(watch(0).may_lead(none.as_ref(), start));
            let mut late = watch(50);
            assert!(!late.may_lead(none.as_ref(), start));
            assert!(!late.may_lead(Some(&lease(2, 1, false)), start + Duration::from_millis(60)));
            assert!(!late.may_lead(none.as_ref(), start + Duration::from_millis(70)));
            assert!(late.may_lead(none.as_ref(), start + Duration::from_millis(120)));
        }
    }
}
