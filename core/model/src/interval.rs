//! The lengths of klines, and where klines begin and end: fixed lengths, weeks from Monday, calendar months, in
//! any time zone.
//!
//! Three-day klines are counted from 1970-01-01; everything shifts with the time zone.

macro_rules! intervals {
    ($($variant:ident = $text:literal, $doc:literal;)*) => {
        /// The length of a kline.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Interval {
            $(#[doc = $doc] $variant,)*
        }

        impl Interval {
            /// Every interval, shortest first.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name, as the public API writes it; case matters.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The interval with this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|interval| interval.as_str() == name)
            }
        }
    };
}

intervals! {
    Second1 = "1s", "One second.";
    Minute1 = "1m", "One minute.";
    Minute3 = "3m", "Three minutes.";
    Minute5 = "5m", "Five minutes.";
    Minute15 = "15m", "Fifteen minutes.";
    Minute30 = "30m", "Thirty minutes.";
    Hour1 = "1h", "One hour.";
    Hour2 = "2h", "Two hours.";
    Hour4 = "4h", "Four hours.";
    Hour6 = "6h", "Six hours.";
    Hour8 = "8h", "Eight hours.";
    Hour12 = "12h", "Twelve hours.";
    Day1 = "1d", "One calendar day.";
    Day3 = "3d", "Three calendar days.";
    Week1 = "1w", "A week that begins on Monday.";
    Month1 = "1M", "A calendar month.";
}

const DAY: i64 = 86_400;

/// The days from 1969-12-29, the Monday before the epoch, until the epoch.
const DAYS_AFTER_MONDAY: i64 = 3;

/// The klines of one interval in one time zone. Times are seconds since the epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
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
    /// The klines of `interval` in the time zone that is so many minutes east of Greenwich.
    pub fn new(interval: Interval, east_minutes: i32) -> Self {
        Self { interval, offset: i64::from(east_minutes) * 60 }
    }

    /// The klines of `interval` in UTC.
    pub fn utc(interval: Interval) -> Self {
        Self::new(interval, 0)
    }

    /// The start of the kline that contains `second`.
    pub fn start_of(&self, second: i64) -> i64 {
        self.start(self.index_of(second))
    }

    /// The first start that is not before `second`.
    pub fn start_from(&self, second: i64) -> i64 {
        let start = self.start_of(second);
        if start == second { start } else { self.shift(start, 1) }
    }

    /// The start so many klines after (or, below zero, before) the one that starts at `start`.
    pub fn shift(&self, start: i64, klines: i64) -> i64 {
        self.start(self.index_of(start) + klines)
    }

    /// Whether pieces of so many seconds, counted from the epoch, never lie across a boundary of these klines.
    pub fn is_tiled_by(&self, seconds: i64) -> bool {
        let unit = match self.steps() {
            Steps::Fixed { seconds, .. } => seconds.min(DAY),
            Steps::Months => DAY,
        };
        unit % seconds == 0 && self.offset % seconds == 0
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
    use proptest::prelude::*;

    fn calendar(interval: &str, east_minutes: i32) -> Calendar {
        Calendar::new(Interval::named(interval).expect("a name"), east_minutes)
    }

    /// Expects a kline from `start` until `end` around `second`.
    #[track_caller]
    fn check(interval: &str, east_minutes: i32, second: i64, start: i64, end: i64) {
        let calendar = calendar(interval, east_minutes);
        let got = calendar.start_of(second);
        assert_eq!((got, calendar.shift(got, 1)), (start, end), "{interval} {east_minutes} {second}");
    }

    #[test]
    fn fixed_lengths_are_counted_from_the_epoch() {
        // 2023-11-14 22:13:20 UTC, a Tuesday.
        let now = 1_700_000_000;
        check("1s", 0, now, now, now + 1);
        check("1m", 0, now, 1_699_999_980, 1_700_000_040);
        check("3m", 0, now, 1_699_999_920, 1_700_000_100);
        check("15m", 0, now, 1_699_999_200, 1_700_000_100);
        check("4h", 0, now, 1_699_992_000, 1_700_006_400);
        check("12h", 0, now, 1_699_963_200, 1_700_006_400);
        check("1d", 0, now, 1_699_920_000, 1_700_006_400);
        check("3d", 0, now, 19_674 * DAY, 19_677 * DAY);
    }

    #[test]
    fn weeks_begin_on_monday() {
        // 2023-11-13 00:00 UTC until 2023-11-20.
        check("1w", 0, 1_700_000_000, 1_699_833_600, 1_700_438_400);
        check("1w", 0, 1_699_833_600, 1_699_833_600, 1_700_438_400);
        check("1w", 0, 1_699_833_599, 1_699_228_800, 1_699_833_600);
        check("1w", 0, 0, -3 * DAY, 4 * DAY);
    }

    #[test]
    fn months_have_their_own_lengths() {
        check("1M", 0, 0, 0, 31 * DAY);
        // November 2023, February 2024 (leap), February 2100 (not leap), December 2023.
        check("1M", 0, 1_700_000_000, 1_698_796_800, 1_701_388_800);
        check("1M", 0, 1_709_164_800, 1_706_745_600, 1_709_251_200);
        check("1M", 0, 4_107_456_000, 4_105_123_200, 4_107_542_400);
        check("1M", 0, 1_704_067_199, 1_701_388_800, 1_704_067_200);
    }

    #[test]
    fn time_zones_shift_every_boundary() {
        let now = 1_700_000_000;
        check("1d", 480, now, 1_699_977_600, 1_700_064_000);
        check("1d", -60, now, 1_699_923_600, 1_700_010_000);
        check("1d", 345, now, 1_699_985_700, 1_700_072_100);
        check("1h", 345, now, 1_699_996_500, 1_700_000_100);
        check("4h", 480, now, 1_699_992_000, 1_700_006_400);
        check("1M", -720, 1_698_800_000, 1_696_161_600, 1_698_840_000);
        check("1M", 840, 1_698_760_000, 1_698_746_400, 1_701_338_400);
        check("1w", 480, 1_699_804_800, 1_699_804_800, 1_700_409_600);
        check("1s", 345, now, now, now + 1);
    }

    proptest! {
        #[test]
        fn klines_tile_time(
            interval in prop::sample::select(Interval::ALL.to_vec()),
            minutes in -720i32..=840,
            second in -10_000_000_000i64..100_000_000_000,
            klines in -100i64..100,
        ) {
            let calendar = Calendar::new(interval, minutes);
            let start = calendar.start_of(second);
            let end = calendar.shift(start, 1);
            prop_assert!(start <= second && second < end);
            prop_assert_eq!(calendar.start_of(end - 1), start);
            prop_assert_eq!(calendar.start_of(end), end);
            prop_assert_eq!(calendar.shift(calendar.shift(start, klines), -klines), start);
            let from = calendar.start_from(second);
            prop_assert_eq!(from, if start == second { start } else { end });
            for piece in [1, 60, 900, 86_400].into_iter().filter(|piece| calendar.is_tiled_by(*piece)) {
                prop_assert_eq!(start.rem_euclid(piece), 0);
            }
        }
    }
}
