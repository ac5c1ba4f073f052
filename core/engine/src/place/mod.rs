//! Placing an order: what is checked and in which order. What an accepted order does is in [`apply`], one
//! meeting with a maker in [`taking`].

mod apply;
mod taking;

pub(crate) use apply::apply;
pub(crate) use taking::take_out;

use crate::accounts::AccountIndex;
use crate::admin::validate_user;
use crate::filters;
use crate::matching::{Size, Step, Taker, Walk, WalkEnd, walk};
use crate::state::{State, SymbolState};
use emporion_model::{
    AccountKind, Amount, AssetId, ClientOrderIdReuse, CloseReason, ExpiryReason, MarketSize, OrderKind, PlaceOrder,
    Price, Quantity, Reject, Side, StpMode, SymbolStatus, TimeInForce,
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
    let is_replayer = state.accounts.get(account).kind == AccountKind::Replayer;
    if !is_replayer {
        check_counts(state, account)?;
    }
    check_client_order_id(state, account, order)?;
    if is_replayer {
        filters::check_steps(&symbol.spec.rules, &order.kind)?;
    } else {
        let average = |minutes| symbol.series.average(minutes, symbol.scales.quote_factor);
        filters::check(&symbol.spec.rules, &symbol.scales, order.side, &order.kind, average)?;
    }
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
    let account = state.accounts.get(account);
    let is_bound = account.kind != AccountKind::Replayer;
    if is_bound && account.position(symbol.id).open_orders >= symbol.spec.rules.orders_max {
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
    let account = state.accounts.get(account);
    let is_bound = order.side == Side::Buy && account.kind != AccountKind::Replayer;
    let Some(max) = symbol.spec.rules.position_max.filter(|_| is_bound) else {
        return Ok(());
    };
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
