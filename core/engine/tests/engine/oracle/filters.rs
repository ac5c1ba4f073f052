//! The symbol's filters, one question each.

use super::Oracle;
use emporion_model::symbol::LotFilter;
use emporion_model::{MarketSize, OrderKind, PlaceOrder, Reject, Side};

impl Oracle {
    pub(super) fn check_filters(&self, order: &PlaceOrder, steps_only: bool) -> Result<(), Reject> {
        let rules = &self.markets[usize::from(order.symbol.0)].spec.rules;
        if let Some(price) = order.kind.price() {
            let filter = rules.price;
            if price < filter.min || price > filter.max || !price.0.is_multiple_of(filter.tick.0) {
                return Err(Reject::PriceFilter);
            }
            if !steps_only {
                self.check_percent(order, price.0)?;
            }
        }
        if let Some(quantity) = order.kind.quantity() {
            check_lot(&rules.lot, quantity.0, Reject::LotSize)?;
            if order.kind.price().is_none() {
                check_lot(&rules.market_lot, quantity.0, Reject::MarketLotSize)?;
            }
        }
        if steps_only { Ok(()) } else { self.check_notional(order) }
    }

    fn check_percent(&self, order: &PlaceOrder, price: u64) -> Result<(), Reject> {
        let rules = &self.markets[usize::from(order.symbol.0)].spec.rules;
        let Some(filter) = rules.percent_price else { return Ok(()) };
        let Some(average) = self.average(order.symbol, filter.average_minutes) else { return Ok(()) };
        let (up, down) = match order.side {
            Side::Buy => (filter.bid_up, filter.bid_down),
            Side::Sell => (filter.ask_up, filter.ask_down),
        };
        let price = u128::from(price) * 10_000;
        let too_high = price > u128::from(average) * u128::from(up.0);
        let too_low = price < u128::from(average) * u128::from(down.0);
        if too_high || too_low { Err(Reject::PercentPriceBySide) } else { Ok(()) }
    }

    fn check_notional(&self, order: &PlaceOrder) -> Result<(), Reject> {
        let filter = self.markets[usize::from(order.symbol.0)].spec.rules.notional;
        let refused = if filter.max.is_none() { Reject::MinNotional } else { Reject::Notional };
        let is_market = order.kind.price().is_none();
        let (bound_below, bound_above) = (!is_market || filter.min_to_market, !is_market || filter.max_to_market);
        if !bound_below && !bound_above {
            return Ok(());
        }
        let notional = match order.kind {
            OrderKind::Limit(price, quantity, _) | OrderKind::LimitMaker(price, quantity) => {
                self.cost(order.symbol, price.0, quantity.0)
            }
            OrderKind::Market(MarketSize::Quote(amount)) => amount.0,
            OrderKind::Market(MarketSize::Base(quantity)) => {
                let average = self.average(order.symbol, filter.average_minutes).ok_or(refused)?;
                self.cost(order.symbol, average, quantity.0)
            }
        };
        let too_small = bound_below && notional < filter.min.0;
        let too_large = bound_above && filter.max.is_some_and(|max| notional > max.0);
        if too_small || too_large { Err(refused) } else { Ok(()) }
    }
}

pub(super) fn check_lot(filter: &LotFilter, quantity: u64, refused: Reject) -> Result<(), Reject> {
    let off_step = filter.step.0 > 0 && !quantity.is_multiple_of(filter.step.0);
    if quantity == 0 || quantity < filter.min.0 || quantity > filter.max.0 || off_step { Err(refused) } else { Ok(()) }
}
