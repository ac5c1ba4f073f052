//! What takers decide: many small orders in both directions, some that follow a move, some that bet on its end.
//!
//! A decision depends on the seed, the step and the prices that the venue told of the takers' own trades. Nothing is
//! sent here.

use super::bot::{Order, View};
use super::market::Market;
use super::prices::decisions;
use crate::config;
use emporion_model::Side;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::VecDeque;

/// What the smallest orders are worth, in whole USDT. Half of all are of this size, a quarter twice as large, and so
/// on.
const SMALLEST_WORTH: std::ops::RangeInclusive<u64> = 20..=200;
/// How often an order's size is doubled at most.
const DOUBLINGS_MAX: u32 = 7;
/// What an order is worth in the mean, in whole USDT: 110 × Σ 2^k × 2^-(k+1) over the doublings.
pub(super) const MEAN_WORTH: u64 = 110 * (DOUBLINGS_MAX as u64 + 2) / 2;
/// How many prices momentum traders look back.
const LOOK_BACK: usize = 16;
/// How far a limit lies beyond what the symbol is worth, in half spreads: not as deep as makers quote, so that a large
/// order leaves levels behind.
const REACH: u64 = 12;

/// Who takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Trades for reasons of its own, a little more often towards what the symbol is worth.
    Random,
    /// Follows the last trades.
    Momentum,
    /// Bets on a return to the mean.
    Reverter,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Random, Self::Momentum, Self::Reverter];
}

/// An order that leaves nothing behind: at the market without a price, immediate-or-cancel with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Take {
    pub(super) kind: Kind,
    pub(super) order: Order,
}

/// The takers of one market.
pub(super) struct Takers {
    market: Market,
    rng: StdRng,
    /// How often each kind comes, beside each other.
    shares: [(Kind, u64); 3],
    /// The latest prices that were told, newest last.
    prices: VecDeque<u64>,
    /// A slow mean of them.
    mean: Option<u64>,
    /// Orders so far; numbers their client order ids.
    count: u64,
}

impl Takers {
    /// As strong as the config says.
    pub(super) fn new(market: Market, config: &config::Demo) -> Self {
        let rng = decisions(config.seed, &format!("{}/takers", market.symbol));
        let strengths = [config.takers, config.momentum, config.reverters];
        let shares = [0, 1, 2].map(|kind| (Kind::ALL[kind], strengths[kind]));
        Self { market, rng, shares, prices: VecDeque::new(), mean: None, count: 0 }
    }

    /// Takes note of a price at which somebody took.
    pub(super) fn learn(&mut self, price: u64) {
        if self.prices.len() == LOOK_BACK {
            self.prices.pop_front();
        }
        self.prices.push_back(price);
        let mean = self.mean.unwrap_or(price);
        self.mean = Some(if price > mean { mean + (price - mean) / 64 } else { mean - (mean - price) / 64 });
    }

    /// The first order of all. It has a limit, because before its first trade a symbol has no price that a market
    /// order could be judged by.
    pub(super) fn begin(&mut self, view: &View) -> Take {
        let side = self.either();
        let worth = self.worth();
        self.limit(view, Kind::Random, side, worth)
    }

    /// The orders of a step: none, one, or in wild times a few.
    pub(super) fn next(&mut self, view: &View) -> Vec<Take> {
        let mut takes = Vec::new();
        if self.rng.random_ratio(3, 5) {
            takes.extend(match self.who() {
                Kind::Random => Some(self.random(view)),
                Kind::Momentum => self.momentum(view),
                Kind::Reverter => self.reverter(view),
            });
        }
        // News: who knows it first takes the quotes that do not.
        if view.jump.unsigned_abs() > 2 * view.half_spread {
            let side = if view.jump > 0 { Side::Buy } else { Side::Sell };
            let worth = 2 * self.worth();
            takes.push(self.limit(view, Kind::Random, side, worth));
        }
        takes
    }

    /// One of the kinds, by their shares.
    fn who(&mut self) -> Kind {
        let all = self.shares.iter().map(|(_, share)| share).sum::<u64>().max(1);
        let mut drawn = self.rng.random_range(0..all);
        for (kind, share) in self.shares {
            if drawn < share {
                return kind;
            }
            drawn -= share;
        }
        Kind::Random
    }

    fn random(&mut self, view: &View) -> Take {
        let last = self.prices.back().copied().unwrap_or(view.mid);
        let cheap = i64::try_from(i128::from(view.mid) - i128::from(last)).unwrap_or(0);
        let half = i64::try_from(view.half_spread).unwrap_or(i64::MAX);
        let buys_of_1000 = (500 + cheap.saturating_mul(100) / half).clamp(250, 750);
        let side = if self.rng.random_range(0..1_000) < buys_of_1000 { Side::Buy } else { Side::Sell };
        let worth = self.worth();
        if self.rng.random_ratio(1, 3) && !self.prices.is_empty() {
            return self.take(Kind::Random, side, None, view.quantity(&self.market, worth));
        }
        self.limit(view, Kind::Random, side, worth)
    }

    /// Follows a move that was larger than the spread, a long one with much.
    fn momentum(&mut self, view: &View) -> Option<Take> {
        let (first, last) = (*self.prices.front()?, *self.prices.back()?);
        let size = first.abs_diff(last);
        if self.prices.len() < LOOK_BACK || size <= 2 * view.half_spread {
            return None;
        }
        let side = if last > first { Side::Buy } else { Side::Sell };
        let worth = self.worth() * if size > 8 * view.half_spread { 4 } else { 1 };
        Some(self.limit(view, Kind::Momentum, side, worth))
    }

    /// Trades against prices that are far from their mean.
    fn reverter(&mut self, view: &View) -> Option<Take> {
        let (mean, last) = (self.mean?, *self.prices.back()?);
        if mean.abs_diff(last) <= 6 * view.half_spread {
            return None;
        }
        let side = if last < mean { Side::Buy } else { Side::Sell };
        let worth = 2 * self.worth();
        Some(self.limit(view, Kind::Reverter, side, worth))
    }

    fn limit(&mut self, view: &View, kind: Kind, side: Side, worth: u64) -> Take {
        let price = self.market.price_away(view.mid, side.opposite(), REACH * view.half_spread);
        let quantity = view.quantity(&self.market, worth);
        self.take(kind, side, Some(price), quantity)
    }

    fn take(&mut self, kind: Kind, side: Side, price: Option<u64>, quantity: u64) -> Take {
        self.count += 1;
        let client_order_id = format!("{}-t-{}", self.market.symbol, self.count);
        Take { kind, order: Order { client_order_id, side, price, quantity } }
    }

    fn either(&mut self) -> Side {
        if self.rng.random_ratio(1, 2) { Side::Buy } else { Side::Sell }
    }

    /// What an order is worth, in whole USDT: mostly little, seldom much.
    fn worth(&mut self) -> u64 {
        let doublings = self.rng.random::<u32>().trailing_zeros().min(DOUBLINGS_MAX);
        self.rng.random_range(SMALLEST_WORTH) << doublings
    }
}

#[cfg(test)]
mod tests {
    use super::super::bot::tests::{btcusdt, demo_config, view};
    use super::*;

    const MID: u64 = 6_500_000;

    fn takers(config: config::Demo) -> Takers {
        Takers::new(btcusdt(), &config)
    }

    fn only(kind: Kind) -> config::Demo {
        let share = |of: Kind| u64::from(of == kind);
        let (takers, momentum, reverters) = (share(Kind::Random), share(Kind::Momentum), share(Kind::Reverter));
        config::Demo { takers, momentum, reverters, ..demo_config() }
    }

    /// A thousand steps at one price, after these prices were told.
    fn steps(config: config::Demo, told: &[u64]) -> Vec<Take> {
        let mut takers = takers(config);
        told.iter().for_each(|price| takers.learn(*price));
        (1..=1_000).flat_map(|step| takers.next(&view(step, MID))).collect()
    }

    fn buys(takes: &[Take]) -> usize {
        takes.iter().filter(|take| take.order.side == Side::Buy).count()
    }

    #[test]
    fn the_seed_fixes_every_decision() {
        assert_eq!(steps(demo_config(), &[MID]), steps(demo_config(), &[MID]));
        let other = config::Demo { seed: 99, ..demo_config() };
        assert_ne!(steps(demo_config(), &[MID]), steps(other, &[MID]));
    }

    #[test]
    fn most_orders_are_small_and_a_few_are_large() {
        let takes = steps(only(Kind::Random), &[MID]);
        assert!((500..700).contains(&takes.len()), "{}", takes.len());
        let mut sizes: Vec<_> = takes.iter().map(|take| take.order.quantity).collect();
        sizes.sort_unstable();
        let mean = sizes.iter().sum::<u64>() / sizes.len() as u64;
        assert!(sizes[sizes.len() / 2] < mean && *sizes.last().unwrap() > 8 * mean);
        assert!(sizes[0] > 0);
        let at_market = takes.iter().filter(|take| take.order.price.is_none()).count();
        assert!((takes.len() / 5..takes.len() / 2).contains(&at_market), "{at_market}");
    }

    #[test]
    fn random_takers_drift_towards_what_the_symbol_is_worth() {
        let cheap = steps(only(Kind::Random), &[MID - 2_000]);
        let dear = steps(only(Kind::Random), &[MID + 2_000]);
        assert!(buys(&cheap) * 2 > cheap.len() && buys(&dear) * 2 < dear.len());
        assert!(buys(&cheap) < cheap.len() && buys(&dear) > 0, "but they trade both ways");
    }

    #[test]
    fn momentum_follows_and_reverters_bet_against() {
        let rising: Vec<_> = (0..16).map(|step| MID + step * 1_000).collect();
        let momentum = steps(only(Kind::Momentum), &rising);
        assert!(!momentum.is_empty() && buys(&momentum) == momentum.len());
        let reverters = steps(only(Kind::Reverter), &rising);
        assert!(!reverters.is_empty() && buys(&reverters) == 0);
        assert!(steps(only(Kind::Momentum), &[MID; 16]).is_empty(), "there is nothing to follow");
        assert!(steps(only(Kind::Reverter), &[MID; 16]).is_empty(), "there is nothing to bet on");
    }

    #[test]
    fn a_jump_is_traded_at_once() {
        let mut takers = takers(only(Kind::Momentum));
        let jumped = View { jump: 10_000, ..view(1, MID) };
        assert!(takers.next(&jumped).iter().any(|take| take.order.side == Side::Buy));
    }

    #[test]
    fn the_first_order_has_a_limit() {
        assert!(takers(demo_config()).begin(&view(0, MID)).order.price.is_some());
    }
}
