//! `GET order`, `GET openOrders` and `GET allOrders`: an account's orders.

use super::params::{OrderName, Span, long};
use super::reads::answered;
use super::{Gateway, answers};
use emporion_api::params::Reader;
use emporion_api::wire::Order;
use emporion_api::{ApiError, Code, TimeUnit};
use emporion_edge::Caller;
use emporion_model::{OrderId, SymbolName};
use emporion_ports::tables::{ListRange, OrderRow};

/// How many orders a list has, unless the client says otherwise, and at most.
const LIMIT_DEFAULT: u32 = 500;
const LIMIT_MAX: u32 = 1_000;

/// One order to look up.
#[derive(Clone, Debug)]
pub struct OrderQuery {
    symbol: SymbolName,
    order: OrderName,
}

impl OrderQuery {
    /// Reads the parameters of a look-up.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        Ok(Self { symbol: reader.required("symbol")?, order: OrderName::read(reader)? })
    }
}

/// The caller's open orders, on one symbol or on all.
#[derive(Clone, Debug)]
pub struct OpenOrdersQuery {
    symbol: Option<SymbolName>,
}

impl OpenOrdersQuery {
    /// Reads the parameters.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        Ok(Self { symbol: reader.optional("symbol")? })
    }
}

/// A part of the caller's orders on a symbol, open and closed.
#[derive(Clone, Debug)]
pub struct AllOrdersQuery {
    symbol: SymbolName,
    from: Option<OrderId>,
    span: Span,
    limit: u32,
}

impl AllOrdersQuery {
    /// Reads the parameters.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            symbol: reader.required("symbol")?,
            from: long(reader, "orderId")?.map(OrderId),
            span: Span::read(reader)?,
            limit: reader.limit(LIMIT_DEFAULT, LIMIT_MAX)?,
        })
    }
}

impl Gateway {
    /// Looks up one of the caller's orders; the newest of those with the same client order id. -2013 is final:
    /// an order that was on its way when it was asked for is past its deadline by then.
    pub async fn order(&self, caller: &Caller, query: &OrderQuery, unit: TimeUnit) -> Result<Order, ApiError> {
        let symbol = self.symbol(query.symbol).await?;
        let (account, reads) = (caller.account, &self.0.reads);
        let found = match query.order {
            OrderName::Id(order_id, _) => reads.find(|tables| tables.order(account, symbol.id, order_id)).await?,
            OrderName::ClientId(id) => reads.find(|tables| tables.newest_order(account, symbol.id, id)).await?,
        };
        let order: OrderRow = found.ok_or(Code::NoSuchOrder)?;
        if query.order.client_order_id().is_some_and(|id| id != order.client_order_id) {
            return Err(Code::ClientOrderIdInvalid.into());
        }
        Ok(answers::order(&symbol, &order, unit))
    }

    /// The caller's open orders, by symbol and id.
    pub async fn open_orders(
        &self,
        caller: &Caller,
        query: &OpenOrdersQuery,
        unit: TimeUnit,
    ) -> Result<Vec<Order>, ApiError> {
        let symbol = match query.symbol {
            Some(name) => Some(self.symbol(name).await?.id),
            None => None,
        };
        let rows = answered(self.0.reads.tables().await?.open_orders(caller.account, symbol).await)?;
        let listings = self.0.directory.listings_at(rows.seq).await?;
        let answer = |order: &OrderRow| {
            let symbol = answers::symbol_of(&listings, order.symbol)?;
            Ok(answers::order(symbol, order, unit))
        };
        rows.value.iter().map(answer).collect()
    }

    /// A part of the caller's orders on a symbol, oldest first. Where times are given they decide, not the id.
    pub async fn all_orders(
        &self,
        caller: &Caller,
        query: &AllOrdersQuery,
        unit: TimeUnit,
    ) -> Result<Vec<Order>, ApiError> {
        let symbol = self.symbol(query.symbol).await?;
        let range = match query.from {
            Some(id) if query.span.is_open() => ListRange::FromId(id),
            _ => query.span.range(self.0.clock.now())?,
        };
        let tables = self.0.reads.tables().await?;
        let rows = answered(tables.orders(caller.account, symbol.id, range, query.limit).await)?;
        Ok(rows.value.iter().map(|order| answers::order(&symbol, order, unit)).collect())
    }
}
