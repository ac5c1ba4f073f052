//! Lists of trades: from the tape where it reaches, else from the tables.

use crate::fold::tape::TAPE_LENGTH;
use emporion_model::{AggTradeId, TimeUs, TradeId};
use emporion_ports::tables::{AggTradeRow, ListRange, TradeRow};
use std::collections::VecDeque;

/// An entry of a list with ascending ids and times that never fall.
pub(crate) trait Entry: Copy {
    /// What tells entries apart.
    type Id: Copy + Ord;

    fn id(&self) -> Self::Id;

    fn time(&self) -> TimeUs;
}

impl Entry for TradeRow {
    type Id = TradeId;

    fn id(&self) -> TradeId {
        self.trade_id
    }

    fn time(&self) -> TimeUs {
        self.time
    }
}

impl Entry for AggTradeRow {
    type Id = AggTradeId;

    fn id(&self) -> AggTradeId {
        self.agg_trade_id
    }

    fn time(&self) -> TimeUs {
        self.time
    }
}

/// The part of the whole list that is asked for, if `newest`, its end, is enough to tell. A tape that is not
/// full is the whole list.
pub(crate) fn from_tape<E: Entry>(newest: &VecDeque<E>, range: ListRange<E::Id>, limit: u32) -> Option<Vec<E>> {
    let limit = limit as usize;
    let is_whole = newest.len() < TAPE_LENGTH;
    let oldest = newest.front();
    match range {
        ListRange::FromId(from) => {
            let reaches = is_whole || oldest.is_some_and(|oldest| oldest.id() <= from);
            let first = newest.partition_point(|entry| entry.id() < from);
            reaches.then(|| newest.range(first..).take(limit).copied().collect())
        }
        ListRange::Times { start: Some(start), end } => {
            let reaches = is_whole || oldest.is_some_and(|oldest| oldest.time() < start);
            let first = newest.partition_point(|entry| entry.time() < start);
            let until = end.map_or(newest.len(), |end| newest.partition_point(|entry| entry.time() <= end));
            reaches.then(|| newest.range(first..until.max(first)).take(limit).copied().collect())
        }
        ListRange::Times { start: None, end } => {
            let until = end.map_or(newest.len(), |end| newest.partition_point(|entry| entry.time() <= end));
            let reaches = is_whole || until >= limit;
            reaches.then(|| newest.range(until.saturating_sub(limit)..until).copied().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Numbered(u64);

    impl Entry for Numbered {
        type Id = u64;

        fn id(&self) -> u64 {
            self.0
        }

        /// Two entries at a time.
        fn time(&self) -> TimeUs {
            TimeUs(self.0 / 2)
        }
    }

    /// Asks a tape whose ids begin at `first`, and expects the first and the last id of the answer.
    #[track_caller]
    fn check(first: u64, length: u64, range: ListRange<u64>, limit: u32, expected: Option<Option<(u64, u64)>>) {
        let tape: VecDeque<Numbered> = (first..first + length).map(Numbered).collect();
        let got = from_tape(&tape, range, limit).map(|part| {
            assert!(part.len() <= limit as usize && part.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
            part.first().map(|entry| entry.0).zip(part.last().map(|entry| entry.0))
        });
        assert_eq!(got, expected, "{range:?} of {first}..");
    }

    fn times(start: impl Into<Option<u64>>, end: impl Into<Option<u64>>) -> ListRange<u64> {
        ListRange::Times { start: start.into().map(TimeUs), end: end.into().map(TimeUs) }
    }

    #[test]
    fn a_tape_that_is_not_full_answers_everything() {
        check(1, 0, ListRange::LATEST, 5, Some(None));
        check(1, 0, ListRange::FromId(1), 5, Some(None));
        check(1, 10, ListRange::LATEST, 5, Some(Some((6, 10))));
        check(1, 10, ListRange::LATEST, 50, Some(Some((1, 10))));
        check(1, 10, ListRange::FromId(0), 5, Some(Some((1, 5))));
        check(1, 10, ListRange::FromId(11), 5, Some(None));
        check(1, 10, times(0, None), 3, Some(Some((1, 3))));
        check(1, 10, times(2, 3), 50, Some(Some((4, 7))));
        check(1, 10, times(3, 2), 50, Some(None));
        check(1, 10, times(None, 3), 3, Some(Some((5, 7))));
        check(1, 10, times(None, 0), 3, Some(Some((1, 1))));
    }

    #[test]
    fn a_full_tape_answers_only_what_it_surely_holds() {
        let length = TAPE_LENGTH as u64;
        check(101, length, ListRange::LATEST, 1_000, Some(Some((101 + length - 1_000, 100 + length))));
        check(101, length, ListRange::FromId(101), 2, Some(Some((101, 102))));
        check(101, length, ListRange::FromId(100), 2, None);
        // Entry 101 and the forgotten 100 have the same time.
        check(101, length, times(50, None), 2, None);
        check(101, length, times(51, None), 2, Some(Some((102, 103))));
        check(101, length, times(None, 51), 3, Some(Some((101, 103))));
        check(101, length, times(None, 51), 4, None);
    }
}
