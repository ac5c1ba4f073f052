//! What a run of the load measured.

use super::mix::Kind;
use super::outcome::Outcomes;
use super::pace::{Pace, Phase};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// The longest latency that is told apart: a minute, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// Collects answers.
#[derive(Debug, Default)]
pub(super) struct Tally {
    cells: BTreeMap<(Phase, Kind), Cell>,
    /// From when requests were due until they got a connection.
    waits: Cell,
}

#[derive(Clone, Debug)]
struct Cell {
    latencies_us: Histogram<u64>,
    codes: BTreeMap<String, u64>,
}

impl Default for Cell {
    fn default() -> Self {
        let latencies_us = Histogram::new_with_max(LATENCY_US_MAX, 3).expect("these bounds are legal");
        Self { latencies_us, codes: BTreeMap::new() }
    }
}

impl Cell {
    fn record(&mut self, latency: Duration) {
        self.latencies_us.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    fn add(&mut self, other: &Self) {
        self.latencies_us.add(&other.latencies_us).expect("both have the same bounds");
        for (code, count) in &other.codes {
            *self.codes.entry(code.clone()).or_default() += count;
        }
    }

    fn row(&self, duration: Duration) -> Row {
        let latencies = &self.latencies_us;
        let per_second = u128::from(latencies.len()) * 1_000 / duration.as_millis().max(1);
        Row {
            requests: latencies.len(),
            per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
            p50_us: latencies.value_at_quantile(0.5),
            p99_us: latencies.value_at_quantile(0.99),
            p999_us: latencies.value_at_quantile(0.999),
            max_us: latencies.max(),
            codes: self.codes.clone(),
        }
    }
}

impl Tally {
    pub(super) fn record(&mut self, part: (Phase, Kind), latency: Duration, code: String) {
        let cell = self.cells.entry(part).or_default();
        cell.record(latency);
        *cell.codes.entry(code).or_default() += 1;
    }

    pub(super) fn record_wait(&mut self, wait: Duration) {
        self.waits.record(wait);
    }

    pub(super) fn wait_p99_us(&self) -> u64 {
        self.waits.latencies_us.value_at_quantile(0.99)
    }

    pub(super) fn total(&self, duration: Duration) -> Row {
        self.sum(|_| true).row(duration)
    }

    pub(super) fn kinds(&self, duration: Duration) -> Vec<KindReport> {
        let kinds: BTreeSet<Kind> = self.cells.keys().map(|(_, kind)| *kind).collect();
        let row = |kind| self.sum(|(_, other)| *other == kind).row(duration);
        kinds.into_iter().map(|kind| KindReport { kind, row: row(kind) }).collect()
    }

    /// Nothing where there is but one.
    pub(super) fn phases(&self, pace: &Pace) -> Vec<PhaseReport> {
        let phases = pace.phases();
        if phases.len() < 2 {
            return Vec::new();
        }
        let report = |(phase, intended_per_second, duration)| PhaseReport {
            phase,
            intended_per_second,
            row: self.sum(|(other, _)| *other == phase).row(duration),
        };
        phases.into_iter().map(report).collect()
    }

    fn sum(&self, is_part: impl Fn(&(Phase, Kind)) -> bool) -> Cell {
        let mut sum = Cell::default();
        self.cells.iter().filter(|(part, _)| is_part(part)).for_each(|(_, cell)| sum.add(cell));
        sum
    }
}

/// Some requests of a report. Latencies are from the intended time to the whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// How many were sent.
    pub requests: u64,
    /// How many a second.
    pub per_second: u64,
    /// Half of them took at most this long, in microseconds.
    pub p50_us: u64,
    /// 99 % of them.
    pub p99_us: u64,
    /// 99.9 % of them.
    pub p999_us: u64,
    /// All of them.
    pub max_us: u64,
    /// How many got which answer: `200`, an error's code, `http` and a status, or `broken`.
    pub codes: BTreeMap<String, u64>,
}

impl Row {
    /// How many got no 200.
    pub fn failed(&self) -> u64 {
        self.requests - self.codes.get("200").copied().unwrap_or(0)
    }
}

/// One kind of request in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KindReport {
    /// Which kind.
    pub kind: Kind,
    /// Its requests.
    #[serde(flatten)]
    pub row: Row,
}

/// One part of a run in a report, by when requests were due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseReport {
    /// Which part.
    pub phase: Phase,
    /// Requests a second that were intended.
    pub intended_per_second: u64,
    /// Its requests.
    #[serde(flatten)]
    pub row: Row,
}

/// What a run measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The mix in words.
    pub mix: String,
    /// The venue's limits, as it states them itself.
    pub rate_limits: String,
    /// Requests a second that were intended, on average.
    pub intended_per_second: u64,
    /// Requests a second that were answered, until the last answer.
    pub achieved_per_second: u64,
    /// From the first request until the last answer, in milliseconds.
    pub duration_ms: u64,
    /// Connections that were open at most.
    pub connections: u64,
    /// 99 % of the requests had to wait at most this long for a connection, in microseconds; part of their latency.
    pub wait_p99_us: u64,
    /// All requests.
    pub total: Row,
    /// By kind.
    pub kinds: Vec<KindReport>,
    /// Before, in and after a spike.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseReport>,
    /// What became of orders and cancels, if that was looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Outcomes>,
    /// What the same server does at most, if that was measured.
    pub capacity: Option<Capacity>,
}

/// What a server answers at most over the same connections: one request after the other on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// `GET ping` a second.
    pub pings_per_second: u64,
    /// Signed, durable `POST order` a second.
    pub orders_per_second: u64,
}

impl Capacity {
    /// Orders in percent of pings.
    pub fn orders_percent_of_pings(&self) -> u64 {
        self.orders_per_second * 100 / self.pings_per_second.max(1)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "mix: {}; limits: {}", self.mix, self.rate_limits)?;
        let (intended, achieved) = (self.intended_per_second, self.achieved_per_second);
        writeln!(f, "rate: {achieved}/s of {intended}/s intended, for {} ms", self.duration_ms)?;
        let wait = milliseconds(self.wait_p99_us);
        writeln!(f, "connections: {}; p99 of the wait for one: {wait} ms", self.connections)?;
        writeln!(
            f,
            "{:<8}{:>9}{:>8}{:>10}{:>10}{:>10}{:>10}  codes",
            "kind", "requests", "/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms"
        )?;
        for kind in &self.kinds {
            line(f, &format!("{:?}", kind.kind).to_lowercase(), &kind.row)?;
        }
        line(f, "all", &self.total)?;
        for phase in &self.phases {
            line(f, &format!("{:?}", phase.phase).to_lowercase(), &phase.row)?;
        }
        if let Some(outcomes) = &self.outcomes {
            write!(f, "{outcomes}")?;
        }
        if let Some(capacity) = &self.capacity {
            let (pings, orders) = (capacity.pings_per_second, capacity.orders_per_second);
            let percent = capacity.orders_percent_of_pings();
            writeln!(f, "at most: {orders} orders/s, {percent} % of {pings} pings/s on the same server")?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, row: &Row) -> fmt::Result {
    write!(f, "{name:<8}{:>9}{:>8}", row.requests, row.per_second)?;
    for us in [row.p50_us, row.p99_us, row.p999_us, row.max_us] {
        write!(f, "{:>10}", milliseconds(us))?;
    }
    let codes: Vec<String> = row.codes.iter().map(|(code, count)| format!("{code}×{count}")).collect();
    writeln!(f, "  {}", codes.join(" "))
}

fn milliseconds(us: u64) -> String {
    format!("{}.{:03}", us / 1_000, us % 1_000)
}

#[cfg(test)]
mod tests {
    use super::super::pace::Spike;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_report_tells_kinds_phases_and_all_of_it() {
        let mut tally = Tally::default();
        let mut record = |phase, kind, ms: u64, code: &str| {
            tally.record((phase, kind), Duration::from_millis(ms), code.to_owned());
        };
        record(Phase::Steady, Kind::Place, 1, "200");
        record(Phase::Steady, Kind::Read, 2, "200");
        record(Phase::Spike, Kind::Place, 400, "-1008");
        record(Phase::After, Kind::Place, 3, "200");
        let total = tally.total(2 * SECOND);
        assert_eq!((total.requests, total.per_second, total.failed()), (4, 2, 1));
        assert!(total.max_us >= 400_000 && total.p50_us < 3_000);
        let kinds: Vec<_> = tally.kinds(SECOND).into_iter().map(|kind| (kind.kind, kind.row.requests)).collect();
        assert_eq!(kinds, [(Kind::Place, 3), (Kind::Read, 1)]);
        let spike = Some(Spike { factor: 2, duration: SECOND });
        let phases = tally.phases(&Pace { rate: 1, duration: 5 * SECOND, spike });
        let rows: Vec<_> = phases.iter().map(|phase| (phase.row.requests, phase.row.failed())).collect();
        assert_eq!(rows, [(2, 0), (1, 1), (1, 0)]);
        assert!(tally.phases(&Pace::steady(1, SECOND)).is_empty());
    }
}
