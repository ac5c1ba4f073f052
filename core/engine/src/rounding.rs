//! Every division of the venue. Each has a name that says which way it rounds.

use emporion_model::quantity::RATE_SCALE;
use emporion_model::{Amount, Price, Quantity, Rate};

/// The fee on what is received, rounded down to whole display units, so that what clients see adds up.
pub(crate) fn fee_floor(received: Amount, rate: Rate, display_unit: i128) -> Amount {
    let product = received.0.checked_mul(i128::from(rate.0)).expect("supply caps leave room for a rate");
    let exact = product / 10i128.pow(u32::from(RATE_SCALE));
    Amount(exact - exact % display_unit)
}

/// The most base, in whole steps and at most `room`, that `budget` buys when one quantity unit costs
/// `unit_cost`, above zero.
pub(crate) fn affordable_floor(budget: Amount, unit_cost: i128, step: Quantity, room: Quantity) -> Quantity {
    let units = (budget.0 / unit_cost).clamp(0, i128::from(room.0)) as u64;
    Quantity(units - units % step.0)
}

/// The volume-weighted average price, rounded down. `None` without volume.
pub(crate) fn average_price_floor(quote: i128, base_units: u128, quote_factor: i128) -> Option<Price> {
    let weight = i128::try_from(base_units).ok()?.checked_mul(quote_factor).filter(|weight| *weight > 0)?;
    u64::try_from(quote / weight).ok().map(Price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_round_down_to_the_display() {
        for (received, rate, unit, fee) in [
            (100_000_000, 100_000, 1, 100_000),
            (999, 100_000, 1, 0),
            (1_999, 100_000, 1, 1),
            (123_456_789, 100_000, 10_000, 120_000),
            (1, Rate::ONE.0, 1, 1),
            (0, 100_000, 1, 0),
        ] {
            assert_eq!(fee_floor(Amount(received), Rate(rate), unit), Amount(fee), "{received} at {rate}");
        }
    }

    #[test]
    fn what_a_budget_buys_is_whole_steps() {
        for (budget, cost, step, room, quantity) in [
            (100, 7, 1, 99, 14),
            (100, 7, 5, 99, 10),
            (6, 7, 1, 99, 0),
            (-5, 7, 1, 99, 0),
            (0, 1, 1, 99, 0),
            (100, 7, 5, 9, 5),
            (i128::MAX, 1, 1, u64::MAX, u64::MAX),
        ] {
            let bought = affordable_floor(Amount(budget), cost, Quantity(step), Quantity(room));
            assert_eq!(bought, Quantity(quantity), "{budget} at {cost}");
        }
    }

    #[test]
    fn averages_round_down() {
        assert_eq!(average_price_floor(299, 3, 10), Some(Price(9)));
        assert_eq!(average_price_floor(0, 0, 10), None);
    }
}
