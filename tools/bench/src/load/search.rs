//! The highest rate at which a venue still answers in time: doubled until it does not, then narrowed down.

use super::pace::Pace;
use super::report::Report;
use super::{Check, Load, Work};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// A search ends when the rates that are in time and those that are not are this part of a rate apart.
const FINENESS: u64 = 12;
/// Of a thousand requests, so many must be sent in time for the rate to count as reached.
const REACHED_PERMILLE: u64 = 970;
/// Of a thousand requests, so many may fail.
const FAILED_PERMILLE: u64 = 1;

/// How often a rate is tried until it is in time.
const TRIES: u32 = 2;

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// 99 % of the answers must take less than this.
    pub p99_max: Duration,
    /// How long each rate is tried.
    pub step: Duration,
    /// The rate to begin with.
    pub start: u64,
}

/// A rate that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Requests a second that were intended.
    pub rate: u64,
    /// Requests a second that were answered.
    pub achieved_per_second: u64,
    /// 99 % of the answers took at most this long, in microseconds.
    pub p99_us: u64,
    /// Answers that were no success.
    pub failed: u64,
    /// Whether the rate was reached in time.
    pub is_in_time: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Highest {
    /// The highest p99 that counts as in time, in microseconds.
    pub p99_max_us: u64,
    /// The mix in words.
    pub mix: String,
    /// The highest rate of the mix, in requests a second; 0 if no rate was in time.
    pub mix_per_second: u64,
    /// The highest rate of `GET ping` over the same path.
    pub pings_per_second: u64,
    /// The first in thousandths of the second.
    pub permille_of_pings: u64,
    /// The rates that were tried with the mix.
    pub mix_steps: Vec<Step>,
    /// The rates that were tried with pings.
    pub ping_steps: Vec<Step>,
}

impl Load {
    /// Searches with pings, then with the mix.
    pub async fn highest(&mut self, search: Search) -> Highest {
        let ping_steps = self.search(search, Work::Ping).await;
        let mix_steps = self.search(search, Work::Mix).await;
        let (mix_per_second, pings_per_second) = (best(&mix_steps), best(&ping_steps));
        Highest {
            p99_max_us: micros(search.p99_max),
            mix: self.config.mix.to_string(),
            mix_per_second,
            pings_per_second,
            permille_of_pings: mix_per_second * 1_000 / pings_per_second.max(1),
            mix_steps,
            ping_steps,
        }
    }

    async fn search(&mut self, search: Search, work: Work) -> Vec<Step> {
        let (mut bisection, mut steps) = (Bisection::default(), Vec::new());
        while let Some(rate) = bisection.next(search.start) {
            // A stall of the machine is no verdict on a rate: it gets a second try.
            for _ in 0..TRIES {
                let report = self.run(Pace::steady(rate, search.step), work, Check::Nothing).await;
                steps.push(Step::of(&report, micros(search.p99_max)));
                if steps.last().is_some_and(|step| step.is_in_time) {
                    break;
                }
            }
            bisection.note(rate, steps.last().is_some_and(|step| step.is_in_time));
        }
        steps
    }
}

impl Step {
    fn of(report: &Report, p99_max_us: u64) -> Self {
        let total = &report.total;
        let is_reached = report.achieved_per_second * 1_000 >= report.intended_per_second * REACHED_PERMILLE;
        let is_clean = total.failed() * 1_000 <= total.requests * FAILED_PERMILLE;
        Self {
            rate: report.intended_per_second,
            achieved_per_second: report.achieved_per_second,
            p99_us: total.p99_us,
            failed: total.failed(),
            is_in_time: is_reached && is_clean && total.p99_us < p99_max_us,
        }
    }
}

fn best(steps: &[Step]) -> u64 {
    steps.iter().filter(|step| step.is_in_time).map(|step| step.rate).max().unwrap_or(0)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Which rate to try next.
#[derive(Clone, Copy, Debug, Default)]
struct Bisection {
    good: u64,
    bad: Option<u64>,
}

impl Bisection {
    fn next(&self, start: u64) -> Option<u64> {
        match self.bad {
            None if self.good == 0 => Some(start.max(1)),
            None => self.good.checked_mul(2),
            Some(bad) if bad - self.good <= (bad / FINENESS).max(1) => None,
            Some(bad) => Some(self.good + (bad - self.good) / 2),
        }
    }

    fn note(&mut self, rate: u64, is_in_time: bool) {
        if is_in_time { self.good = rate } else { self.bad = Some(rate) }
    }
}

impl fmt::Display for Highest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mix, pings, permille) = (self.mix_per_second, self.pings_per_second, self.permille_of_pings);
        writeln!(f, "highest rate at p99 < {} ms, of {}:", self.p99_max_us / 1_000, self.mix)?;
        writeln!(f, "  {mix}/s, 0.{permille:03} of {pings} pings/s over the same path")?;
        for (name, steps) in [("pings", &self.ping_steps), ("mix", &self.mix_steps)] {
            for step in steps {
                let verdict = if step.is_in_time { "in time" } else { "not in time" };
                let Step { rate, achieved_per_second: achieved, p99_us, failed, .. } = step;
                let p99 = format!("{}.{:03}", p99_us / 1_000, p99_us % 1_000);
                writeln!(f, "  {name:<6}{rate:>8}/s: {achieved}/s, p99 {p99} ms, {failed} failed, {verdict}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_ends_just_below_what_is_too_much() {
        for most in [1, 7, 499, 500, 501, 1_234, 60_000] {
            let (mut bisection, mut tried) = (Bisection::default(), 0);
            while let Some(rate) = bisection.next(500) {
                bisection.note(rate, rate <= most);
                tried += 1;
            }
            let good = bisection.good;
            assert!(good <= most && most - good <= most / (FINENESS - 1) + 1, "{good} of {most}");
            assert!(tried < 20, "{tried} rates for {most}");
        }
    }
}
