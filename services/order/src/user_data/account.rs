//! One account that somebody listens to: its open orders, and what its owner hears of each change.

use super::Subscriber;
use super::report::{Change, OwnFill, Prevention, Report};
use crate::gateway::numbers::shown_amount;
use crate::gateway::{ListedSymbol, Listings};
use emporion_api::TimeUnit;
use emporion_api::wire::{AccountPosition, BalanceUpdate, Decimal, PositionBalance, UserDataEvent};
use emporion_edge::user_data::{PrivateEvent, Sink};
use emporion_model::event::{Balance, Fill, OrderClosed, OrderPlaced, SelfTradePrevented, Trade};
use emporion_model::{
    Amount, Asset, AssetCode, AssetId, CloseReason, ExecutionId, OrderId, OrderStatus, Price, Quantity, Seq, SymbolId,
    TimeUs,
};
use emporion_ports::tables::OrderRow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One subscription to an account.
pub(super) struct Listener {
    id: u64,
    sink: Sink,
}

impl Listener {
    pub(super) fn new(id: u64, sink: Sink) -> Self {
        metrics::gauge!("user_data_subscriptions").increment(1);
        Self { id, sink }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        metrics::gauge!("user_data_subscriptions").decrement(1);
    }
}

/// When something happens, and what is listed then.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    /// The last seq of the batch.
    pub(super) seq: Seq,
    pub(super) time: TimeUs,
    pub(super) listings: &'a Listings,
}

impl<'a> Moment<'a> {
    pub(super) fn symbol(&self, id: SymbolId) -> &'a Arc<ListedSymbol> {
        self.listings.symbol_of(id).expect("a symbol is listed before anybody trades it")
    }

    fn asset(&self, id: AssetId) -> &'a Asset {
        self.listings.assets().get(usize::from(id.0)).expect("an asset is listed before anybody has it")
    }
}

/// One order's half of a prevented self-trade.
pub(super) struct Half {
    pub(super) order_id: OrderId,
    pub(super) counter_order_id: OrderId,
    pub(super) lost: Quantity,
    /// Whether the order ends with it.
    pub(super) ends: bool,
    pub(super) execution_id: ExecutionId,
}

/// The trade that a prevented match would have been.
#[derive(Clone, Copy, Debug)]
pub(super) struct WouldBe {
    pub(super) quantity: Quantity,
    pub(super) price: Price,
    pub(super) quote: Amount,
}

/// An account that somebody listens to.
pub(super) struct Account {
    /// What it began with holds everything up to this seq.
    since: Seq,
    orders: BTreeMap<(SymbolId, OrderId), OrderRow>,
    listeners: Vec<Listener>,
    /// The balances that the command changed which is being told.
    changed: Vec<Balance>,
}

impl Account {
    /// With these open orders at `since`. Nobody listens yet.
    pub(super) fn new(since: Seq, orders: Vec<OrderRow>) -> Self {
        let orders = orders.into_iter().map(|order| ((order.symbol, order.order_id), order)).collect();
        Self { since, orders, listeners: Vec::new(), changed: Vec::new() }
    }

    /// Lets a subscriber listen from now on, `followed` being the last seq that others were told of.
    pub(super) fn add(&mut self, subscriber: Subscriber, followed: Seq) {
        self.listeners.push(subscriber.listener);
        // Who no longer waits is about to be taken off.
        let _ = subscriber.begun.send(Ok(followed.max(self.since)));
    }

    pub(super) fn remove(&mut self, listener: u64) {
        self.listeners.retain(|other| other.id != listener);
    }

    /// Whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Whether the batch that ends with `seq` is news.
    pub(super) fn is_before(&self, seq: Seq) -> bool {
        self.since < seq
    }

    /// Ends the connections of all who listen: they will not be told everything.
    pub(super) fn cut(&self) {
        self.listeners.iter().for_each(|listener| listener.sink.cut());
    }

    /// What an open order of the account has left.
    pub(super) fn remaining(&self, symbol: SymbolId, order_id: OrderId) -> Option<Quantity> {
        self.orders.get(&(symbol, order_id)).map(OrderRow::remaining)
    }

    pub(super) fn place(&mut self, placed: &OrderPlaced, moment: Moment<'_>) {
        let order = OrderRow::placed(placed, moment.time);
        self.orders.insert((placed.symbol, placed.order_id), order.clone());
        self.report(order, Change::Placed, placed.execution_id, moment);
    }

    pub(super) fn fill(&mut self, trade: &Trade, fill: &Fill, is_maker: bool, moment: Moment<'_>) {
        let status = if fill.filled { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let order = self.change(trade.symbol, fill.order_id, |order| {
            (order.executed, order.executed_quote, order.status) = (fill.executed, fill.executed_quote, status);
        });
        let Some(order) = order else { return self.lose("a fill", fill.order_id) };
        self.report(order, Change::Filled(OwnFill::of(trade, fill, is_maker)), fill.execution_id, moment);
    }

    /// A prevented match that took nothing of an order is no change of it.
    pub(super) fn prevent(
        &mut self,
        prevented: &SelfTradePrevented,
        half: &Half,
        would_be: Option<WouldBe>,
        moment: Moment<'_>,
    ) {
        let order = self.change(prevented.symbol, half.order_id, |order| {
            order.prevented.0 = order.prevented.0.saturating_add(half.lost.0);
            order.prevented_match_id = Some(prevented.prevented_match_id);
            if half.ends {
                order.status = OrderStatus::ExpiredInMatch;
                order.close_reason = Some(CloseReason::ExpiredInMatch);
            }
        });
        let Some(order) = order else { return self.lose("a prevented match", half.order_id) };
        if !half.lost.is_zero() {
            let prevention = Prevention { lost: half.lost, counter_order_id: half.counter_order_id, would_be };
            self.report(order, Change::Prevented(prevention), half.execution_id, moment);
        }
    }

    /// Where the report of a prevented match said already that the order ended, nothing is left to say.
    pub(super) fn close(&mut self, closed: &OrderClosed, moment: Moment<'_>) {
        let order = self.change(closed.symbol, closed.order_id, |order| {
            (order.status, order.close_reason) = (closed.reason.into(), Some(closed.reason));
            order.cancel_id = closed.cancel_id;
        });
        match order {
            Some(order) => self.report(order, Change::Closed, closed.execution_id, moment),
            None if closed.reason == CloseReason::ExpiredInMatch => {}
            None => self.lose("an end", closed.order_id),
        }
    }

    /// An amount came, or went if it is below zero.
    pub(super) fn transfer(&mut self, asset: AssetId, delta: i128, moment: Moment<'_>) {
        let asset = moment.asset(asset);
        let (code, delta, time) = (asset.code, shown_amount(asset, Amount(delta)), moment.time);
        self.tell("balanceUpdate", move |unit| {
            let time = unit.of(time);
            UserDataEvent::BalanceUpdate(BalanceUpdate {
                event_time: time,
                asset: code.into(),
                delta,
                clear_time: time,
            })
        });
    }

    pub(super) fn change_balance(&mut self, balance: &Balance) {
        self.changed.push(*balance);
    }

    /// Tells the balances that the command changed.
    pub(super) fn finish_command(&mut self, moment: Moment<'_>) {
        if self.changed.is_empty() {
            return;
        }
        let shown = |balance: Balance| {
            let asset = moment.asset(balance.asset);
            (asset.code, shown_amount(asset, balance.free), shown_amount(asset, balance.locked))
        };
        let balances: Vec<(AssetCode, Decimal, Decimal)> = self.changed.drain(..).map(shown).collect();
        let time = moment.time;
        self.tell("outboundAccountPosition", move |unit| {
            let balance = |&(code, free, locked): &(AssetCode, Decimal, Decimal)| PositionBalance {
                asset: code.into(),
                free,
                locked,
            };
            UserDataEvent::OutboundAccountPosition(AccountPosition {
                event_time: unit.of(time),
                update_time: unit.of(time),
                balances: balances.iter().map(balance).collect(),
            })
        });
    }

    /// Changes an open order and gives it as it is then; one that has ended is forgotten.
    fn change(&mut self, symbol: SymbolId, id: OrderId, change: impl FnOnce(&mut OrderRow)) -> Option<OrderRow> {
        let order = self.orders.get_mut(&(symbol, id))?;
        change(order);
        if order.status.is_open() { Some(order.clone()) } else { self.orders.remove(&(symbol, id)) }
    }

    fn report(&mut self, order: OrderRow, change: Change, execution_id: ExecutionId, moment: Moment<'_>) {
        let symbol = moment.symbol(order.symbol).clone();
        let report = Report { symbol, order, change, execution_id, time: moment.time };
        self.tell("executionReport", move |unit| UserDataEvent::ExecutionReport(Box::new(report.wire(unit))));
    }

    /// Gives an event to all who listen. Whose connection has ended listens no longer.
    fn tell(&mut self, name: &'static str, event: impl Fn(TimeUnit) -> UserDataEvent + Send + Sync + 'static) {
        self.listeners.retain(|listener| !listener.sink.is_ending());
        metrics::counter!("user_data_events_total", "event" => name).increment(1);
        let encode = move |unit| serde_json::to_string(&event(unit)).expect("an event is numbers and texts");
        let event = PrivateEvent::new(encode);
        self.listeners.iter().for_each(|listener| listener.sink.push(&event));
    }

    /// A change of an order that is not there cannot be told, so nothing more is.
    fn lose(&mut self, change: &'static str, order_id: OrderId) {
        tracing::error!(order_id = order_id.0, "{change} of an order that is not open: its private streams are cut");
        self.cut();
        self.listeners.clear();
    }
}
