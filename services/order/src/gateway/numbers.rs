//! Exact numbers between texts and a symbol's integers.
//!
//! Every number in an answer has eight decimals, as on the original, more only where a symbol's own scale has
//! more. What the ledger holds beyond an asset's shown decimals is cut off.

use super::ListedSymbol;
use emporion_api::params::NumberText;
use emporion_api::wire::{Decimal, VALUE_PLACES};
use emporion_api::{ApiError, Code};
use emporion_model::quantity::RATE_SCALE;
use emporion_model::{Amount, Asset, Price, Quantity, Rate};

impl ListedSymbol {
    /// Refuses a number of base with more decimals than the asset has (-1111). It comes before every filter.
    pub(super) fn check_base_precision(&self, number: NumberText<'_>) -> Result<(), ApiError> {
        check_precision(number, self.base.display_scale.max(self.spec.quantity_scale))
    }

    /// The same for a number of quote.
    pub(super) fn check_quote_precision(&self, number: NumberText<'_>) -> Result<(), ApiError> {
        check_precision(number, self.quote.display_scale.max(self.spec.price_scale))
    }

    /// A price of the symbol. More decimals than it has fail its price filter: they cannot be on its tick.
    pub(super) fn read_price(&self, number: NumberText<'_>) -> Result<Price, ApiError> {
        at_scale(number, self.spec.price_scale, "PRICE_FILTER").map(Price)
    }

    /// A quantity of the symbol. More decimals than it has fail its lot size: they cannot be on its step.
    pub(super) fn read_quantity(&self, number: NumberText<'_>) -> Result<Quantity, ApiError> {
        at_scale(number, self.spec.quantity_scale, "LOT_SIZE").map(Quantity)
    }

    /// An amount of the quote asset.
    pub(super) fn read_quote(&self, number: NumberText<'_>) -> Result<Amount, ApiError> {
        number.scaled::<i128>(self.quote.ledger_scale).map(Amount)
    }

    /// A price as clients see it.
    pub(crate) fn price(&self, price: Price) -> Decimal {
        let scale = self.spec.price_scale;
        Decimal::price(price, scale).with_places(VALUE_PLACES.max(scale))
    }

    /// A quantity as clients see it.
    pub(crate) fn quantity(&self, quantity: Quantity) -> Decimal {
        let scale = self.spec.quantity_scale;
        Decimal::quantity(quantity, scale).with_places(VALUE_PLACES.max(scale))
    }

    /// A quantity as clients see it, if there is any.
    pub(crate) fn some_quantity(&self, quantity: Quantity) -> Option<Decimal> {
        (!quantity.is_zero()).then(|| self.quantity(quantity))
    }

    /// An amount of the quote asset as clients see it.
    pub(crate) fn quote(&self, amount: Amount) -> Decimal {
        shown_amount(&self.quote, amount)
    }
}

fn check_precision(number: NumberText<'_>, decimals: u8) -> Result<(), ApiError> {
    number.scaled::<u128>(decimals).map(|_| ())
}

fn at_scale(number: NumberText<'_>, scale: u8, filter: &str) -> Result<u64, ApiError> {
    number.scaled(scale).map_err(|error| match error.code {
        Code::BadPrecision => ApiError::filter_failure(filter),
        _ => error,
    })
}

/// An amount as clients see it.
pub(crate) fn shown_amount(asset: &Asset, amount: Amount) -> Decimal {
    Decimal::new(shown_units(asset, amount), asset.display_scale)
}

/// Whole units of the asset's last shown decimal; what is smaller is cut off.
pub(super) fn shown_units(asset: &Asset, amount: Amount) -> i128 {
    amount.0 / asset.display_unit()
}

/// A rate in whole basis points; what is smaller is cut off.
pub(super) fn basis_points(rate: Rate) -> u32 {
    rate.0 / 10u32.pow(u32::from(RATE_SCALE) - 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::tests::support::listed_symbol;
    use emporion_api::params::Param;

    /// A symbol with prices of two decimals and quantities of five.
    #[track_caller]
    fn check(text: &str, price: Result<u64, &str>, quantity: Result<u64, &str>) {
        let symbol = listed_symbol();
        let number = NumberText::read("x", text).expect("well-formed");
        let told = |error: ApiError| format!("{} {}", error.code.number(), error.message);
        let read = symbol.check_quote_precision(number).and_then(|()| symbol.read_price(number));
        assert_eq!(read.map(|price| price.0).map_err(told), price.map_err(str::to_owned), "{text}");
        let read = symbol.check_base_precision(number).and_then(|()| symbol.read_quantity(number));
        assert_eq!(read.map(|quantity| quantity.0).map_err(told), quantity.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn decimals_are_refused_by_how_many_there_are() {
        let (price, lot) = (Err("-1013 Filter failure: PRICE_FILTER"), Err("-1013 Filter failure: LOT_SIZE"));
        let precision = "-1111 Parameter 'x' has too much precision.";
        check("1", Ok(100), Ok(100_000));
        check("1.23", Ok(123), Ok(123_000));
        check("1.230000000000", Ok(123), Ok(123_000));
        check("1.234", price, Ok(123_400));
        check("1.234567", price, lot);
        check("0.00000001", price, lot);
        check("0.000000001", Err(precision), Err(precision));
        let overflow = Err("-1108 Parameter 'x' overflowed.");
        check("99999999999999999999", overflow, overflow);
    }

    #[test]
    fn amounts_are_cut_to_the_shown_decimals() {
        let asset = |ledger_scale, display_scale| Asset {
            code: "X".parse().expect("legal"),
            ledger_scale,
            display_scale,
            supply_cap: Amount(1),
        };
        for (ledger, display, amount, text) in [
            (12, 8, 1_999_999_999_999, "1.99999999"),
            (12, 8, 9_999, "0.00000000"),
            (8, 8, 1, "0.00000001"),
            (8, 2, 199_999_999, "1.99000000"),
            (2, 2, 150, "1.50000000"),
            (0, 0, 7, "7.00000000"),
        ] {
            assert_eq!(shown_amount(&asset(ledger, display), Amount(amount)).to_string(), text);
        }
    }

    #[test]
    fn basis_points_are_cut_off() {
        for (rate, points) in [(0, 0), (9_999, 0), (100_000, 10), (75_999, 7), (100_000_000, 10_000)] {
            assert_eq!(basis_points(Rate(rate)), points);
        }
    }
}
