//! A seeded stream of book operations that every engine can be fed: 40 % passive orders near the touch, 40 %
//! cancels (16 % of them of orders that are already gone), 10 % crossing limit orders, 10 % market orders.
//!
//! The generator keeps a model of no book at all: a cancel names an order that was placed before, and
//! whether it still rests is the engines' business, so that every engine gets the same bytes.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The middle of the price range, in ticks.
pub const MID: u64 = 100_000;

/// How far prices lie from the middle, in ticks.
pub const SPREAD: u64 = 1_000;

/// One operation. Orders are numbered from 0 in the order in which they are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A limit order: is it a buy, its price in ticks, its quantity in steps.
    Limit(bool, u64, u64),
    /// A market order: is it a buy, its quantity in steps.
    Market(bool, u64),
    /// Cancel of the order with this number.
    Cancel(usize),
}

/// A stream: orders that fill the book first, then the mix that is timed.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Untimed.
    pub filling: Vec<Operation>,
    /// Timed.
    pub timed: Vec<Operation>,
}

impl Stream {
    /// About `resting` orders, then `operations` of the mix.
    pub fn generate(seed: u64, resting: usize, operations: usize) -> Self {
        let mut generator =
            Generator { random: SmallRng::seed_from_u64(seed), live: Vec::new(), dead: Vec::new(), placed: 0 };
        let filling = (0..resting).map(|_| generator.passive()).collect();
        let timed = (0..operations).map(|_| generator.next()).collect();
        Self { filling, timed }
    }

    /// How many orders the stream places.
    pub fn orders(&self) -> usize {
        let is_order = |operation: &&Operation| !matches!(operation, Operation::Cancel(_));
        self.filling.iter().chain(&self.timed).filter(is_order).count()
    }
}

struct Generator {
    random: SmallRng,
    /// Passive orders that were not canceled yet.
    live: Vec<usize>,
    /// Orders that were canceled.
    dead: Vec<usize>,
    placed: usize,
}

impl Generator {
    fn next(&mut self) -> Operation {
        match self.random.random_range(0..100) {
            0..40 => self.passive(),
            40..80 => self.cancel(),
            80..90 => {
                let is_buy = self.random.random();
                let depth = self.random.random_range(0..20);
                let price = if is_buy { MID + depth } else { MID - depth };
                self.placed += 1;
                Operation::Limit(is_buy, price, self.random.random_range(1..=20))
            }
            _ => {
                self.placed += 1;
                Operation::Market(self.random.random(), self.random.random_range(1..=20))
            }
        }
    }

    /// Near the touch far more often than far from it.
    fn passive(&mut self) -> Operation {
        let is_buy = self.random.random();
        let reach = self.random.random_range(1..=SPREAD);
        let distance = 1 + self.random.random_range(0..reach);
        let price = if is_buy { MID - distance } else { MID + distance };
        self.live.push(self.placed);
        self.placed += 1;
        Operation::Limit(is_buy, price, self.random.random_range(1..=100))
    }

    fn cancel(&mut self) -> Operation {
        let wants_dead = self.random.random_range(0..100) < 16;
        if (wants_dead || self.live.is_empty()) && !self.dead.is_empty() {
            return Operation::Cancel(self.dead[self.random.random_range(0..self.dead.len())]);
        }
        if self.live.is_empty() {
            return self.passive();
        }
        let place = self.random.random_range(0..self.live.len());
        let order = self.live.swap_remove(place);
        self.dead.push(order);
        Operation::Cancel(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_fixes_the_stream_and_the_mix_is_as_stated() {
        let stream = Stream::generate(7, 1_000, 100_000);
        assert_eq!(stream.timed, Stream::generate(7, 1_000, 100_000).timed);
        assert_ne!(stream.timed, Stream::generate(8, 1_000, 100_000).timed);
        let share = |is_kind: fn(&Operation) -> bool| stream.timed.iter().filter(|it| is_kind(it)).count() / 1_000;
        assert_eq!(share(|it| matches!(it, Operation::Cancel(_))), 40);
        assert!((9..=10).contains(&share(|it| matches!(it, Operation::Market(..)))));
        assert!((49..=50).contains(&share(|it| matches!(it, Operation::Limit(..)))));
    }

    #[test]
    fn a_cancel_names_an_earlier_order() {
        let stream = Stream::generate(1, 10, 10_000);
        let mut placed = 0;
        for operation in stream.filling.iter().chain(&stream.timed) {
            match operation {
                Operation::Cancel(order) => assert!(*order < placed),
                _ => placed += 1,
            }
        }
        assert_eq!(placed, stream.orders());
    }
}
