//! Which stored klines those of an interval are made from.

use emporion_model::Calendar;
use emporion_ports::tables::KlineInterval;

/// The longest stored interval that never lies across a boundary of these klines.
pub(crate) fn resolution(calendar: &Calendar) -> KlineInterval {
    let fits = |stored: &KlineInterval| calendar.is_tiled_by(stored.seconds() as i64);
    KlineInterval::ALL.into_iter().rev().find(fits).unwrap_or(KlineInterval::Second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_api::params::{Param, TimeZone};
    use emporion_model::Interval;

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
            let east = TimeZone::read("timeZone", time_zone).unwrap().minutes;
            let calendar = Calendar::new(Interval::named(interval).unwrap(), east);
            assert_eq!(resolution(&calendar), stored, "{interval} {time_zone}");
        }
    }
}
