//! Carrying an accepted order out: placed, its steps, then its rest.

use super::taking::Taking;
use super::{Outcome, Placement};
use crate::matching::Step;
use crate::orders::Order;
use crate::state::State;
use emporion_model::event::{Event, OrderClosed, OrderPlaced, OrderRested};
use emporion_model::time::SECOND_US;
use emporion_model::{Amount, AssetId, ClientOrderIdReuse, CloseReason, OrderId, PlaceOrder, Price, Quantity};

/// Carries an accepted order out. Every number was found by validation; nothing here can fail.
pub(crate) fn apply(
    state: &mut State,
    order: &PlaceOrder,
    placement: &Placement,
    steps: &[Step],
    events: &mut Vec<Event>,
) {
    let order_id = accept(state, order, placement, events);
    let mut taking = Taking::new(state, order, placement.account, order_id);
    for (number, step) in steps.iter().enumerate() {
        let is_last = number + 1 == steps.len();
        match *step {
            Step::Trade(maker, quantity) => {
                let filled = is_last && placement.outcome == Outcome::Filled;
                taking.trade(state, maker, quantity, filled, events);
            }
            Step::Prevent { maker, maker_loses, taker_loses } => {
                taking.prevent(state, maker, maker_loses, taker_loses, events);
            }
        }
    }
    if !taking.executed.is_zero() {
        state.accounts.reward_first_fill(placement.account, state.time, false);
    }
    match placement.outcome {
        Outcome::Filled => {}
        Outcome::Rests(price, quantity, hold) => rest(state, placement, &taking, (price, quantity, hold), events),
        Outcome::Closes(reason) => close(state, &taking, reason, events),
    }
}

/// Gives the order its id, counts it and remembers its client order id.
fn accept(state: &mut State, order: &PlaceOrder, placement: &Placement, events: &mut Vec<Event>) -> OrderId {
    let execution_id = state.next_execution_id();
    let trade_group = state.accounts.get(placement.account).trade_group;
    let symbol = state.symbol_mut(order.symbol);
    symbol.last_order_id.0 += 1;
    let order_id = symbol.last_order_id;
    events.push(Event::OrderPlaced(OrderPlaced {
        symbol: order.symbol,
        order_id,
        account: order.account,
        client_order_id: order.client_order_id,
        side: order.side,
        kind: order.kind,
        stp: placement.stp,
        trade_group,
        strategy: order.strategy,
        execution_id,
    }));
    state.accounts.count_order(placement.account, state.time);
    if let ClientOrderIdReuse::NeverWithin(seconds) = state.options.client_order_id_reuse {
        let until = state.time.plus_us(u64::from(seconds) * SECOND_US);
        state.dedup.remember_client_order_id(placement.account, order.client_order_id, until);
    }
    order_id
}

fn rest(
    state: &mut State,
    placement: &Placement,
    taking: &Taking<'_>,
    (price, quantity, hold): (Price, Quantity, (AssetId, Amount)),
    events: &mut Vec<Event>,
) {
    let order = taking.order;
    let resting = Order {
        id: taking.order_id,
        symbol: order.symbol,
        account: placement.account,
        client_order_id: order.client_order_id,
        side: order.side,
        kind: order.kind,
        stp: placement.stp,
        trade_group: state.accounts.get(placement.account).trade_group,
        strategy: order.strategy,
        executed: taking.executed,
        executed_quote: taking.executed_quote,
        prevented: placement.walk.prevented,
        hold: 0,
    };
    let index = state.orders.add(&mut state.accounts, resting, quantity, hold);
    let half = state.symbols[usize::from(order.symbol.0)].book.half_mut(order.side);
    half.enter(&mut state.orders.nodes, index, price);
    events.push(Event::OrderRested(OrderRested {
        symbol: order.symbol,
        order_id: taking.order_id,
        side: order.side,
        price,
        quantity,
    }));
}

fn close(state: &mut State, taking: &Taking<'_>, reason: CloseReason, events: &mut Vec<Event>) {
    let execution_id = state.next_execution_id();
    events.push(Event::OrderClosed(OrderClosed {
        symbol: taking.order.symbol,
        order_id: taking.order_id,
        account: taking.order.account,
        side: taking.order.side,
        reason,
        cancel_id: None,
        price: None,
        removed: Quantity::ZERO,
        execution_id,
    }));
}
