//! When requests are due: at a steady rate, with a spike in the middle if one is asked for.
//!
//! What must not live here: what the requests are.

use serde::Serialize;
use std::str::FromStr;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How many requests may be overdue before the pace itself waits. Their latency counts from when they were due all the
/// same.
const DUE_MAX: usize = 1 << 16;

/// A rate, for how long, and its spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Requests a second.
    pub rate: u64,
    /// For how long, the spike included.
    pub duration: Duration,
    /// A spike in the middle of it.
    pub spike: Option<Spike>,
}

/// For a while, a multiple of the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spike {
    /// How many times the rate.
    pub factor: u64,
    /// For how long.
    pub duration: Duration,
}

/// Why a text is no spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a spike is a factor of 1 to 1000 and a number of seconds, such as 20x10s")]
pub struct SpikeError;

impl FromStr for Spike {
    type Err = SpikeError;

    fn from_str(text: &str) -> Result<Self, SpikeError> {
        let (factor, seconds) = text.strip_suffix('s').and_then(|text| text.split_once('x')).ok_or(SpikeError)?;
        let factor = factor.parse().map_err(|_| SpikeError)?;
        let seconds: u64 = seconds.parse().map_err(|_| SpikeError)?;
        if !(1..=1_000).contains(&factor) || !(1..=3_600).contains(&seconds) {
            return Err(SpikeError);
        }
        Ok(Self { factor, duration: Duration::from_secs(seconds) })
    }
}

/// Which part of a run a request was due in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Before the spike; all of a run without one.
    Steady,
    /// Within it.
    Spike,
    /// After it.
    After,
}

/// A request that is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Instant,
    pub(super) phase: Phase,
}

impl Pace {
    /// Without a spike.
    pub const fn steady(rate: u64, duration: Duration) -> Self {
        Self { rate, duration, spike: None }
    }

    /// The parts of the run: their requests a second and how long they last.
    pub fn phases(&self) -> Vec<(Phase, u64, Duration)> {
        let Some(spike) = self.spike else { return vec![(Phase::Steady, self.rate, self.duration)] };
        let around = self.duration.saturating_sub(spike.duration);
        let before = around / 2;
        vec![
            (Phase::Steady, self.rate, before),
            (Phase::Spike, self.rate.saturating_mul(spike.factor), spike.duration),
            (Phase::After, self.rate, around - before),
        ]
    }

    /// When each request is due, from the start of the run.
    fn due(&self) -> impl Iterator<Item = (Phase, Duration)> {
        let mut begin = Duration::ZERO;
        self.phases().into_iter().flat_map(move |(phase, rate, duration)| {
            let start = begin;
            begin += duration;
            let count = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).saturating_mul(rate) / 1_000_000;
            (0..count).map(move |number| {
                (phase, start + Duration::from_nanos(number.saturating_mul(1_000_000_000) / rate.max(1)))
            })
        })
    }

    /// Hands out due times from a thread of its own, because the runtime's timer is no finer than a millisecond.
    #[expect(clippy::disallowed_methods, reason = "sleeping until a request is due is what this thread is for")]
    pub(super) fn start(self) -> mpsc::Receiver<Due> {
        let (sender, receiver) = mpsc::channel(DUE_MAX);
        std::thread::spawn(move || {
            let start = Instant::now();
            for (phase, after) in self.due() {
                let at = start + after;
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                if sender.blocking_send(Due { at, phase }).is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_spike_is_a_factor_and_seconds() {
        assert_eq!("20x10s".parse(), Ok(Spike { factor: 20, duration: 10 * SECOND }));
        for bad in ["", "20", "20x10", "x10s", "0x10s", "20x0s", "1001x1s", "-1x1s", "20x1.5s"] {
            assert_eq!(bad.parse::<Spike>(), Err(SpikeError), "{bad}");
        }
    }

    #[test]
    fn a_spike_is_in_the_middle_and_nothing_is_due_twice_or_late() {
        let spike = Some(Spike { factor: 10, duration: SECOND });
        let due: Vec<_> = Pace { rate: 100, duration: 4 * SECOND, spike }.due().collect();
        let count = |phase: Phase| due.iter().filter(|(due, _)| *due == phase).count();
        assert_eq!([Phase::Steady, Phase::Spike, Phase::After].map(count), [150, 1_000, 150]);
        assert!(due.is_sorted_by(|(_, earlier), (_, later)| earlier < later));
        let first = |phase: Phase| due.iter().find(|(due, _)| *due == phase).map(|(_, at)| at.as_millis());
        assert_eq!([Phase::Steady, Phase::Spike, Phase::After].map(first), [Some(0), Some(1_500), Some(2_500)]);
    }

    #[test]
    fn a_spike_as_long_as_the_run_is_all_of_it() {
        let pace = Pace { rate: 5, duration: SECOND, spike: Some(Spike { factor: 2, duration: SECOND }) };
        assert_eq!(pace.due().filter(|(phase, _)| *phase == Phase::Spike).count(), 10);
        assert_eq!(pace.due().count(), 10);
        assert_eq!(Pace::steady(7, 3 * SECOND).due().count(), 21);
    }
}
