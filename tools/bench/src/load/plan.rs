//! What each request of the load is: decided by the seed, in a stated mix.
//!
//! Orders rest a little away from the middle until they are canceled. Where the mix places more than it takes away, the
//! others meet at the middle: every account buys and sells there in turns, the same quantity each time, so that the book
//! stays as it is however long the load lasts.

use super::market::Market;
use super::mix::{Kind, Mix};
use emporion_api::signing::Query;
use hyper::Method;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const ORDER: &str = "/api/v3/order";

/// The next request to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) kind: Kind,
    /// The client order id of the order that it places or cancels.
    pub(super) order: Option<String>,
    /// Whether the order is meant to rest.
    pub(super) is_to_rest: bool,
    pub(super) call: Call,
}

/// How it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Signed by the account.
    Signed(Method, &'static str, Query),
    /// Public.
    Public(String),
}

impl Request {
    /// The cheapest request that there is.
    pub(super) fn ping() -> Self {
        Self::read(Call::Public("/api/v3/ping".to_owned()))
    }

    fn read(call: Call) -> Self {
        Self { kind: Kind::Read, order: None, is_to_rest: false, call }
    }
}

/// One account's decisions and what it has resting.
pub(super) struct Plan {
    random: SmallRng,
    mix: Mix,
    prefix: String,
    placed: u64,
    resting: Vec<String>,
    /// Orders under way that are meant to rest.
    awaited: usize,
    resting_max: usize,
    /// The side on which it meets others at the middle next.
    buys_next: bool,
}

impl Plan {
    /// The plan of an account, given the seed and its number. Client order ids carry `run`, which should differ
    /// between runs on the same venue. At most `resting_max` of its orders rest.
    pub(super) fn new((seed, account): (u64, u64), mix: Mix, run: &str, resting_max: usize) -> Self {
        let random = SmallRng::seed_from_u64(seed ^ account.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            random,
            mix,
            prefix: format!("{run}-{account}"),
            placed: 0,
            resting: Vec::new(),
            awaited: 0,
            resting_max,
            buys_next: account.is_multiple_of(2),
        }
    }

    /// The next request. Its outcome must be told to [`Self::settle`].
    pub(super) fn next(&mut self, market: &Market) -> Request {
        let draw = self.random.random_range(0..100);
        let Mix { place, cancel, market: market_share } = self.mix;
        if draw < place && !self.is_full() {
            self.rest(market)
        } else if draw < place && self.mix.has_crossing() {
            self.meet(market)
        } else if draw < place + cancel {
            self.cancel(market)
        } else if draw < place + cancel + market_share {
            self.take(market)
        } else {
            self.read(market)
        }
    }

    /// Whether the order of a request rests now.
    pub(super) fn settle(&mut self, request: Request, rests: bool) {
        self.awaited -= usize::from(request.is_to_rest);
        if let Some(order) = request.order.filter(|_| rests && (request.is_to_rest || request.kind == Kind::Cancel)) {
            self.resting.push(order);
        }
    }

    fn is_full(&self) -> bool {
        self.resting.len() + self.awaited >= self.resting_max
    }

    fn rest(&mut self, market: &Market) -> Request {
        self.awaited += 1;
        let is_buy: bool = self.random.random();
        let distance = self.random.random_range(1..=50);
        let ticks = if is_buy { -distance } else { distance };
        let quantity = market.quantity(self.random.random_range(0..100));
        self.limit(market, is_buy, (ticks, quantity), true)
    }

    /// Both sides may be this account's.
    fn meet(&mut self, market: &Market) -> Request {
        let is_buy = self.buys_next;
        self.buys_next = !is_buy;
        self.limit(market, is_buy, (0, market.quantity(0)), false)
    }

    fn limit(&mut self, market: &Market, is_buy: bool, (ticks, quantity): (i64, String), is_to_rest: bool) -> Request {
        let (order, query) = self.order(market, is_buy);
        let query = query
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("quantity", quantity)
            .with("price", market.price(ticks))
            .with("selfTradePreventionMode", "NONE")
            .with("newOrderRespType", "RESULT");
        let call = Call::Signed(Method::POST, ORDER, query);
        Request { kind: Kind::Place, order: Some(order), is_to_rest, call }
    }

    fn take(&mut self, market: &Market) -> Request {
        let is_buy = self.random.random();
        let (order, query) = self.order(market, is_buy);
        let query = query.with("type", "MARKET").with("quantity", market.quantity(0));
        Request {
            kind: Kind::Market,
            order: Some(order),
            is_to_rest: false,
            call: Call::Signed(Method::POST, ORDER, query),
        }
    }

    fn cancel(&mut self, market: &Market) -> Request {
        if self.resting.is_empty() {
            let meets = self.is_full() && self.mix.has_crossing();
            return if meets { self.meet(market) } else { self.rest(market) };
        }
        let place = self.random.random_range(0..self.resting.len());
        let order = self.resting.swap_remove(place);
        let query = of_order(market, &order);
        Request {
            kind: Kind::Cancel,
            order: Some(order),
            is_to_rest: false,
            call: Call::Signed(Method::DELETE, ORDER, query),
        }
    }

    fn read(&mut self, market: &Market) -> Request {
        let symbol = &market.symbol;
        let call = match self.random.random_range(0..6) {
            0 => Call::Public(format!("/api/v3/depth?symbol={symbol}&limit=100")),
            1 => Call::Public(format!("/api/v3/ticker/bookTicker?symbol={symbol}")),
            2 => Call::Public(format!("/api/v3/ticker/24hr?symbol={symbol}")),
            3 => Call::Public(format!("/api/v3/trades?symbol={symbol}&limit=20")),
            4 => Call::Signed(Method::GET, "/api/v3/openOrders", Query::new().with("symbol", symbol)),
            _ => match self.resting.first() {
                Some(order) => Call::Signed(Method::GET, ORDER, of_order(market, order)),
                None => Call::Signed(Method::GET, "/api/v3/account", Query::new()),
            },
        };
        Request::read(call)
    }

    fn order(&mut self, market: &Market, is_buy: bool) -> (String, Query) {
        self.placed += 1;
        let order = format!("{}-{}", self.prefix, self.placed);
        let query = Query::new()
            .with("symbol", &market.symbol)
            .with("side", if is_buy { "BUY" } else { "SELL" })
            .with("newClientOrderId", &order);
        (order, query)
    }
}

/// What names an order in a query.
pub(super) fn of_order(market: &Market, order: &str) -> Query {
    Query::new().with("symbol", &market.symbol).with("origClientOrderId", order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    const MIX: Mix = Mix { place: 70, cancel: 20, market: 0 };

    #[test]
    fn a_mix_that_places_more_than_it_cancels_is_kept_and_no_account_fills_up() {
        let (market, mut plan) = (Market::example(), Plan::new((1, 0), MIX, "run", 80));
        let mut kinds = BTreeMap::new();
        for _ in 0..100_000 {
            let request = plan.next(&market);
            *kinds.entry(request.kind).or_insert(0) += 1;
            let rests = request.is_to_rest;
            plan.settle(request, rests);
            assert!(plan.resting.len() <= 80);
        }
        let percent = [Kind::Place, Kind::Cancel, Kind::Read].map(|kind| (kinds[&kind] + 500) / 1_000);
        assert_eq!(percent, [70, 20, 10]);
    }

    #[test]
    fn orders_that_meet_alternate_and_those_that_rest_never_reach_the_middle() {
        let (market, mut plan) = (Market::example(), Plan::new((2, 1), MIX, "run", 1));
        let (mut sides, mut ids) = (Vec::new(), BTreeSet::new());
        for _ in 0..1_000 {
            let request = plan.next(&market);
            if let Call::Signed(Method::POST, _, query) = &request.call {
                let text = query.as_str().to_owned();
                assert!(ids.insert(request.order.clone()), "an id was used twice: {text}");
                let is_at_mid = text.contains(&format!("price={}&", market.price(0)));
                assert_ne!(is_at_mid, request.is_to_rest, "{text}");
                sides.extend(is_at_mid.then(|| text.contains("side=BUY")));
            }
            let rests = request.is_to_rest;
            plan.settle(request, rests);
        }
        assert!(sides.len() > 500 && sides.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn what_is_under_way_counts_as_resting_and_a_cancel_that_failed_leaves_its_order() {
        let (market, mut plan) = (Market::example(), Plan::new((3, 0), MIX, "run", 3));
        let mut under_way: Vec<Request> = (0..100).map(|_| plan.next(&market)).collect();
        assert_eq!(under_way.iter().filter(|request| request.is_to_rest).count(), 3);
        for request in under_way.drain(..) {
            let rests = request.is_to_rest;
            plan.settle(request, rests);
        }
        let cancel = plan.cancel(&market);
        let count = plan.resting.len();
        plan.settle(cancel, true);
        assert_eq!(plan.resting.len(), count + 1);
    }
}
