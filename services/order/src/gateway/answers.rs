//! Rows as wire types: what orders and trades look like to their owner, wherever they come from.

use super::numbers::shown_amount;
use super::{ListedSymbol, Listings};
use emporion_api::names::OrderType;
use emporion_api::wire::{CanceledOrder, Decimal, MyTrade, NO_ORDER_LIST, Order};
use emporion_api::{ApiError, Code, Name, TimeUnit};
use emporion_model::{
    Amount, AssetCode, AssetId, ClientOrderId, CloseReason, ExpiryReason, OrderKind, Price, Side, SymbolId, TimeUs,
};
use emporion_ports::tables::{FillRow, OrderRow};
use std::sync::Arc;

/// The numbers of an order, as every answer but an acknowledgement gives them.
pub(crate) struct Figures {
    pub(crate) price: Decimal,
    /// Of a market order by quote quantity, what it executed.
    pub(crate) orig_qty: Decimal,
    pub(crate) executed_qty: Decimal,
    pub(crate) orig_quote_order_qty: Decimal,
    pub(crate) cummulative_quote_qty: Decimal,
    pub(crate) prevented_quantity: Option<Decimal>,
}

impl Figures {
    pub(crate) fn of(symbol: &ListedSymbol, order: &OrderRow) -> Self {
        Self {
            price: symbol.price(order.kind.price().unwrap_or(Price(0))),
            orig_qty: symbol.quantity(order.kind.quantity().unwrap_or(order.executed)),
            executed_qty: symbol.quantity(order.executed),
            orig_quote_order_qty: symbol.quote(order.kind.quote_quantity().unwrap_or_default()),
            cummulative_quote_qty: symbol.quote(order.executed_quote),
            prevented_quantity: symbol.some_quantity(order.prevented),
        }
    }
}

/// The word for an order's type.
pub(crate) fn order_type(kind: &OrderKind) -> Name<OrderType> {
    Name(kind.order_type().into())
}

/// Which rule ended the order, if one did.
pub(crate) fn expiry_reason(order: &OrderRow) -> Option<Name<ExpiryReason>> {
    match order.close_reason {
        Some(CloseReason::Expired(reason)) => Some(Name(reason)),
        Some(CloseReason::Canceled | CloseReason::ExpiredInMatch) | None => None,
    }
}

/// A canceled order; `cancel_id` is the cancel's own id.
pub(super) fn canceled_order(
    symbol: &ListedSymbol,
    order: &OrderRow,
    cancel_id: ClientOrderId,
    canceled_at: TimeUs,
    unit: TimeUnit,
) -> CanceledOrder {
    let figures = Figures::of(symbol, order);
    CanceledOrder {
        symbol: symbol.spec.name.into(),
        orig_client_order_id: order.client_order_id.into(),
        order_id: order.order_id.0,
        order_list_id: NO_ORDER_LIST,
        client_order_id: cancel_id.into(),
        transact_time: unit.of(canceled_at),
        price: figures.price,
        orig_qty: figures.orig_qty,
        executed_qty: figures.executed_qty,
        orig_quote_order_qty: figures.orig_quote_order_qty,
        cummulative_quote_qty: figures.cummulative_quote_qty,
        status: order.status.into(),
        time_in_force: order.kind.time_in_force().into(),
        order_type: order_type(&order.kind),
        side: order.side.into(),
        strategy_id: order.strategy.and_then(|strategy| strategy.id),
        strategy_type: order.strategy.and_then(|strategy| strategy.kind),
        self_trade_prevention_mode: order.stp.into(),
        prevented_quantity: figures.prevented_quantity,
    }
}

/// An order, open or closed. Every order works from its placement on: there are none that wait.
pub(crate) fn order(symbol: &ListedSymbol, order: &OrderRow, unit: TimeUnit) -> Order {
    let figures = Figures::of(symbol, order);
    Order {
        symbol: symbol.spec.name.into(),
        order_id: order.order_id.0,
        order_list_id: NO_ORDER_LIST,
        client_order_id: order.client_order_id.into(),
        price: figures.price,
        orig_qty: figures.orig_qty,
        executed_qty: figures.executed_qty,
        cummulative_quote_qty: figures.cummulative_quote_qty,
        status: order.status.into(),
        time_in_force: order.kind.time_in_force().into(),
        order_type: order_type(&order.kind),
        side: order.side.into(),
        stop_price: Decimal::ZERO,
        iceberg_qty: Decimal::ZERO,
        time: unit.of(order.placed_at),
        update_time: unit.of(order.updated_at),
        is_working: true,
        working_time: unit.of(order.placed_at),
        orig_quote_order_qty: figures.orig_quote_order_qty,
        self_trade_prevention_mode: order.stp.into(),
        strategy_id: order.strategy.and_then(|strategy| strategy.id),
        strategy_type: order.strategy.and_then(|strategy| strategy.kind),
        prevented_match_id: order.prevented_match_id.filter(|_| !order.prevented.is_zero()).map(|id| id.0),
        prevented_quantity: figures.prevented_quantity,
        expiry_reason: expiry_reason(order),
    }
}

/// One of an account's trades.
pub(super) fn my_trade(symbol: &ListedSymbol, row: &FillRow, unit: TimeUnit) -> MyTrade {
    let (commission, commission_asset) = fee(symbol, row.fee_asset, row.fee);
    MyTrade {
        symbol: symbol.spec.name.into(),
        id: row.trade_id.0,
        order_id: row.order_id.0,
        order_list_id: NO_ORDER_LIST,
        price: symbol.price(row.price),
        qty: symbol.quantity(row.quantity),
        quote_qty: symbol.quote(row.notional),
        commission,
        commission_asset: commission_asset.into(),
        time: unit.of(row.time),
        is_buyer: row.side == Side::Buy,
        is_maker: row.is_maker,
        is_best_match: true,
    }
}

/// A fee and the code of its asset.
pub(crate) fn fee(symbol: &ListedSymbol, asset: AssetId, fee: Amount) -> (Decimal, AssetCode) {
    let asset = symbol.asset(asset).expect("a fee is taken out of what is received: the symbol's base or quote");
    (shown_amount(asset, fee), asset.code)
}

/// The symbol of a row, which is in the listings of the row's seq.
pub(super) fn symbol_of(listings: &Listings, id: SymbolId) -> Result<&Arc<ListedSymbol>, ApiError> {
    listings.symbol_of(id).ok_or_else(|| {
        tracing::error!(symbol_id = id.0, "a row's symbol is not listed");
        Code::Disconnected.into()
    })
}
