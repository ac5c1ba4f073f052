//! What happens on one symbol, step by step: what it is worth, and what its makers and takers decide.
//!
//! Nothing is sent here: a step is a function of the seed, its number and what the venue told about the step before.

use super::maker::{Maker, Quoted, Quoting};
use super::market::Market;
use super::prices::{FINE, USDT, Walk, price_of};
use super::takers::{Take, Takers};
use crate::config;
use emporion_model::Side;
use emporion_model::decimal::pow10;

/// How wide quotes stand in the wildest times, in thousandths of what the config says.
const WIDEST: u64 = 4_000;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) client_order_id: String,
    pub(super) side: Side,
    /// In units of the market's price scale; none takes what the market gives.
    pub(super) price: Option<u64>,
    /// In units of the market's quantity scale.
    pub(super) quantity: u64,
}

/// What bots look at when they decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// The step's number.
    pub(super) step: u64,
    /// What one base is worth in quote, in units of the price scale.
    pub(super) mid: u64,
    /// What one base is worth in USDT, in a walk's unit.
    pub(super) base_worth: u64,
    /// By how much `mid` moved in this step.
    pub(super) jump: i64,
    /// Half the distance that best quotes keep, in units of the price scale; at least a tick.
    pub(super) half_spread: u64,
}

impl View {
    /// So many USDT's worth of base, on the step below; at least what the market takes.
    pub(super) fn quantity(&self, market: &Market, worth: u64) -> u64 {
        let worth = u128::from(worth) * u128::from(USDT) * u128::from(FINE);
        let quantity = worth * pow10(market.quantity_scale) / u128::from(self.base_worth).max(1);
        let quantity = u64::try_from(quantity).unwrap_or(u64::MAX);
        (quantity / market.step * market.step).max(market.step)
    }
}

/// What is done in one step, makers first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// By the maker's number.
    pub(super) quoting: Vec<(usize, Quoting)>,
    pub(super) takes: Vec<Take>,
}

/// What the venue told about a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// By the maker's number.
    pub(super) quoted: Vec<(usize, Quoted)>,
    /// The prices at which takers traded.
    pub(super) prices: Vec<u64>,
}

/// The bots of one symbol.
pub(super) struct Bot {
    market: Market,
    base: Walk,
    quote: Walk,
    makers: Vec<Maker>,
    takers: Takers,
    spread_bps: u64,
    /// A typical move of an asset in a step, in millionths.
    typical: u64,
    /// How much the price moves lately, in thousandths of what is typical.
    volatility: u64,
    step: u64,
    /// The maker that acted last. Counted by itself: steps that are left out are nobody's turn.
    turn: usize,
    mid: u64,
}

impl Bot {
    /// Of a market; none when the demo does not know one of its two assets. `typical` is how far an asset moves in a
    /// step.
    pub(super) fn new(market: Market, config: &config::Demo, typical: u64) -> Option<Self> {
        let walk = |asset: &str| Walk::of(asset, config.seed, typical);
        let (base, quote) = (walk(&market.base)?, walk(&market.quote)?);
        let makers = 0..config.makers();
        let makers = makers.map(|number| Maker::new(market.clone(), config.seed, number, config.levels())).collect();
        let takers = Takers::new(market.clone(), config);
        let (spread_bps, volatility) = (config.spread_bps, 1_000);
        let (step, turn, mid) = (0, 0, 0);
        let mut bot = Self { market, base, quote, makers, takers, spread_bps, typical, volatility, step, turn, mid };
        bot.mid = bot.worth();
        Some(bot)
    }

    /// The market it trades on.
    pub(super) fn market(&self) -> &Market {
        &self.market
    }

    /// Goes on from what assets were worth when the venue stopped.
    pub(super) fn go_on_from(&mut self, worth: impl Fn(&str) -> Option<u64>) {
        for (walk, asset) in [(&mut self.base, &self.market.base), (&mut self.quote, &self.market.quote)] {
            if let Some(worth) = worth(asset) {
                walk.go_on_from(worth);
            }
        }
        self.mid = self.worth();
    }

    /// The first step: all quotes, and a first trade, so that there is something to see at once.
    pub(super) fn begin(&mut self) -> Step {
        let view = self.view(0);
        let quoting = self.makers.iter_mut().map(|maker| maker.begin(&view)).enumerate().collect();
        Step { quoting, takes: vec![self.takers.begin(&view)] }
    }

    /// The step with this number, which is after the last one; in between, the price goes on and nobody acts. The
    /// makers take turns.
    pub(super) fn next(&mut self, step: u64, told: &Told) -> Step {
        for (number, quoted) in &told.quoted {
            self.makers[*number].learn(quoted);
        }
        told.prices.iter().for_each(|price| self.takers.learn(*price));
        let steps = step.saturating_sub(self.step).max(1);
        self.step += steps;
        self.base.advance_to(self.step);
        self.quote.advance_to(self.step);
        let before = self.mid;
        self.mid = self.worth();
        let jump = i64::try_from(i128::from(self.mid) - i128::from(before)).unwrap_or(0);
        self.notice(jump, steps);
        let view = self.view(jump);
        self.turn = (self.turn + 1) % self.makers.len();
        let turn = self.turn;
        Step { quoting: vec![(turn, self.makers[turn].next(&view))], takes: self.takers.next(&view) }
    }

    /// Adds a move to what is known about how much the price moves.
    fn notice(&mut self, jump: i64, steps: u64) {
        let typical = u128::from(self.mid) * u128::from(self.typical) * u128::from(steps.isqrt().max(1)) / 1_000_000;
        let size = (u128::from(jump.unsigned_abs()) * 1_250).checked_div(typical).unwrap_or(1_000);
        let size = u64::try_from(size).unwrap_or(u64::MAX).min(4 * WIDEST);
        self.volatility = (15 * self.volatility + size) / 16;
    }

    fn view(&self, jump: i64) -> View {
        let half = u128::from(self.mid) * u128::from(self.spread_bps) / 20_000;
        let half = half * u128::from(self.volatility.clamp(1_000, WIDEST)) / 1_000;
        let half_spread = u64::try_from(half).unwrap_or(u64::MAX / 1_000).max(self.market.tick);
        View { step: self.step, mid: self.mid, base_worth: self.base.worth(), jump, half_spread }
    }

    /// What one base is worth in quote, in units of the price scale.
    fn worth(&self) -> u64 {
        price_of(self.base.worth(), self.quote.worth(), pow10(self.market.price_scale))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    /// A market of two assets, with the tick and the step one unit.
    fn market(base: &str, quote: &str, price_scale: u8, quantity_scale: u8) -> Market {
        let [base, quote] = [base, quote].map(str::to_owned);
        let symbol = format!("{base}{quote}");
        Market { symbol, base, quote, price_scale, tick: 1, quantity_scale, step: 1, is_trading: true }
    }

    pub(in crate::demo) fn btcusdt() -> Market {
        market("BTC", "USDT", 2, 5)
    }

    pub(in crate::demo) fn demo_config() -> config::Demo {
        Config::load(Sources::default()).unwrap().demo
    }

    /// What bots on BTCUSDT see at a price.
    pub(in crate::demo) fn view(step: u64, mid: u64) -> View {
        View { step, mid, base_worth: mid * USDT / 100 * FINE, jump: 0, half_spread: mid / 5_000 }
    }

    fn bot(market: Market, seed: u64) -> Bot {
        Bot::new(market, &config::Demo { seed, ..demo_config() }, 100).unwrap()
    }

    /// A thousand steps; every quote that is ended was half filled, and takers trade at a price of their own.
    fn steps(seed: u64) -> Vec<Step> {
        let mut bot = bot(btcusdt(), seed);
        let mut steps = vec![bot.begin()];
        for number in 1..1_000 {
            let last = steps.last().unwrap();
            let half =
                |quoting: &Quoting| quoting.cancels.iter().map(|order| (order.side, order.quantity / 2)).collect();
            let quoted =
                |(maker, quoting): &(usize, Quoting)| (*maker, Quoted { filled: half(quoting), refused: Vec::new() });
            let told = Told {
                quoted: last.quoting.iter().map(quoted).collect(),
                prices: last.takes.iter().filter_map(|take| take.order.price).collect(),
            };
            steps.push(bot.next(number, &told));
        }
        steps
    }

    #[test]
    fn the_seed_and_what_was_told_fix_every_decision() {
        assert_eq!(steps(1), steps(1));
        assert_ne!(steps(1), steps(2));
    }

    #[test]
    fn every_maker_has_its_turn_and_all_begin() {
        let steps = steps(1);
        let turns = |step: &Step| step.quoting.iter().map(|(maker, _)| *maker).collect::<Vec<_>>();
        let makers = demo_config().makers();
        assert_eq!(turns(&steps[0]), (0..makers).collect::<Vec<_>>());
        assert_eq!(steps[0].takes.len(), 1);
        assert!((1..=makers).all(|step| turns(&steps[step]) == [step % makers]));
        let mut slow = bot(btcusdt(), 1);
        let every = u64::try_from(makers).unwrap();
        let seen: Vec<_> = (1..=every).map(|turn| slow.next(every * turn, &Told::default()).quoting[0].0).collect();
        assert_eq!(seen, (1..=makers).map(|turn| turn % makers).collect::<Vec<_>>(), "also on slow markets");
    }

    #[test]
    fn steps_place_about_as_many_orders_as_is_said() {
        let count = |step: &Step| {
            step.quoting.iter().map(|(_, quoting)| quoting.quotes.len()).sum::<usize>() + step.takes.len()
        };
        let placed: usize = steps(4)[1..].iter().map(count).sum();
        let said = 1_000 * usize::try_from(crate::demo::trading::ORDERS_PER_STEP_TENTHS).unwrap() / 10;
        assert!((said * 8 / 10..=said * 13 / 10).contains(&placed), "{placed} of {said}");
    }

    #[test]
    fn quotes_stand_wider_apart_in_wild_times() {
        let mut bot = bot(btcusdt(), 1);
        let calm = bot.view(0).half_spread;
        (0..50).for_each(|_| bot.notice(100_000, 1));
        let wild = bot.view(0).half_spread;
        assert!(wild > 2 * calm && wild <= 4 * calm, "{calm} {wild}");
        (0..200).for_each(|_| bot.notice(0, 1));
        assert_eq!(bot.view(0).half_spread, calm);
    }

    #[test]
    fn symbols_that_share_assets_agree() {
        let mid = |base, quote, scale| {
            let mut bot = bot(market(base, quote, scale, 3), 5);
            // However late one of them is.
            for step in (1..100).step_by(usize::from(scale)) {
                bot.next(step, &Told::default());
            }
            bot.next(100, &Told::default());
            bot.mid
        };
        let (eth, btc, ethbtc) = (mid("ETH", "USDT", 2), mid("BTC", "USDT", 2), mid("ETH", "BTC", 5));
        assert!((eth * 100_000 / btc).abs_diff(ethbtc) <= 1);
    }

    #[test]
    fn an_unknown_asset_has_no_bot() {
        assert!(Bot::new(market("XAU", "USDT", 2, 3), &demo_config(), 100).is_none());
    }

    #[test]
    fn a_venue_goes_on_where_it_stopped() {
        let mut bot = bot(btcusdt(), 1);
        bot.go_on_from(|asset| (asset == "BTC").then_some(70_000 * USDT * FINE));
        assert_eq!(bot.mid, 7_000_000);
    }
}
