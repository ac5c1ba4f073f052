//! Every division of the service but the average price, which the fold computes as the engine does. Each has a
//! name that says which way it rounds.

/// By how much `close` differs from `open`, which is above zero, in thousandths of a percent; half of one is
/// rounded away from zero, as the public API does.
pub(crate) fn percent_change_nearest(open: u64, close: u64) -> i128 {
    const WHOLE: i128 = 100_000;
    let (open, change) = (i128::from(open), i128::from(close) - i128::from(open));
    let nearest = (change.abs() * WHOLE * 2 + open) / (open * 2);
    nearest * change.signum()
}

/// `quote` (of `10^-quote_scale`, not negative) by `base` (of `10^-base_scale`, above zero), in units of
/// `10^-scale`; half of one is rounded up, as the public API does. `None` when that, or a step on the way to it,
/// does not fit.
pub(crate) fn ratio_nearest(quote: i128, quote_scale: u8, base: i128, base_scale: u8, scale: u8) -> Option<i128> {
    let digits = i32::from(base_scale) + i32::from(scale) - i32::from(quote_scale);
    let divisor = base.checked_mul(10i128.checked_pow((-digits).max(0).unsigned_abs())?)?;
    let (mut result, mut rest) = (quote.checked_div(divisor)?, quote.checked_rem(divisor)?);
    // Digit by digit, because the quote times all of the power of ten may not fit.
    for _ in 0..digits {
        rest = rest.checked_mul(10)?;
        result = result.checked_mul(10)?.checked_add(rest / divisor)?;
        rest %= divisor;
    }
    if rest >= divisor - rest { result.checked_add(1) } else { Some(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_rounded_to_the_nearest() {
        for (open, close, percent) in [
            (99_000_000, 4_000_002, -95_960),
            (900, 100, -88_889),
            (2_082_527, 2_067_114, -740),
            (21_000, 21_260, 1_238),
            (1_036_170, 1_044_700, 823),
            (200_000, 200_001, 1),
            (200_000, 199_999, -1),
            (200_001, 200_002, 0),
            (5, 5, 0),
            (1, u64::MAX, 1_844_674_407_370_955_161_400_000),
        ] {
            assert_eq!(percent_change_nearest(open, close), percent, "{open} to {close}");
        }
    }

    #[test]
    fn ratios_are_rounded_to_the_nearest() {
        for (quote, quote_scale, base, base_scale, scale, ratio) in [
            (300, 2, 2, 0, 2, Some(150)),
            (200, 2, 3, 0, 8, Some(66_666_667)),
            (100, 2, 3, 0, 8, Some(33_333_333)),
            (1, 1, 2, 0, 1, Some(1)),
            (1, 2, 2, 0, 1, Some(0)),
            (150, 18, 1, 0, 16, Some(2)),
            (48_521_790_504_210_480, 8, 1_849_535_066_000, 8, 8, Some(2_623_458_803_036)),
            (10i128.pow(30), 18, 10i128.pow(2), 2, 8, Some(10i128.pow(20))),
            (10i128.pow(30), 18, 10i128.pow(2), 0, 8, Some(10i128.pow(18))),
            (7 * 10i128.pow(36), 18, 7 * 10i128.pow(36), 18, 8, Some(10i128.pow(8))),
            (i128::MAX, 0, 1, 18, 8, None),
            (1, 0, 0, 0, 8, None),
        ] {
            assert_eq!(ratio_nearest(quote, quote_scale, base, base_scale, scale), ratio, "{quote} by {base}");
        }
    }
}
