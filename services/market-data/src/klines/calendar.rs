//! Where klines begin and end: fixed lengths, weeks from Monday, calendar months, in any time zone.
//!
//! Three-day klines are counted from 1970-01-01; everything shifts with the time zone.

use emporion_api::params::{Interval, TimeZone};
use emporion_ports::tables::KlineInterval;

const DAY: i64 = 86_400;

/// The days from 1969-12-29, the Monday before the epoch, until the epoch.
const DAYS_AFTER_MONDAY: i64 = 3;

/// The klines of one interval in one time zone. Times are seconds since the epoch, UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    interval: Interval,
    /// Seconds east of Greenwich.
    offset: i64,
}

/// How the starts of klines follow each other.
enum Steps {
    /// This many seconds apart, one of them at this local time.
    Fixed { seconds: i64, anchor: i64 },
    /// On the first of each month.
    Months,
}

impl Calendar {
    pub(crate) fn new(interval: Interval, time_zone: TimeZone) -> Self {
        Self { interval, offset: i64::from(time_zone.minutes) * 60 }
    }

    /// The start of the kline that contains `second`.
    pub(crate) fn start_of(&self, second: i64) -> i64 {
        self.start(self.index_of(second))
    }

    /// The first start that is not before `second`.
    pub(crate) fn start_from(&self, second: i64) -> i64 {
        let start = self.start_of(second);
        if start == second { start } else { self.shift(start, 1) }
    }

    /// The start so many klines after (or, below zero, before) the one that starts at `start`.
    pub(crate) fn shift(&self, start: i64, klines: i64) -> i64 {
        self.start(self.index_of(start) + klines)
    }

    /// The longest stored interval that never lies across a boundary of these klines.
    pub(crate) fn resolution(&self) -> KlineInterval {
        let unit = match self.steps() {
            Steps::Fixed { seconds, .. } => seconds.min(DAY),
            Steps::Months => DAY,
        };
        let fits = |stored: &KlineInterval| {
            let seconds = stored.seconds() as i64;
            unit % seconds == 0 && self.offset % seconds == 0
        };
        KlineInterval::ALL.into_iter().rev().find(fits).unwrap_or(KlineInterval::Second)
    }

    /// The number of the kline that contains `second`, in the order of time.
    fn index_of(&self, second: i64) -> i64 {
        let local = second + self.offset;
        match self.steps() {
            Steps::Fixed { seconds, anchor } => (local - anchor).div_euclid(seconds),
            Steps::Months => month_of(local.div_euclid(DAY)),
        }
    }

    fn start(&self, index: i64) -> i64 {
        let local = match self.steps() {
            Steps::Fixed { seconds, anchor } => index * seconds + anchor,
            Steps::Months => first_day(index) * DAY,
        };
        local - self.offset
    }

    fn steps(&self) -> Steps {
        let (seconds, anchor) = match self.interval {
            Interval::Second1 => (1, 0),
            Interval::Minute1 => (60, 0),
            Interval::Minute3 => (3 * 60, 0),
            Interval::Minute5 => (5 * 60, 0),
            Interval::Minute15 => (15 * 60, 0),
            Interval::Minute30 => (30 * 60, 0),
            Interval::Hour1 => (3_600, 0),
            Interval::Hour2 => (2 * 3_600, 0),
            Interval::Hour4 => (4 * 3_600, 0),
            Interval::Hour6 => (6 * 3_600, 0),
            Interval::Hour8 => (8 * 3_600, 0),
            Interval::Hour12 => (12 * 3_600, 0),
            Interval::Day1 => (DAY, 0),
            Interval::Day3 => (3 * DAY, 0),
            Interval::Week1 => (7 * DAY, -DAYS_AFTER_MONDAY * DAY),
            Interval::Month1 => return Steps::Months,
        };
        Steps::Fixed { seconds, anchor }
    }
}

/// The days of 400 years, and those from 0000-03-01 until the epoch.
const ERA_DAYS: i64 = 146_097;
const EPOCH_DAY: i64 = 719_468;

/// Months since year 0 of the day that is so many days after the epoch. Counts in years that begin in March,
/// so that the leap day is a year's last (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn month_of(day: i64) -> i64 {
    let day = day + EPOCH_DAY;
    let (era, day) = (day.div_euclid(ERA_DAYS), day.rem_euclid(ERA_DAYS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    (era * 400 + year) * 12 + month_from_march + 2
}

/// The first day of a month, in days after the epoch; the inverse of [`month_of`].
fn first_day(month: i64) -> i64 {
    let from_march = month - 2;
    let (years, month) = (from_march.div_euclid(12), from_march.rem_euclid(12));
    let (era, year) = (years.div_euclid(400), years.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5;
    era * ERA_DAYS + year * 365 + year / 4 - year / 100 + day_of_year - EPOCH_DAY
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_api::params::Param;
    use proptest::prelude::*;

    fn calendar(interval: &str, time_zone: &str) -> Calendar {
        let interval = Interval::read("interval", interval).unwrap();
        Calendar::new(interval, TimeZone::read("timeZone", time_zone).unwrap())
    }

    /// Expects a kline from `start` until `end` around `second`.
    #[track_caller]
    fn check(interval: &str, time_zone: &str, second: i64, start: i64, end: i64) {
        let calendar = calendar(interval, time_zone);
        let got = calendar.start_of(second);
        assert_eq!((got, calendar.shift(got, 1)), (start, end), "{interval} {time_zone} {second}");
    }

    #[test]
    fn fixed_lengths_are_counted_from_the_epoch() {
        // 2023-11-14 22:13:20 UTC, a Tuesday.
        let now = 1_700_000_000;
        check("1s", "0", now, now, now + 1);
        check("1m", "0", now, 1_699_999_980, 1_700_000_040);
        check("3m", "0", now, 1_699_999_920, 1_700_000_100);
        check("15m", "0", now, 1_699_999_200, 1_700_000_100);
        check("4h", "0", now, 1_699_992_000, 1_700_006_400);
        check("12h", "0", now, 1_699_963_200, 1_700_006_400);
        check("1d", "0", now, 1_699_920_000, 1_700_006_400);
        check("3d", "0", now, 19_674 * DAY, 19_677 * DAY);
    }

    #[test]
    fn weeks_begin_on_monday() {
        // 2023-11-13 00:00 UTC until 2023-11-20.
        check("1w", "0", 1_700_000_000, 1_699_833_600, 1_700_438_400);
        check("1w", "0", 1_699_833_600, 1_699_833_600, 1_700_438_400);
        check("1w", "0", 1_699_833_599, 1_699_228_800, 1_699_833_600);
        check("1w", "0", 0, -3 * DAY, 4 * DAY);
    }

    #[test]
    fn months_have_their_own_lengths() {
        check("1M", "0", 0, 0, 31 * DAY);
        // November 2023, February 2024 (leap), February 2100 (not leap), December 2023.
        check("1M", "0", 1_700_000_000, 1_698_796_800, 1_701_388_800);
        check("1M", "0", 1_709_164_800, 1_706_745_600, 1_709_251_200);
        check("1M", "0", 4_107_456_000, 4_105_123_200, 4_107_542_400);
        check("1M", "0", 1_704_067_199, 1_701_388_800, 1_704_067_200);
    }

    #[test]
    fn time_zones_shift_every_boundary() {
        let now = 1_700_000_000;
        check("1d", "8", now, 1_699_977_600, 1_700_064_000);
        check("1d", "-1:00", now, 1_699_923_600, 1_700_010_000);
        check("1d", "05:45", now, 1_699_985_700, 1_700_072_100);
        check("1h", "05:45", now, 1_699_996_500, 1_700_000_100);
        check("4h", "8", now, 1_699_992_000, 1_700_006_400);
        check("1M", "-12:00", 1_698_800_000, 1_696_161_600, 1_698_840_000);
        check("1M", "+14:00", 1_698_760_000, 1_698_746_400, 1_701_338_400);
        check("1w", "8", 1_699_804_800, 1_699_804_800, 1_700_409_600);
        check("1s", "05:45", now, now, now + 1);
    }

    #[test]
    fn klines_are_made_from_the_longest_stored_ones_that_fit() {
        use KlineInterval::{Day, Minute, QuarterHour, Second};
        for (interval, time_zone, stored) in [
            ("1s", "0", Second),
            ("1s", "05:45", Second),
            ("1m", "8", Minute),
            ("5m", "0", Minute),
            ("15m", "0", QuarterHour),
            ("15m", "05:45", QuarterHour),
            ("15m", "0:07", Minute),
            ("12h", "8", QuarterHour),
            ("1d", "0", Day),
            ("1d", "8", QuarterHour),
            ("1d", "0:01", Minute),
            ("3d", "0", Day),
            ("1w", "0", Day),
            ("1M", "0", Day),
            ("1M", "-1:00", QuarterHour),
        ] {
            assert_eq!(calendar(interval, time_zone).resolution(), stored, "{interval} {time_zone}");
        }
    }

    proptest! {
        #[test]
        fn klines_tile_time(
            interval in prop::sample::select(Interval::ALL.to_vec()),
            minutes in -720i32..=840,
            second in -10_000_000_000i64..100_000_000_000,
            klines in -100i64..100,
        ) {
            let calendar = Calendar::new(interval, TimeZone { minutes });
            let start = calendar.start_of(second);
            let end = calendar.shift(start, 1);
            prop_assert!(start <= second && second < end);
            prop_assert_eq!(calendar.start_of(end - 1), start);
            prop_assert_eq!(calendar.start_of(end), end);
            prop_assert_eq!(calendar.shift(calendar.shift(start, klines), -klines), start);
            let from = calendar.start_from(second);
            prop_assert_eq!(from, if start == second { start } else { end });
            let stored = calendar.resolution().seconds() as i64;
            prop_assert_eq!(start.rem_euclid(stored), 0);
        }
    }
}
