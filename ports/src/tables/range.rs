//! Which part of a long list is wanted: the rule that all lists of the public API share.

use emporion_model::TimeUs;

/// A part of a list whose entries have ascending ids and times that never fall. Answers are always in
/// ascending order.
///
/// Times are microseconds and both ends belong to the range: who has milliseconds passes the first microsecond
/// of the first and the last one of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListRange<Id> {
    /// The oldest entries from this id on.
    FromId(Id),
    /// Without either time the newest entries; with a start, the oldest from there on and not past the end;
    /// with an end alone, the newest up to there.
    Times {
        /// The first time.
        start: Option<TimeUs>,
        /// The last time.
        end: Option<TimeUs>,
    },
}

impl<Id> ListRange<Id> {
    /// The newest entries.
    pub const LATEST: Self = Self::Times { start: None, end: None };
}
