//! Exact decimal text to scaled integer and back. No floats, no exponents, no signs, no rounding.
//!
//! The grammar is Binance's: `^([0-9]{1,20})(\.[0-9]{1,20})?$`. Numbers cross this module at the edge;
//! inside the venue there are only integers.

use std::fmt;

/// The most digits that the grammar takes on either side of the point.
pub const DIGITS_MAX: usize = 20;

/// The largest scale an asset or a symbol may have, so that powers of ten fit their types with room.
pub const SCALE_MAX: u8 = 18;

/// Why a text is not a number of the wanted scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// It does not follow the grammar.
    Malformed,
    /// It has a non-zero digit beyond the scale.
    TooManyDecimals,
    /// It follows the grammar but its scaled value does not fit the type.
    TooLarge,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is not a plain decimal number such as 12.34",
            Self::TooManyDecimals => "has more decimals than are allowed here",
            Self::TooLarge => "is too large",
        })
    }
}

impl std::error::Error for DecimalError {}

/// Ten to the power of `exponent`, which is at most 38.
pub const fn pow10(exponent: u8) -> u128 {
    10u128.pow(exponent as u32)
}

/// Reads `text` as an integer of `10^-scale` units. Zeros beyond the scale are accepted, other digits are
/// [`DecimalError::TooManyDecimals`].
pub fn parse(text: &str, scale: u8) -> Result<u128, DecimalError> {
    let (whole, fraction) = split(text)?;
    let scale = usize::from(scale);
    let (kept, beyond) = fraction.split_at(fraction.len().min(scale));
    if beyond.iter().any(|&digit| digit != b'0') {
        return Err(DecimalError::TooManyDecimals);
    }
    let mut value: u128 = 0;
    for &digit in whole.iter().chain(kept) {
        value = push_digit(value, digit - b'0')?;
    }
    for _ in kept.len()..scale {
        value = push_digit(value, 0)?;
    }
    Ok(value)
}

/// The number of decimals that `text` needs: those after the point, less trailing zeros.
pub fn significant_decimals(text: &str) -> Result<u8, DecimalError> {
    let (_, fraction) = split(text)?;
    let needed = fraction.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
    Ok(u8::try_from(needed).expect("the grammar allows at most 20 decimals"))
}

/// Writes `value`, an integer of `10^-scale` units, with exactly `shown` decimals; digits beyond them are
/// cut off, never rounded. A negative zero is not written.
pub fn format(value: i128, scale: u8, shown: u8) -> String {
    let magnitude = value.unsigned_abs();
    let visible = if shown >= scale {
        magnitude.checked_mul(pow10(shown - scale)).expect("a ledger amount with its decimals fits 128 bits")
    } else {
        magnitude / pow10(scale - shown)
    };
    let sign = if value < 0 && visible != 0 { "-" } else { "" };
    let unit = pow10(shown);
    if shown == 0 {
        return format!("{sign}{visible}");
    }
    format!("{sign}{}.{:0width$}", visible / unit, visible % unit, width = usize::from(shown))
}

fn split(text: &str) -> Result<(&[u8], &[u8]), DecimalError> {
    let bytes = text.as_bytes();
    let (whole, fraction) = match bytes.iter().position(|&byte| byte == b'.') {
        None => (bytes, &bytes[bytes.len()..]),
        Some(point) if point + 1 < bytes.len() => (&bytes[..point], &bytes[point + 1..]),
        Some(_) => return Err(DecimalError::Malformed),
    };
    let digits = |part: &[u8]| part.len() <= DIGITS_MAX && part.iter().all(u8::is_ascii_digit);
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(DecimalError::Malformed);
    }
    Ok((whole, fraction))
}

fn push_digit(value: u128, digit: u8) -> Result<u128, DecimalError> {
    value.checked_mul(10).and_then(|tens| tens.checked_add(u128::from(digit))).ok_or(DecimalError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, scale: u8, expected: Result<u128, DecimalError>) {
        assert_eq!(parse(text, scale), expected, "{text:?} at scale {scale}");
    }

    #[test]
    fn texts_become_scaled_integers() {
        for (text, scale, value) in [
            ("0", 0, 0),
            ("0", 8, 0),
            ("1", 8, 100_000_000),
            ("0.00000001", 8, 1),
            ("12.34", 2, 1_234),
            ("12.34000000", 2, 1_234),
            ("007.50", 1, 75),
            ("99999999999999999999", 0, 99_999_999_999_999_999_999),
        ] {
            check(text, scale, Ok(value));
        }
    }

    #[test]
    fn what_is_outside_the_grammar_is_malformed() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e5",
            "1E-5",
            "1,5",
            " 1",
            "1 ",
            "0x1",
            "NaN",
            "inf",
            "1..2",
            "1.2.3",
            "١",
            "１",
            "1\0",
            "1_000",
            "100000000000000000000",
            "1.000000000000000000000",
        ] {
            check(text, 8, Err(DecimalError::Malformed));
        }
    }

    #[test]
    fn digits_beyond_the_scale_are_an_error_of_their_own() {
        check("0.001", 2, Err(DecimalError::TooManyDecimals));
        check("1.000000001", 8, Err(DecimalError::TooManyDecimals));
        check("0.5", 0, Err(DecimalError::TooManyDecimals));
        check("1.0000000000", 8, Ok(100_000_000));
    }

    #[test]
    fn too_large_is_told_apart_from_malformed() {
        check("99999999999999999999.99999999999999999999", 20, Err(DecimalError::TooLarge));
        check("99999999999999999999", 19, Err(DecimalError::TooLarge));
    }

    #[test]
    fn integers_become_text_with_fixed_decimals() {
        for (value, scale, shown, expected) in [
            (0, 8, 8, "0.00000000"),
            (1, 8, 8, "0.00000001"),
            (1_234, 2, 8, "12.34000000"),
            (123_456_789, 8, 2, "1.23"),
            (999_999_999_999, 12, 8, "0.99999999"),
            (-1, 8, 8, "-0.00000001"),
            (-1, 8, 2, "0.00"),
            (-250, 2, 0, "-2"),
            (7, 0, 0, "7"),
        ] {
            assert_eq!(format(value, scale, shown), expected);
        }
    }

    #[test]
    fn every_short_text_agrees_with_the_grammar() {
        let alphabet = b"09.+-eE ";
        let mut texts: Vec<String> = vec![String::new()];
        for _ in 0..5 {
            texts = texts
                .iter()
                .flat_map(|text| alphabet.iter().map(move |&byte| format!("{text}{}", byte as char)))
                .collect();
            for text in &texts {
                let mut parts = text.splitn(2, '.');
                let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                let legal = parts.next().is_some_and(digits) && parts.next().is_none_or(digits);
                assert_eq!(parse(text, 8).is_ok(), legal, "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn text_and_integer_round_trip(value in 0u128..1_000_000_000_000_000_000_000_000, scale in 0u8..=SCALE_MAX) {
            let text = format(value as i128, scale, scale);
            prop_assert_eq!(parse(&text, scale), Ok(value).filter_grammar(&text));
        }

        #[test]
        fn no_text_panics(text in ".{0,50}", scale in 0u8..=20) {
            let _ = parse(&text, scale);
            let _ = significant_decimals(&text);
        }
    }

    trait FilterGrammar {
        fn filter_grammar(self, text: &str) -> Self;
    }

    impl FilterGrammar for Result<u128, DecimalError> {
        /// A value whose text has more than 20 digits before the point is outside the grammar.
        fn filter_grammar(self, text: &str) -> Self {
            let whole = text.split('.').next().map_or(0, str::len);
            if whole > DIGITS_MAX { Err(DecimalError::Malformed) } else { self }
        }
    }
}
