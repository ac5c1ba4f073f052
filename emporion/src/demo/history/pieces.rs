//! How the past is cut into pieces: days, then hours, then minutes, then seconds.
//!
//! Each length begins where a day (for seconds: a minute) does, so that no kline lies across a piece.

use emporion_model::{Calendar, Interval};

/// The most klines of one interval.
pub(super) const KLINES_MAX: i64 = 1_000;
/// 2017-01-01 00:00 UTC: nothing is before.
pub(super) const BEGINNING: i64 = 1_483_228_800;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// A part of the past that has one open, high, low and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// In seconds since the epoch.
    pub(super) start: i64,
    pub(super) seconds: i64,
}

/// All pieces, oldest first, without a gap.
pub(super) struct Pieces {
    runs: [(i64, i64); 4],
    end: i64,
}

impl Pieces {
    /// Of the seconds before `end`; none when that is not after the beginning.
    pub(super) fn until(end: u64) -> Self {
        let end = i64::try_from(end).unwrap_or(i64::MAX / 4).max(BEGINNING);
        let floor = |second: i64, unit: i64| second.div_euclid(unit) * unit;
        let first = |interval: Interval, unit: i64| floor(first_start(interval, end), unit).max(BEGINNING);
        let hours = first(Interval::Hour12, DAY);
        let minutes = first(Interval::Minute30, DAY);
        let seconds = first(Interval::Second1, MINUTE);
        Self { runs: [(BEGINNING, DAY), (hours, HOUR), (minutes, MINUTE), (seconds, 1)], end }
    }

    /// The second after the last piece.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// The pieces, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Piece> {
        let ends = [self.runs[1].0, self.runs[2].0, self.runs[3].0, self.end];
        self.runs.into_iter().zip(ends).flat_map(|((from, seconds), until)| {
            (0..(until - from) / seconds).map(move |index| Piece { start: from + index * seconds, seconds })
        })
    }
}

/// The start of the first kline of this interval that is written when the past ends before `end`.
pub(super) fn first_start(interval: Interval, end: i64) -> i64 {
    let calendar = Calendar::utc(interval);
    let last = calendar.start_of(end - 1);
    calendar.shift(last, 1 - KLINES_MAX).max(calendar.start_from(BEGINNING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_tile_the_past_and_no_kline_lies_across_one() {
        for end in [1_795_463_999, 1_795_464_000, 1_795_464_001, 1_772_323_201, 1_483_400_000, 1_483_228_801] {
            let pieces: Vec<_> = Pieces::until(end).iter().collect();
            assert_eq!(pieces.first().unwrap().start, BEGINNING);
            let mut next = BEGINNING;
            for piece in &pieces {
                assert_eq!(piece.start, next);
                next += piece.seconds;
            }
            assert_eq!(next, end as i64);
            for interval in Interval::ALL.iter().copied().filter(|interval| *interval != Interval::Second1) {
                let calendar = Calendar::utc(interval);
                for piece in pieces.iter().filter(|piece| piece.start >= first_start(interval, end as i64)) {
                    let last = piece.start + piece.seconds - 1;
                    assert_eq!(calendar.start_of(piece.start), calendar.start_of(last), "{interval:?} {piece:?}");
                }
            }
        }
    }

    #[test]
    fn there_is_no_past_before_the_beginning() {
        assert_eq!(Pieces::until(0).iter().count(), 0);
        assert_eq!(Pieces::until(BEGINNING as u64).iter().count(), 0);
    }

    #[test]
    fn pieces_are_few() {
        assert!(Pieces::until(1_795_464_000).iter().count() < 50_000);
    }
}
