//! The symbol's filters, as far as they need nothing but the order, the rules and an average price.
//!
//! Source of the rules: the filter table of the public API (`PRICE_FILTER`, `LOT_SIZE`, …). Steps count
//! from zero, not from the minimum.

use emporion_model::symbol::{LotFilter, MULTIPLIER_SCALE, NotionalFilter, PercentPriceFilter, PriceFilter};
use emporion_model::{Amount, MarketSize, OrderKind, Price, Quantity, Reject, Scales, Side, SymbolRules};

/// Checks price, lot, percent-price and notional filters in that order. `average` gives the average price
/// of so many minutes, `None` when the symbol never traded. Without an average, percent-price passes and a
/// notional filter that binds market orders fails.
pub fn check(
    rules: &SymbolRules,
    scales: &Scales,
    side: Side,
    kind: &OrderKind,
    average: impl Fn(u8) -> Option<Price>,
) -> Result<(), Reject> {
    if let Some(price) = kind.price() {
        check_price(&rules.price, price)?;
        if let Some(filter) = &rules.percent_price
            && let Some(average) = average(filter.average_minutes)
        {
            check_percent(filter, side, price, average)?;
        }
    }
    check_lots(rules, kind)?;
    check_notional(&rules.notional, scales, kind, average)
}

/// Checks price and lot filters alone: what a recorded market is bound by.
pub(crate) fn check_steps(rules: &SymbolRules, kind: &OrderKind) -> Result<(), Reject> {
    kind.price().map_or(Ok(()), |price| check_price(&rules.price, price))?;
    check_lots(rules, kind)
}

fn check_lots(rules: &SymbolRules, kind: &OrderKind) -> Result<(), Reject> {
    let Some(quantity) = kind.quantity() else { return Ok(()) };
    check_lot(&rules.lot, quantity, Reject::LotSize)?;
    if matches!(kind, OrderKind::Market(_)) {
        check_lot(&rules.market_lot, quantity, Reject::MarketLotSize)?;
    }
    Ok(())
}

/// Whether a quantity found by matching a quote amount may be executed.
pub(crate) fn check_lot(filter: &LotFilter, quantity: Quantity, reject: Reject) -> Result<(), Reject> {
    let on_step = filter.step.is_zero() || quantity.0.is_multiple_of(filter.step.0);
    ensure(filter.min <= quantity && quantity <= filter.max && on_step && !quantity.is_zero(), reject)
}

fn check_price(filter: &PriceFilter, price: Price) -> Result<(), Reject> {
    let in_range = filter.min <= price && price <= filter.max;
    ensure(in_range && price.0.is_multiple_of(filter.tick.0), Reject::PriceFilter)
}

fn check_percent(filter: &PercentPriceFilter, side: Side, price: Price, average: Price) -> Result<(), Reject> {
    let (down, up) = match side {
        Side::Buy => (filter.bid_down, filter.bid_up),
        Side::Sell => (filter.ask_down, filter.ask_up),
    };
    let scaled = u128::from(price.0) * 10u128.pow(u32::from(MULTIPLIER_SCALE));
    let bound = |multiplier: u32| u128::from(average.0) * u128::from(multiplier);
    ensure(bound(down.0) <= scaled && scaled <= bound(up.0), Reject::PercentPriceBySide)
}

fn check_notional(
    filter: &NotionalFilter,
    scales: &Scales,
    kind: &OrderKind,
    average: impl Fn(u8) -> Option<Price>,
) -> Result<(), Reject> {
    let reject = if filter.max.is_some() { Reject::Notional } else { Reject::MinNotional };
    let notional = |price, quantity| scales.notional(price, quantity).ok_or(reject);
    let (amount, min_binds, max_binds) = match *kind {
        OrderKind::Limit(price, quantity, _) | OrderKind::LimitMaker(price, quantity) => {
            (notional(price, quantity)?, true, true)
        }
        OrderKind::Market(_) if !filter.min_to_market && !filter.max_to_market => return Ok(()),
        OrderKind::Market(MarketSize::Quote(amount)) => (amount, filter.min_to_market, filter.max_to_market),
        OrderKind::Market(MarketSize::Base(quantity)) => {
            let price = average(filter.average_minutes).ok_or(reject)?;
            (notional(price, quantity)?, filter.min_to_market, filter.max_to_market)
        }
    };
    let within = |max: Amount| amount <= max;
    ensure((!min_binds || filter.min <= amount) && (!max_binds || filter.max.is_none_or(within)), reject)
}

fn ensure(holds: bool, reject: Reject) -> Result<(), Reject> {
    if holds { Ok(()) } else { Err(reject) }
}
