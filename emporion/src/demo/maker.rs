//! What a maker decides: quotes on several levels of each side around what it takes the symbol to be worth.
//!
//! Its own price leans against its inventory, its quotes stand wider apart in wild times, and with every step it
//! replaces a few of them. A decision depends on the seed, the step and what the venue told about the maker's own
//! quotes: which were refused, and how much of those that it ended was filled before. Nothing is sent here.

use super::bot::{Order, View};
use super::market::Market;
use super::prices::decisions;
use emporion_model::Side;
use rand::Rng;
use rand::rngs::StdRng;

/// What a best quote is worth, in whole USDT; deeper ones are worth more.
const QUOTE_WORTH: std::ops::RangeInclusive<u64> = 400..=2_000;
/// The inventory, in whole USDT's worth, at which the maker's price leans by [`LEAN_MAX`].
const INVENTORY_WORTH: u64 = 50_000;
/// How far the maker's price leans against its inventory at most, in half spreads.
const LEAN_MAX: i64 = 4;
/// How far makers differ in what they take the symbol to be worth, in thousandths of half a spread.
const OPINION_MAX: i64 = 400;

/// An open quote.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Quote {
    order: Order,
    step: u64,
}

/// What a maker wants done, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoting {
    /// Quotes to end; they may be filled already.
    pub(super) cancels: Vec<Order>,
    /// Quotes to place, none of which may trade at once.
    pub(super) quotes: Vec<Order>,
}

/// What the venue told a maker about its quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoted {
    /// The side of each quote that has ended, and how much of it was filled.
    pub(super) filled: Vec<(Side, u64)>,
    /// Client order ids of quotes that were refused.
    pub(super) refused: Vec<String>,
}

/// A maker on one market.
pub(super) struct Maker {
    market: Market,
    rng: StdRng,
    /// By level, the best first; for each side.
    buys: Vec<Option<Quote>>,
    sells: Vec<Option<Quote>>,
    /// Base bought less base sold, in quantity units.
    inventory: i64,
    /// In thousandths of half a spread.
    opinion: i64,
    /// Quotes so far; numbers their client order ids.
    count: u64,
}

impl Maker {
    /// The maker with this number, with so many levels a side.
    pub(super) fn new(market: Market, seed: u64, number: usize, levels: usize) -> Self {
        let rng = decisions(seed, &format!("{}/maker/{number}", market.symbol));
        let (buys, sells) = (vec![None; levels], vec![None; levels]);
        Self { market, rng, buys, sells, inventory: 0, opinion: 0, count: 0 }
    }

    /// Takes note of what the venue told.
    pub(super) fn learn(&mut self, quoted: &Quoted) {
        for (side, quantity) in &quoted.filled {
            let quantity = i64::try_from(*quantity).unwrap_or(i64::MAX);
            self.inventory = match side {
                Side::Buy => self.inventory.saturating_add(quantity),
                Side::Sell => self.inventory.saturating_sub(quantity),
            };
        }
        for slot in self.buys.iter_mut().chain(&mut self.sells) {
            if slot.as_ref().is_some_and(|quote| quoted.refused.contains(&quote.order.client_order_id)) {
                *slot = None;
            }
        }
    }

    /// The first step: all levels of both sides.
    pub(super) fn begin(&mut self, view: &View) -> Quoting {
        let mut quoting = Quoting::default();
        for level in 0..self.buys.len() {
            for side in [Side::Buy, Side::Sell] {
                self.replace(view, side, level, &mut quoting);
            }
        }
        quoting
    }

    /// The next step: quotes on the wrong side of the maker's price end, and on each side all levels that are missing
    /// are quoted again, or else one is renewed.
    pub(super) fn next(&mut self, view: &View) -> Quoting {
        self.opinion = (self.opinion + self.rng.random_range(-60..=60)).clamp(-OPINION_MAX, OPINION_MAX);
        let mut quoting = Quoting::default();
        self.end_crossing(view, &mut quoting);
        for side in [Side::Buy, Side::Sell] {
            let missing = self.side(side).iter().filter(|slot| slot.is_none()).count();
            for _ in 0..missing.max(1) {
                let level = self.level_to_renew(side, view.step);
                self.replace(view, side, level, &mut quoting);
            }
        }
        quoting
    }

    /// Ends quotes that stand where those of the other side belong, so that a maker's own quotes never meet.
    fn end_crossing(&mut self, view: &View, quoting: &mut Quoting) {
        let (center, near) = (self.center(view), view.half_spread / 2);
        let (bid_max, ask_min) = (center.saturating_sub(near), center + near + 1);
        let buys = self.buys.iter_mut().filter_map(|slot| slot.take_if(|quote| quote.order.price > Some(bid_max)));
        quoting.cancels.extend(buys.map(|quote| quote.order));
        let sells = self.sells.iter_mut().filter_map(|slot| slot.take_if(|quote| quote.order.price < Some(ask_min)));
        quoting.cancels.extend(sells.map(|quote| quote.order));
    }

    /// The best level that is missing; otherwise often the best, else the one that was not renewed for longest.
    fn level_to_renew(&mut self, side: Side, step: u64) -> usize {
        let often_best = self.rng.random_ratio(1, 3);
        let slots = self.side(side);
        let age = |slot: &Option<Quote>| slot.as_ref().map_or(0, |quote| step - quote.step);
        match slots.iter().position(Option::is_none) {
            Some(missing) => missing,
            None if often_best => 0,
            None => (0..slots.len()).max_by_key(|level| age(&slots[*level])).unwrap_or(0),
        }
    }

    /// Ends the quote of a level, if there is one, and places a new one.
    fn replace(&mut self, view: &View, side: Side, level: usize, quoting: &mut Quoting) {
        let order = self.quote(view, side, level);
        let slot = match side {
            Side::Buy => &mut self.buys[level],
            Side::Sell => &mut self.sells[level],
        };
        let ended = slot.replace(Quote { order: order.clone(), step: view.step });
        // A level that was renewed a moment ago is not on the book yet.
        match quoting.quotes.iter().position(|new| ended.as_ref().is_some_and(|ended| *new == ended.order)) {
            Some(unsent) => quoting.quotes[unsent] = order,
            None => {
                quoting.cancels.extend(ended.map(|quote| quote.order));
                quoting.quotes.push(order);
            }
        }
    }

    /// A quote. Levels lie the farther apart the deeper they are.
    fn quote(&mut self, view: &View, side: Side, level: usize) -> Order {
        self.count += 1;
        let client_order_id = format!("{}-{}{level}-{}", self.market.symbol, letter(side), self.count);
        let (deep, half) = (level as u64, view.half_spread);
        let jitter = self.rng.random_range(0..=half * deep.min(2) / 4);
        let behind = half * deep + half * deep * deep / 3 + jitter;
        let price = self.market.price_away(self.center(view), side, half + behind);
        let worth = self.rng.random_range(QUOTE_WORTH) * (2 + deep) / 2;
        Order { client_order_id, side, price: Some(price), quantity: view.quantity(&self.market, worth) }
    }

    /// What the maker takes the symbol to be worth: the more it holds, the less.
    fn center(&self, view: &View) -> u64 {
        let limit = i128::from(view.quantity(&self.market, INVENTORY_WORTH));
        let most = i128::from(LEAN_MAX) * 1_000;
        let lean = (i128::from(self.inventory) * most / limit).clamp(-most, most);
        let off = (i128::from(self.opinion) - lean) * i128::from(view.half_spread) / 1_000;
        u64::try_from(i128::from(view.mid) + off).unwrap_or(view.mid)
    }

    fn side(&self, side: Side) -> &[Option<Quote>] {
        match side {
            Side::Buy => &self.buys,
            Side::Sell => &self.sells,
        }
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
    use super::super::bot::tests::{btcusdt, view};
    use super::*;
    use std::collections::BTreeMap;

    const LEVELS: usize = 8;

    fn maker(seed: u64) -> Maker {
        Maker::new(btcusdt(), seed, 0, LEVELS)
    }

    fn prices(quotes: &[Order], side: Side) -> Vec<u64> {
        quotes.iter().filter(|quote| quote.side == side).map(|quote| quote.price.unwrap()).collect()
    }

    /// What a maker decides while the price wanders and some of its quotes are filled.
    fn decisions_of(seed: u64) -> Vec<Quoting> {
        let mut maker = maker(seed);
        let mut decided = vec![maker.begin(&view(0, 6_500_000))];
        for step in 1..2_000 {
            let filled =
                decided.last().unwrap().cancels.iter().step_by(3).map(|order| (order.side, order.quantity / 2));
            maker.learn(&Quoted { filled: filled.collect(), refused: Vec::new() });
            decided.push(maker.next(&view(step, 6_500_000 + step * 977 % 20_000)));
        }
        decided
    }

    #[test]
    fn the_seed_fixes_every_decision() {
        assert_eq!(decisions_of(1), decisions_of(1));
        assert_ne!(decisions_of(1), decisions_of(2));
    }

    #[test]
    fn both_sides_are_full_at_first() {
        let quoting = maker(1).begin(&view(0, 6_500_000));
        assert!(quoting.cancels.is_empty());
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(prices(&quoting.quotes, side).len(), LEVELS);
        }
    }

    #[test]
    fn open_quotes_never_meet_and_each_is_ended_once() {
        let mut open = BTreeMap::new();
        for quoting in decisions_of(3) {
            for canceled in &quoting.cancels {
                assert_eq!(open.remove(&canceled.client_order_id).as_ref(), Some(canceled));
            }
            for quote in quoting.quotes {
                assert!(quote.quantity > 0 && quote.price.is_some_and(|price| price > 0));
                assert_eq!(open.insert(quote.client_order_id.clone(), quote), None, "ids are new");
            }
            let open: Vec<_> = open.values().cloned().collect();
            assert!(prices(&open, Side::Buy).iter().max() < prices(&open, Side::Sell).iter().min());
            assert!(open.len() <= 2 * LEVELS, "few quotes are ever open");
        }
        assert!(open.len() >= LEVELS);
    }

    #[test]
    fn the_price_leans_against_the_inventory_up_to_a_bound() {
        let best = |side: Side, units: u64| {
            let mut maker = maker(4);
            maker.learn(&Quoted { filled: vec![(side, units)], refused: Vec::new() });
            let quotes = maker.begin(&view(0, 6_500_000)).quotes;
            (prices(&quotes, Side::Buy)[0], prices(&quotes, Side::Sell)[0])
        };
        let (level, bought, sold) = (best(Side::Buy, 0), best(Side::Buy, 50_000), best(Side::Sell, 50_000));
        assert!(bought.0 < level.0 && bought.1 < level.1, "who has bought much sells cheaper");
        assert!(sold.0 > level.0 && sold.1 > level.1, "who has sold much bids more");
        assert_eq!(best(Side::Buy, 10_000_000), best(Side::Buy, u64::MAX));
        let lean = level.0 - best(Side::Buy, u64::MAX).0;
        assert!(lean <= LEAN_MAX as u64 * view(0, 6_500_000).half_spread + 1, "{lean}");
    }

    #[test]
    fn a_refused_quote_is_placed_again_first() {
        let mut maker = maker(5);
        let first = maker.begin(&view(0, 6_500_000));
        let best = first.quotes.iter().find(|quote| quote.side == Side::Buy).unwrap().client_order_id.clone();
        maker.learn(&Quoted { filled: Vec::new(), refused: vec![best] });
        let next = maker.next(&view(1, 6_500_000));
        let bid = next.quotes.iter().find(|quote| quote.side == Side::Buy).unwrap();
        assert!(bid.client_order_id.starts_with("BTCUSDT-b0-"), "{bid:?}");
        assert!(next.cancels.iter().all(|canceled| canceled.side == Side::Sell));
    }

    #[test]
    fn quotes_that_the_price_ran_over_are_ended_at_once() {
        let mut maker = maker(6);
        maker.begin(&view(0, 6_500_000));
        let next = maker.next(&view(1, 6_600_000));
        assert_eq!(next.cancels.iter().filter(|canceled| canceled.side == Side::Sell).count(), LEVELS);
        assert_eq!(prices(&next.quotes, Side::Sell).len(), LEVELS, "and all levels are quoted again");
        let next = maker.next(&view(2, 6_500_000));
        assert!(next.quotes.len() >= 2);
    }
}
