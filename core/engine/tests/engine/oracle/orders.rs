//! Placing and canceling.

use super::Oracle;
use super::admin::is_client;
use super::filters::check_lot;
use super::matching::{End, Taker};
use emporion_model::event::{OrderClosed, OrderPlaced, OrderRested};
use emporion_model::{
    AccountId, AccountKind, CancelAll, CancelOrder, CancelRestriction, ClientOrderId, ClientOrderIdReuse, CloseReason,
    Event, ExpiryReason, MarketSize, OrderId, OrderKind, PlaceOrder, Price, Quantity, Reject, Side, StpMode, SymbolId,
    SymbolStatus, TimeInForce,
};

#[derive(Clone, Debug)]
pub(crate) struct Resting {
    pub(crate) symbol: SymbolId,
    pub(crate) id: OrderId,
    pub(crate) account: AccountId,
    pub(crate) client_order_id: ClientOrderId,
    pub(crate) side: Side,
    pub(crate) kind: OrderKind,
    pub(crate) price: Price,
    pub(crate) left: u64,
    pub(crate) executed: u64,
    pub(crate) executed_quote: i128,
    pub(crate) prevented: u64,
}

impl Oracle {
    pub(super) fn place(&mut self, order: &PlaceOrder) -> Result<(), Reject> {
        let stp = self.check_permission(order)?;
        let is_replayer = self.people[&order.account].kind == AccountKind::Replayer;
        if !is_replayer {
            self.check_counts(order.account)?;
        }
        self.check_client_order_id(order)?;
        self.check_filters(order, is_replayer)?;
        self.check_room(order)?;
        let spec = self.markets[usize::from(order.symbol.0)].spec.clone();
        let (free_quote, free_base) = (self.free(order.account, spec.quote), self.free(order.account, spec.base));
        let position = self.position(order);

        let mut taker = self.accept(order, stp);
        let untouched = self.clone();
        let mut end = self.match_against_book(&mut taker);
        if matches!(order.kind, OrderKind::LimitMaker(..)) && taker.met > 0 {
            return Err(Reject::WouldTake);
        }
        if let OrderKind::Market(MarketSize::Quote(_)) = order.kind {
            check_quote_sized(&spec.rules, &taker, end)?;
        }
        let is_fok = matches!(order.kind, OrderKind::Limit(_, _, TimeInForce::Fok));
        let is_killed = is_fok && Some(Quantity(taker.executed)) != order.kind.quantity();
        let wanted = order.kind.quantity().map_or(taker.executed, |quantity| quantity.0);
        if order.side == Side::Buy
            && !is_replayer
            && spec.rules.position_max.is_some_and(|max| position + self.base_amount(order.symbol, wanted) > max.0)
        {
            return Err(Reject::MaxPosition);
        }
        let due = match (order.side, order.kind) {
            (Side::Buy, OrderKind::Market(MarketSize::Quote(amount))) => amount.0,
            (Side::Buy, OrderKind::Market(_)) => taker.executed_quote,
            (Side::Buy, kind) => self.cost(order.symbol, kind.price().expect("it has a limit").0, wanted),
            (Side::Sell, _) => self.base_amount(order.symbol, wanted),
        };
        if due > (if order.side == Side::Buy { free_quote } else { free_base }) {
            return Err(Reject::InsufficientBalance);
        }
        if is_killed {
            *self = untouched;
            end = End::Killed;
        }
        self.finish(order, &taker, end);
        Ok(())
    }

    fn check_permission(&self, order: &PlaceOrder) -> Result<StpMode, Reject> {
        let person = self.people.get(&order.account).filter(|person| is_client(person.kind));
        let person = person.ok_or(Reject::UnknownAccount)?;
        let spec = &self.markets.get(usize::from(order.symbol.0)).ok_or(Reject::UnknownSymbol)?.spec;
        let stp = order.stp.unwrap_or(spec.rules.stp_default);
        match order.kind {
            _ if person.frozen => Err(Reject::AccountFrozen),
            _ if spec.status != SymbolStatus::Trading => Err(Reject::SymbolNotTrading),
            kind if !spec.rules.order_types.contains(&kind.order_type()) => Err(Reject::OrderTypeNotAllowed),
            OrderKind::Market(MarketSize::Quote(_)) if !spec.rules.quote_quantity_market => {
                Err(Reject::QuoteQuantityNotAllowed)
            }
            _ if !spec.rules.stp_allowed.contains(&stp) => Err(Reject::StpModeNotAllowed),
            _ => Ok(stp),
        }
    }

    fn check_counts(&self, account: AccountId) -> Result<(), Reject> {
        let limits = self.people[&account].limits.unwrap_or(self.options.order_counts);
        let (ten_seconds, day) = self.counts(account);
        if limits.per_day.is_some_and(|most| day.count >= most) {
            return Err(Reject::TooManyOrdersPerDay);
        }
        if limits.per_ten_seconds.is_some_and(|most| ten_seconds.count >= most) {
            return Err(Reject::TooManyOrdersPerTenSeconds);
        }
        Ok(())
    }

    fn check_client_order_id(&self, order: &PlaceOrder) -> Result<(), Reject> {
        let key = (order.account, order.client_order_id);
        let is_open = self.open.iter().any(|other| (other.account, other.client_order_id) == key);
        let is_recent = self.client_ids.iter().any(|&(account, id, until)| (account, id) == key && until >= self.time);
        let forbids_repeats = matches!(self.options.client_order_id_reuse, ClientOrderIdReuse::NeverWithin(_));
        if is_open || (forbids_repeats && is_recent) { Err(Reject::DuplicateClientOrderId) } else { Ok(()) }
    }

    /// MAX_NUM_ORDERS and the venue's own bound, for orders that may come to rest.
    fn check_room(&self, order: &PlaceOrder) -> Result<(), Reject> {
        if matches!(order.kind, OrderKind::Market(_) | OrderKind::Limit(_, _, TimeInForce::Ioc | TimeInForce::Fok)) {
            return Ok(());
        }
        let own = |other: &&Resting| other.account == order.account && other.symbol == order.symbol;
        let most = self.markets[usize::from(order.symbol.0)].spec.rules.orders_max;
        let is_replayer = self.people[&order.account].kind == AccountKind::Replayer;
        if !is_replayer && self.open.iter().filter(own).count() >= most as usize {
            return Err(Reject::MaxNumOrders);
        }
        if self.open.len() >= self.options.open_orders_max as usize { Err(Reject::OrderTableFull) } else { Ok(()) }
    }

    /// Base that the account has or is about to buy on the symbol.
    fn position(&self, order: &PlaceOrder) -> i128 {
        let base = self.markets[usize::from(order.symbol.0)].spec.base;
        let has = self.balance(order.account, base);
        let buys = |other: &&Resting| {
            other.account == order.account && other.symbol == order.symbol && other.side == Side::Buy
        };
        let bids: i128 = self.open.iter().filter(buys).map(|other| self.base_amount(other.symbol, other.left)).sum();
        has.free.0 + has.locked.0 + bids
    }

    fn accept(&mut self, order: &PlaceOrder, stp: StpMode) -> Taker {
        let execution_id = self.next_execution();
        let market = &mut self.markets[usize::from(order.symbol.0)];
        market.orders += 1;
        let order_id = OrderId(market.orders);
        self.events.push(Event::OrderPlaced(OrderPlaced {
            symbol: order.symbol,
            order_id,
            account: order.account,
            client_order_id: order.client_order_id,
            side: order.side,
            kind: order.kind,
            stp,
            trade_group: self.people[&order.account].group,
            strategy: order.strategy,
            execution_id,
        }));
        self.count(order.account, 1);
        self.placed.insert(order.account);
        if let ClientOrderIdReuse::NeverWithin(seconds) = self.options.client_order_id_reuse {
            let until = self.time.plus_us(u64::from(seconds) * 1_000_000);
            self.client_ids.push((order.account, order.client_order_id, until));
        }
        let rules = &self.markets[usize::from(order.symbol.0)].spec.rules;
        Taker::new(order, order_id, stp, rules.lot.step.0)
    }

    fn finish(&mut self, order: &PlaceOrder, taker: &Taker, end: End) {
        if taker.executed > 0 && end != End::Killed {
            self.count(order.account, -1);
        }
        let is_immediate = matches!(order.kind, OrderKind::Limit(_, _, TimeInForce::Ioc));
        let reason = match end {
            End::Wanted if taker.ended_with_trade => return self.mark_filled(),
            End::Wanted | End::Prevented => CloseReason::ExpiredInMatch,
            End::Killed => CloseReason::Expired(ExpiryReason::UnfilledFok),
            End::TooManyFills => CloseReason::Expired(ExpiryReason::FillsExhausted),
            End::NobodyLeft if is_immediate => CloseReason::Expired(ExpiryReason::UnfilledIoc),
            End::NobodyLeft if order.kind.price().is_none() => {
                CloseReason::Expired(ExpiryReason::InsufficientLiquidity)
            }
            End::NobodyLeft => return self.rest(order, taker),
        };
        let execution_id = self.next_execution();
        self.events.push(Event::OrderClosed(OrderClosed {
            symbol: order.symbol,
            order_id: taker.order_id,
            account: order.account,
            side: order.side,
            reason,
            cancel_id: None,
            price: None,
            removed: Quantity::ZERO,
            execution_id,
        }));
    }

    /// The taker's last trade is what filled it.
    fn mark_filled(&mut self) {
        match self.events.last_mut() {
            Some(Event::Traded(trade)) => trade.taker.filled = true,
            other => panic!("a filled taker ends with a trade, not {other:?}"),
        }
    }

    fn rest(&mut self, order: &PlaceOrder, taker: &Taker) {
        let price = order.kind.price().expect("only limit orders rest");
        let asked = order.kind.quantity().expect("a limit order has a quantity").0;
        let resting = Resting {
            symbol: order.symbol,
            id: taker.order_id,
            account: order.account,
            client_order_id: order.client_order_id,
            side: order.side,
            kind: order.kind,
            price,
            left: asked - taker.executed - taker.prevented,
            executed: taker.executed,
            executed_quote: taker.executed_quote,
            prevented: taker.prevented,
        };
        self.touched.insert((order.account, self.hold_of(&resting).0));
        self.events.push(Event::OrderRested(OrderRested {
            symbol: order.symbol,
            order_id: taker.order_id,
            side: order.side,
            price,
            quantity: Quantity(resting.left),
        }));
        self.open.push(resting);
    }

    pub(super) fn cancel(&mut self, cancel: &CancelOrder) -> Result<(), Reject> {
        self.check_names(cancel.account, cancel.symbol)?;
        let mine = |order: &&Resting| order.account == cancel.account && order.symbol == cancel.symbol;
        let named = |order: &&Resting| match (cancel.order_id, cancel.client_order_id) {
            (Some(id), _) => order.id == id,
            (None, Some(id)) => order.client_order_id == id,
            (None, None) => false,
        };
        let order = self.open.iter().filter(mine).find(named).ok_or(Reject::UnknownOrder)?;
        if cancel.client_order_id.is_some_and(|id| id != order.client_order_id) {
            return Err(Reject::OrderIdsDisagree);
        }
        let is_allowed = match cancel.restriction {
            None => true,
            Some(CancelRestriction::OnlyNew) => order.executed == 0,
            Some(CancelRestriction::OnlyPartiallyFilled) => order.executed > 0,
        };
        let (symbol, id) = (order.symbol, order.id);
        if !is_allowed {
            return Err(Reject::CancelRestrictionNotMet);
        }
        self.end_canceled(symbol, id, cancel.cancel_id);
        Ok(())
    }

    pub(super) fn cancel_all(&mut self, cancel: &CancelAll) -> Result<(), Reject> {
        self.check_names(cancel.account, cancel.symbol)?;
        if self.oldest(cancel).is_none() {
            return Err(Reject::UnknownOrder);
        }
        self.cancel_some(cancel);
        Ok(())
    }

    pub(super) fn step(&mut self) -> Result<(), Reject> {
        if self.waiting.is_empty() {
            return Err(Reject::NothingToDo);
        }
        let cancel = self.waiting.remove(0);
        self.cancel_some(&cancel);
        Ok(())
    }

    fn cancel_some(&mut self, cancel: &CancelAll) {
        for _ in 0..self.options.cancels_per_step_max {
            let Some(id) = self.oldest(cancel) else { return };
            self.end_canceled(cancel.symbol, id, cancel.cancel_id);
        }
        if self.oldest(cancel).is_some() {
            self.waiting.insert(0, cancel.clone());
        }
    }

    fn oldest(&self, cancel: &CancelAll) -> Option<OrderId> {
        let own = |order: &&Resting| order.account == cancel.account && order.symbol == cancel.symbol;
        self.open.iter().filter(own).map(|order| order.id).min()
    }

    fn check_names(&self, account: AccountId, symbol: SymbolId) -> Result<(), Reject> {
        if !self.people.contains_key(&account) {
            return Err(Reject::UnknownAccount);
        }
        if usize::from(symbol.0) < self.markets.len() { Ok(()) } else { Err(Reject::UnknownSymbol) }
    }

    fn end_canceled(&mut self, symbol: SymbolId, id: OrderId, cancel_id: ClientOrderId) {
        let order = self.take_from_book(symbol, id);
        let execution_id = self.next_execution();
        self.events.push(Event::OrderClosed(OrderClosed {
            symbol,
            order_id: id,
            account: order.account,
            side: order.side,
            reason: CloseReason::Canceled,
            cancel_id: Some(cancel_id),
            price: Some(order.price),
            removed: Quantity(order.left),
            execution_id,
        }));
    }

    /// Removes an order; what it still held becomes free.
    pub(super) fn take_from_book(&mut self, symbol: SymbolId, id: OrderId) -> Resting {
        let place = self.open.iter().position(|order| order.symbol == symbol && order.id == id);
        let order = self.open.remove(place.expect("the order is open"));
        let (asset, held) = self.hold_of(&order);
        if held > 0 {
            self.touched.insert((order.account, asset));
        }
        order
    }
}

/// What a quote amount came to must itself be a legal quantity.
fn check_quote_sized(rules: &emporion_model::SymbolRules, taker: &Taker, end: End) -> Result<(), Reject> {
    let is_short = end == End::NobodyLeft;
    if is_short && taker.met == 0 {
        return Err(Reject::EmptyBook);
    }
    if taker.met > 0 && taker.executed == 0 {
        // Self-trade prevention took all that it met; nothing is left to judge.
        return Ok(());
    }
    if is_short && taker.executed < rules.lot.min.0 {
        return Err(Reject::LiquidityBelowLotSize);
    }
    if is_short && taker.executed < rules.market_lot.min.0 {
        return Err(Reject::LiquidityBelowMarketLotSize);
    }
    check_lot(&rules.lot, taker.executed, Reject::LotSize)?;
    check_lot(&rules.market_lot, taker.executed, Reject::MarketLotSize)
}
