//! What a venue's processes say about themselves while a load runs: `/metrics` of each, read now and then and added up.
//!
//! A process that is killed loses what it counted since it was last read, and counts from 0 when it comes back.

use crate::load::Connection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Between two readings.
const EVERY: Duration = Duration::from_millis(500);
/// How long a process may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Values by series, such as `order_commands_total{way="direct"}`.
type Series = BTreeMap<String, f64>;

/// Counts that are read.
const COUNTS: [&str; 6] = [
    "order_commands_total",
    "lane_messages_total",
    "sequencer_batch_commands_",
    "sequencer_commit_duration_seconds_",
    "feed_publish_seconds_",
    "stream_publish_delay_seconds_",
];

/// Reads until it is told to stop.
pub struct Watch {
    ending: watch::Sender<bool>,
    running: JoinHandle<(Tally, Duration)>,
}

impl Watch {
    /// Of the processes at these addresses.
    pub fn start(processes: Vec<SocketAddr>) -> Self {
        let ending = watch::Sender::new(false);
        let mut ended = ending.subscribe();
        let running = tokio::spawn(async move {
            let (mut tally, start) = (Tally::default(), Instant::now());
            let mut connections: Vec<_> = processes.into_iter().map(|at| (at, Connection::new(at))).collect();
            loop {
                let is_last = *ended.borrow();
                for (address, connection) in &mut connections {
                    let Ok(answer) = tokio::time::timeout(ANSWER_MAX, connection.get("/metrics")).await else {
                        // Its answer may still come: a new connection does not mix it up with the next.
                        *connection = Connection::new(*address);
                        continue;
                    };
                    if answer.is_success() {
                        tally.note(*address, parse(&String::from_utf8_lossy(&answer.body)));
                    }
                }
                if is_last {
                    return (tally, start.elapsed());
                }
                // Whether it is time or the end, the next reading is due.
                let _ = tokio::time::timeout(EVERY, ended.wait_for(|ended| *ended)).await;
            }
        });
        Self { ending, running }
    }

    /// Reads once more and tells what was counted since the start.
    pub async fn end(self) -> VenueReport {
        self.ending.send_replace(true);
        let (tally, elapsed) = self.running.await.expect("reading does not panic");
        tally.report(elapsed)
    }
}

/// What the venue did during a load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VenueReport {
    /// Clients' commands by the way they took: `direct`, `lanes`, `shed`. Empty for a venue in one process.
    pub commands_by_way: BTreeMap<String, u64>,
    /// Messages of the lanes: sent, received, deleted; a message holds one command or more, canaries included.
    pub lane_messages: BTreeMap<String, u64>,
    /// Batches that were committed.
    pub commits: u64,
    /// A second, in thousandths.
    pub commits_per_1000_seconds: u64,
    /// Commands in a batch, in thousandths, on average.
    pub batch_permille: u64,
    /// Half of the batches had at most so many commands, as exactly as the metric's buckets tell.
    pub batch_p50: u64,
    /// 99 % of them.
    pub batch_p99: u64,
    /// How long commits took, in microseconds.
    pub commit_us: Quantiles,
    /// How many commits the tables were behind the journal, in commands, each time it was read.
    pub projection_lag_commands: Quantiles,
    /// How long a batch took into the feed, in microseconds; 0 for a venue in one process, which has none.
    pub feed_publish_us: Quantiles,
    /// From a batch's engine time until market streams had told it, in microseconds.
    pub stream_delay_us: Quantiles,
}

/// Two quantiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// Half of them.
    pub p50: u64,
    /// 99 % of them.
    pub p99: u64,
}

#[derive(Debug, Default)]
struct Tally {
    last: BTreeMap<SocketAddr, Series>,
    counted: Series,
    lags: Vec<u64>,
}

impl Tally {
    fn note(&mut self, process: SocketAddr, now: Series) {
        if let Some(before) = self.last.get(&process) {
            for (name, value) in now.iter().filter(|(name, _)| COUNTS.iter().any(|count| name.starts_with(count))) {
                let before = before.get(name).copied().unwrap_or(0.0);
                // Less than before: another run of the process.
                let more = if *value < before { *value } else { value - before };
                *self.counted.entry(name.clone()).or_default() += more;
            }
        }
        let leads = now.get("sequencer_leads").is_none_or(|leads| *leads > 0.0);
        if let (true, Some(committed), Some(projected)) =
            (leads, now.get("sequencer_committed_seq"), now.get("projector_projected_seq"))
        {
            self.lags.push(whole(committed - projected));
        }
        self.last.insert(process, now);
    }

    fn report(mut self, elapsed: Duration) -> VenueReport {
        let commits = self.counted.get("sequencer_commit_duration_seconds_count").copied().unwrap_or(0.0);
        let batches = self.counted.get("sequencer_batch_commands_count").copied().unwrap_or(0.0);
        let commands = self.counted.get("sequencer_batch_commands_sum").copied().unwrap_or(0.0);
        self.lags.sort_unstable();
        let lag = |percent: usize| self.lags.get(self.lags.len() * percent / 100).copied().unwrap_or(0);
        let micros = |name: &str| Quantiles {
            p50: whole(self.quantile(name, 0.5) * 1_000_000.0),
            p99: whole(self.quantile(name, 0.99) * 1_000_000.0),
        };
        VenueReport {
            commands_by_way: self.by_label("order_commands_total", "way"),
            lane_messages: self.by_label("lane_messages_total", "end"),
            commits: whole(commits),
            commits_per_1000_seconds: whole(commits * 1_000.0 / elapsed.as_secs_f64()),
            batch_permille: if batches > 0.0 { whole(commands * 1_000.0 / batches) } else { 0 },
            batch_p50: whole(self.quantile("sequencer_batch_commands", 0.5)),
            batch_p99: whole(self.quantile("sequencer_batch_commands", 0.99)),
            commit_us: micros("sequencer_commit_duration_seconds"),
            projection_lag_commands: Quantiles { p50: lag(50), p99: lag(99) },
            feed_publish_us: micros("feed_publish_seconds"),
            stream_delay_us: micros("stream_publish_delay_seconds"),
        }
    }

    /// Counts by the value of their label; those without it by what there is.
    fn by_label(&self, name: &str, label: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (series, value) in self.counted.iter().filter(|(series, _)| name_of(series) == name) {
            let value_of = label_of(series, label).unwrap_or("all").to_owned();
            *counts.entry(value_of).or_default() += whole(*value);
        }
        counts
    }

    /// Of a histogram, evenly spread within a bucket.
    fn quantile(&self, name: &str, quantile: f64) -> f64 {
        let bucket = format!("{name}_bucket");
        let mut buckets: BTreeMap<Edge, f64> = BTreeMap::new();
        for (series, count) in self.counted.iter().filter(|(series, _)| name_of(series) == bucket) {
            let edge = label_of(series, "le").and_then(|edge| edge.parse().ok()).unwrap_or(f64::INFINITY);
            *buckets.entry(Edge(edge)).or_default() += count;
        }
        let wanted = buckets.values().last().copied().unwrap_or(0.0) * quantile;
        let (mut below, mut count_below) = (0.0, 0.0);
        for (Edge(edge), count) in buckets {
            if count >= wanted && count > count_below {
                let part = (wanted - count_below) / (count - count_below);
                return if edge.is_finite() { below + (edge - below) * part } else { below };
            }
            (below, count_below) = (if edge.is_finite() { edge } else { below }, count);
        }
        below
    }
}

/// The upper edge of a bucket, in order.
#[derive(Clone, Copy, PartialEq)]
struct Edge(f64);

impl Eq for Edge {}

impl PartialOrd for Edge {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Edge {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The series of a page of metrics.
fn parse(text: &str) -> Series {
    let line = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        Some((series.to_owned(), value.parse().ok()?))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}

fn name_of(series: &str) -> &str {
    series.split_once('{').map_or(series, |(name, _)| name)
}

fn label_of<'a>(series: &'a str, label: &str) -> Option<&'a str> {
    let (_, labels) = series.split_once('{')?;
    let labels = labels.strip_suffix('}')?.split(',');
    labels
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == label)
        .map(|(_, value)| value.trim_matches('"'))
}

/// A count of a metric as the integer that it is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "metrics are floats, counts are small")]
fn whole(value: f64) -> u64 {
    value.round().max(0.0) as u64
}

impl fmt::Display for VenueReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |counts: &BTreeMap<String, u64>| {
            let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            counts.join(", ")
        };
        let ms = |us: u64| format!("{}.{:03}", us / 1_000, us % 1_000);
        let thousandths = |value: u64| format!("{}.{:03}", value / 1_000, value % 1_000);
        let both = |us: Quantiles| format!("p50 {}, p99 {}", ms(us.p50), ms(us.p99));
        if !self.commands_by_way.is_empty() {
            writeln!(f, "commands by way: {}", told(&self.commands_by_way))?;
        }
        if !self.lane_messages.is_empty() {
            writeln!(f, "lane messages: {}", told(&self.lane_messages))?;
        }
        let (rate, mean) = (thousandths(self.commits_per_1000_seconds), thousandths(self.batch_permille));
        let (p50, p99) = (self.batch_p50, self.batch_p99);
        writeln!(f, "commits: {} ({rate}/s); commands in a batch: mean {mean}, p50 {p50}, p99 {p99}", self.commits)?;
        writeln!(f, "commit, ms: {}", both(self.commit_us))?;
        let Quantiles { p50, p99 } = self.projection_lag_commands;
        writeln!(f, "projection behind the journal, commands: p50 {p50}, p99 {p99}")?;
        if self.feed_publish_us != Quantiles::default() {
            writeln!(f, "batch into the feed, ms: {}", both(self.feed_publish_us))?;
        }
        writeln!(f, "engine time to market streams, ms: {}", both(self.stream_delay_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn processes_are_added_up_and_a_new_run_counts_from_nothing() {
        let mut tally = Tally::default();
        let page =
            |direct: u64| parse(&format!("# HELP x\norder_commands_total{{way=\"direct\"}} {direct}\nother 5\n"));
        for (port, direct) in [(1, 100), (2, 1_000), (1, 150), (2, 1_001), (1, 7)] {
            tally.note(at(port), page(direct));
        }
        let report = tally.report(Duration::from_secs(1));
        assert_eq!(report.commands_by_way, BTreeMap::from([("direct".to_owned(), 50 + 1 + 7)]));
    }

    #[test]
    fn quantiles_come_from_what_the_buckets_gained() {
        let mut tally = Tally::default();
        let page = |one: u64, two: u64, all: u64, sum: u64| {
            let name = "sequencer_batch_commands";
            parse(&format!(
                "{name}_bucket{{le=\"1\"}} {one}\n{name}_bucket{{le=\"2\"}} {two}\n{name}_bucket{{le=\"+Inf\"}} {all}\n\
                 {name}_sum {sum}\n{name}_count {all}\n"
            ))
        };
        tally.note(at(1), page(1_000, 1_000, 1_000, 1_000));
        tally.note(at(1), page(1_090, 1_100, 1_100, 1_110));
        let report = tally.report(Duration::from_secs(1));
        assert_eq!((report.batch_p50, report.batch_p99, report.batch_permille), (1, 2, 1_100));
    }

    #[test]
    fn only_the_leader_tells_how_far_the_tables_are_behind() {
        let mut tally = Tally::default();
        let page = |leads: u64, committed: u64| {
            parse(&format!(
                "sequencer_leads {leads}\nsequencer_committed_seq {committed}\nprojector_projected_seq 10\n"
            ))
        };
        tally.note(at(1), page(1, 14));
        tally.note(at(2), page(0, 99));
        assert_eq!(tally.report(Duration::from_secs(1)).projection_lag_commands, Quantiles { p50: 4, p99: 4 });
    }
}
