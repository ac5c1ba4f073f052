//! What happened, in words.

use super::amounts::{show, show_all};
use super::names::Names;
use emporion_engine::Engine;
use emporion_model::event::{
    Bucket, Fill, OrderClosed, OrderPlaced, OrderRested, SelfTradePrevented, Trade, WindowCount,
};
use emporion_model::time::SECOND_US;
use emporion_model::{
    AccountId, Asset, AssetId, CloseReason, Event, ExpiryReason, Quantity, Side, Symbol, SymbolId, SymbolStatus, TimeUs,
};
use std::collections::BTreeMap;

/// Tells events; the engine gives the scales.
pub(super) fn events(engine: &Engine, names: &Names, events: &[Event]) -> Vec<String> {
    let placed = events.iter().find_map(|event| match event {
        Event::OrderPlaced(placed) => Some(placed),
        _ => None,
    });
    events.iter().flat_map(|event| Teller { engine, names }.event(event, placed)).collect()
}

struct Teller<'a> {
    engine: &'a Engine,
    names: &'a Names,
}

impl Teller<'_> {
    fn event(&self, event: &Event, placed: Option<&OrderPlaced>) -> Vec<String> {
        let name = |id: &AccountId| self.names.of(*id);
        match event {
            Event::Rejected(reject) => vec![format!("rejected: {reject}")],
            Event::OrderRested(rested) => vec![self.rested(rested, placed)],
            Event::Traded(trade) => vec![self.fill(trade, &trade.taker), self.fill(trade, &trade.maker)],
            Event::SelfTradePrevented(prevented) => vec![self.prevented(prevented)],
            Event::OrderClosed(closed) => vec![self.closed(closed)],
            Event::BucketClosed(bucket) => vec![self.bucket(bucket)],
            Event::AccountFrozen(id, true) => vec![format!("{} is frozen", name(id))],
            Event::AccountFrozen(id, false) => vec![format!("{} is free to trade", name(id))],
            Event::FeeTierSet(id, tier) => vec![format!("{} is in fee tier {tier}", name(id))],
            Event::TradeGroupSet(id, Some(group)) => vec![format!("{} is in group {group}", name(id))],
            Event::OrderCountLimitsSet(id, _) => vec![format!("{} has limits of their own", name(id))],
            Event::SymbolStatusSet(id, status) => vec![format!("{} {}", self.symbol(*id).spec.name, words_of(*status))],
            Event::OptionsSet(_) if self.engine.seq().0 > 1 => vec!["the options are set".to_owned()],
            _ => Vec::new(),
        }
    }

    fn rested(&self, rested: &OrderRested, placed: Option<&OrderPlaced>) -> String {
        let who = self.names.of_order(rested.symbol, rested.order_id);
        let is_whole = placed.is_some_and(|placed| placed.kind.quantity() == Some(rested.quantity));
        if is_whole {
            return format!("{who} NEW");
        }
        format!("{who} rests with {} left", self.quantity(rested.symbol, rested.quantity))
    }

    fn fill(&self, trade: &Trade, fill: &Fill) -> String {
        let who = self.names.of_order(trade.symbol, fill.order_id);
        let is_buyer = (trade.taker_side == Side::Buy) == (fill.order_id == trade.taker.order_id);
        let verb = if is_buyer { "buys" } else { "sells" };
        let asset = self.asset(fill.fee_asset);
        format!(
            "{who} {verb} {} at {}, fee {} {}, {}",
            self.quantity(trade.symbol, trade.quantity),
            self.price(trade.symbol, trade.price),
            show(fill.fee.0, asset.ledger_scale),
            asset.code,
            if fill.filled { "FILLED" } else { "PARTIALLY_FILLED" }
        )
    }

    fn prevented(&self, prevented: &SelfTradePrevented) -> String {
        let symbol = prevented.symbol;
        format!(
            "self-trade at {} prevented: {} loses {}, {} loses {}",
            self.price(symbol, prevented.price),
            self.names.of_order(symbol, prevented.taker_order_id),
            self.quantity(symbol, prevented.taker_quantity),
            self.names.of_order(symbol, prevented.maker_order_id),
            self.quantity(symbol, prevented.maker_quantity),
        )
    }

    fn closed(&self, closed: &OrderClosed) -> String {
        let who = self.names.of_order(closed.symbol, closed.order_id);
        let how = match closed.reason {
            CloseReason::Canceled => "CANCELED",
            CloseReason::ExpiredInMatch => "EXPIRED_IN_MATCH",
            CloseReason::Expired(ExpiryReason::UnfilledIoc) => "EXPIRED, IOC and nothing more matches",
            CloseReason::Expired(ExpiryReason::UnfilledFok) => "EXPIRED, FOK and not all of it matches",
            CloseReason::Expired(ExpiryReason::InsufficientLiquidity) => "EXPIRED at the end of the book",
            CloseReason::Expired(ExpiryReason::FillsExhausted) => "EXPIRED after as many makers as one order may meet",
        };
        format!("{who} {how}")
    }

    fn bucket(&self, bucket: &Bucket) -> String {
        let symbol = self.symbol(bucket.symbol);
        let (base, quote) = (self.asset(symbol.spec.base), self.asset(symbol.spec.quote));
        let [open, high, low, close] =
            [bucket.open, bucket.high, bucket.low, bucket.close].map(|price| self.price(bucket.symbol, price));
        format!(
            "a second of {} ends: {open} {high} {low} {close}, {} {} for {} {}, trades: {}",
            symbol.spec.name,
            show(bucket.base.0, base.ledger_scale),
            base.code,
            show(bucket.quote.0, quote.ledger_scale),
            quote.code,
            bucket.trades
        )
    }

    fn symbol(&self, id: SymbolId) -> Symbol {
        self.engine.symbols().nth(usize::from(id.0)).expect("events are of symbols that exist")
    }

    fn asset(&self, id: AssetId) -> &Asset {
        &self.engine.assets()[usize::from(id.0)]
    }

    fn price(&self, symbol: SymbolId, price: emporion_model::Price) -> String {
        show_all(price.0.into(), self.symbol(symbol).spec.price_scale)
    }

    fn quantity(&self, symbol: SymbolId, quantity: Quantity) -> String {
        show(quantity.0.into(), self.symbol(symbol).spec.quantity_scale)
    }
}

fn words_of(status: SymbolStatus) -> &'static str {
    match status {
        SymbolStatus::Trading => "trades",
        SymbolStatus::Halt => "is halted",
        SymbolStatus::Break => "is in a break",
        SymbolStatus::CancelOnly => "takes cancels only",
    }
}

/// Every book in one line.
pub(super) fn books(engine: &Engine) -> Vec<String> {
    let line = |symbol: Symbol| {
        let half = |side| {
            let levels: Vec<String> = engine
                .levels(symbol.id, side)
                .map(|level| {
                    let quantity = i128::try_from(level.quantity).expect("a level is the sum of a few orders");
                    let price = show_all(level.price.0.into(), symbol.spec.price_scale);
                    format!("{price} x {}", show(quantity, symbol.spec.quantity_scale))
                })
                .collect();
            if levels.is_empty() { "-".to_owned() } else { levels.join(", ") }
        };
        format!("book {}: bids {}; asks {}", symbol.spec.name, half(Side::Buy), half(Side::Sell))
    };
    engine.symbols().map(line).collect()
}

/// Every balance that is or was not zero, but the outside world's.
pub(super) fn balances(engine: &Engine, names: &Names) -> BTreeMap<(AccountId, AssetId), String> {
    let inside = engine.balances().filter(|balance| balance.account != AccountId::EXTERNAL);
    inside
        .map(|balance| {
            let asset = &engine.assets()[usize::from(balance.asset.0)];
            let [free, locked] = [balance.free, balance.locked].map(|amount| show(amount.0, asset.ledger_scale));
            let who = names.of(balance.account);
            ((balance.account, balance.asset), format!("{who}: {free} free {locked} locked {}", asset.code))
        })
        .collect()
}

/// The order counts of an account in the windows of now.
pub(super) fn counts<'a>(account: AccountId, events: impl Iterator<Item = &'a Event>, now: TimeUs) -> String {
    let (mut ten_seconds, mut day) = (WindowCount::default(), WindowCount::default());
    for event in events {
        if let Event::OrderCountsChanged(counts) = event
            && counts.account == account
        {
            (ten_seconds, day) = (counts.ten_seconds, counts.day);
        }
    }
    let count = |window: WindowCount, seconds: u64| {
        if now.since(window.start) < seconds * SECOND_US { window.count } else { 0 }
    };
    format!("{} orders in 10 s, {} in a day", count(ten_seconds, 10), count(day, 86_400))
}

/// What each asset comes to over all accounts, which must be nothing.
pub(super) fn sums(engine: &Engine) -> Result<Vec<String>, String> {
    let line = |sum: emporion_engine::AssetSum| {
        let asset = &engine.assets()[usize::from(sum.asset.0)];
        if !sum.total().is_zero() {
            return Err(format!("{} does not add up", asset.code));
        }
        let [users, fees, treasury, outside] =
            [sum.users, sum.fees, sum.treasury, sum.external].map(|amount| show(amount.0, asset.ledger_scale));
        Ok(format!("all {}: users {users}, fees {fees}, treasury {treasury}, outside {outside}", asset.code))
    };
    engine.asset_sums().into_iter().map(line).collect()
}
