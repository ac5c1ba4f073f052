//! Decimal text.

use emporion_model::decimal::{DecimalError, SCALE_MAX, format, parse, significant_decimals};

/// Every scale agrees with every other and with the grammar, and what is read is written again.
pub(super) fn decimal(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let needed = significant_decimals(text);
    for scale in 0..=20 {
        match (parse(text, scale), needed) {
            (Ok(value), Ok(needed)) => {
                assert!(needed <= scale, "no digit is dropped");
                check_text(text, value, scale);
            }
            (Err(DecimalError::TooManyDecimals), Ok(needed)) => assert!(needed > scale),
            (Err(DecimalError::TooLarge), Ok(_)) => {}
            (Err(DecimalError::Malformed), Err(DecimalError::Malformed)) => {}
            (read, needed) => panic!("{text:?} at {scale}: {read:?} beside {needed:?}"),
        }
    }
}

/// The written number is the read one, but for zeros at both ends.
fn check_text(text: &str, value: u128, scale: u8) {
    if let Ok(value) = i128::try_from(value)
        && scale <= SCALE_MAX
    {
        assert_eq!(bare(&format(value, scale, scale)), bare(text), "at {scale}");
    }
}

/// Without zeros that say nothing.
fn bare(text: &str) -> (String, String) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned())
}
