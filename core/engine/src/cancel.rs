//! Canceling: one order, or all of an account's on a symbol in bounded steps.

use crate::accounts::AccountIndex;
use crate::book::{NONE, OrderIndex};
use crate::place::take_out;
use crate::state::{FollowUp, State};
use emporion_model::event::{Event, OrderClosed};
use emporion_model::{CancelAll, CancelOrder, CancelRestriction, ClientOrderId, CloseReason, Reject, SymbolId};

/// A mass cancel that was accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MassCancel {
    pub(crate) account: AccountIndex,
    pub(crate) symbol: SymbolId,
    pub(crate) cancel_id: ClientOrderId,
}

/// Finds the order to cancel. Frozen accounts and stopped symbols may always cancel.
pub(crate) fn validate(state: &State, cancel: &CancelOrder) -> Result<OrderIndex, Reject> {
    let account = state.accounts.index_of(cancel.account).ok_or(Reject::UnknownAccount)?;
    state.symbol(cancel.symbol).ok_or(Reject::UnknownSymbol)?;
    let index = match (cancel.order_id, &cancel.client_order_id) {
        (Some(id), _) => state.orders.find(cancel.symbol, id),
        (None, Some(id)) => state.orders.find_client(account, id),
        (None, None) => None,
    };
    let index = index.ok_or(Reject::UnknownOrder)?;
    let order = state.orders.get(index);
    if order.account != account || order.symbol != cancel.symbol {
        return Err(Reject::UnknownOrder);
    }
    if cancel.client_order_id.is_some_and(|id| id != order.client_order_id) {
        return Err(Reject::OrderIdsDisagree);
    }
    let is_new = order.executed.is_zero();
    match cancel.restriction {
        Some(CancelRestriction::OnlyNew) if !is_new => Err(Reject::CancelRestrictionNotMet),
        Some(CancelRestriction::OnlyPartiallyFilled) if is_new => Err(Reject::CancelRestrictionNotMet),
        _ => Ok(index),
    }
}

/// Checks that there is something to cancel.
pub(crate) fn validate_all(state: &State, cancel: &CancelAll) -> Result<MassCancel, Reject> {
    let account = state.accounts.index_of(cancel.account).ok_or(Reject::UnknownAccount)?;
    state.symbol(cancel.symbol).ok_or(Reject::UnknownSymbol)?;
    if state.accounts.get(account).position(cancel.symbol).open_orders == 0 {
        return Err(Reject::UnknownOrder);
    }
    Ok(MassCancel { account, symbol: cancel.symbol, cancel_id: cancel.cancel_id })
}

/// Cancels one order.
pub(crate) fn apply(state: &mut State, index: OrderIndex, cancel_id: ClientOrderId, events: &mut Vec<Event>) {
    let removed = state.orders.nodes.get(index).remaining;
    let order = take_out(state, index);
    let execution_id = state.next_execution_id();
    events.push(Event::OrderClosed(OrderClosed {
        symbol: order.symbol,
        order_id: order.id,
        account: state.accounts.get(order.account).id,
        side: order.side,
        reason: CloseReason::Canceled,
        cancel_id: Some(cancel_id),
        price: order.kind.price(),
        removed,
        execution_id,
    }));
}

/// Cancels from the oldest on as many as one step may, and queues the rest.
pub(crate) fn apply_all(state: &mut State, cancel: &MassCancel, events: &mut Vec<Event>) {
    let oldest = |state: &State| state.accounts.get(cancel.account).position(cancel.symbol).oldest;
    for _ in 0..state.options.cancels_per_step_max {
        match oldest(state) {
            NONE => return,
            index => apply(state, index, cancel.cancel_id, events),
        }
    }
    if oldest(state) != NONE {
        state.follow_ups.push_front(FollowUp::CancelAll(cancel.account, cancel.symbol, cancel.cancel_id));
    }
}
