//! Orders: new ones as they are in the end, and what changed of older ones.

use std::collections::BTreeMap;

use emporion_model::event::{Fill, OrderClosed, OrderPlaced, SelfTradePrevented};
use emporion_model::{AccountId, Amount, OrderId, OrderStatus, PreventedMatchId, Quantity, SymbolId, TimeUs};
use emporion_ports::tables::{OrderChange, OrderRow};

type Key = (AccountId, SymbolId, OrderId);

#[derive(Debug, Default)]
pub(super) struct OrderFold {
    placed: BTreeMap<Key, OrderRow>,
    changed: BTreeMap<Key, OrderChange>,
}

impl OrderFold {
    pub(super) fn place(&mut self, placed: &OrderPlaced, time: TimeUs) {
        let row = OrderRow::placed(placed, time);
        self.placed.insert((placed.account, placed.symbol, placed.order_id), row);
    }

    pub(super) fn fill(&mut self, symbol: SymbolId, fill: &Fill, time: TimeUs) {
        let status = if fill.filled { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let step =
            Step { status: Some(status), executed: Some((fill.executed, fill.executed_quote)), ..Step::at(time) };
        self.step((fill.account, symbol, fill.order_id), step);
    }

    pub(super) fn prevent(&mut self, prevented: &SelfTradePrevented, time: TimeUs) {
        let halves = [
            (prevented.taker_account, prevented.taker_order_id, prevented.taker_quantity),
            (prevented.maker_account, prevented.maker_order_id, prevented.maker_quantity),
        ];
        for (account, order_id, quantity) in halves {
            let step = Step { prevented: Some((quantity, prevented.prevented_match_id)), ..Step::at(time) };
            self.step((account, prevented.symbol, order_id), step);
        }
    }

    pub(super) fn close(&mut self, closed: &OrderClosed, time: TimeUs) {
        let step = Step { status: Some(closed.reason.into()), closed: Some(*closed), ..Step::at(time) };
        self.step((closed.account, closed.symbol, closed.order_id), step);
    }

    /// The new orders and the changes of older ones, each in the order of their keys.
    pub(super) fn finish(self) -> (Vec<OrderRow>, Vec<OrderChange>) {
        (self.placed.into_values().collect(), self.changed.into_values().collect())
    }

    fn step(&mut self, key: Key, step: Step) {
        match self.placed.get_mut(&key) {
            Some(row) => step.apply_to_row(row),
            None => step.apply_to_change(self.changed.entry(key).or_insert_with(|| unchanged(key))),
        }
    }
}

/// What one event says of an order.
struct Step {
    time: TimeUs,
    status: Option<OrderStatus>,
    executed: Option<(Quantity, Amount)>,
    /// What it lost, and by which prevented match.
    prevented: Option<(Quantity, PreventedMatchId)>,
    closed: Option<OrderClosed>,
}

impl Step {
    fn at(time: TimeUs) -> Self {
        Self { time, status: None, executed: None, prevented: None, closed: None }
    }

    fn apply_to_row(self, row: &mut OrderRow) {
        row.updated_at = self.time;
        row.status = self.status.unwrap_or(row.status);
        (row.executed, row.executed_quote) = self.executed.unwrap_or((row.executed, row.executed_quote));
        if let Some((quantity, id)) = self.prevented {
            row.prevented = sum(row.prevented, quantity);
            row.prevented_match_id = Some(id);
        }
        if let Some(closed) = self.closed {
            row.close_reason = Some(closed.reason);
            row.cancel_id = closed.cancel_id;
        }
    }

    fn apply_to_change(self, change: &mut OrderChange) {
        change.updated_at = self.time;
        change.status = self.status.or(change.status);
        change.executed = self.executed.or(change.executed);
        if let Some((quantity, id)) = self.prevented {
            change.prevented_more = sum(change.prevented_more, quantity);
            change.prevented_match_id = Some(id);
        }
        if let Some(closed) = self.closed {
            change.close_reason = Some(closed.reason);
            change.cancel_id = closed.cancel_id;
        }
    }
}

fn unchanged((account, symbol, order_id): Key) -> OrderChange {
    OrderChange {
        account,
        symbol,
        order_id,
        status: None,
        executed: None,
        prevented_more: Quantity::ZERO,
        prevented_match_id: None,
        close_reason: None,
        cancel_id: None,
        updated_at: TimeUs(0),
    }
}

fn sum(a: Quantity, b: Quantity) -> Quantity {
    a.checked_add(b).expect("an order loses no more than it asked for")
}
