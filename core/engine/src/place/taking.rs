//! A taker's meetings with makers: trades, and trades that self-trade prevention forbids.

use super::hold_of;
use crate::accounts::{AccountIndex, FEES, Part};
use crate::book::OrderIndex;
use crate::orders::Order;
use crate::rounding::fee_floor;
use crate::series::TradeFacts;
use crate::state::{State, SymbolState};
use emporion_model::event::{Event, Fill, OrderClosed, SelfTradePrevented, Trade};
use emporion_model::{
    AggTradeId, Amount, AssetId, CloseReason, OrderId, PlaceOrder, Price, Quantity, Rate, Side, TradeId,
};

/// A taker while its steps are carried out.
pub(super) struct Taking<'a> {
    pub(super) order: &'a PlaceOrder,
    pub(super) order_id: OrderId,
    pub(super) executed: Quantity,
    pub(super) executed_quote: Amount,
    account: AccountIndex,
    rate: Rate,
    last_price: Option<Price>,
}

/// What one side of a trade pays and the other receives.
#[derive(Clone, Copy)]
struct Leg {
    asset: AssetId,
    amount: Amount,
    display_unit: i128,
}

/// A maker and what it trades with the taker.
struct Match {
    maker: OrderIndex,
    maker_account: AccountIndex,
    maker_rate: Rate,
    price: Price,
    quantity: Quantity,
    base: Leg,
    quote: Leg,
}

impl Match {
    fn of(state: &State, maker: OrderIndex, quantity: Quantity) -> Self {
        let order = state.orders.get(maker);
        let price = limit_of(order);
        let symbol = &state.symbols[usize::from(order.symbol.0)];
        let notional = symbol.scales.notional(price, quantity).expect("the dry run computed it");
        let base = symbol.scales.base(quantity).expect("a symbol's ranges keep it in 128 bits");
        let tier = state.accounts.get(order.account).fee_tier;
        Self {
            maker,
            maker_account: order.account,
            maker_rate: symbol.spec.rules.fee_rates(tier).maker,
            price,
            quantity,
            base: Leg { asset: symbol.spec.base, amount: base, display_unit: symbol.base_display_unit },
            quote: Leg { asset: symbol.spec.quote, amount: notional, display_unit: symbol.quote_display_unit },
        }
    }

    /// What a taker of this side pays, and what it receives.
    fn legs(&self, taker_side: Side) -> (Leg, Leg) {
        match taker_side {
            Side::Buy => (self.quote, self.base),
            Side::Sell => (self.base, self.quote),
        }
    }
}

impl<'a> Taking<'a> {
    pub(super) fn new(state: &State, order: &'a PlaceOrder, account: AccountIndex, order_id: OrderId) -> Self {
        let rules = &state.symbols[usize::from(order.symbol.0)].spec.rules;
        Self {
            order,
            order_id,
            executed: Quantity::ZERO,
            executed_quote: Amount::ZERO,
            account,
            rate: rules.fee_rates(state.accounts.get(account).fee_tier).taker,
            last_price: None,
        }
    }

    /// Trades with a maker. `filled` says that this is the taker's last fill.
    pub(super) fn trade(
        &mut self,
        state: &mut State,
        maker: OrderIndex,
        quantity: Quantity,
        filled: bool,
        events: &mut Vec<Event>,
    ) {
        let met = Match::of(state, maker, quantity);
        let (trade_id, agg_trade_id) = self.record(state, &met);
        let (maker_fee, taker_fee) = self.settle(state, &met);
        let is_first_fill = state.orders.get(maker).executed.is_zero();
        let maker_fill = fill_maker(state, &met, self.order.side, maker_fee);
        let taker_fill = self.fill_taker(state, &met, taker_fee, filled);
        events.push(Event::Traded(Trade {
            symbol: self.order.symbol,
            trade_id,
            agg_trade_id,
            price: met.price,
            quantity,
            notional: met.quote.amount,
            taker_side: self.order.side,
            maker: maker_fill,
            taker: taker_fill,
        }));
        if is_first_fill {
            state.accounts.reward_first_fill(met.maker_account, state.time, true);
        }
        if maker_fill.filled {
            take_out(state, maker);
        }
    }

    /// Numbers the trade, enters it into the series and lowers the maker.
    fn record(&mut self, state: &mut State, met: &Match) -> (TradeId, AggTradeId) {
        let symbol = &mut state.symbols[usize::from(self.order.symbol.0)];
        let (trade_id, agg_trade_id) = self.next_trade_ids(symbol, met.price);
        symbol.series.record(&TradeFacts {
            symbol: symbol.id,
            trade_id,
            time: state.time,
            price: met.price,
            quantity: met.quantity,
            base: met.base.amount,
            quote: met.quote.amount,
            taker_side: self.order.side,
        });
        symbol.book.half_mut(self.order.side.opposite()).shrink(&mut state.orders.nodes, met.maker, met.quantity);
        state.orders.note_shrunk(&mut state.accounts, met.maker, met.quantity);
        (trade_id, agg_trade_id)
    }

    /// The trade's id, and that of its run: a new one when the price changes.
    fn next_trade_ids(&mut self, symbol: &mut SymbolState, price: Price) -> (TradeId, AggTradeId) {
        symbol.last_trade_id.0 += 1;
        if self.last_price.replace(price) != Some(price) {
            symbol.last_agg_trade_id.0 += 1;
        }
        (symbol.last_trade_id, symbol.last_agg_trade_id)
    }

    /// Moves both legs, each party's fee out of what it receives: the taker pays out of its free balance, the
    /// maker out of its hold. Gives the maker's and the taker's fee.
    fn settle(&self, state: &mut State, met: &Match) -> (Amount, Amount) {
        let State { accounts, orders, .. } = state;
        let (paid, received) = met.legs(self.order.side);
        let maker_fee = fee_floor(paid.amount, met.maker_rate, paid.display_unit);
        let taker_fee = fee_floor(received.amount, self.rate, received.display_unit);
        let taker = (self.account, Part::Free);
        accounts.post(taker, met.maker_account, paid.asset, Amount(paid.amount.0 - maker_fee.0));
        accounts.post(taker, FEES, paid.asset, maker_fee);
        orders.pay_from_hold(accounts, met.maker, self.account, Amount(received.amount.0 - taker_fee.0));
        orders.pay_from_hold(accounts, met.maker, FEES, taker_fee);
        (maker_fee, taker_fee)
    }

    fn fill_taker(&mut self, state: &mut State, met: &Match, fee: Amount, filled: bool) -> Fill {
        self.executed.0 += met.quantity.0;
        self.executed_quote.0 += met.quote.amount.0;
        Fill {
            account: self.order.account,
            order_id: self.order_id,
            execution_id: state.next_execution_id(),
            fee_asset: met.legs(self.order.side).1.asset,
            fee,
            executed: self.executed,
            executed_quote: self.executed_quote,
            filled,
        }
    }

    /// Lowers maker and taker by what they would have traded with themselves.
    pub(super) fn prevent(
        &mut self,
        state: &mut State,
        maker: OrderIndex,
        maker_loses: Quantity,
        taker_loses: Quantity,
        events: &mut Vec<Event>,
    ) {
        let taker_execution_id = state.next_execution_id();
        let maker_execution_id = state.next_execution_id();
        let maker_order = state.orders.get(maker);
        let (maker_order_id, price) = (maker_order.id, limit_of(maker_order));
        let maker_account = state.accounts.get(maker_order.account).id;
        let symbol = &mut state.symbols[usize::from(self.order.symbol.0)];
        symbol.last_prevented_match_id.0 += 1;
        events.push(Event::SelfTradePrevented(SelfTradePrevented {
            symbol: symbol.id,
            prevented_match_id: symbol.last_prevented_match_id,
            price,
            taker_side: self.order.side,
            taker_account: self.order.account,
            taker_order_id: self.order_id,
            taker_quantity: taker_loses,
            taker_execution_id,
            maker_account,
            maker_order_id,
            maker_quantity: maker_loses,
            maker_execution_id,
        }));
        if !maker_loses.is_zero() {
            lower_maker(state, maker, maker_loses, events);
        }
    }
}

fn limit_of(order: &Order) -> Price {
    order.kind.price().expect("only orders with a limit rest")
}

fn fill_maker(state: &mut State, met: &Match, taker_side: Side, fee: Amount) -> Fill {
    let execution_id = state.next_execution_id();
    let order = state.orders.get_mut(met.maker);
    order.executed.0 += met.quantity.0;
    order.executed_quote.0 += met.quote.amount.0;
    Fill {
        account: state.accounts.get(met.maker_account).id,
        order_id: order.id,
        execution_id,
        fee_asset: met.legs(taker_side).0.asset,
        fee,
        executed: order.executed,
        executed_quote: order.executed_quote,
        filled: state.orders.nodes.get(met.maker).remaining.is_zero(),
    }
}

/// Takes a part of a resting order away without a trade; at nothing left it expires.
fn lower_maker(state: &mut State, maker: OrderIndex, by: Quantity, events: &mut Vec<Event>) {
    let order = state.orders.get(maker);
    let (id, account, side, price) = (order.id, order.account, order.side, limit_of(order));
    let symbol = &mut state.symbols[usize::from(order.symbol.0)];
    let (symbol_id, (_, released)) = (symbol.id, hold_of(symbol, side, price, by));
    symbol.book.half_mut(side).shrink(&mut state.orders.nodes, maker, by);
    state.orders.note_shrunk(&mut state.accounts, maker, by);
    state.orders.release_from_hold(&mut state.accounts, maker, released);
    state.orders.get_mut(maker).prevented.0 += by.0;
    if !state.orders.nodes.get(maker).remaining.is_zero() {
        return;
    }
    events.push(Event::OrderClosed(OrderClosed {
        symbol: symbol_id,
        order_id: id,
        account: state.accounts.get(account).id,
        side,
        reason: CloseReason::ExpiredInMatch,
        cancel_id: None,
        price: Some(price),
        removed: Quantity::ZERO,
        execution_id: state.next_execution_id(),
    }));
    take_out(state, maker);
}

/// Takes an order out of its book and the table; what its hold still has is released.
pub(crate) fn take_out(state: &mut State, index: OrderIndex) -> Order {
    let (symbol, side) = (state.orders.get(index).symbol, state.orders.get(index).side);
    let half = state.symbols[usize::from(symbol.0)].book.half_mut(side);
    half.leave(&mut state.orders.nodes, index);
    state.orders.remove(&mut state.accounts, index)
}
