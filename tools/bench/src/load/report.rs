//! What a run of the load measured.

use super::plan::Kind;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The longest latency that is told apart: a minute, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// Collects answers.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kinds: BTreeMap<Kind, KindTally>,
}

#[derive(Debug)]
struct KindTally {
    latencies_us: Histogram<u64>,
    codes: BTreeMap<String, u64>,
}

impl Default for KindTally {
    fn default() -> Self {
        let latencies_us = Histogram::new_with_max(LATENCY_US_MAX, 3).expect("these bounds are legal");
        Self { latencies_us, codes: BTreeMap::new() }
    }
}

impl Tally {
    pub(super) fn record(&mut self, kind: Kind, latency: Duration, code: String) {
        let tally = self.kinds.entry(kind).or_default();
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        tally.latencies_us.saturating_record(latency_us);
        *tally.codes.entry(code).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (kind, theirs) in &other.kinds {
            let ours = self.kinds.entry(*kind).or_default();
            ours.latencies_us.add(&theirs.latencies_us).expect("both have the same bounds");
            for (code, count) in &theirs.codes {
                *ours.codes.entry(code.clone()).or_default() += count;
            }
        }
    }

    pub(super) fn report(&self, duration: Duration) -> Vec<KindReport> {
        let rate = |count: u64| u64::try_from(u128::from(count) * 1_000 / duration.as_millis().max(1)).unwrap_or(0);
        let report = |(kind, tally): (&Kind, &KindTally)| {
            let latencies = &tally.latencies_us;
            KindReport {
                kind: *kind,
                requests: latencies.len(),
                per_second: rate(latencies.len()),
                p50_us: latencies.value_at_quantile(0.5),
                p99_us: latencies.value_at_quantile(0.99),
                p999_us: latencies.value_at_quantile(0.999),
                max_us: latencies.max(),
                codes: tally.codes.clone(),
            }
        };
        self.kinds.iter().map(report).collect()
    }
}

/// One kind of request in a report. Latencies are from the intended time to the whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KindReport {
    /// Which kind.
    pub kind: Kind,
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
    /// How many got which answer: `200`, an error's code, or `broken`.
    pub codes: BTreeMap<String, u64>,
}

/// What a run measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The mix in words.
    pub mix: String,
    /// The venue's limits, as it states them itself.
    pub rate_limits: String,
    /// Requests a second that were intended.
    pub intended_per_second: u64,
    /// Requests a second that were sent.
    pub achieved_per_second: u64,
    /// For how long, in milliseconds.
    pub duration_ms: u64,
    /// By kind.
    pub kinds: Vec<KindReport>,
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
        writeln!(
            f,
            "{:<8}{:>9}{:>8}{:>10}{:>10}{:>10}{:>10}  codes",
            "kind", "requests", "/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms"
        )?;
        for kind in &self.kinds {
            let name = format!("{:?}", kind.kind).to_lowercase();
            write!(f, "{name:<8}{:>9}{:>8}", kind.requests, kind.per_second)?;
            for us in [kind.p50_us, kind.p99_us, kind.p999_us, kind.max_us] {
                write!(f, "{:>10}", format!("{}.{:03}", us / 1_000, us % 1_000))?;
            }
            let codes: Vec<String> = kind.codes.iter().map(|(code, count)| format!("{code}×{count}")).collect();
            writeln!(f, "  {}", codes.join(" "))?;
        }
        if let Some(capacity) = &self.capacity {
            let (pings, orders) = (capacity.pings_per_second, capacity.orders_per_second);
            let percent = capacity.orders_percent_of_pings();
            writeln!(f, "at most: {orders} orders/s, {percent} % of {pings} pings/s on the same server")?;
        }
        Ok(())
    }
}
