//! Engine time: integer microseconds that never run backwards and never leap ahead of the monotonic clock.
//!
//! The base is the wall clock at the start. Afterwards a wall clock that is more than a second ahead of what
//! the monotonic clock allows is not believed: engine time goes on by the monotonic clock alone, so that a
//! leap of the system's time expires nobody's order (RELIABILITY H36, H37).

use emporion_edge::Clock;
use emporion_model::TimeUs;
use emporion_model::time::SECOND_US;
use std::time::Instant;

/// How far the wall clock may run ahead between two batches beyond what the monotonic clock says.
const LEAP_US: u64 = SECOND_US;

pub(super) struct EngineClock {
    wall: Clock,
    last: TimeUs,
    last_monotonic: Instant,
    is_holding: bool,
}

impl EngineClock {
    /// A clock that goes on after `engine_time`.
    pub(super) fn start(wall: Clock, engine_time: TimeUs) -> Self {
        let last = wall.now().max(engine_time);
        Self { wall, last, last_monotonic: Instant::now(), is_holding: false }
    }

    /// The time of the next batch.
    pub(super) fn next(&mut self) -> TimeUs {
        let monotonic = Instant::now();
        let passed_us = u64::try_from(monotonic.duration_since(self.last_monotonic).as_micros()).unwrap_or(u64::MAX);
        self.advance(self.wall.now(), passed_us);
        self.last_monotonic = monotonic;
        self.last
    }

    /// What the wall clock shows.
    pub(super) fn wall(&self) -> TimeUs {
        self.wall.now()
    }

    fn advance(&mut self, wall: TimeUs, passed_us: u64) {
        let expected = self.last.plus_us(passed_us);
        let leaps = wall > expected.plus_us(LEAP_US);
        if leaps && !self.is_holding {
            tracing::error!(
                wall_us = wall.0,
                engine_us = expected.0,
                "The wall clock leapt ahead; engine time is held."
            );
        }
        if leaps != self.is_holding {
            self.is_holding = leaps;
            metrics::gauge!("sequencer_clock_held").set(if leaps { 1.0 } else { 0.0 });
        }
        self.last = if leaps { expected } else { wall.max(self.last) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Advances by `(wall, monotonic passed)` in seconds and compares the engine time.
    #[track_caller]
    fn check(steps: &[(u64, u64, u64)]) {
        let mut clock = EngineClock::start(Clock::new(|| TimeUs::from_second(100)), TimeUs(0));
        for &(wall, passed, expected) in steps {
            clock.advance(TimeUs::from_second(wall), passed * SECOND_US);
            assert_eq!(clock.last, TimeUs::from_second(expected), "{steps:?}");
        }
    }

    #[test]
    fn time_follows_the_wall_clock() {
        check(&[(100, 0, 100), (101, 1, 101), (105, 4, 105), (106, 0, 106)]);
    }

    #[test]
    fn time_never_runs_backwards() {
        check(&[(110, 10, 110), (50, 1, 110), (111, 1, 111)]);
    }

    #[test]
    fn a_leap_ahead_is_held_until_the_wall_clock_is_right_again() {
        check(&[(86_500, 1, 101), (86_501, 1, 102), (103, 1, 103), (104, 1, 104)]);
    }

    #[test]
    fn a_start_goes_on_after_the_last_command() {
        let clock = EngineClock::start(Clock::new(|| TimeUs::from_second(100)), TimeUs::from_second(200));
        assert_eq!(clock.last, TimeUs::from_second(200));
    }
}
