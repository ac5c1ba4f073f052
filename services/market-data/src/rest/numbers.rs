//! A symbol's integers as the wire shows them.

use crate::fold::{Level, Listing};
use emporion_api::wire::{Decimal, VALUE_PLACES};
use emporion_model::{Amount, Price, Quantity};

/// The most that a level shows, in units of the eight decimals that it is shown with; more is capped, as the
/// public API documents.
const LEVEL_MAX: u128 = i64::MAX as u128;

impl Listing {
    pub(crate) fn price(&self, price: Price) -> Decimal {
        Decimal::price(price, self.symbol.spec.price_scale)
    }

    /// A price that may not be there; zero then.
    pub(crate) fn price_or_zero(&self, price: Option<Price>) -> Decimal {
        price.map_or(Decimal::ZERO, |price| self.price(price))
    }

    pub(crate) fn quantity(&self, quantity: Quantity) -> Decimal {
        Decimal::quantity(quantity, self.symbol.spec.quantity_scale)
    }

    pub(crate) fn base_amount(&self, amount: Amount) -> Decimal {
        Decimal::amount(amount, self.base.ledger_scale)
    }

    pub(crate) fn quote_amount(&self, amount: Amount) -> Decimal {
        Decimal::amount(amount, self.quote.ledger_scale)
    }

    /// A level's price and quantity.
    pub(crate) fn level(&self, level: &Level) -> [Decimal; 2] {
        [self.price(level.price), capped(level.quantity, self.symbol.spec.quantity_scale)]
    }

    /// The best level's price and quantity; zeros for an empty side.
    pub(crate) fn level_or_zero(&self, level: Option<Level>) -> [Decimal; 2] {
        level.map_or([Decimal::ZERO; 2], |level| self.level(&level))
    }
}

fn capped(quantity: u128, scale: u8) -> Decimal {
    let exact = Decimal::new(i128::try_from(quantity).unwrap_or(i128::MAX), scale);
    let most = Decimal::new(LEVEL_MAX as i128, VALUE_PLACES);
    let more = i32::from(VALUE_PLACES) - i32::from(scale);
    let unit = 10u128.pow(more.unsigned_abs());
    let is_more = if more >= 0 { quantity > LEVEL_MAX / unit } else { quantity / unit > LEVEL_MAX };
    if is_more { most } else { exact }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_capped() {
        for (quantity, scale, text) in [
            (1, 5, "0.00001000"),
            (9_223_372_036_854_775_807, 8, "92233720368.54775807"),
            (9_223_372_036_854_775_808, 8, "92233720368.54775807"),
            (9_223_372_036_854_775, 5, "92233720368.54775000"),
            (9_223_372_036_854_776, 5, "92233720368.54775807"),
            (u128::MAX, 0, "92233720368.54775807"),
            (92_233_720_368_547_758_079, 9, "92233720368.54775807"),
            (12_345_678_901, 10, "1.23456789"),
        ] {
            assert_eq!(capped(quantity, scale).to_string(), text, "{quantity} at {scale}");
        }
    }
}
