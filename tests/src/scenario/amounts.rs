//! Decimal text and the integers of the engine.

use emporion_model::decimal;

/// `text` as an integer of `10^-scale`.
pub(super) fn read<T: TryFrom<u128>>(text: &str, scale: u8) -> Result<T, String> {
    let value = decimal::parse(text, scale).map_err(|error| format!("{text} {error}"))?;
    T::try_from(value).map_err(|_| format!("{text} is too large"))
}

/// The integer without zeros at its end.
pub(super) fn show(value: i128, scale: u8) -> String {
    let text = decimal::format(value, scale, scale);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The integer with all its decimals.
pub(super) fn show_all(value: i128, scale: u8) -> String {
    decimal::format(value, scale, scale)
}
