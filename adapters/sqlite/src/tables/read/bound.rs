//! Which ids a [`ListRange`] means. Ids and times of a list rise together, so a time is found among the ids by
//! bisection: a few dozen probes, and no index by time to keep.

use emporion_model::TimeUs;
use emporion_ports::tables::ListRange;

/// A list in ascending order of its ids, along which a second number never falls.
pub(crate) trait List {
    /// The first entry whose id is at least this: its id and its second number.
    fn probe(&self, id: u64) -> rusqlite::Result<Option<(u64, u64)>>;

    /// The last id; 0 when the list is empty.
    fn last_id(&self) -> rusqlite::Result<u64>;
}

/// The entries with `first <= id < until`, to be read from one end or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) until: u64,
    pub(crate) newest_first: bool,
}

/// Beyond every id.
const END: u64 = i64::MAX as u64;

impl Part {
    /// All entries from this id on, oldest first.
    pub(crate) fn from_id(first: u64) -> Self {
        Self { first: first.min(END), until: END, newest_first: false }
    }

    /// The entries between these times, both ends included; newest first without a start.
    pub(crate) fn between(list: &impl List, start: Option<TimeUs>, end: Option<TimeUs>) -> rusqlite::Result<Self> {
        let at = |time: Option<u64>| time.map(|time| first_at(list, time)).transpose();
        // The end of time has nothing after it.
        let after_end = end.and_then(|time| time.0.checked_add(1));
        let first = at(start.map(|time| time.0))?.unwrap_or(0);
        Ok(Self { first, until: at(after_end)?.unwrap_or(END), newest_first: start.is_none() })
    }

    /// The part that `range` means of a list whose second number is the time.
    pub(crate) fn of<Id>(range: ListRange<Id>, id: fn(Id) -> u64, list: &impl List) -> rusqlite::Result<Self> {
        match range {
            ListRange::FromId(first) => Ok(Self::from_id(id(first))),
            ListRange::Times { start, end } => Self::between(list, start, end),
        }
    }

    /// What was read, in ascending order.
    pub(crate) fn ascending<T>(&self, mut read: Vec<T>) -> Vec<T> {
        if self.newest_first {
            read.reverse();
        }
        read
    }
}

/// The id from which on the second number is at least `wanted`; beyond the last id when it never is.
pub(crate) fn first_at(list: &impl List, wanted: u64) -> rusqlite::Result<u64> {
    let (mut low, mut high) = (0, list.last_id()?.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        match list.probe(middle)? {
            Some((id, number)) if number < wanted => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl List for Vec<(u64, u64)> {
        fn probe(&self, id: u64) -> rusqlite::Result<Option<(u64, u64)>> {
            Ok(self.iter().find(|entry| entry.0 >= id).copied())
        }

        fn last_id(&self) -> rusqlite::Result<u64> {
            Ok(self.last().map_or(0, |entry| entry.0))
        }
    }

    #[test]
    fn a_time_is_found_among_ids_with_gaps_and_equal_times() {
        let list = vec![(1, 10), (2, 10), (3, 20), (1_000_000_004, 20), (1_000_000_005, 30)];
        for (wanted, first) in [(0, 1), (10, 1), (11, 3), (20, 3), (21, 1_000_000_005), (30, 1_000_000_005)] {
            let found = first_at(&list, wanted).unwrap();
            assert_eq!(list.iter().find(|entry| entry.0 >= found).unwrap().0, first, "{wanted}");
        }
        assert_eq!(first_at(&list, 31).unwrap(), 1_000_000_006);
        assert_eq!(first_at(&Vec::new(), 5).unwrap(), 0);
    }

    #[test]
    fn ranges_mean_ids() {
        let list = vec![(1, 10), (2, 20), (3, 30)];
        let part = |range| Part::of(range, |id: u64| id, &list).map(|part| (part.first..part.until, part.newest_first));
        let times = |start: Option<u64>, end: Option<u64>| {
            part(ListRange::Times { start: start.map(TimeUs), end: end.map(TimeUs) })
        };
        assert_eq!(part(ListRange::FromId(2)).unwrap(), (2..END, false));
        assert_eq!(times(None, None).unwrap(), (0..END, true));
        assert_eq!(times(None, Some(20)).unwrap(), (0..3, true));
        assert_eq!(times(Some(20), Some(20)).unwrap(), (2..3, false));
        assert_eq!(times(Some(21), None).unwrap(), (3..END, false));
        assert_eq!(times(Some(31), Some(u64::MAX)).unwrap(), (4..END, false));
    }
}
