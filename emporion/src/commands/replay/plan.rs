//! What the maker does so that the venue's book and tape become the recording's. Pure: recorded events, answers
//! and looks at the book come in; orders to cancel, to place and to look at go out.
//!
//! Of every level the planner knows three things: what is recorded, which of the maker's orders rest there, and
//! how much others have there. A level grows by an order behind all that rest, and shrinks by the newest of the
//! maker's orders. An order that others may stand behind keeps its place: it is canceled as a whole or not at all.

use super::grid::Grid;
use super::numbers::{Price, Quantity};
use super::recording::{Changes, Trade};
use emporion_model::Side;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A level that grows is put together into one order at this many, where nobody else rests.
const ORDERS_PER_LEVEL_MAX: usize = 4;

/// Our number of an order; later ones are larger.
pub(super) type Number = u64;

/// An order to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) number: Number,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) quantity: Quantity,
}

/// What became of a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Canceled {
    /// It rested until now; so much of it was filled before.
    Done { executed: Quantity },
    /// There was no such order any more.
    Unknown,
}

/// What became of a placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It was taken; so much was filled at once, and the rest rests or not.
    Done { executed: Quantity, is_open: bool },
    /// The venue refused it.
    Refused,
}

/// What an order is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) executed: Quantity,
    pub(super) is_open: bool,
}

/// The venue's book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Depth {
    pub(super) bids: Seen,
    pub(super) asks: Seen,
}

/// One half of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) levels: BTreeMap<Price, Quantity>,
    /// Whether levels beyond the worst one may be missing.
    pub(super) is_cut: bool,
}

impl Depth {
    /// Where orders of this side rest.
    pub(super) fn half(&self, side: Side) -> &Seen {
        if side == Side::Buy { &self.bids } else { &self.asks }
    }
}

impl Seen {
    /// Whether what it says about this price is all there is to say.
    fn tells(&self, side: Side, price: Price) -> bool {
        let worst = match side {
            Side::Buy => self.levels.first_key_value(),
            Side::Sell => self.levels.last_key_value(),
        };
        !self.is_cut || worst.is_some_and(|(worst, _)| *worst == price || is_better(side, price, *worst))
    }
}

/// What the venue's book has otherwise than the recording, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deviations {
    /// Recorded levels that orders of this symbol can make in part only, or not at all: off its steps or beyond its
    /// bounds.
    pub(super) off_grid: u64,
    /// Levels that shrank by less than recorded, because others stand behind the maker's order.
    pub(super) kept_ahead: u64,
    /// Levels that the venue refused.
    pub(super) refused: u64,
    /// Recorded orders that met orders of others on their way into the book.
    pub(super) crossed: u64,
    /// The maker's orders that others took something of.
    pub(super) taken_by_others: u64,
}

/// How a trade came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Print {
    /// One trade with the recorded price and quantity.
    Equal,
    /// The recorded quantity, but others met some of it, in parts or at better prices.
    MetByOthers,
    /// Less than the recorded quantity.
    Short,
}

/// What levels should be for one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step(Vec<(Side, Price, Goal)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// So much of the maker's.
    Exactly(Quantity),
    /// Enough of the maker's for a trade of `needed`; where nobody else rests, in the first order, so that it
    /// prints as one trade. `whole` is what that order should have.
    Front { needed: Quantity, whole: Quantity },
}

#[derive(Clone, Copy, Debug)]
struct Own {
    number: Number,
    quantity: Quantity,
    executed: Quantity,
}

impl Own {
    fn remaining(&self) -> Quantity {
        self.executed.short_of(self.quantity)
    }
}

#[derive(Clone, Debug, Default)]
struct Level {
    /// What is recorded.
    target: Quantity,
    /// The maker's orders, the oldest first.
    orders: Vec<Own>,
    /// Those that seem filled since the last look at the book.
    filled: Vec<Own>,
    /// What others had at the last look.
    others: Quantity,
    /// Orders up to this number may have others behind them.
    fence: Number,
    /// Whether something was traded here since the last look.
    is_unsure: bool,
    /// By how much it could not shrink.
    kept: Quantity,
}

impl Level {
    fn sum(&self) -> Quantity {
        self.orders.iter().map(Own::remaining).sum()
    }

    fn is_empty(&self) -> bool {
        let nothing = Quantity::ZERO;
        self.target == nothing && self.others == nothing && self.orders.is_empty() && self.filled.is_empty()
    }

    fn is_alone(&self) -> bool {
        self.others == Quantity::ZERO
    }

    fn numbers(&self) -> Vec<Number> {
        self.orders.iter().map(|own| own.number).collect()
    }

    /// The orders to cancel so that `target` is left, and by how much that fails. What is canceled too much is
    /// to be placed again, which only orders with nobody behind them suffer.
    fn shrink(&self, target: Quantity) -> (Vec<Number>, Quantity) {
        let mut excess = target.short_of(self.sum());
        let mut cancels = Vec::new();
        for own in self.orders.iter().rev() {
            if excess == Quantity::ZERO {
                break;
            }
            if own.remaining() <= excess {
                excess = own.remaining().short_of(excess);
                cancels.push(own.number);
            } else if own.number > self.fence {
                excess = Quantity::ZERO;
                cancels.push(own.number);
            }
        }
        (cancels, excess)
    }

    /// Whether growth means one order instead of one more.
    fn is_to_be_merged(&self, target: Quantity, quantity_min: Quantity) -> bool {
        let growth = self.sum().short_of(target);
        let is_much = self.orders.len() >= ORDERS_PER_LEVEL_MAX || growth < quantity_min;
        growth > Quantity::ZERO && is_much && self.is_alone()
    }
}

/// Knows the recording's book and the maker's orders.
pub(super) struct Planner {
    grid: Grid,
    bids: BTreeMap<Price, Level>,
    asks: BTreeMap<Price, Level>,
    places: BTreeMap<Number, (Side, Price)>,
    last: Number,
    /// Levels that are not, or may not be, what is recorded.
    dirty: BTreeSet<(Side, Price)>,
    deviations: Deviations,
}

impl Planner {
    pub(super) fn new(grid: Grid) -> Self {
        Self {
            grid,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            places: BTreeMap::new(),
            last: 0,
            dirty: BTreeSet::new(),
            deviations: Deviations::default(),
        }
    }

    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    pub(super) fn deviations(&self) -> Deviations {
        self.deviations
    }

    /// The recorded levels of a half, the best first.
    pub(super) fn recorded(&self, side: Side) -> Vec<(Price, Quantity)> {
        let levels = self.half(side).iter().filter(|(_, level)| level.target > Quantity::ZERO);
        let levels = levels.map(|(price, level)| (*price, level.target));
        if side == Side::Buy { levels.rev().collect() } else { levels.collect() }
    }

    /// The maker's own levels of a half, the best first.
    #[cfg(test)]
    pub(super) fn owned(&self, side: Side) -> Vec<(Price, Quantity)> {
        let levels = self.half(side).iter().map(|(price, level)| (*price, level.sum()));
        let levels = levels.filter(|(_, sum)| *sum > Quantity::ZERO);
        if side == Side::Buy { levels.rev().collect() } else { levels.collect() }
    }

    /// Levels are recorded to be now these. The step brings them there, and with them all that trades disturbed.
    pub(super) fn follow(&mut self, changes: &Changes) -> Step {
        for (side, levels) in [(Side::Buy, &changes.bids), (Side::Sell, &changes.asks)] {
            for &(price, quantity) in levels {
                let possible = self.grid.possible(price, quantity);
                self.deviations.off_grid += u64::from(possible != quantity);
                self.level(side, price).target = possible;
                self.dirty.insert((side, price));
            }
        }
        let dirty = std::mem::take(&mut self.dirty);
        let goals = dirty.into_iter().map(|(side, price)| {
            let target = self.half(side).get(&price).map_or(Quantity::ZERO, |level| level.target);
            (side, price, Goal::Exactly(target))
        });
        Step(goals.collect())
    }

    /// A trade is about to be played: the maker's orders that it would meet before its price, or that would meet
    /// the maker's order at its price, leave, and enough rests at its price.
    pub(super) fn before(&mut self, trade: &Trade) -> Step {
        let (maker, price) = (trade.taker.opposite(), trade.price);
        let has_orders = |(price, level): (&Price, &Level)| (!level.orders.is_empty()).then_some(*price);
        let better = self.half(maker).iter().filter_map(has_orders).filter(|other| is_better(maker, *other, price));
        let crossing = self.half(trade.taker).iter().filter_map(has_orders);
        let crossing = crossing.filter(|other| !is_better(maker, *other, price));
        let gone = better.map(|price| (maker, price)).chain(crossing.map(|price| (trade.taker, price)));
        let mut goals: Vec<_> = gone.map(|(side, price)| (side, price, Goal::Exactly(Quantity::ZERO))).collect();
        let whole = self.level(maker, price).sum().max(trade.quantity);
        goals.push((maker, price, Goal::Front { needed: trade.quantity, whole }));
        self.dirty.extend(goals.iter().map(|(side, price, _)| (*side, *price)));
        Step(goals)
    }

    /// The orders to cancel for a step.
    pub(super) fn cancels(&mut self, step: &Step) -> Vec<Number> {
        let mut cancels = Vec::new();
        for &(side, price, goal) in &step.0 {
            let quantity_min = self.grid.quantity_min;
            let level = self.level(side, price);
            let kept = match goal {
                Goal::Exactly(target) if level.is_to_be_merged(target, quantity_min) => {
                    cancels.extend(level.numbers());
                    Quantity::ZERO
                }
                Goal::Exactly(target) => {
                    let (numbers, kept) = level.shrink(target);
                    cancels.extend(numbers);
                    kept
                }
                Goal::Front { needed, .. } => {
                    if level.is_alone() && level.orders.first().is_some_and(|first| first.remaining() < needed) {
                        cancels.extend(level.numbers());
                    }
                    continue;
                }
            };
            let is_news = kept > Quantity::ZERO && kept != level.kept;
            level.kept = kept;
            self.deviations.kept_ahead += u64::from(is_news);
            if kept > Quantity::ZERO {
                // Whoever stands behind may leave.
                self.dirty.insert((side, price));
            }
        }
        cancels
    }

    /// A cancel was answered.
    pub(super) fn canceled(&mut self, number: Number, canceled: Canceled) {
        let Some((side, price)) = self.places.remove(&number) else { return };
        let level = self.level(side, price);
        let Some(index) = level.orders.iter().position(|own| own.number == number) else { return };
        let own = level.orders.remove(index);
        let executed = match canceled {
            Canceled::Done { executed } => executed,
            Canceled::Unknown => own.quantity,
        };
        self.deviations.taken_by_others += u64::from(executed > own.executed);
    }

    /// The orders to place for a step, once its cancels are answered.
    pub(super) fn placements(&mut self, step: &Step) -> Vec<Order> {
        let mut orders = Vec::new();
        for &(side, price, goal) in &step.0 {
            let level = self.level(side, price);
            let missing = match goal {
                Goal::Front { whole, .. } if level.orders.is_empty() => whole,
                Goal::Exactly(quantity) | Goal::Front { needed: quantity, .. } => level.sum().short_of(quantity),
            };
            if missing == Quantity::ZERO {
                continue;
            }
            let is_for_trade = matches!(goal, Goal::Front { .. });
            let quantity = if is_for_trade { missing.max(self.grid.quantity_min) } else { missing };
            if quantity < self.grid.quantity_min {
                self.deviations.off_grid += 1;
                continue;
            }
            orders.push(Order { number: self.next_number(), side, price, quantity });
        }
        orders
    }

    /// A placement was answered.
    pub(super) fn placed(&mut self, order: &Order, placed: Placed) {
        let Placed::Done { executed, is_open } = placed else {
            self.deviations.refused += 1;
            return;
        };
        self.deviations.crossed += u64::from(executed > Quantity::ZERO);
        if is_open {
            let own = Own { number: order.number, quantity: order.quantity, executed };
            self.level(order.side, order.price).orders.push(own);
            self.places.insert(order.number, (order.side, order.price));
        }
    }

    /// The taker's order for a trade.
    pub(super) fn take(&mut self, trade: &Trade) -> Order {
        let Trade { price, quantity, taker } = *trade;
        Order { number: self.next_number(), side: taker, price, quantity }
    }

    /// A trade was played and met these. Gives the orders to look at, because others may have met it instead.
    pub(super) fn taken(&mut self, trade: &Trade, fills: &[(Price, Quantity)]) -> (Print, Vec<Number>) {
        let total: Quantity = fills.iter().map(|(_, quantity)| *quantity).sum();
        let print = if *fills == [(trade.price, trade.quantity)] {
            Print::Equal
        } else if total == trade.quantity {
            Print::MetByOthers
        } else {
            Print::Short
        };
        let mut left = fills.iter().filter(|(price, _)| *price == trade.price).map(|(_, quantity)| *quantity).sum();
        let level = self.level(trade.taker.opposite(), trade.price);
        level.is_unsure = true;
        for own in &mut level.orders {
            let taken = own.remaining().min(left);
            own.executed = own.executed + taken;
            left = taken.short_of(left);
        }
        let is_filled = |own: &mut Own| own.remaining() == Quantity::ZERO;
        level.filled.extend(level.orders.extract_if(.., is_filled));
        let looks = if print == Print::Equal && level.is_alone() { Vec::new() } else { level.unsure_numbers() };
        (print, looks)
    }

    /// The orders to look at because the book has otherwise than they should give.
    pub(super) fn see(&self, depth: &Depth) -> Vec<Number> {
        let unsure = |side: Side| {
            let seen = depth.half(side);
            let told = self.half(side).iter().filter(move |(price, _)| seen.tells(side, **price));
            told.filter_map(|(price, level)| {
                let there = seen.levels.get(price).copied().unwrap_or_default();
                let own = level.sum();
                (there < own || (there != own && level.is_unsure)).then(|| level.unsure_numbers())
            })
        };
        unsure(Side::Buy).chain(unsure(Side::Sell)).flatten().collect()
    }

    /// An order was looked at.
    pub(super) fn found(&mut self, number: Number, found: Found) {
        let Some(&(side, price)) = self.places.get(&number) else { return };
        let level = self.level(side, price);
        let of_these = |own: &&mut Own| own.number == number;
        let Some(own) = level.orders.iter_mut().chain(&mut level.filled).find(of_these) else { return };
        let is_taken = found.executed > own.executed;
        own.executed = if found.is_open { found.executed } else { own.quantity };
        let mut all: Vec<_> = level.orders.drain(..).chain(level.filled.drain(..)).collect();
        all.sort_unstable_by_key(|own| own.number);
        (level.filled, level.orders) = all.into_iter().partition(|own| own.remaining() == Quantity::ZERO);
        self.deviations.taken_by_others += u64::from(is_taken);
        self.dirty.insert((side, price));
    }

    /// What of the book is not the maker's is others'.
    pub(super) fn rest(&mut self, depth: &Depth) {
        let last = self.last;
        for side in [Side::Buy, Side::Sell] {
            let seen = depth.half(side);
            for (price, there) in &seen.levels {
                let level = self.level(side, *price);
                let others = level.sum().short_of(*there);
                if others > level.others {
                    level.fence = last;
                }
                level.others = others;
            }
            for (price, level) in self.half_mut(side) {
                if seen.tells(side, *price) && !seen.levels.contains_key(price) {
                    level.others = Quantity::ZERO;
                }
                if level.is_alone() {
                    level.fence = 0;
                }
                level.is_unsure = false;
            }
        }
        self.forget();
    }

    /// Drops what nothing depends on any more.
    fn forget(&mut self) {
        let places = &mut self.places;
        for half in [&mut self.bids, &mut self.asks] {
            for level in half.values_mut() {
                for own in level.filled.drain(..) {
                    places.remove(&own.number);
                }
            }
            half.retain(|_, level| !level.is_empty());
        }
    }

    fn next_number(&mut self) -> Number {
        self.last += 1;
        self.last
    }

    fn half(&self, side: Side) -> &BTreeMap<Price, Level> {
        if side == Side::Buy { &self.bids } else { &self.asks }
    }

    fn half_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Level> {
        if side == Side::Buy { &mut self.bids } else { &mut self.asks }
    }

    fn level(&mut self, side: Side, price: Price) -> &mut Level {
        self.half_mut(side).entry(price).or_default()
    }
}

impl Level {
    /// All orders whose fills are guessed.
    fn unsure_numbers(&self) -> Vec<Number> {
        self.orders.iter().chain(&self.filled).map(|own| own.number).collect()
    }
}

/// Whether an order of `side` at `price` is met before one at `other`.
fn is_better(side: Side, price: Price, other: Price) -> bool {
    match side {
        Side::Buy => price > other,
        Side::Sell => price < other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid::example;
    use super::*;

    /// A planner with a book that does what it is told, and remembers it as text.
    struct Desk(Planner);

    /// `quantity@price`, a bid below 100 and else an ask.
    fn level(text: &str) -> (Side, Price, Quantity) {
        let (quantity, price) = text.split_once('@').unwrap();
        let (price, quantity) = (Price::parse(price).unwrap(), Quantity::parse(quantity).unwrap());
        let side = if price < Price::parse("100").unwrap() { Side::Buy } else { Side::Sell };
        (side, price, quantity)
    }

    impl Desk {
        fn new() -> Self {
            Self(Planner::new(example()))
        }

        /// Does a step; what was asked for, such as `cancel 1, place 2 0.5@99`.
        fn perform(&mut self, step: &Step) -> String {
            let mut told = Vec::new();
            for number in self.0.cancels(step) {
                told.push(format!("cancel {number}"));
                self.0.canceled(number, Canceled::Done { executed: Quantity::ZERO });
            }
            for order in self.0.placements(step) {
                told.push(format!("place {} {}@{}", order.number, order.quantity, order.price));
                self.0.placed(&order, Placed::Done { executed: Quantity::ZERO, is_open: true });
            }
            told.join(", ")
        }

        fn follow(&mut self, levels: &[&str]) -> String {
            let mut changes = Changes::default();
            for text in levels {
                let (side, price, quantity) = level(text);
                let half = if side == Side::Buy { &mut changes.bids } else { &mut changes.asks };
                half.push((price, quantity));
            }
            let step = self.0.follow(&changes);
            self.perform(&step)
        }

        /// A trade at a level, which meets exactly that.
        fn trade(&mut self, text: &str) -> String {
            let (maker, price, quantity) = level(text);
            let trade = Trade { price, quantity, taker: maker.opposite() };
            let step = self.0.before(&trade);
            let told = self.perform(&step);
            assert_eq!(self.0.taken(&trade, &[(price, quantity)]).0, Print::Equal);
            told
        }

        /// Looks at a book in which others have this beside the maker's.
        fn see(&mut self, others: &[&str]) -> Vec<Number> {
            let mut depth = Depth::default();
            for (side, half) in [(Side::Buy, &mut depth.bids), (Side::Sell, &mut depth.asks)] {
                half.levels.extend(self.0.owned(side));
            }
            for text in others {
                let (side, price, quantity) = level(text);
                let half = if side == Side::Buy { &mut depth.bids } else { &mut depth.asks };
                let there = half.levels.entry(price).or_default();
                *there = *there + quantity;
            }
            let looks = self.0.see(&depth);
            self.0.rest(&depth);
            looks
        }
    }

    #[test]
    fn levels_follow_the_recording_where_nobody_else_rests() {
        let mut desk = Desk::new();
        let mut check = |levels: &[&str], told: &str| assert_eq!(desk.follow(levels), told, "{levels:?}");
        check(&["5@99", "3@98", "4@101"], "place 1 3@98, place 2 5@99, place 3 4@101");
        check(&["5@99"], "");
        check(&["6@99"], "place 4 1@99");
        check(&["4@99"], "cancel 4, cancel 2, place 5 4@99");
        check(&["0@99"], "cancel 5");
        check(&["0@97"], "");
        check(&["1@99"], "place 6 1@99");
        check(&["2@99"], "place 7 1@99");
        check(&["3@99"], "place 8 1@99");
        check(&["4@99"], "place 9 1@99");
        check(&["5@99"], "cancel 6, cancel 7, cancel 8, cancel 9, place 10 5@99");
    }

    #[test]
    fn whoever_rests_keeps_the_maker_ahead_in_its_place() {
        let mut desk = Desk::new();
        desk.follow(&["5@99"]);
        assert!(desk.see(&["1@99"]).is_empty());
        let check = |desk: &mut Desk, text: &str, told: &str, kept_ahead: u64| {
            assert_eq!(desk.follow(&[text]), told, "{text}");
            assert_eq!(desk.0.deviations().kept_ahead, kept_ahead, "{text}");
        };
        check(&mut desk, "7@99", "place 2 2@99", 0);
        check(&mut desk, "6@99", "cancel 2, place 3 1@99", 0);
        check(&mut desk, "3@99", "cancel 3", 1);
        check(&mut desk, "6@99", "place 4 1@99", 1);
        desk.see(&["2@99"]);
        check(&mut desk, "5.5@99", "", 2);
        desk.see(&["1@99"]);
        check(&mut desk, "5.4@99", "", 3);
        desk.see(&[]);
        check(&mut desk, "5.5@99", "cancel 4, place 5 0.5@99", 3);
        desk.see(&["1@99"]);
        check(&mut desk, "0@99", "cancel 5, cancel 1", 3);
    }

    #[test]
    fn a_trade_finds_its_price_and_quantity_first_in_line() {
        let mut desk = Desk::new();
        desk.follow(&["5@99", "3@98", "4@101", "2@102"]);
        assert_eq!(desk.trade("2@99"), "", "the level has it");
        assert_eq!(desk.trade("4@99"), "cancel 2, place 5 4@99", "larger than what is left of the level");
        assert_eq!(desk.trade("0.001@99.5"), "place 6 0.001@99.5", "better than the book, and tiny");
        assert_eq!(desk.trade("1@98"), "", "nothing better is left");
        assert_eq!(desk.follow(&["0@99"]), "place 7 1@98", "what trades took is as recorded again");
        assert_eq!(desk.trade("1@102"), "cancel 3", "what is better leaves");
        assert_eq!(desk.follow(&[]), "place 8 4@101, place 9 1@102");
        let crossed = Trade { price: level("1@101").1, quantity: level("1@101").2, taker: Side::Sell };
        let step = desk.0.before(&crossed);
        assert_eq!(desk.perform(&step), "cancel 8, place 10 1@101", "what would meet the maker's own order leaves");
    }

    #[test]
    fn levels_that_cross_come_after_those_that_leave() {
        let mut desk = Desk::new();
        desk.follow(&["5@99", "4@101"]);
        assert_eq!(desk.follow(&["0@101", "4@102", "1@99.99"]), "cancel 2, place 3 1@99.99, place 4 4@102");
    }

    #[test]
    fn a_trade_among_others_adds_behind_them() {
        let mut desk = Desk::new();
        desk.follow(&["1@99"]);
        desk.see(&["1@99"]);
        assert_eq!(desk.trade("3@99"), "place 2 2@99");
        assert_eq!(desk.see(&["3@99"]), [1, 2], "they may have met it");
    }

    #[test]
    fn looks_tell_what_became_of_orders() {
        let mut desk = Desk::new();
        desk.follow(&["5@99"]);
        desk.trade("5@99");
        assert!(desk.see(&["0@99"]).is_empty(), "all as it should be");
        desk.follow(&[]);
        desk.trade("5@99");
        let other = level("5@99");
        let mut depth = Depth::default();
        depth.bids.levels.insert(other.1, other.2);
        assert_eq!(desk.0.see(&depth), [2], "somebody else met it");
        desk.0.found(2, Found { executed: Quantity::ZERO, is_open: true });
        desk.0.rest(&depth);
        assert_eq!(desk.follow(&[]), "", "the order is there after all");
        desk.0.found(2, Found { executed: other.2, is_open: false });
        assert_eq!(desk.0.deviations().taken_by_others, 1);
        assert_eq!(desk.follow(&[]), "place 3 5@99");
    }

    #[test]
    fn what_the_symbol_cannot_express_is_counted() {
        let mut desk = Desk::new();
        assert_eq!(desk.follow(&["5@99.001", "0.0005@99", "0@98.001", "2000@101"]), "place 1 1000@101");
        assert_eq!(desk.0.deviations().off_grid, 3);
        let order = Order { number: 1, side: Side::Buy, price: Price(1), quantity: Quantity(1) };
        desk.0.placed(&order, Placed::Refused);
        assert_eq!(desk.0.deviations().refused, 1);
    }

    #[test]
    fn a_cut_book_says_nothing_beyond_its_worst_level() {
        let mut desk = Desk::new();
        desk.follow(&["5@99", "5@98", "5@97"]);
        let mut depth = Depth::default();
        depth.bids.is_cut = true;
        depth.bids.levels.extend([level("5@99"), level("5@98")].map(|(_, price, quantity)| (price, quantity)));
        assert!(desk.0.see(&depth).is_empty());
        depth.bids.is_cut = false;
        assert_eq!(desk.0.see(&depth), [1]);
    }
}
