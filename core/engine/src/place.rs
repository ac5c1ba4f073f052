//! Placing an order: what is checked, in which order, and what an accepted order does.

use crate::accounts::{AccountIndex, FEES, Part};
use crate::admin::validate_user;
use crate::book::OrderIndex;
use crate::filters;
use crate::matching::{Size, Step, Taker, Walk, WalkEnd, walk};
use crate::orders::Order;
use crate::rounding::fee_floor;
use crate::series::TradeFacts;
use crate::state::{State, SymbolState};
use emporion_model::event::{Event, Fill, OrderClosed, OrderPlaced, OrderRested, SelfTradePrevented, Trade};
use emporion_model::time::SECOND_US;
use emporion_model::{
    Amount, AssetId, ClientOrderIdReuse, CloseReason, ExecutionId, ExpiryReason, MarketSize, OrderId, OrderKind,
    PlaceOrder, Price, Quantity, Rate, Reject, Side, StpMode, SymbolStatus, TimeInForce,
};

/// What an accepted order will do; its steps are in the engine's buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    account: AccountIndex,
    stp: StpMode,
    walk: Walk,
    outcome: Outcome,
}

/// How an accepted order stands after its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// So much of it rests at this price, with this hold.
    Rests(Price, Quantity, (AssetId, Amount)),
    /// Its last step filled it.
    Filled,
    /// The rest of it ends.
    Closes(CloseReason),
}

/// Checks an order and dry-runs it into `steps`.
pub(crate) fn validate(state: &State, order: &PlaceOrder, steps: &mut Vec<Step>) -> Result<Placement, Reject> {
    let account = validate_user(state, order.account)?;
    let symbol = state.symbol(order.symbol).ok_or(Reject::UnknownSymbol)?;
    let stp = check_permissions(state, symbol, account, order)?;
    check_counts(state, account)?;
    check_client_order_id(state, account, order)?;
    let average = |minutes| symbol.series.average(minutes, symbol.scales.quote_factor);
    filters::check(&symbol.spec.rules, &symbol.scales, order.side, &order.kind, average)?;
    check_open_orders(state, symbol, account, order)?;
    let taker = Taker {
        account,
        trade_group: state.accounts.get(account).trade_group,
        stp,
        limit: order.kind.price(),
        size: size_of(symbol, &order.kind),
        steps_max: state.options.fills_per_order_max as usize,
    };
    let half = symbol.book.half(order.side.opposite());
    let mut walk = match order.kind {
        OrderKind::LimitMaker(price, _) if symbol.book.crosses(order.side, price) => return Err(Reject::WouldTake),
        _ => walk(&taker, half, &state.orders.nodes, &state.accounts, &symbol.scales, steps),
    };
    if let OrderKind::Market(MarketSize::Quote(_)) = order.kind {
        check_quote_sized(symbol, &walk, !steps.is_empty())?;
    }
    let is_killed = is_fok(&order.kind) && Some(walk.executed) != order.kind.quantity();
    if is_killed {
        steps.clear();
        walk = Walk { executed: Quantity::ZERO, notional: Amount::ZERO, prevented: Quantity::ZERO, ..walk };
    }
    check_position(state, symbol, account, order, &walk)?;
    check_funds(state, symbol, account, order, &walk)?;
    let ends_with_trade = matches!(steps.last(), Some(Step::Trade(..)));
    let outcome = if is_killed {
        Outcome::Closes(CloseReason::Expired(ExpiryReason::UnfilledFok))
    } else {
        outcome_of(symbol, order, &walk, ends_with_trade)
    };
    Ok(Placement { account, stp, walk, outcome })
}

fn check_permissions(
    state: &State,
    symbol: &SymbolState,
    account: AccountIndex,
    order: &PlaceOrder,
) -> Result<StpMode, Reject> {
    let rules = &symbol.spec.rules;
    if state.accounts.get(account).frozen {
        return Err(Reject::AccountFrozen);
    }
    if symbol.spec.status != SymbolStatus::Trading {
        return Err(Reject::SymbolNotTrading);
    }
    if !rules.order_types.contains(&order.kind.order_type()) {
        return Err(Reject::OrderTypeNotAllowed);
    }
    if order.kind.quote_quantity().is_some() && !rules.quote_quantity_market {
        return Err(Reject::QuoteQuantityNotAllowed);
    }
    let stp = order.stp.unwrap_or(rules.stp_default);
    if rules.stp_allowed.contains(&stp) { Ok(stp) } else { Err(Reject::StpModeNotAllowed) }
}

fn check_counts(state: &State, account: AccountIndex) -> Result<(), Reject> {
    let account = state.accounts.get(account);
    let limits = account.limits.unwrap_or(state.options.order_counts);
    let (ten_seconds, day) = account.order_counts(state.time);
    if limits.per_day.is_some_and(|limit| day >= limit) {
        return Err(Reject::TooManyOrdersPerDay);
    }
    if limits.per_ten_seconds.is_some_and(|limit| ten_seconds >= limit) {
        return Err(Reject::TooManyOrdersPerTenSeconds);
    }
    Ok(())
}

fn check_client_order_id(state: &State, account: AccountIndex, order: &PlaceOrder) -> Result<(), Reject> {
    let id = &order.client_order_id;
    if state.orders.find_client(account, id).is_some() {
        return Err(Reject::DuplicateClientOrderId);
    }
    if let ClientOrderIdReuse::NeverWithin(_) = state.options.client_order_id_reuse {
        if state.dedup.is_recent(account, id, state.time) {
            return Err(Reject::DuplicateClientOrderId);
        }
        if state.dedup.client_order_ids_are_full() {
            return Err(Reject::TableFull);
        }
    }
    Ok(())
}

/// Whether an order of this kind may come to rest in the book.
pub(crate) fn can_rest(kind: &OrderKind) -> bool {
    matches!(kind, OrderKind::Limit(_, _, TimeInForce::Gtc) | OrderKind::LimitMaker(..))
}

fn is_fok(kind: &OrderKind) -> bool {
    matches!(kind, OrderKind::Limit(_, _, TimeInForce::Fok))
}

fn check_open_orders(
    state: &State,
    symbol: &SymbolState,
    account: AccountIndex,
    order: &PlaceOrder,
) -> Result<(), Reject> {
    if !can_rest(&order.kind) {
        return Ok(());
    }
    if state.accounts.get(account).position(symbol.id).open_orders >= symbol.spec.rules.orders_max {
        return Err(Reject::MaxNumOrders);
    }
    if state.orders.len() >= state.options.open_orders_max as usize {
        return Err(Reject::OrderTableFull);
    }
    Ok(())
}

fn size_of(symbol: &SymbolState, kind: &OrderKind) -> Size {
    match *kind {
        OrderKind::Limit(_, quantity, _)
        | OrderKind::LimitMaker(_, quantity)
        | OrderKind::Market(MarketSize::Base(quantity)) => Size::Base(quantity),
        OrderKind::Market(MarketSize::Quote(amount)) => Size::Quote(amount, symbol.spec.rules.lot.step),
    }
}

/// What a quote amount came to must itself be a legal quantity.
fn check_quote_sized(symbol: &SymbolState, walk: &Walk, met_somebody: bool) -> Result<(), Reject> {
    let rules = &symbol.spec.rules;
    let ran_dry = walk.end == WalkEnd::BookEnd;
    if ran_dry && !met_somebody {
        return Err(Reject::EmptyBook);
    }
    if walk.executed.is_zero() && met_somebody {
        return Ok(());
    }
    if ran_dry && walk.executed < rules.lot.min {
        return Err(Reject::LiquidityBelowLotSize);
    }
    if ran_dry && walk.executed < rules.market_lot.min {
        return Err(Reject::LiquidityBelowMarketLotSize);
    }
    filters::check_lot(&rules.lot, walk.executed, Reject::LotSize)?;
    filters::check_lot(&rules.market_lot, walk.executed, Reject::MarketLotSize)
}

fn check_position(
    state: &State,
    symbol: &SymbolState,
    account: AccountIndex,
    order: &PlaceOrder,
    walk: &Walk,
) -> Result<(), Reject> {
    let Some(max) = symbol.spec.rules.position_max.filter(|_| order.side == Side::Buy) else {
        return Ok(());
    };
    let account = state.accounts.get(account);
    let cell = account.cell(symbol.spec.base);
    let wanted = order.kind.quantity().unwrap_or(walk.executed);
    let buys = account.position(symbol.id).open_buys + u128::from(wanted.0);
    let buys = i128::try_from(buys).ok().and_then(|buys| buys.checked_mul(symbol.scales.base_factor));
    let total = buys.and_then(|buys| buys.checked_add(cell.free.0)?.checked_add(cell.locked.0));
    if total.is_some_and(|total| total <= max.0) { Ok(()) } else { Err(Reject::MaxPosition) }
}

/// The free balance covers all that the order may have to pay: a limit order its whole quantity at its
/// limit, a market order what the dry run found.
fn check_funds(
    state: &State,
    symbol: &SymbolState,
    account: AccountIndex,
    order: &PlaceOrder,
    walk: &Walk,
) -> Result<(), Reject> {
    let scales = &symbol.scales;
    let (asset, needed) = match (order.side, order.kind) {
        (Side::Buy, OrderKind::Limit(price, quantity, _) | OrderKind::LimitMaker(price, quantity)) => {
            (symbol.spec.quote, scales.notional(price, quantity))
        }
        (Side::Buy, OrderKind::Market(MarketSize::Base(_))) => (symbol.spec.quote, Some(walk.notional)),
        (Side::Buy, OrderKind::Market(MarketSize::Quote(amount))) => (symbol.spec.quote, Some(amount)),
        (Side::Sell, OrderKind::Market(MarketSize::Quote(_))) => (symbol.spec.base, scales.base(walk.executed)),
        (Side::Sell, kind) => (symbol.spec.base, kind.quantity().and_then(|quantity| scales.base(quantity))),
    };
    let free = state.accounts.get(account).cell(asset).free;
    if needed.is_some_and(|needed| needed <= free) { Ok(()) } else { Err(Reject::InsufficientBalance) }
}

/// How the order stands after the walk. An order by quote quantity whose last meeting was a prevented one
/// and whose rest buys no further step has no last fill: prevention ended it.
fn outcome_of(symbol: &SymbolState, order: &PlaceOrder, walk: &Walk, ends_with_trade: bool) -> Outcome {
    match walk.end {
        WalkEnd::Filled if ends_with_trade => Outcome::Filled,
        WalkEnd::Filled | WalkEnd::SelfTrade => Outcome::Closes(CloseReason::ExpiredInMatch),
        WalkEnd::Exhausted => Outcome::Closes(CloseReason::Expired(ExpiryReason::FillsExhausted)),
        WalkEnd::BookEnd => match order.kind {
            OrderKind::Limit(_, _, TimeInForce::Ioc) => {
                Outcome::Closes(CloseReason::Expired(ExpiryReason::UnfilledIoc))
            }
            OrderKind::Limit(price, quantity, _) | OrderKind::LimitMaker(price, quantity) => {
                let left = Quantity(quantity.0 - walk.executed.0 - walk.prevented.0);
                Outcome::Rests(price, left, hold_of(symbol, order.side, price, left))
            }
            OrderKind::Market(_) => Outcome::Closes(CloseReason::Expired(ExpiryReason::InsufficientLiquidity)),
        },
    }
}

/// What an order of this side holds while `quantity` of it is left.
pub(crate) fn hold_of(symbol: &SymbolState, side: Side, price: Price, quantity: Quantity) -> (AssetId, Amount) {
    let (asset, amount) = match side {
        Side::Buy => (symbol.spec.quote, symbol.scales.notional(price, quantity)),
        Side::Sell => (symbol.spec.base, symbol.scales.base(quantity)),
    };
    (asset, amount.expect("a symbol's ranges keep every hold in 128 bits"))
}

/// Carries an accepted order out. Every number was found by [`validate`]; nothing here can fail.
pub(crate) fn apply(
    state: &mut State,
    order: &PlaceOrder,
    placement: &Placement,
    steps: &[Step],
    events: &mut Vec<Event>,
) {
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
    let mut taking = Taking::new(state, order, placement, order_id);
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
    finish(state, order, placement, &taking, events);
}

fn finish(state: &mut State, order: &PlaceOrder, placement: &Placement, taking: &Taking<'_>, events: &mut Vec<Event>) {
    match placement.outcome {
        Outcome::Filled => {}
        Outcome::Rests(price, quantity, hold) => {
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
        Outcome::Closes(reason) => {
            let execution_id = state.next_execution_id();
            events.push(Event::OrderClosed(OrderClosed {
                symbol: order.symbol,
                order_id: taking.order_id,
                account: order.account,
                side: order.side,
                reason,
                cancel_id: None,
                price: None,
                removed: Quantity::ZERO,
                execution_id,
            }));
        }
    }
}

/// A taker while its steps are carried out.
struct Taking<'a> {
    order: &'a PlaceOrder,
    account: AccountIndex,
    order_id: OrderId,
    base: AssetId,
    quote: AssetId,
    taker_rate: Rate,
    last_price: Option<Price>,
    executed: Quantity,
    executed_quote: Amount,
}

impl<'a> Taking<'a> {
    fn new(state: &State, order: &'a PlaceOrder, placement: &Placement, order_id: OrderId) -> Self {
        let spec = &state.symbols[usize::from(order.symbol.0)].spec;
        let tier = state.accounts.get(placement.account).fee_tier;
        Self {
            order,
            account: placement.account,
            order_id,
            base: spec.base,
            quote: spec.quote,
            taker_rate: spec.rules.fee_rates(tier).taker,
            last_price: None,
            executed: Quantity::ZERO,
            executed_quote: Amount::ZERO,
        }
    }

    fn trade(
        &mut self,
        state: &mut State,
        maker: OrderIndex,
        quantity: Quantity,
        filled: bool,
        events: &mut Vec<Event>,
    ) {
        let maker_order = state.orders.get(maker);
        let (maker_account, maker_side) = (maker_order.account, maker_order.side);
        let maker_price = maker_order.kind.price().expect("only orders with a limit rest");
        let is_first_fill = maker_order.executed.is_zero();
        let maker_tier = state.accounts.get(maker_account).fee_tier;
        let symbol = &mut state.symbols[usize::from(self.order.symbol.0)];
        let maker_rate = symbol.spec.rules.fee_rates(maker_tier).maker;
        let notional = symbol.scales.notional(maker_price, quantity).expect("the dry run computed it");
        let base_amount = symbol.scales.base(quantity).expect("a symbol's ranges keep it in 128 bits");
        let units = (symbol.base_display_unit, symbol.quote_display_unit);

        let (trade_id, agg_trade_id) = self.next_trade_ids(symbol, maker_price);
        symbol.series.record(&TradeFacts {
            symbol: symbol.id,
            trade_id,
            time: state.time,
            price: maker_price,
            quantity,
            base: base_amount,
            quote: notional,
            taker_side: self.order.side,
        });
        symbol.book.half_mut(maker_side).shrink(&mut state.orders.nodes, maker, quantity);
        state.orders.note_shrunk(&mut state.accounts, maker, quantity);

        let legs = Legs { maker, maker_account, notional, base_amount, units };
        let (maker_fee, taker_fee) = self.settle(state, &legs, maker_rate);
        let maker_execution_id = state.next_execution_id();
        let taker_execution_id = state.next_execution_id();
        let maker_filled = state.orders.nodes.get(maker).remaining.is_zero();
        let maker_order = state.orders.get_mut(maker);
        maker_order.executed.0 += quantity.0;
        maker_order.executed_quote.0 += notional.0;
        self.executed.0 += quantity.0;
        self.executed_quote.0 += notional.0;
        let maker_fill = Fill {
            account: state.accounts.get(maker_account).id,
            order_id: maker_order.id,
            execution_id: maker_execution_id,
            fee_asset: if maker_side == Side::Buy { self.base } else { self.quote },
            fee: maker_fee,
            executed: maker_order.executed,
            executed_quote: maker_order.executed_quote,
            filled: maker_filled,
        };
        let taker_fill = Fill {
            account: self.order.account,
            order_id: self.order_id,
            execution_id: taker_execution_id,
            fee_asset: if maker_side == Side::Buy { self.quote } else { self.base },
            fee: taker_fee,
            executed: self.executed,
            executed_quote: self.executed_quote,
            filled,
        };
        events.push(Event::Traded(Trade {
            symbol: self.order.symbol,
            trade_id,
            agg_trade_id,
            price: maker_price,
            quantity,
            notional,
            taker_side: self.order.side,
            maker: maker_fill,
            taker: taker_fill,
        }));
        if is_first_fill {
            state.accounts.reward_first_fill(maker_account, state.time, true);
        }
        if maker_filled {
            take_out(state, maker);
        }
    }

    /// The trade's id, and that of its run: a new one when the price changes.
    fn next_trade_ids(
        &mut self,
        symbol: &mut SymbolState,
        price: Price,
    ) -> (emporion_model::TradeId, emporion_model::AggTradeId) {
        symbol.last_trade_id.0 += 1;
        if self.last_price.replace(price) != Some(price) {
            symbol.last_agg_trade_id.0 += 1;
        }
        (symbol.last_trade_id, symbol.last_agg_trade_id)
    }

    /// Moves both legs, each party's fee out of what it receives. Gives the maker's and the taker's fee.
    fn settle(&self, state: &mut State, legs: &Legs, maker_rate: Rate) -> (Amount, Amount) {
        let State { accounts, orders, .. } = state;
        let taker = (self.account, Part::Free);
        let (base_unit, quote_unit) = legs.units;
        match self.order.side {
            Side::Buy => {
                let maker_fee = fee_floor(legs.notional, maker_rate, quote_unit);
                let taker_fee = fee_floor(legs.base_amount, self.taker_rate, base_unit);
                accounts.post(taker, legs.maker_account, self.quote, Amount(legs.notional.0 - maker_fee.0));
                accounts.post(taker, FEES, self.quote, maker_fee);
                let received = Amount(legs.base_amount.0 - taker_fee.0);
                orders.pay_from_hold(accounts, legs.maker, self.account, received);
                orders.pay_from_hold(accounts, legs.maker, FEES, taker_fee);
                (maker_fee, taker_fee)
            }
            Side::Sell => {
                let maker_fee = fee_floor(legs.base_amount, maker_rate, base_unit);
                let taker_fee = fee_floor(legs.notional, self.taker_rate, quote_unit);
                accounts.post(taker, legs.maker_account, self.base, Amount(legs.base_amount.0 - maker_fee.0));
                accounts.post(taker, FEES, self.base, maker_fee);
                let received = Amount(legs.notional.0 - taker_fee.0);
                orders.pay_from_hold(accounts, legs.maker, self.account, received);
                orders.pay_from_hold(accounts, legs.maker, FEES, taker_fee);
                (maker_fee, taker_fee)
            }
        }
    }

    fn prevent(
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
        let (maker_id, maker_side) = (maker_order.id, maker_order.side);
        let maker_account = state.accounts.get(maker_order.account).id;
        let price = maker_order.kind.price().expect("only orders with a limit rest");
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
            maker_order_id: maker_id,
            maker_quantity: maker_loses,
            maker_execution_id,
        }));
        if maker_loses.is_zero() {
            return;
        }
        let (_, released) = hold_of(symbol, maker_side, price, maker_loses);
        symbol.book.half_mut(maker_side).shrink(&mut state.orders.nodes, maker, maker_loses);
        state.orders.note_shrunk(&mut state.accounts, maker, maker_loses);
        state.orders.release_from_hold(&mut state.accounts, maker, released);
        state.orders.get_mut(maker).prevented.0 += maker_loses.0;
        if state.orders.nodes.get(maker).remaining.is_zero() {
            let execution_id = state.next_execution_id();
            events.push(closed_maker(self.order, maker_account, maker_id, maker_side, price, execution_id));
            take_out(state, maker);
        }
    }
}

/// The two legs of a trade.
struct Legs {
    maker: OrderIndex,
    maker_account: AccountIndex,
    notional: Amount,
    base_amount: Amount,
    /// The display units of base and quote.
    units: (i128, i128),
}

fn closed_maker(
    taker: &PlaceOrder,
    account: emporion_model::AccountId,
    order_id: OrderId,
    side: Side,
    price: Price,
    execution_id: ExecutionId,
) -> Event {
    Event::OrderClosed(OrderClosed {
        symbol: taker.symbol,
        order_id,
        account,
        side,
        reason: CloseReason::ExpiredInMatch,
        cancel_id: None,
        price: Some(price),
        removed: Quantity::ZERO,
        execution_id,
    })
}

/// Takes an order out of its book and the table; what its hold still has is released.
pub(crate) fn take_out(state: &mut State, index: OrderIndex) -> Order {
    let (symbol, side) = (state.orders.get(index).symbol, state.orders.get(index).side);
    let half = state.symbols[usize::from(symbol.0)].book.half_mut(side);
    half.leave(&mut state.orders.nodes, index);
    state.orders.remove(&mut state.accounts, index)
}
