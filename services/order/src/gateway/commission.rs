//! `GET account/commission`: what an account pays on a symbol; and the same for one order.
//!
//! This venue has one kind of fee. Special rates, taxes and discounts are zero in every answer.

use super::Gateway;
use super::account::{account_row, commission_rates};
use emporion_api::ApiError;
use emporion_api::params::Reader;
use emporion_api::wire::{Commission, CommissionDiscount, Decimal, OrderCommission, OrderRates};
use emporion_edge::Caller;
use emporion_model::symbol::FeeRates;
use emporion_model::{Rate, SymbolName};

const NO_DISCOUNT: CommissionDiscount = CommissionDiscount {
    enabled_for_account: false,
    enabled_for_symbol: false,
    discount_asset: None,
    discount: Decimal::ZERO,
};

const NOTHING: FeeRates = FeeRates { maker: Rate(0), taker: Rate(0) };

/// The symbol whose rates are wanted.
#[derive(Clone, Copy, Debug)]
pub struct CommissionQuery {
    symbol: SymbolName,
}

impl CommissionQuery {
    /// Reads the parameters.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        Ok(Self { symbol: reader.required("symbol")? })
    }
}

impl Gateway {
    /// What the caller pays on a symbol.
    pub async fn commission(&self, caller: &Caller, query: &CommissionQuery) -> Result<Commission, ApiError> {
        let symbol = self.symbol(query.symbol).await?;
        let account = account_row(self.0.reads.tables().await?, caller.account).await?;
        Ok(Commission {
            symbol: query.symbol.into(),
            standard_commission: commission_rates(symbol.spec.rules.fee_rates(account.fee_tier)),
            special_commission: commission_rates(NOTHING),
            tax_commission: commission_rates(NOTHING),
            discount: NO_DISCOUNT,
        })
    }
}

/// The same for one order, whichever its side.
pub(super) fn order_commission(rates: FeeRates) -> OrderCommission {
    OrderCommission {
        standard_commission_for_order: order_rates(rates),
        special_commission_for_order: order_rates(NOTHING),
        tax_commission_for_order: order_rates(NOTHING),
        discount: NO_DISCOUNT,
    }
}

fn order_rates(rates: FeeRates) -> OrderRates {
    OrderRates { maker: Decimal::rate(rates.maker), taker: Decimal::rate(rates.taker) }
}
