//! What a [`ListRange`] is in SQL: a first id, two times, and the end of the list that is read from.

use emporion_model::TimeUs;
use emporion_ports::tables::ListRange;

use crate::tables::values::bound;

/// The entries with at least this id, between these times, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first: i64,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) newest_first: bool,
    /// Whether an id was named, not times.
    pub(crate) by_id: bool,
}

impl Part {
    pub(crate) fn of<Id>(range: ListRange<Id>, id: fn(Id) -> u64) -> Self {
        let all = Self { first: 0, start: 0, end: i64::MAX, newest_first: false, by_id: false };
        let time = |time: TimeUs| bound(time.0);
        match range {
            ListRange::FromId(first) => Self { first: bound(id(first)), by_id: true, ..all },
            ListRange::Times { start, end } => Self {
                start: start.map_or(0, time),
                end: end.map_or(i64::MAX, time),
                newest_first: start.is_none(),
                ..all
            },
        }
    }
}
