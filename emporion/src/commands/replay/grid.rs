//! The symbol's steps and bounds, and whether a recorded number can stand on them.

use super::numbers::{Price, Quantity};
use serde_json::Value;

/// What the venue says about a symbol, in numbers of eight decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) symbol: String,
    pub(super) base: String,
    pub(super) quote: String,
    pub(super) tick: Price,
    pub(super) step: Quantity,
    pub(super) price_min: Price,
    /// Zero is none.
    pub(super) price_max: Price,
    pub(super) quantity_min: Quantity,
    pub(super) quantity_max: Quantity,
}

impl Grid {
    /// Of one of the `symbols` of `GET /api/v3/exchangeInfo`; `None` when it does not say all of this.
    pub(super) fn read(symbol: &Value) -> Option<Self> {
        let name = |field: &str| symbol[field].as_str().map(str::to_owned);
        let filter = |kind: &str, field: &str| {
            let mut filters = symbol["filters"].as_array()?.iter();
            filters.find(|filter| filter["filterType"] == kind)?[field].as_str().map(str::to_owned)
        };
        let price = |field| Price::parse(&filter("PRICE_FILTER", field)?).ok();
        let quantity = |field| Quantity::parse(&filter("LOT_SIZE", field)?).ok();
        Some(Self {
            symbol: name("symbol")?,
            base: name("baseAsset")?,
            quote: name("quoteAsset")?,
            tick: Price(price("tickSize")?.0.max(1)),
            step: Quantity(quantity("stepSize")?.0.max(1)),
            price_min: price("minPrice")?,
            price_max: price("maxPrice")?,
            quantity_min: quantity("minQty")?,
            quantity_max: quantity("maxQty")?,
        })
    }

    /// Why an order cannot have this price; `None` when it can.
    pub(super) fn price_fault(&self, price: Price) -> Option<String> {
        if !price.0.is_multiple_of(self.tick.0) {
            return Some(format!("the price {price} is no multiple of the tick size {}", self.tick));
        }
        let (min, max) = (self.price_min, self.price_max);
        let is_within = price >= min && (max.0 == 0 || price <= max);
        (!is_within).then(|| format!("the price {price} is not within {min} to {max}"))
    }

    /// Why an order cannot have this quantity; `None` when it can.
    pub(super) fn quantity_fault(&self, quantity: Quantity) -> Option<String> {
        if !quantity.0.is_multiple_of(self.step.0) {
            return Some(format!("the quantity {quantity} is no multiple of the step size {}", self.step));
        }
        let (min, max) = (self.quantity_min, self.quantity_max);
        let is_within = (min..=max).contains(&quantity);
        (!is_within).then(|| format!("the quantity {quantity} is not within {min} to {max}"))
    }

    /// What of a level's quantity orders can make: whole steps, up to the largest order, at a price that there is.
    pub(super) fn possible(&self, price: Price, quantity: Quantity) -> Quantity {
        let whole_steps = Quantity(quantity.0 / self.step.0 * self.step.0).min(self.quantity_max);
        let fits = self.price_fault(price).is_none() && self.quantity_fault(whole_steps).is_none();
        if fits { whole_steps } else { Quantity::ZERO }
    }
}

/// Ticks of 0.01, steps of 0.001, quantities up to 1,000.
#[cfg(test)]
pub(super) fn example() -> Grid {
    let price = |text| Price::parse(text).expect("a test's number");
    let quantity = |text| Quantity::parse(text).expect("a test's number");
    Grid {
        symbol: "BTCUSDT".to_owned(),
        base: "BTC".to_owned(),
        quote: "USDT".to_owned(),
        tick: price("0.01"),
        step: quantity("0.001"),
        price_min: price("0.01"),
        price_max: price("1000000"),
        quantity_min: quantity("0.001"),
        quantity_max: quantity("1000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_read_from_exchange_info() {
        let symbol = serde_json::json!({
            "symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT",
            "filters": [
                { "filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01000000" },
                { "filterType": "LOT_SIZE", "minQty": "0.00100", "maxQty": "1000", "stepSize": "0.00100000" },
            ],
        });
        assert_eq!(Grid::read(&symbol), Some(example()));
        assert_eq!(Grid::read(&serde_json::json!({ "symbol": "BTCUSDT" })), None);
    }

    #[test]
    fn numbers_off_the_grid_are_told_why() {
        let price = |text: &str| example().price_fault(Price::parse(text).unwrap()).unwrap_or_default();
        let quantity = |text: &str| example().quantity_fault(Quantity::parse(text).unwrap()).unwrap_or_default();
        assert_eq!(price("100.01"), "");
        assert_eq!(price("100.001"), "the price 100.001 is no multiple of the tick size 0.01");
        assert_eq!(price("1000000.01"), "the price 1000000.01 is not within 0.01 to 1000000");
        assert_eq!(quantity("0.001"), "");
        assert_eq!(quantity("0.0005"), "the quantity 0.0005 is no multiple of the step size 0.001");
        assert_eq!(quantity("1000.001"), "the quantity 1000.001 is not within 0.001 to 1000");
    }

    #[test]
    fn levels_are_cut_to_what_orders_can_make() {
        let check = |quantity: &str, price: &str, possible: &str| {
            let (quantity, price) = (Quantity::parse(quantity).unwrap(), Price::parse(price).unwrap());
            assert_eq!(example().possible(price, quantity).to_string(), possible);
        };
        check("5", "99", "5");
        check("5.0009", "99", "5");
        check("0.0009", "99", "0");
        check("2000", "99", "1000");
        check("5", "99.001", "0");
        check("5", "1000000.01", "0");
    }
}
