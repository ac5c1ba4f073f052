//! Whether this process should get requests, as `/readyz` tells load balancers.

use parking_lot::RwLock;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The state of this process; cheap to clone, shared by all its parts.
#[derive(Clone, Default)]
pub struct Readiness(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    phase: Phase,
    degraded: BTreeSet<&'static str>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Starting,
    Ready,
    Draining,
}

/// What `/readyz` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// `starting`, `ready` or `draining`; only `ready` is a 200.
    pub(crate) status: &'static str,
    /// The shared parts that do not work. They do not make this process unready: one fault of a shared part
    /// would take every process out of rotation at once.
    pub(crate) degraded: Vec<&'static str>,
}

impl Readiness {
    /// A process that is starting.
    pub fn new() -> Self {
        Self::default()
    }

    /// The process can serve. A draining process stays so.
    pub fn ready(&self) {
        let mut state = self.0.write();
        if state.phase == Phase::Starting {
            state.phase = Phase::Ready;
        }
    }

    /// The process finishes what it has and wants nothing new.
    pub fn draining(&self) {
        self.0.write().phase = Phase::Draining;
    }

    /// Notes whether the part of this name works.
    pub fn set_degraded(&self, part: &'static str, degraded: bool) {
        let mut state = self.0.write();
        if degraded {
            state.degraded.insert(part);
        } else {
            state.degraded.remove(part);
        }
    }

    /// Whether the process wants requests.
    pub fn is_ready(&self) -> bool {
        self.0.read().phase == Phase::Ready
    }

    pub(crate) fn report(&self) -> Report {
        let state = self.0.read();
        let status = match state.phase {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
            Phase::Draining => "draining",
        };
        Report { status, degraded: state.degraded.iter().copied().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_starts_serves_and_drains() {
        let readiness = Readiness::new();
        assert!(!readiness.is_ready());
        readiness.ready();
        assert!(readiness.is_ready());
        readiness.draining();
        readiness.ready();
        assert_eq!(readiness.report().status, "draining");
    }

    #[test]
    fn a_fault_elsewhere_is_told_but_does_not_stop_us() {
        let readiness = Readiness::new();
        readiness.ready();
        readiness.set_degraded("cache", true);
        readiness.set_degraded("cache", true);
        assert_eq!(readiness.report(), Report { status: "ready", degraded: vec!["cache"] });
        readiness.set_degraded("cache", false);
        assert_eq!(readiness.report().degraded, [""; 0]);
        assert!(readiness.is_ready());
    }
}
