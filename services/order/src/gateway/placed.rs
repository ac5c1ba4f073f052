//! What became of a placed order, folded from its outcome's events; no table is asked.

use super::ListedSymbol;
use super::answers::{self, Figures};
use super::submit::odd_outcome;
use emporion_api::names::ResponseType;
use emporion_api::wire::{Fill, NO_ORDER_LIST, NewOrder, NewOrderAck, NewOrderResult, PreventedMatch};
use emporion_api::{ApiError, TimeUnit};
use emporion_edge::OrderCounts;
use emporion_model::OrderStatus;
use emporion_model::event::{self, Event, SelfTradePrevented, Trade};
use emporion_ports::orders::Outcome;
use emporion_ports::tables::OrderRow;

/// A placed order after all that it did at once.
pub(super) struct Placed<'o> {
    order: OrderRow,
    trades: Vec<&'o Trade>,
    prevented: Vec<&'o SelfTradePrevented>,
    counts: Option<&'o event::OrderCounts>,
}

impl<'o> Placed<'o> {
    /// Of the outcome of a placement that was accepted.
    pub(super) fn read(outcome: &'o Outcome) -> Result<Self, ApiError> {
        let mut events = outcome.events();
        let placed = events.find_map(|event| match event {
            Event::OrderPlaced(placed) => Some(placed),
            _ => None,
        });
        let order = OrderRow::placed(placed.ok_or_else(|| odd_outcome(outcome))?, outcome.time());
        let mut placed = Self { order, trades: Vec::new(), prevented: Vec::new(), counts: None };
        events.for_each(|event| placed.fold(event));
        Ok(placed)
    }

    fn fold(&mut self, event: &'o Event) {
        let order = &mut self.order;
        let key = (order.symbol, order.order_id);
        match event {
            Event::Traded(trade) if (trade.symbol, trade.taker.order_id) == key => {
                order.executed = trade.taker.executed;
                order.executed_quote = trade.taker.executed_quote;
                order.status = if trade.taker.filled { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
                self.trades.push(trade);
            }
            Event::SelfTradePrevented(prevented) if (prevented.symbol, prevented.taker_order_id) == key => {
                order.prevented = order.prevented.checked_add(prevented.taker_quantity).unwrap_or(order.prevented);
                self.prevented.push(prevented);
            }
            Event::OrderClosed(closed) if (closed.symbol, closed.order_id) == key => {
                order.status = closed.reason.into();
                order.close_reason = Some(closed.reason);
            }
            Event::OrderCountsChanged(counts) if counts.account == order.account => self.counts = Some(counts),
            _ => {}
        }
    }

    /// The account's order counts afterwards.
    pub(super) fn counts(&self) -> Option<OrderCounts> {
        self.counts.map(|counts| OrderCounts { ten_seconds: counts.ten_seconds.count, day: counts.day.count })
    }

    /// The answer, as detailed as `response` says.
    pub(super) fn answer(&self, symbol: &ListedSymbol, response: ResponseType, unit: TimeUnit) -> NewOrder {
        match response {
            ResponseType::Ack => NewOrder::Ack(self.ack(symbol, unit)),
            ResponseType::Result => NewOrder::Result(Box::new(self.result(symbol, unit))),
            ResponseType::Full => NewOrder::Result(Box::new(self.full(symbol, unit))),
        }
    }

    fn ack(&self, symbol: &ListedSymbol, unit: TimeUnit) -> NewOrderAck {
        NewOrderAck {
            symbol: symbol.spec.name.into(),
            order_id: self.order.order_id.0,
            order_list_id: NO_ORDER_LIST,
            client_order_id: self.order.client_order_id.into(),
            transact_time: unit.of(self.order.placed_at),
        }
    }

    fn result(&self, symbol: &ListedSymbol, unit: TimeUnit) -> NewOrderResult {
        let (order, figures) = (&self.order, Figures::of(symbol, &self.order));
        NewOrderResult {
            symbol: symbol.spec.name.into(),
            order_id: order.order_id.0,
            order_list_id: NO_ORDER_LIST,
            client_order_id: order.client_order_id.into(),
            transact_time: unit.of(order.placed_at),
            price: figures.price,
            orig_qty: figures.orig_qty,
            executed_qty: figures.executed_qty,
            orig_quote_order_qty: figures.orig_quote_order_qty,
            cummulative_quote_qty: figures.cummulative_quote_qty,
            status: order.status.into(),
            time_in_force: order.kind.time_in_force().into(),
            order_type: answers::order_type(&order.kind),
            side: order.side.into(),
            strategy_id: order.strategy.and_then(|strategy| strategy.id),
            strategy_type: order.strategy.and_then(|strategy| strategy.kind),
            working_time: unit.of(order.placed_at),
            self_trade_prevention_mode: order.stp.into(),
            fills: None,
            prevented_matches: Vec::new(),
            trade_group_id: order.trade_group.filter(|_| !self.prevented.is_empty()).map(|group| group.0),
            prevented_quantity: figures.prevented_quantity,
            expiry_reason: answers::expiry_reason(order),
        }
    }

    fn full(&self, symbol: &ListedSymbol, unit: TimeUnit) -> NewOrderResult {
        NewOrderResult {
            fills: Some(self.trades.iter().map(|trade| fill(symbol, trade)).collect()),
            prevented_matches: self.prevented.iter().map(|prevented| prevented_match(symbol, prevented)).collect(),
            ..self.result(symbol, unit)
        }
    }
}

fn fill(symbol: &ListedSymbol, trade: &Trade) -> Fill {
    let (commission, commission_asset) = answers::fee(symbol, trade.taker.fee_asset, trade.taker.fee);
    Fill {
        price: symbol.price(trade.price),
        qty: symbol.quantity(trade.quantity),
        commission,
        commission_asset: commission_asset.into(),
        trade_id: trade.trade_id.0,
    }
}

fn prevented_match(symbol: &ListedSymbol, prevented: &SelfTradePrevented) -> PreventedMatch {
    PreventedMatch {
        prevented_match_id: prevented.prevented_match_id.0,
        maker_order_id: prevented.maker_order_id.0,
        price: symbol.price(prevented.price),
        taker_prevented_quantity: symbol.some_quantity(prevented.taker_quantity),
        maker_prevented_quantity: symbol.some_quantity(prevented.maker_quantity),
    }
}
