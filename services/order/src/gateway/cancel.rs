//! `DELETE order` and `DELETE openOrders`: canceling one order, or all of an account's on a symbol.

use super::params::OrderName;
use super::submit::odd_outcome;
use super::{Gateway, ListedSymbol, answers, ids};
use emporion_api::params::Reader;
use emporion_api::wire::CanceledOrder;
use emporion_api::{ApiError, Code, Refused, TimeUnit};
use emporion_edge::Caller;
use emporion_model::event::{Event, OrderClosed};
use emporion_model::{Action, CancelAll, CancelOrder, CancelRestriction, ClientOrderId, SymbolName};
use emporion_ports::orders::Outcome;

/// One order to cancel.
#[derive(Clone, Debug)]
pub struct CancelOrderRequest {
    symbol: SymbolName,
    order: OrderName,
    cancel_id: Option<ClientOrderId>,
    restriction: Option<CancelRestriction>,
}

impl CancelOrderRequest {
    /// Reads the parameters of a cancel.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            symbol: reader.required("symbol")?,
            order: OrderName::read(reader)?,
            cancel_id: reader.optional("newClientOrderId")?,
            restriction: reader.optional("cancelRestrictions")?,
        })
    }
}

/// All of the caller's orders on a symbol, to cancel.
#[derive(Clone, Debug)]
pub struct CancelAllRequest {
    symbol: SymbolName,
}

impl CancelAllRequest {
    /// Reads the parameters of a mass cancel.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        Ok(Self { symbol: reader.required("symbol")? })
    }
}

impl Gateway {
    /// Cancels one of the caller's orders.
    pub async fn cancel(
        &self,
        caller: &Caller,
        request: &CancelOrderRequest,
        unit: TimeUnit,
    ) -> Result<CanceledOrder, ApiError> {
        let symbol = self.symbol(request.symbol).await?;
        let cancel_id = request.cancel_id.unwrap_or_else(ids::client_order_id);
        let action = Action::CancelOrder(CancelOrder {
            account: caller.account,
            symbol: symbol.id,
            order_id: request.order.order_id(),
            client_order_id: request.order.client_order_id(),
            cancel_id,
            restriction: request.restriction,
        });
        let outcome = self.submit(caller, action, Refused::Cancel).await?;
        let canceled = self.canceled(&symbol, &outcome, cancel_id, unit).await?;
        canceled.into_iter().next().ok_or_else(|| odd_outcome(&outcome))
    }

    /// Cancels all of the caller's orders on a symbol; the oldest comes first in the answer.
    pub async fn cancel_all(
        &self,
        caller: &Caller,
        request: &CancelAllRequest,
        unit: TimeUnit,
    ) -> Result<Vec<CanceledOrder>, ApiError> {
        let symbol = self.symbol(request.symbol).await?;
        let cancel_id = ids::client_order_id();
        let action = Action::CancelAll(CancelAll { account: caller.account, symbol: symbol.id, cancel_id });
        let outcome = self.submit(caller, action, Refused::Cancel).await?;
        self.canceled(&symbol, &outcome, cancel_id, unit).await
    }

    /// The orders that an outcome canceled, as they ended. The tables hold whole batches, and a closed order
    /// never changes again, so its row may be read from any state that has the outcome.
    async fn canceled(
        &self,
        symbol: &ListedSymbol,
        outcome: &Outcome,
        cancel_id: ClientOrderId,
        unit: TimeUnit,
    ) -> Result<Vec<CanceledOrder>, ApiError> {
        let tables = self.0.reads.tables_after(outcome.seq()).await?;
        let mut canceled = Vec::new();
        for closed in closed_by(outcome, cancel_id) {
            let row = tables.order(closed.account, closed.symbol, closed.order_id).await;
            let row = row.map_err(|error| {
                tracing::error!(%error, "a canceled order could not be read");
                ApiError::from(Code::Timeout)
            })?;
            let order = row.value.ok_or_else(|| odd_outcome(outcome))?;
            canceled.push(answers::canceled_order(symbol, &order, cancel_id, outcome.time(), unit));
        }
        Ok(canceled)
    }
}

fn closed_by(outcome: &Outcome, cancel_id: ClientOrderId) -> impl Iterator<Item = &OrderClosed> {
    outcome.events().filter_map(move |event| match event {
        Event::OrderClosed(closed) if closed.cancel_id == Some(cancel_id) => Some(closed),
        _ => None,
    })
}
