//! What the bots of one symbol decide: a maker keeps quotes around what the symbol is worth, a taker trades on
//! them. Nothing is sent here, and nothing that a venue answers changes a decision.

use super::market::Market;
use super::prices::{Walk, decisions};
use emporion_model::Side;
use emporion_model::decimal::pow10;
use rand::Rng;
use rand::rngs::StdRng;

/// Quotes on each side at the start.
const LADDER: u64 = 8;
/// A quote is canceled so many steps after it was placed.
const QUOTE_STEPS: u64 = 16;
/// Half the distance between the best quotes, as a part of the price.
const HALF_SPREAD: u64 = 4_000;
/// How deep quotes lie behind the best, as a part of the price.
const DEPTH: u64 = 500;
/// What an order is worth, in millionths of a USDT.
const NOTIONAL: std::ops::RangeInclusive<u64> = 100_000_000..=2_000_000_000;

/// Orders that a step places on average, in tenths.
pub(super) const ORDERS_PER_STEP_TENTHS: u64 = 25;

/// A limit order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) client_order_id: String,
    pub(super) side: Side,
    /// In units of the market's price scale.
    pub(super) price: u64,
    /// In units of the market's quantity scale.
    pub(super) quantity: u64,
}

/// What happens in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The maker's orders to cancel, by client order id; they may be gone already.
    pub(super) cancels: Vec<String>,
    /// The maker's new orders.
    pub(super) quotes: Vec<Order>,
    /// The taker's order, which reaches beyond the best quotes and leaves nothing behind. It has a limit, because
    /// before its first trade a symbol has no price that a market order could be judged by.
    pub(super) take: Option<Order>,
}

/// The decisions on one symbol.
pub(super) struct Bot {
    market: Market,
    base: Walk,
    quote: Walk,
    rng: StdRng,
    steps: u64,
}

impl Bot {
    /// Of a market; none when the demo does not know one of its two assets.
    pub(super) fn new(market: Market, seed: u64) -> Option<Self> {
        let (base, quote) = (Walk::of(&market.base, seed)?, Walk::of(&market.quote, seed)?);
        let rng = decisions(seed, &market.symbol);
        Some(Self { market, base, quote, rng, steps: 0 })
    }

    /// The market it trades on.
    pub(super) fn market(&self) -> &Market {
        &self.market
    }

    /// The first step: quotes at even distances and a first trade, so that there is something to see at once.
    pub(super) fn begin(&mut self) -> Step {
        let mid = self.mid();
        let apart = (mid / (DEPTH * LADDER)).max(self.market.tick);
        let mut step = Step::default();
        for level in 0..LADDER {
            for side in [Side::Buy, Side::Sell] {
                let client_order_id = self.ladder_id(side, level);
                step.quotes.push(self.quote(client_order_id, mid, side, level * apart));
            }
        }
        step.take = Some(self.take(mid));
        step
    }

    /// The next step.
    pub(super) fn next(&mut self) -> Step {
        self.steps += 1;
        self.base.step();
        self.quote.step();
        let mid = self.mid();
        let mut step = Step { cancels: self.outdated(), ..Step::default() };
        for side in [Side::Buy, Side::Sell] {
            let behind = self.rng.random_range(0..=mid / DEPTH);
            step.quotes.push(self.quote(self.quote_id(side, self.steps), mid, side, behind));
        }
        if self.rng.random_ratio(1, 2) {
            step.take = Some(self.take(mid));
        }
        step
    }

    /// An order of the maker, so far behind the best price.
    fn quote(&mut self, client_order_id: String, mid: u64, side: Side, behind: u64) -> Order {
        Order { client_order_id, side, price: self.price(mid, side, behind), quantity: self.quantity() }
    }

    /// An order of the taker, with a limit that lies as deep as quotes do on the other side.
    fn take(&mut self, mid: u64) -> Order {
        let side = if self.rng.random_ratio(1, 2) { Side::Buy } else { Side::Sell };
        let client_order_id = format!("{}-take-{}", self.market.symbol, self.steps);
        let price = self.price(mid, side.opposite(), mid / DEPTH);
        Order { client_order_id, side, price, quantity: self.quantity() }
    }

    /// The quotes that have had their time; each of the first steps ends a level of the ladder.
    fn outdated(&self) -> Vec<String> {
        let sides = [Side::Buy, Side::Sell];
        let quotes = self.steps.checked_sub(QUOTE_STEPS).filter(|step| *step > 0);
        let quotes = quotes.into_iter().flat_map(|step| sides.map(|side| self.quote_id(side, step)));
        let level = Some(self.steps - 1).filter(|level| *level < LADDER);
        let ladder = level.into_iter().flat_map(|level| sides.map(|side| self.ladder_id(side, level)));
        quotes.chain(ladder).collect()
    }

    /// Client order ids name the symbol, because the maker has orders on all of them.
    fn quote_id(&self, side: Side, step: u64) -> String {
        format!("{}-quote-{}-{step}", self.market.symbol, letter(side))
    }

    fn ladder_id(&self, side: Side, level: u64) -> String {
        format!("{}-ladder-{}-{level}", self.market.symbol, letter(side))
    }

    /// What one base is worth in quote, in units of the price scale.
    fn mid(&self) -> u64 {
        let unit = pow10(self.market.price_scale);
        let mid = u128::from(self.base.worth()) * unit / u128::from(self.quote.worth());
        u64::try_from(mid).unwrap_or(u64::MAX / 4)
    }

    /// A price on this side of `mid`, so far behind the best quote, on the tick away from it.
    fn price(&self, mid: u64, side: Side, behind: u64) -> u64 {
        let tick = self.market.tick;
        let off = (mid / HALF_SPREAD).max(tick) + behind;
        match side {
            Side::Buy => (mid.saturating_sub(off) / tick * tick).max(tick),
            Side::Sell => (mid + off).div_ceil(tick) * tick,
        }
    }

    /// A quantity whose worth lies between the bounds, on the step below.
    fn quantity(&mut self) -> u64 {
        let worth = self.rng.random_range(NOTIONAL);
        let quantity = u128::from(worth) * pow10(self.market.quantity_scale) / u128::from(self.base.worth());
        let quantity = u64::try_from(quantity).unwrap_or(u64::MAX);
        (quantity / self.market.step * self.market.step).max(self.market.step)
    }
}

fn letter(side: Side) -> char {
    match side {
        Side::Buy => 'b',
        Side::Sell => 's',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(base: &str, quote: &str, price_scale: u8, quantity_scale: u8) -> Market {
        let [base, quote] = [base, quote].map(str::to_owned);
        Market { symbol: format!("{base}{quote}"), base, quote, price_scale, tick: 1, quantity_scale, step: 1 }
    }

    fn steps(seed: u64) -> Vec<Step> {
        let mut bot = Bot::new(market("BTC", "USDT", 2, 5), seed).unwrap();
        let first = bot.begin();
        std::iter::once(first).chain(std::iter::repeat_with(|| bot.next())).take(1_000).collect()
    }

    #[test]
    fn the_seed_fixes_every_decision() {
        assert_eq!(steps(1), steps(1));
        assert_ne!(steps(1), steps(2));
    }

    #[test]
    fn quotes_of_a_step_never_meet_and_each_is_canceled_once() {
        let steps = steps(3);
        for step in &steps {
            let prices = |side| step.quotes.iter().filter(move |quote| quote.side == side).map(|quote| quote.price);
            assert!(prices(Side::Buy).max() < prices(Side::Sell).min(), "{step:?}");
            assert!(step.quotes.iter().all(|quote| quote.quantity > 0 && quote.price > 0));
        }
        let mut canceled: Vec<_> = steps.iter().flat_map(|step| step.cancels.clone()).collect();
        let count = canceled.len();
        canceled.sort();
        canceled.dedup();
        assert_eq!(canceled.len(), count);
        let quotes = steps.iter().flat_map(|step| &step.quotes);
        let placed: Vec<_> = quotes.map(|quote| &quote.client_order_id).collect();
        assert!(canceled.iter().all(|id| placed.contains(&id)));
        assert!(placed.len() - count <= 2 * QUOTE_STEPS as usize, "few quotes are ever open");
    }

    #[test]
    fn symbols_that_share_assets_agree() {
        let mid = |base, quote, scale| {
            let mut bot = Bot::new(market(base, quote, scale, 3), 5).unwrap();
            (0..100).for_each(|_| drop(bot.next()));
            bot.mid()
        };
        let (eth, btc, ethbtc) = (mid("ETH", "USDT", 2), mid("BTC", "USDT", 2), mid("ETH", "BTC", 5));
        assert!((eth * 100_000 / btc).abs_diff(ethbtc) <= 1);
    }

    #[test]
    fn an_unknown_asset_has_no_bot() {
        assert!(Bot::new(market("XAU", "USDT", 2, 3), 1).is_none());
    }
}
