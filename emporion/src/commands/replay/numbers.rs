//! Prices and quantities as exact integers of eight decimals, which is all that a recording or a venue's clients
//! are ever shown, whatever the symbol.

use emporion_model::decimal::{DecimalError, format, parse};
use std::fmt;

/// The decimals of both.
const SCALE: u8 = 8;

/// Quote per base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Price(pub(super) u128);

/// How much base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Quantity(pub(super) u128);

impl Price {
    /// Reads plain decimal text.
    pub(super) fn parse(text: &str) -> Result<Self, DecimalError> {
        parse(text, SCALE).map(Self)
    }
}

impl Quantity {
    /// None.
    pub(super) const ZERO: Self = Self(0);

    /// Reads plain decimal text.
    pub(super) fn parse(text: &str) -> Result<Self, DecimalError> {
        parse(text, SCALE).map(Self)
    }

    /// What is missing from `self` to `whole`; nothing when it is more.
    pub(super) fn short_of(self, whole: Self) -> Self {
        Self(whole.0.saturating_sub(self.0))
    }
}

impl std::ops::Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, std::ops::Add::add)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&trimmed(self.0))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&trimmed(self.0))
    }
}

/// Without the zeros that say nothing, because a venue refuses decimals beyond a symbol's.
fn trimmed(units: u128) -> String {
    let text = format(i128::try_from(units).unwrap_or(i128::MAX), SCALE, SCALE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_and_written_short() {
        for (text, units, short) in [
            ("61837.63000000", 6_183_763_000_000, "61837.63"),
            ("0.00000001", 1, "0.00000001"),
            ("120", 12_000_000_000, "120"),
            ("0.00000000", 0, "0"),
        ] {
            assert_eq!(Price::parse(text), Ok(Price(units)), "{text}");
            assert_eq!(Price(units).to_string(), short);
            assert_eq!(Quantity::parse(text).unwrap().to_string(), short);
        }
        assert!(Price::parse("0.000000001").is_err());
    }

    #[test]
    fn what_is_missing_is_never_below_nothing() {
        assert_eq!(Quantity(2).short_of(Quantity(5)), Quantity(3));
        assert_eq!(Quantity(5).short_of(Quantity(2)), Quantity::ZERO);
    }
}
