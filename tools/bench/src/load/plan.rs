//! What each request of the load is: decided by the seed, in a stated mix.

use super::market::Market;
use emporion_api::signing::Query;
use hyper::Method;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::fmt;

/// Shares of the mix in percent. What is left of 100 are market-data reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Limit orders that rest.
    pub place: u32,
    /// Cancels of orders that rest.
    pub cancel: u32,
    /// Market orders.
    pub market: u32,
}

impl Default for Mix {
    /// 40 % placements, 30 % cancels, 10 % market orders, 20 % reads.
    fn default() -> Self {
        Self { place: 40, cancel: 30, market: 10 }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads = 100u32.saturating_sub(self.place + self.cancel + self.market);
        write!(f, "{} % limit, {} % cancel, {} % market, {reads} % reads", self.place, self.cancel, self.market)
    }
}

/// The kind of a request, by which the report is broken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// `POST order`, LIMIT.
    Place,
    /// `DELETE order`.
    Cancel,
    /// `POST order`, MARKET.
    Market,
    /// A market-data GET.
    Read,
}

/// One request to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Signed by the worker's account.
    Signed(Kind, Method, Query),
    /// Public.
    Public(String),
}

/// One worker's decisions and what it has resting.
pub(super) struct Plan {
    random: SmallRng,
    mix: Mix,
    prefix: String,
    placed: u64,
    resting: Vec<String>,
    resting_max: usize,
}

impl Plan {
    /// The plan of a worker, given the seed and its number. Client order ids carry `run`, which should differ
    /// between runs on the same venue. At most `resting_max` of its orders rest: then it cancels instead.
    pub(super) fn new((seed, worker): (u64, u64), mix: Mix, run: &str, resting_max: usize) -> Self {
        let random = SmallRng::seed_from_u64(seed ^ worker.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self { random, mix, prefix: format!("{run}-{worker}"), placed: 0, resting: Vec::new(), resting_max }
    }

    /// The next request.
    pub(super) fn next(&mut self, market: &Market) -> Request {
        let draw = self.random.random_range(0..100);
        let Mix { place, cancel, market: market_share } = self.mix;
        if draw < place && self.resting.len() < self.resting_max {
            self.place(market)
        } else if draw < place + cancel {
            self.cancel(market)
        } else if draw < place + cancel + market_share {
            self.take(market)
        } else {
            self.read(market)
        }
    }

    /// The client order id of a placement that was acknowledged as resting.
    pub(super) fn rests(&mut self, client_order_id: String) {
        self.resting.push(client_order_id);
    }

    fn place(&mut self, market: &Market) -> Request {
        let is_buy: bool = self.random.random();
        let distance = self.random.random_range(1..=50);
        let ticks = if is_buy { -distance } else { distance };
        let query = self
            .order(market, is_buy)
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("quantity", market.quantity(self.random.random_range(0..100)))
            .with("price", market.price(ticks))
            .with("newOrderRespType", "RESULT");
        Request::Signed(Kind::Place, Method::POST, query)
    }

    fn take(&mut self, market: &Market) -> Request {
        let is_buy = self.random.random();
        let query = self.order(market, is_buy).with("type", "MARKET").with("quantity", market.quantity(0));
        Request::Signed(Kind::Market, Method::POST, query)
    }

    fn cancel(&mut self, market: &Market) -> Request {
        if self.resting.is_empty() {
            return self.place(market);
        }
        let place = self.random.random_range(0..self.resting.len());
        let id = self.resting.swap_remove(place);
        let query = Query::new().with("symbol", &market.symbol).with("origClientOrderId", id);
        Request::Signed(Kind::Cancel, Method::DELETE, query)
    }

    fn read(&mut self, market: &Market) -> Request {
        let symbol = &market.symbol;
        Request::Public(match self.random.random_range(0..4) {
            0 => format!("/api/v3/depth?symbol={symbol}&limit=100"),
            1 => format!("/api/v3/ticker/bookTicker?symbol={symbol}"),
            2 => format!("/api/v3/ticker/24hr?symbol={symbol}"),
            _ => format!("/api/v3/trades?symbol={symbol}&limit=20"),
        })
    }

    fn order(&mut self, market: &Market, is_buy: bool) -> Query {
        self.placed += 1;
        Query::new()
            .with("symbol", &market.symbol)
            .with("side", if is_buy { "BUY" } else { "SELL" })
            .with("newClientOrderId", format!("{}-{}", self.prefix, self.placed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_says_what_it_is() {
        assert_eq!(Mix::default().to_string(), "40 % limit, 30 % cancel, 10 % market, 20 % reads");
    }
}
