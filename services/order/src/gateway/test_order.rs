//! `POST order/test`: what can be said of an order without placing it.
//!
//! The same reading and the same conversion as a placement, then the symbol's rules. What depends on
//! balances, open orders, the book or an average price is the engine's to say, and not said here.

use super::account::account_row;
use super::commission::order_commission;
use super::{Gateway, ListedSymbol, PlaceOrderRequest};
use emporion_api::ApiError;
use emporion_api::params::Reader;
use emporion_api::wire::OrderCommission;
use emporion_edge::Caller;
use emporion_engine::filters;
use emporion_model::{MarketSize, OrderKind, PlaceOrder, Reject, SymbolStatus};

/// An order to test.
#[derive(Clone, Debug)]
pub struct TestOrderRequest<'p> {
    order: PlaceOrderRequest<'p>,
    computes_commission: bool,
}

impl<'p> TestOrderRequest<'p> {
    /// Reads the parameters of a placement, and whether its commission is wanted.
    pub fn read(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        let order = PlaceOrderRequest::read(reader)?;
        let computes_commission = reader.optional("computeCommissionRates")?.unwrap_or(false);
        Ok(Self { order, computes_commission })
    }
}

impl Gateway {
    /// Tests an order. Gives what it would pay, if that was asked for.
    pub async fn test_order(
        &self,
        caller: &Caller,
        test: &TestOrderRequest<'_>,
    ) -> Result<Option<OrderCommission>, ApiError> {
        let symbol = self.symbol(test.order.symbol).await?;
        let order = test.order.place_order(caller.account, &symbol)?;
        let now = self.0.clock.now();
        check(&symbol, &order).map_err(|reject| ApiError::rejected(test.order.refused(), reject, now))?;
        if !test.computes_commission {
            return Ok(None);
        }
        let account = account_row(self.0.reads.tables().await?, caller.account).await?;
        Ok(Some(order_commission(symbol.spec.rules.fee_rates(account.fee_tier))))
    }
}

/// The engine's rejects, in its order, as far as they follow from the symbol's rules alone.
fn check(symbol: &ListedSymbol, order: &PlaceOrder) -> Result<(), Reject> {
    let rules = &symbol.spec.rules;
    if symbol.spec.status != SymbolStatus::Trading {
        return Err(Reject::SymbolNotTrading);
    }
    if !rules.order_types.contains(&order.kind.order_type()) {
        return Err(Reject::OrderTypeNotAllowed);
    }
    if order.kind.quote_quantity().is_some() && !rules.quote_quantity_market {
        return Err(Reject::QuoteQuantityNotAllowed);
    }
    if order.stp.is_some_and(|stp| !rules.stp_allowed.contains(&stp)) {
        return Err(Reject::StpModeNotAllowed);
    }
    let no_average = |_| None;
    match filters::check(rules, &symbol.scales, order.side, &order.kind, no_average) {
        // The notional of a market order by base is that of the average price, which only the engine has.
        Err(Reject::MinNotional | Reject::Notional) if is_market_by_base(&order.kind) => Ok(()),
        verdict => verdict,
    }
}

fn is_market_by_base(kind: &OrderKind) -> bool {
    matches!(kind, OrderKind::Market(MarketSize::Base(_)))
}
