//! When to try to lead: a judgement about the lease, on the watcher's own clock.
//!
//! A wrong judgement costs an epoch and a moment, never an order: the commits decide. What must not live here: I/O.

use emporion_model::Epoch;
use emporion_ports::leases::Lease;
use std::time::{Duration, Instant};

/// Watches one lease.
pub(super) struct LeaseWatch {
    patience: Duration,
    /// The newest beat that was seen, and when it was seen first.
    seen: Option<(Epoch, u64, Instant)>,
}

impl LeaseWatch {
    /// Takes a beat that stands still for longer than `patience` for a leader's death.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, seen: None }
    }

    /// Whether it is time to try, the lease being this at `now`.
    pub(super) fn may_lead(&mut self, lease: Option<&Lease>, now: Instant) -> bool {
        let Some(lease) = lease else { return true };
        if lease.released {
            return true;
        }
        match self.seen {
            Some((epoch, beat, since)) if (epoch, beat) == (lease.epoch, lease.beat) => {
                now.duration_since(since) >= self.patience
            }
            _ => {
                self.seen = Some((lease.epoch, lease.beat, now));
                false
            }
        }
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
        let (mut watch, start) = (LeaseWatch::new(Duration::from_secs(1)), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!watch.may_lead(Some(&lease(1, 1, false)), at(0)));
        assert!(!watch.may_lead(Some(&lease(1, 1, false)), at(999)));
        assert!(!watch.may_lead(Some(&lease(1, 2, false)), at(1_000)));
        assert!(!watch.may_lead(Some(&lease(1, 2, false)), at(1_999)));
        assert!(!watch.may_lead(Some(&lease(2, 2, false)), at(2_500)));
        assert!(watch.may_lead(Some(&lease(2, 2, false)), at(3_500)));
    }

    #[test]
    fn nobody_and_one_who_left_are_followed_at_once() {
        let now = Instant::now();
        assert!(LeaseWatch::new(Duration::from_secs(1)).may_lead(None, now));
        assert!(LeaseWatch::new(Duration::from_secs(1)).may_lead(Some(&lease(1, 9, true)), now));
    }
}
