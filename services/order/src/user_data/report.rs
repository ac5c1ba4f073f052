//! What became of an order, as its owner is told: in the same words and numbers as REST.

use super::account::WouldBe;
use crate::gateway::ListedSymbol;
use crate::gateway::answers::{self, Figures};
use emporion_api::TimeUnit;
use emporion_api::wire::{Decimal, ExecutionReport, ExecutionType, NO_ORDER_LIST, NO_TRADE, RejectReason};
use emporion_model::event::{Fill, Trade};
use emporion_model::{
    Amount, AssetId, CloseReason, ExecutionId, OrderId, Price, Quantity, TimeInForce, TimeUs, TradeId,
};
use emporion_ports::tables::OrderRow;
use std::sync::Arc;

/// One change of an order.
pub(super) struct Report {
    pub(super) symbol: Arc<ListedSymbol>,
    /// The order after it.
    pub(super) order: OrderRow,
    pub(super) change: Change,
    pub(super) execution_id: ExecutionId,
    pub(super) time: TimeUs,
}

/// What changed.
pub(super) enum Change {
    Placed,
    Filled(OwnFill),
    Prevented(Prevention),
    Closed,
}

/// The order's half of a trade.
pub(super) struct OwnFill {
    trade_id: TradeId,
    price: Price,
    quantity: Quantity,
    notional: Amount,
    fee_asset: AssetId,
    fee: Amount,
    is_maker: bool,
}

impl OwnFill {
    pub(super) fn of(trade: &Trade, fill: &Fill, is_maker: bool) -> Self {
        Self {
            trade_id: trade.trade_id,
            price: trade.price,
            quantity: trade.quantity,
            notional: trade.notional,
            fee_asset: fill.fee_asset,
            fee: fill.fee,
            is_maker,
        }
    }
}

/// The order's half of a prevented self-trade.
pub(super) struct Prevention {
    pub(super) lost: Quantity,
    pub(super) counter_order_id: OrderId,
    /// What would have been traded, if that is known.
    pub(super) would_be: Option<WouldBe>,
}

impl Report {
    /// The event, with its times in this unit.
    pub(super) fn wire(&self, unit: TimeUnit) -> ExecutionReport {
        let plain = self.plain(unit);
        match &self.change {
            Change::Placed | Change::Closed => plain,
            Change::Filled(fill) => self.filled(fill, plain),
            Change::Prevented(prevention) => self.prevented(prevention, plain),
        }
    }

    /// The order as it is now. Every order works from its placement on: there are none that wait.
    fn plain(&self, unit: TimeUnit) -> ExecutionReport {
        let (order, figures) = (&self.order, Figures::of(&self.symbol, &self.order));
        let was_prevented = !order.prevented.is_zero();
        ExecutionReport {
            event_time: unit.of(self.time),
            symbol: self.symbol.spec.name.into(),
            client_order_id: order.cancel_id.unwrap_or(order.client_order_id).into(),
            side: order.side.into(),
            order_type: answers::order_type(&order.kind),
            time_in_force: order.kind.time_in_force().into(),
            orig_qty: figures.orig_qty,
            price: figures.price,
            stop_price: Decimal::ZERO,
            iceberg_qty: Decimal::ZERO,
            order_list_id: NO_ORDER_LIST,
            orig_client_order_id: order.cancel_id.map(|_| order.client_order_id.into()),
            execution_type: self.execution_type().into(),
            status: order.status.into(),
            reject_reason: RejectReason::None.into(),
            order_id: order.order_id.0,
            last_qty: Decimal::ZERO,
            executed_qty: figures.executed_qty,
            last_price: Decimal::ZERO,
            commission: Decimal::ZERO.with_places(0),
            commission_asset: None,
            transact_time: unit.of(self.time),
            trade_id: NO_TRADE,
            prevented_match_id: order.prevented_match_id.filter(|_| was_prevented).map(|id| id.0),
            execution_id: self.execution_id.0,
            is_working: self.is_working(),
            is_maker: false,
            is_best_match: false,
            placed_time: unit.of(order.placed_at),
            cummulative_quote_qty: figures.cummulative_quote_qty,
            last_quote_qty: Decimal::ZERO,
            orig_quote_order_qty: figures.orig_quote_order_qty,
            strategy_id: order.strategy.and_then(|strategy| strategy.id),
            strategy_type: order.strategy.and_then(|strategy| strategy.kind),
            working_time: Some(unit.of(order.placed_at)),
            self_trade_prevention_mode: order.stp.into(),
            prevented_qty: figures.prevented_quantity,
            last_prevented_qty: None,
            trade_group_id: order.trade_group.filter(|_| was_prevented).map(|group| group.0),
            counter_order_id: None,
            counter_symbol: None,
            prevented_execution_qty: None,
            prevented_execution_price: None,
            prevented_execution_quote_qty: None,
            expiry_reason: answers::expiry_reason(order),
        }
    }

    fn filled(&self, fill: &OwnFill, plain: ExecutionReport) -> ExecutionReport {
        let symbol = &*self.symbol;
        let (commission, commission_asset) = answers::fee(symbol, fill.fee_asset, fill.fee);
        ExecutionReport {
            last_qty: symbol.quantity(fill.quantity),
            last_price: symbol.price(fill.price),
            commission,
            commission_asset: Some(commission_asset.into()),
            trade_id: i64::try_from(fill.trade_id.0).unwrap_or(i64::MAX),
            is_maker: fill.is_maker,
            is_best_match: true,
            last_quote_qty: symbol.quote(fill.notional),
            ..plain
        }
    }

    fn prevented(&self, prevention: &Prevention, plain: ExecutionReport) -> ExecutionReport {
        let (symbol, would_be) = (&*self.symbol, prevention.would_be);
        ExecutionReport {
            last_prevented_qty: Some(symbol.quantity(prevention.lost)),
            counter_order_id: Some(prevention.counter_order_id.0),
            counter_symbol: Some(symbol.spec.name.into()),
            prevented_execution_qty: would_be.map(|would_be| symbol.quantity(would_be.quantity)),
            prevented_execution_price: would_be.map(|would_be| symbol.price(would_be.price)),
            prevented_execution_quote_qty: would_be.map(|would_be| symbol.quote(would_be.quote)),
            ..plain
        }
    }

    fn execution_type(&self) -> ExecutionType {
        match (&self.change, self.order.close_reason) {
            (Change::Placed, _) => ExecutionType::New,
            (Change::Filled(_), _) => ExecutionType::Trade,
            (Change::Prevented(_), _) => ExecutionType::TradePrevention,
            (Change::Closed, Some(CloseReason::Canceled)) => ExecutionType::Canceled,
            (Change::Closed, _) => ExecutionType::Expired,
        }
    }

    /// Whether the order is on the book, or will be with what it has left. The documented samples say so of every
    /// new order, even of those that never rest.
    fn is_working(&self) -> bool {
        let kind = &self.order.kind;
        let may_rest = kind.price().is_some() && kind.time_in_force() == TimeInForce::Gtc;
        self.order.status.is_open() && (may_rest || matches!(self.change, Change::Placed))
    }
}
