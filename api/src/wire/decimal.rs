//! Decimals on the wire: scaled integers as text with a fixed number of decimals.

use emporion_model::quantity::RATE_SCALE;
use emporion_model::symbol::MULTIPLIER_SCALE;
use emporion_model::symbol::Multiplier;
use emporion_model::{Amount, Price, Quantity, Rate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::borrow::Cow;
use std::fmt;

/// The decimals of prices, quantities and amounts.
pub const VALUE_PLACES: u8 = 8;

/// The decimals of commission rates.
pub const RATE_PLACES: u8 = 8;

/// The most bytes of a text: a sign, the 39 digits of a `u128`, a point and 255 decimals.
const TEXT_BYTES_MAX: usize = 300;

/// `value × 10^-scale`, written with `places` decimals. Digits beyond them are cut off, never rounded: what
/// is shown is never more than there is.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    value: i128,
    scale: u8,
    places: u8,
}

impl Decimal {
    /// Zero, with eight decimals.
    pub const ZERO: Self = Self::new(0, 0);

    /// `value × 10^-scale`, with eight decimals.
    pub const fn new(value: i128, scale: u8) -> Self {
        Self { value, scale, places: VALUE_PLACES }
    }

    /// A price of a symbol with this price scale.
    pub fn price(price: Price, scale: u8) -> Self {
        Self::new(price.0.into(), scale)
    }

    /// A quantity of a symbol with this quantity scale.
    pub fn quantity(quantity: Quantity, scale: u8) -> Self {
        Self::new(quantity.0.into(), scale)
    }

    /// An amount of an asset with this ledger scale.
    pub fn amount(amount: Amount, ledger_scale: u8) -> Self {
        Self::new(amount.0, ledger_scale)
    }

    /// A commission rate.
    pub fn rate(rate: Rate) -> Self {
        Self { value: rate.0.into(), scale: RATE_SCALE, places: RATE_PLACES }
    }

    /// A filter's factor, with its four decimals.
    pub fn multiplier(multiplier: Multiplier) -> Self {
        Self { value: multiplier.0.into(), scale: MULTIPLIER_SCALE, places: MULTIPLIER_SCALE }
    }

    /// The same number with another count of decimals.
    pub const fn with_places(self, places: u8) -> Self {
        Self { places, ..self }
    }

    /// The number as an integer of `10^-scale`; `None` if it has more decimals than that, or does not fit.
    pub fn scaled(self, scale: u8) -> Option<i128> {
        if scale >= self.scale {
            return self.value.checked_mul(10i128.checked_pow(u32::from(scale - self.scale))?);
        }
        let unit = 10i128.checked_pow(u32::from(self.scale - scale))?;
        (self.value % unit == 0).then(|| self.value / unit)
    }

    /// Writes the text backwards into the end of `buffer` and returns it.
    fn write(self, buffer: &mut [u8; TEXT_BYTES_MAX]) -> &str {
        let mut digits = self.value.unsigned_abs();
        for _ in self.places..self.scale {
            digits /= 10;
        }
        let is_negative = self.value < 0 && digits != 0;
        let mut start = TEXT_BYTES_MAX;
        let mut push = |byte| {
            start -= 1;
            buffer[start] = byte;
        };
        for place in 0..self.places {
            push(if place < self.places.saturating_sub(self.scale) { b'0' } else { pop_digit(&mut digits) });
        }
        if self.places > 0 {
            push(b'.');
        }
        push(pop_digit(&mut digits));
        while digits != 0 {
            push(pop_digit(&mut digits));
        }
        if is_negative {
            push(b'-');
        }
        std::str::from_utf8(&buffer[start..]).expect("only ASCII was written")
    }
}

/// Takes the last digit off, as ASCII. Most numbers fit 64 bits, where division is many times as fast.
fn pop_digit(digits: &mut u128) -> u8 {
    let last = match u64::try_from(*digits) {
        Ok(small) => {
            *digits = u128::from(small / 10);
            small % 10
        }
        Err(_) => {
            let last = *digits % 10;
            *digits /= 10;
            last as u64
        }
    };
    b'0' + last as u8
}

/// Two decimals are equal when their text is.
impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.write(&mut [0; TEXT_BYTES_MAX]) == other.write(&mut [0; TEXT_BYTES_MAX])
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.write(&mut [0; TEXT_BYTES_MAX]))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.write(&mut [0; TEXT_BYTES_MAX]))
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is not a decimal")))
    }
}

fn parse(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || !digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = u8::try_from(fraction.len()).ok()?;
    let value = format!("{whole}{fraction}").parse().ok()?;
    Some(Decimal { value, scale, places: scale })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(decimal: Decimal, text: &str) {
        assert_eq!(decimal.to_string(), text);
        assert_eq!(serde_json::to_string(&decimal).expect("text"), format!("\"{text}\""));
    }

    #[test]
    fn eight_decimals_unless_told_otherwise() {
        check(Decimal::ZERO, "0.00000000");
        check(Decimal::new(1, 0), "1.00000000");
        check(Decimal::new(1, 8), "0.00000001");
        check(Decimal::new(12_345, 2), "123.45000000");
        check(Decimal::new(-12_345, 2), "-123.45000000");
        check(Decimal::new(-95_960, 3).with_places(3), "-95.960");
        check(Decimal::new(7, 0).with_places(0), "7");
        check(Decimal::rate(Rate(150_000)), "0.00150000");
        check(Decimal::multiplier(Multiplier(50_000)), "5.0000");
        check(Decimal::price(Price(u64::MAX), 8), "184467440737.09551615");
        check(Decimal::amount(Amount(i128::MAX), 18), "170141183460469231731.68730371");
        check(Decimal::amount(Amount(i128::MIN), 18), "-170141183460469231731.68730371");
    }

    #[test]
    fn digits_beyond_the_shown_ones_are_cut_off() {
        check(Decimal::new(999_999_999_999, 12), "0.99999999");
        check(Decimal::new(1, 12), "0.00000000");
        check(Decimal::new(-1, 12), "0.00000000");
        check(Decimal::new(19, 1).with_places(0), "1");
    }

    #[test]
    fn any_scale_fits_the_buffer() {
        check(Decimal::new(-1, 255).with_places(0), "0");
        assert_eq!(Decimal::new(i128::MIN, 0).with_places(255).to_string().len(), 1 + 39 + 1 + 255);
    }

    #[test]
    fn a_client_gets_the_integer_back() {
        let read = |json| serde_json::from_str::<Decimal>(json);
        assert_eq!(read("\"-12.340\"").expect("a decimal").scaled(3), Some(-12_340));
        assert_eq!(read("\"12.340\"").expect("a decimal").scaled(2), Some(1_234));
        assert_eq!(read("\"12.345\"").expect("a decimal").scaled(2), None);
        assert_eq!(read("\"7\"").expect("a decimal").scaled(8), Some(700_000_000));
        for json in ["7", "\"\"", "\".5\"", "\"1e5\"", "\"--1\"", "\"1.2.3\"", "\"+1\""] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn the_models_own_formatter_agrees(value in any::<i64>(), scale in 0u8..=18, places in 0u8..=18) {
            let text = Decimal::new(value.into(), scale).with_places(places).to_string();
            prop_assert_eq!(text, emporion_model::decimal::format(value.into(), scale, places));
        }
    }
}
