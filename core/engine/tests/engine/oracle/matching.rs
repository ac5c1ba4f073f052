//! One taker against the book, a maker at a time: best price first, then the oldest.

use super::history::Deal;
use super::{Oracle, Resting};
use emporion_model::event::{Fill, OrderClosed, SelfTradePrevented, Trade};
use emporion_model::{
    AccountId, AggTradeId, Amount, CloseReason, Event, MarketSize, OrderId, OrderKind, PlaceOrder, PreventedMatchId,
    Price, Quantity, Side, StpMode, SymbolId, TradeId,
};

/// Why matching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The taker has all it wanted, or its amount buys nothing more at the price it has come to.
    Wanted,
    /// Nobody is left whom its limit reaches.
    NobodyLeft,
    TooManyFills,
    /// Self-trade prevention took the rest.
    Prevented,
    /// A FOK that could not be filled.
    Killed,
}

pub(super) struct Taker {
    symbol: SymbolId,
    account: AccountId,
    side: Side,
    limit: Option<u64>,
    stp: StpMode,
    pub(super) order_id: OrderId,
    pub(super) executed: u64,
    pub(super) executed_quote: i128,
    pub(super) prevented: u64,
    /// How many makers it met.
    pub(super) met: u32,
    pub(super) ended_with_trade: bool,
    left: Left,
    last_price: Option<Price>,
}

enum Left {
    Base(u64),
    Quote { amount: i128, step: u64 },
}

impl Taker {
    pub(super) fn new(order: &PlaceOrder, order_id: OrderId, stp: StpMode, step: u64) -> Self {
        let left = match order.kind {
            OrderKind::Market(MarketSize::Quote(amount)) => Left::Quote { amount: amount.0, step },
            kind => Left::Base(kind.quantity().expect("only a quote amount is no quantity").0),
        };
        Self {
            symbol: order.symbol,
            account: order.account,
            side: order.side,
            limit: order.kind.price().map(|price| price.0),
            stp,
            order_id,
            executed: 0,
            executed_quote: 0,
            prevented: 0,
            met: 0,
            ended_with_trade: false,
            left,
            last_price: None,
        }
    }

    fn wants(&self, unit_cost: i128) -> u64 {
        match self.left {
            Left::Base(quantity) => quantity,
            Left::Quote { amount, step } => {
                // No order comes to more than a quantity can say.
                let most = i128::from(u64::MAX - self.executed - self.prevented);
                let step = i128::from(step);
                u64::try_from((amount.max(0) / unit_cost).min(most) / step * step).expect("it is at most 2^64 - 1")
            }
        }
    }

    fn lower(&mut self, quantity: u64, unit_cost: i128) {
        match &mut self.left {
            Left::Base(left) => *left -= quantity,
            Left::Quote { amount, .. } => *amount -= i128::from(quantity) * unit_cost,
        }
    }
}

impl Oracle {
    pub(super) fn match_against_book(&mut self, taker: &mut Taker) -> End {
        while let Some(maker) = self.best_maker(taker) {
            let unit_cost = self.cost(taker.symbol, maker.price.0, 1);
            let wanted = taker.wants(unit_cost);
            if wanted == 0 {
                return End::Wanted;
            }
            if taker.met == self.options.fills_per_order_max {
                return End::TooManyFills;
            }
            taker.met += 1;
            taker.ended_with_trade = taker.stp == StpMode::None || !self.is_same_owner(taker.account, maker.account);
            if taker.ended_with_trade {
                let quantity = wanted.min(maker.left);
                self.trade(taker, &maker, quantity);
                taker.lower(quantity, unit_cost);
                if taker.wants(unit_cost) == 0 {
                    return End::Wanted;
                }
            } else {
                let lost = self.prevent(taker, &maker, wanted);
                taker.lower(lost, unit_cost);
                if lost == wanted {
                    return End::Prevented;
                }
            }
        }
        End::NobodyLeft
    }

    /// The opposite orders within reach, best price first, then by age; the first of them.
    fn best_maker(&self, taker: &Taker) -> Option<Resting> {
        let line = self.line(taker.symbol, taker.side.opposite());
        let reaches = |price: u64| match (taker.side, taker.limit) {
            (_, None) => true,
            (Side::Buy, Some(limit)) => price <= limit,
            (Side::Sell, Some(limit)) => price >= limit,
        };
        line.into_iter().next().filter(|maker| reaches(maker.price.0)).cloned()
    }

    /// One half of a book in price-time priority.
    pub(crate) fn line(&self, symbol: SymbolId, side: Side) -> Vec<&Resting> {
        let mut line: Vec<_> = self.open.iter().filter(|order| order.symbol == symbol && order.side == side).collect();
        line.sort_by_key(|order| (if side == Side::Sell { order.price.0 } else { u64::MAX - order.price.0 }, order.id));
        line
    }

    fn is_same_owner(&self, one: AccountId, other: AccountId) -> bool {
        let group = |account| self.people[&account].group;
        one == other || (group(one).is_some() && group(one) == group(other))
    }

    fn trade(&mut self, taker: &mut Taker, maker: &Resting, quantity: u64) {
        let spec = self.markets[usize::from(taker.symbol.0)].spec.clone();
        let rates = |account| spec.rules.fee_rates(self.people[&account].fee_tier);
        let (maker_rate, taker_rate) = (rates(maker.account).maker, rates(taker.account).taker);
        let (base, quote) =
            (self.base_amount(taker.symbol, quantity), self.cost(taker.symbol, maker.price.0, quantity));
        let (buyer, seller, buyer_rate, seller_rate) = match taker.side {
            Side::Buy => (taker.account, maker.account, taker_rate, maker_rate),
            Side::Sell => (maker.account, taker.account, maker_rate, taker_rate),
        };
        let (buyer_fee, seller_fee) = (self.fee(spec.base, base, buyer_rate), self.fee(spec.quote, quote, seller_rate));
        self.pay(buyer, seller, spec.quote, quote - seller_fee);
        self.pay(buyer, AccountId::FEES, spec.quote, seller_fee);
        self.pay(seller, buyer, spec.base, base - buyer_fee);
        self.pay(seller, AccountId::FEES, spec.base, buyer_fee);

        taker.executed += quantity;
        taker.executed_quote += quote;
        let place = self.place_of(maker);
        let order = &mut self.open[place];
        order.left -= quantity;
        order.executed += quantity;
        order.executed_quote += quote;
        let after = order.clone();
        let (maker_execution, taker_execution) = (self.next_execution(), self.next_execution());
        let (bought_fee, sold_fee) = ((spec.base, buyer_fee), (spec.quote, seller_fee));
        let (maker_fee, taker_fee) =
            if taker.side == Side::Buy { (sold_fee, bought_fee) } else { (bought_fee, sold_fee) };
        let (trade_id, agg_trade_id) = self.next_trade(taker, maker.price);
        self.events.push(Event::Traded(Trade {
            symbol: taker.symbol,
            trade_id,
            agg_trade_id,
            price: maker.price,
            quantity: Quantity(quantity),
            notional: Amount(quote),
            taker_side: taker.side,
            maker: Fill {
                account: maker.account,
                order_id: maker.id,
                execution_id: maker_execution,
                fee_asset: maker_fee.0,
                fee: Amount(maker_fee.1),
                executed: Quantity(after.executed),
                executed_quote: Amount(after.executed_quote),
                filled: after.left == 0,
            },
            taker: Fill {
                account: taker.account,
                order_id: taker.order_id,
                execution_id: taker_execution,
                fee_asset: taker_fee.0,
                fee: Amount(taker_fee.1),
                executed: Quantity(taker.executed),
                executed_quote: Amount(taker.executed_quote),
                filled: false,
            },
        }));
        if maker.executed == 0 {
            self.count(maker.account, -5);
            self.rewarded.insert(maker.account);
        }
        if after.left == 0 {
            self.take_from_book(maker.symbol, maker.id);
        }
        self.deals.push(Deal {
            symbol: taker.symbol,
            id: trade_id,
            time: self.time,
            price: maker.price.0,
            quantity,
            taker_side: taker.side,
        });
    }

    fn next_trade(&mut self, taker: &mut Taker, price: Price) -> (TradeId, AggTradeId) {
        let market = &mut self.markets[usize::from(taker.symbol.0)];
        market.trades += 1;
        market.agg_trades += u64::from(taker.last_price != Some(price));
        taker.last_price = Some(price);
        (TradeId(market.trades), AggTradeId(market.agg_trades))
    }

    /// What self-trade prevention takes from maker and taker instead of a trade; gives the taker's loss.
    fn prevent(&mut self, taker: &mut Taker, maker: &Resting, wanted: u64) -> u64 {
        let (maker_loss, taker_loss) = match taker.stp {
            StpMode::None => unreachable!("such orders trade"),
            StpMode::ExpireMaker => (maker.left, 0),
            StpMode::ExpireTaker => (0, wanted),
            StpMode::ExpireBoth => (maker.left, wanted),
            StpMode::Decrement => (wanted.min(maker.left), wanted.min(maker.left)),
        };
        taker.prevented += taker_loss;
        let (taker_execution_id, maker_execution_id) = (self.next_execution(), self.next_execution());
        let market = &mut self.markets[usize::from(taker.symbol.0)];
        market.prevented += 1;
        self.events.push(Event::SelfTradePrevented(SelfTradePrevented {
            symbol: taker.symbol,
            prevented_match_id: PreventedMatchId(market.prevented),
            price: maker.price,
            taker_side: taker.side,
            taker_account: taker.account,
            taker_order_id: taker.order_id,
            taker_quantity: Quantity(taker_loss),
            taker_execution_id,
            maker_account: maker.account,
            maker_order_id: maker.id,
            maker_quantity: Quantity(maker_loss),
            maker_execution_id,
        }));
        if maker_loss > 0 {
            self.shrink_maker(maker, maker_loss);
        }
        taker_loss
    }

    fn shrink_maker(&mut self, maker: &Resting, loss: u64) {
        self.touched.insert((maker.account, self.hold_of(maker).0));
        let place = self.place_of(maker);
        self.open[place].left -= loss;
        self.open[place].prevented += loss;
        if self.open[place].left == 0 {
            self.open.remove(place);
            let execution_id = self.next_execution();
            self.events.push(Event::OrderClosed(OrderClosed {
                symbol: maker.symbol,
                order_id: maker.id,
                account: maker.account,
                side: maker.side,
                reason: CloseReason::ExpiredInMatch,
                cancel_id: None,
                price: Some(maker.price),
                removed: Quantity::ZERO,
                execution_id,
            }));
        }
    }

    fn place_of(&self, maker: &Resting) -> usize {
        let is_it = |order: &Resting| order.symbol == maker.symbol && order.id == maker.id;
        self.open.iter().position(is_it).expect("a maker is open")
    }
}
