//! How much of the processors a load took, where the system tells it: its own share must be small beside the venue's.

use serde::Serialize;
use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

/// Ticks a second in `/proc`, on every Linux that this runs on.
const TICKS_PER_SECOND: u64 = 100;

/// A moment from which to measure.
#[derive(Clone, Copy, Debug)]
pub struct CpuClock {
    since: Instant,
    own: u64,
    machine: u64,
}

/// Shares in percent of one processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CpuShare {
    /// This process.
    pub own_percent: u64,
    /// Everything on the machine.
    pub machine_percent: u64,
    /// How many processors there are, in the same unit.
    pub processors_percent: u64,
}

impl CpuClock {
    /// From now on; none where the system does not tell.
    pub fn start() -> Option<Self> {
        let own = own_ticks(&fs::read_to_string("/proc/self/stat").ok()?)?;
        let machine = busy_ticks(&fs::read_to_string("/proc/stat").ok()?)?;
        Some(Self { since: Instant::now(), own, machine })
    }

    /// Since the start.
    pub fn share(self) -> Option<CpuShare> {
        let now = Self::start()?;
        let elapsed = now.since - self.since;
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        Some(CpuShare {
            own_percent: percent(now.own.saturating_sub(self.own), elapsed),
            machine_percent: percent(now.machine.saturating_sub(self.machine), elapsed),
            processors_percent: processors * 100,
        })
    }
}

fn percent(ticks: u64, elapsed: Duration) -> u64 {
    let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    ticks * 100 * 1_000 / TICKS_PER_SECOND / elapsed.max(1)
}

/// User and system time; the name before them may hold spaces.
fn own_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// All but idle time and waiting for disks.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.split_whitespace().skip(1).take(8);
    let ticks: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
    let [idle, waiting] = [3, 4].map(|field| ticks.get(field).copied());
    Some(ticks.iter().sum::<u64>() - idle? - waiting?)
}

impl fmt::Display for CpuShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { own_percent, machine_percent, processors_percent } = self;
        writeln!(f, "processors: the load {own_percent} %, all {machine_percent} % of {processors_percent} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_from_behind_the_name() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20";
        assert_eq!(own_ticks(stat), Some(42));
        assert_eq!(busy_ticks("cpu  10 1 20 1000 50 2 3 4 0 0\ncpu0 1"), Some(40));
        assert_eq!((own_ticks("7"), busy_ticks("cpu 1 2")), (None, None));
        assert_eq!(percent(150, Duration::from_secs(1)), 150);
    }
}
