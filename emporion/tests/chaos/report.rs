//! What a run found: judged, and told as a table.

use crate::faults::Fault;
use crate::history::{Differences, History};
use crate::load::Record;
use crate::watch::Seen;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::io::{Write, stdout};
use std::time::{Duration, Instant};

/// How many examples of what is wrong are told.
const EXAMPLES: usize = 5;

pub(crate) struct Report {
    pub(crate) faults: Vec<(Fault, Instant)>,
    pub(crate) record: Record,
    pub(crate) seen: Seen,
    pub(crate) history: History,
    pub(crate) differences: Differences,
    pub(crate) audit: Value,
}

impl Report {
    /// What must not be, with examples.
    fn findings(&self) -> Vec<(&'static str, Vec<String>)> {
        let seqs = |seqs: &[emporion_model::Seq]| seqs.iter().map(|seq| format!("seq {}", seq.0)).collect();
        let (differences, history, seen) = (&self.differences, &self.history, &self.seen);
        let too_old = seen.unjudged.iter().filter(|(price, trade)| !history.has_price_since(*price, *trade));
        let too_old = too_old.map(|(price, trade)| format!("price {price} where trade {trade} was known"));
        vec![
            ("acknowledged lost", differences.lost.clone()),
            ("acknowledged doubled", differences.doubled.clone()),
            ("acknowledged altered", differences.altered.clone()),
            ("out of order", differences.out_of_order.clone()),
            ("commands twice in the journal", seqs(&history.repeated)),
            ("commands after their deadline", seqs(&history.late)),
            ("stale writes to the journal", vec!["a row".to_owned(); history.stale_writes]),
            ("stale writes to shared prices", seen.shared_back.clone()),
            ("stale reads of orders", self.record.stale_reads.clone()),
            ("stale prices", seen.stale_prices.iter().cloned().chain(too_old).collect()),
            ("gaps in streams", seen.gaps.clone()),
        ]
    }

    /// Prints it. Nothing may be wrong, and there must have been something to judge.
    #[track_caller]
    pub(crate) fn check(&self) {
        writeln!(stdout().lock(), "{self}").unwrap();
        let wrong: Vec<_> = self.findings().into_iter().filter(|(_, examples)| !examples.is_empty()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let seen = &self.seen;
        let judged = [self.record.told.len(), self.record.reads, seen.prices, seen.shared_prices, seen.stream_events];
        assert!(judged.iter().all(|count| *count > 0), "{judged:?}");
        assert_eq!(self.audit["tablesRebuilt"], true, "{}", self.audit);
    }

    /// From each fault of a kind to the first acknowledgement of an order that was sent after it.
    fn first_acknowledgements(&self) -> BTreeMap<Fault, Vec<Duration>> {
        let mut of_kinds: BTreeMap<Fault, Vec<Duration>> = BTreeMap::new();
        for (fault, began) in &self.faults {
            let after = self.record.told.iter().filter(|told| !told.is_cancel && told.sent > *began);
            let first = after.map(|told| told.told).min();
            of_kinds.entry(*fault).or_default().extend(first.map(|first| first - *began));
        }
        of_kinds
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (record, seen) = (&self.record, &self.seen);
        writeln!(f, "{:<30}{:>7}{:>26}{:>10}", "fault", "number", "first acknowledged: p50", "max, ms")?;
        for (fault, mut times) in self.first_acknowledgements() {
            times.sort_unstable();
            let at = |index: usize| times.get(index).map_or(0, Duration::as_millis);
            let (p50, max) = (at(times.len() / 2), at(times.len().saturating_sub(1)));
            writeln!(f, "{:<30}{:>7}{p50:>26}{max:>10}", fault.name(), times.len())?;
        }
        writeln!(f, "{:<40}{:>12}", "acknowledged", record.told.len())?;
        for (code, count) in &record.unacknowledged {
            writeln!(f, "{:<40}{count:>12}", format!("answered {code}"))?;
        }
        for (what, examples) in self.findings() {
            writeln!(f, "{what:<40}{:>12}", examples.len())?;
            for example in examples.iter().take(EXAMPLES) {
                writeln!(f, "    {example}")?;
            }
        }
        for (what, count) in [
            ("reads of orders that were checked", record.reads),
            ("prices that were checked", seen.prices),
            ("of them marked as stale", seen.marked_stale),
            ("shared prices that were checked", seen.shared_prices),
            ("events of streams", seen.stream_events),
            ("connections of the stream", seen.stream_connections),
        ] {
            writeln!(f, "{what:<40}{count:>12}")?;
        }
        let rebuilt = if self.audit["tablesRebuilt"] == true { "equal" } else { "without tables" };
        write!(f, "audit: {rebuilt}, at seq {} with state hash {}", self.audit["seq"], self.audit["stateHash"])
    }
}
