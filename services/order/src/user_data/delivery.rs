//! A batch to all accounts that are listened to: command by command, each event to those whom it concerns, and
//! after a command's events the balances that it changed.

use super::account::{Account, Half, Moment, WouldBe};
use crate::gateway::{ListedSymbol, Listings};
use emporion_model::event::{Event, OrderPlaced, SelfTradePrevented, Trade};
use emporion_model::{
    AccountId, Amount, CloseReason, MarketSize, OrderId, OrderKind, PreventedMatchId, Price, Quantity, SymbolId,
};
use emporion_ports::feed::CommittedBatch;
use std::collections::{BTreeMap, BTreeSet, HashMap};

type OrderKey = (SymbolId, OrderId);

/// Tells those of `accounts` whom the batch concerns. Who is not heard by anybody any more is taken out.
pub(super) fn deliver(batch: &CommittedBatch, listings: &Listings, accounts: &mut HashMap<AccountId, Account>) {
    if accounts.is_empty() {
        return;
    }
    for entry in &batch.entries {
        let moment = Moment { seq: batch.head.seq, time: batch.head.time, listings };
        let ends = ends_in_match(&entry.events);
        let mut command = Delivery { moment, accounts, ends, taker: None, touched: BTreeSet::new() };
        entry.events.iter().for_each(|event| command.event(event));
        command.finish();
    }
}

/// Whom an event concerns, other than by what follows from its other events.
pub(super) fn parties(event: &Event) -> [Option<AccountId>; 2] {
    match event {
        Event::OrderPlaced(placed) => [Some(placed.account), None],
        Event::Traded(trade) => [Some(trade.maker.account), Some(trade.taker.account)],
        Event::SelfTradePrevented(prevented) => [Some(prevented.taker_account), Some(prevented.maker_account)],
        Event::OrderClosed(closed) => [Some(closed.account), None],
        Event::BalanceChanged(balance) => [Some(balance.account), None],
        Event::Transferred(transfer) => [Some(transfer.from), Some(transfer.to)],
        _ => [None, None],
    }
}

/// One command on its way.
struct Delivery<'a> {
    moment: Moment<'a>,
    accounts: &'a mut HashMap<AccountId, Account>,
    /// The prevented match with which an order ends.
    ends: BTreeMap<OrderKey, PreventedMatchId>,
    taker: Option<Taker>,
    touched: BTreeSet<AccountId>,
}

impl Delivery<'_> {
    fn event(&mut self, event: &Event) {
        let moment = self.moment;
        match event {
            Event::OrderPlaced(placed) => {
                self.taker = Some(Taker::new(placed));
                self.tell(placed.account, |account| account.place(placed, moment));
            }
            Event::Traded(trade) => self.trade(trade),
            Event::SelfTradePrevented(prevented) => self.prevent(prevented),
            Event::OrderClosed(closed) => self.tell(closed.account, |account| account.close(closed, moment)),
            Event::Transferred(transfer) => {
                self.tell(transfer.from, |account| account.transfer(transfer.asset, -transfer.amount.0, moment));
                self.tell(transfer.to, |account| account.transfer(transfer.asset, transfer.amount.0, moment));
            }
            Event::BalanceChanged(balance) => self.tell(balance.account, |account| account.change_balance(balance)),
            _ => {}
        }
    }

    /// The maker's half has the lower execution id.
    fn trade(&mut self, trade: &Trade) {
        let moment = self.moment;
        if let Some(taker) = &mut self.taker {
            taker.trade(trade);
        }
        self.tell(trade.maker.account, |account| account.fill(trade, &trade.maker, true, moment));
        self.tell(trade.taker.account, |account| account.fill(trade, &trade.taker, false, moment));
    }

    /// The taker's half has the lower execution id.
    fn prevent(&mut self, prevented: &SelfTradePrevented) {
        let (moment, would_be) = (self.moment, self.would_be(prevented));
        let ends = |ends: &BTreeMap<OrderKey, PreventedMatchId>, order_id| {
            ends.get(&(prevented.symbol, order_id)) == Some(&prevented.prevented_match_id)
        };
        let taker = Half {
            order_id: prevented.taker_order_id,
            counter_order_id: prevented.maker_order_id,
            lost: prevented.taker_quantity,
            ends: ends(&self.ends, prevented.taker_order_id),
            execution_id: prevented.taker_execution_id,
        };
        let maker = Half {
            order_id: prevented.maker_order_id,
            counter_order_id: prevented.taker_order_id,
            lost: prevented.maker_quantity,
            ends: ends(&self.ends, prevented.maker_order_id),
            execution_id: prevented.maker_execution_id,
        };
        if let Some(taker) = &mut self.taker {
            taker.prevent(prevented, moment.symbol(prevented.symbol));
        }
        self.tell(prevented.taker_account, |account| account.prevent(prevented, &taker, would_be, moment));
        self.tell(prevented.maker_account, |account| account.prevent(prevented, &maker, would_be, moment));
    }

    /// What the two would have traded. It stays unknown where a maker of another account lost nothing: how much
    /// it has left is its owner's affair.
    fn would_be(&self, prevented: &SelfTradePrevented) -> Option<WouldBe> {
        let symbol = self.moment.symbol(prevented.symbol);
        let (taker_lost, maker_lost) = (prevented.taker_quantity, prevented.maker_quantity);
        let quantity = match (taker_lost.is_zero(), maker_lost.is_zero()) {
            (false, false) => taker_lost.min(maker_lost),
            (true, _) => self.taker.as_ref()?.wanted(symbol, prevented.price).min(maker_lost),
            (false, true) => {
                let own = self.accounts.get(&prevented.taker_account)?;
                taker_lost.min(own.remaining(prevented.symbol, prevented.maker_order_id)?)
            }
        };
        let quote = symbol.scales.notional(prevented.price, quantity)?;
        Some(WouldBe { quantity, price: prevented.price, quote })
    }

    fn tell(&mut self, id: AccountId, tell: impl FnOnce(&mut Account)) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        if account.is_before(self.moment.seq) {
            tell(account);
            self.touched.insert(id);
        }
    }

    fn finish(self) {
        for id in self.touched {
            let Some(account) = self.accounts.get_mut(&id) else { continue };
            account.finish_command(self.moment);
            if !account.is_heard() {
                self.accounts.remove(&id);
            }
        }
    }
}

/// The orders that self-trade prevention ends, each with the last match that took something of it: the report of
/// that match says so, and none follows.
fn ends_in_match(events: &[Event]) -> BTreeMap<OrderKey, PreventedMatchId> {
    let (mut last, mut ends) = (BTreeMap::new(), BTreeMap::new());
    for event in events {
        match event {
            Event::SelfTradePrevented(prevented) => {
                let taker = (prevented.taker_order_id, prevented.taker_quantity);
                for (order_id, lost) in [taker, (prevented.maker_order_id, prevented.maker_quantity)] {
                    if !lost.is_zero() {
                        last.insert((prevented.symbol, order_id), prevented.prevented_match_id);
                    }
                }
            }
            Event::OrderClosed(closed) if closed.reason == CloseReason::ExpiredInMatch => {
                let order = (closed.symbol, closed.order_id);
                ends.extend(last.get(&order).map(|id| (order, *id)));
            }
            _ => {}
        }
    }
    ends
}

/// The order that a command placed, as far as it tells what it still wants.
struct Taker {
    kind: OrderKind,
    /// Base that was traded or prevented.
    gone: Quantity,
    /// Quote that was traded or prevented.
    gone_quote: Amount,
}

impl Taker {
    fn new(placed: &OrderPlaced) -> Self {
        Self { kind: placed.kind, gone: Quantity::ZERO, gone_quote: Amount::ZERO }
    }

    fn trade(&mut self, trade: &Trade) {
        self.go(trade.quantity, trade.notional);
    }

    fn prevent(&mut self, prevented: &SelfTradePrevented, symbol: &ListedSymbol) {
        let quote = symbol.scales.notional(prevented.price, prevented.taker_quantity).unwrap_or(Amount::ZERO);
        self.go(prevented.taker_quantity, quote);
    }

    fn go(&mut self, base: Quantity, quote: Amount) {
        self.gone.0 = self.gone.0.saturating_add(base.0);
        self.gone_quote.0 = self.gone_quote.0.saturating_add(quote.0);
    }

    /// What it would take at this price: of a quote amount, the whole steps that it affords.
    fn wanted(&self, symbol: &ListedSymbol, price: Price) -> Quantity {
        let quote = match self.kind {
            OrderKind::Market(MarketSize::Quote(quote)) => quote,
            _ => return Quantity(self.kind.quantity().map_or(0, |asked| asked.0.saturating_sub(self.gone.0))),
        };
        let left = quote.0.saturating_sub(self.gone_quote.0).max(0);
        let unit = symbol.scales.notional(price, Quantity(1)).filter(|unit| unit.0 > 0);
        let affords = unit.map_or(0, |unit| u64::try_from(left / unit.0).unwrap_or(u64::MAX));
        Quantity(affords - affords % symbol.spec.rules.lot.step.0.max(1))
    }
}
