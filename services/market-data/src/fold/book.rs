//! One symbol's resting quantity by price. Orders have no place here: a level is one number.

use super::FoldError;
use emporion_model::{Price, Quantity, Seq, Side};
use std::collections::BTreeMap;

/// All resting quantity at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// The quantity, in units of the symbol's quantity scale. Many orders may sum to more than one can have.
    pub quantity: u128,
}

/// Both halves of a book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    bids: BTreeMap<Price, u128>,
    asks: BTreeMap<Price, u128>,
    depth_id: Seq,
}

impl Book {
    /// An empty book that was last changed by the command `depth_id`.
    pub fn new(depth_id: Seq) -> Self {
        Self { depth_id, ..Self::default() }
    }

    /// The seq of the last command that changed this book: `lastUpdateId`.
    pub fn depth_id(&self) -> Seq {
        self.depth_id
    }

    /// Adds `quantity` at `price`, by the command `seq`.
    pub fn grow(&mut self, side: Side, price: Price, quantity: Quantity, seq: Seq) {
        if quantity.is_zero() {
            return;
        }
        *self.half(side).entry(price).or_default() += u128::from(quantity.0);
        self.depth_id = seq;
    }

    /// Takes `quantity` away from the level at `price`, by the command `seq`. A level that holds less is a
    /// sign that this book is not the engine's.
    pub fn shrink(&mut self, side: Side, price: Price, quantity: Quantity, seq: Seq) -> Result<(), FoldError> {
        if quantity.is_zero() {
            return Ok(());
        }
        let half = self.half(side);
        let level = half.get_mut(&price).ok_or(FoldError::Level)?;
        *level = level.checked_sub(u128::from(quantity.0)).ok_or(FoldError::Level)?;
        if *level == 0 {
            half.remove(&price);
        }
        self.depth_id = seq;
        Ok(())
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<Level> {
        self.levels(side, 1).pop()
    }

    /// Up to `levels_max` levels of a side, best first.
    pub fn levels(&self, side: Side, levels_max: usize) -> Vec<Level> {
        let level = |(&price, &quantity): (&Price, &u128)| Level { price, quantity };
        match side {
            Side::Buy => self.bids.iter().rev().take(levels_max).map(level).collect(),
            Side::Sell => self.asks.iter().take(levels_max).map(level).collect(),
        }
    }

    /// The quantity at a price; zero where there is no level.
    pub fn quantity(&self, side: Side, price: Price) -> u128 {
        let half = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        half.get(&price).copied().unwrap_or_default()
    }

    fn half(&mut self, side: Side) -> &mut BTreeMap<Price, u128> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: u64, quantity: u128) -> Level {
        Level { price: Price(price), quantity }
    }

    #[test]
    fn levels_are_best_first() {
        let mut book = Book::default();
        for (side, price) in [(Side::Buy, 9), (Side::Buy, 10), (Side::Sell, 12), (Side::Sell, 11)] {
            book.grow(side, Price(price), Quantity(price), Seq(price));
        }
        assert_eq!(book.levels(Side::Buy, 5), [level(10, 10), level(9, 9)]);
        assert_eq!(book.levels(Side::Sell, 5), [level(11, 11), level(12, 12)]);
        assert_eq!(book.levels(Side::Sell, 1), [level(11, 11)]);
        assert_eq!(book.best(Side::Buy), Some(level(10, 10)));
        assert_eq!([9, 11].map(|price| book.quantity(Side::Buy, Price(price))), [9, 0]);
        assert_eq!([9, 11].map(|price| book.quantity(Side::Sell, Price(price))), [0, 11]);
        assert_eq!(book.depth_id(), Seq(11));
    }

    #[test]
    fn a_level_sums_beyond_one_order_and_goes_when_empty() {
        let mut book = Book::new(Seq(7));
        assert_eq!(book.depth_id(), Seq(7));
        for seq in [8, 9] {
            book.grow(Side::Sell, Price(1), Quantity(u64::MAX), Seq(seq));
        }
        assert_eq!(book.best(Side::Sell), Some(level(1, 2 * u128::from(u64::MAX))));
        for seq in [10, 11] {
            book.shrink(Side::Sell, Price(1), Quantity(u64::MAX), Seq(seq)).expect("there is as much");
        }
        assert_eq!(book, Book::new(Seq(11)));
    }

    #[test]
    fn nothing_added_or_removed_is_no_change() {
        let mut book = Book::new(Seq(3));
        book.grow(Side::Buy, Price(1), Quantity::ZERO, Seq(4));
        book.shrink(Side::Buy, Price(1), Quantity::ZERO, Seq(5)).expect("nothing is always there");
        assert_eq!(book, Book::new(Seq(3)));
    }

    #[test]
    fn a_level_that_is_too_small_is_an_error() {
        let mut book = Book::default();
        book.grow(Side::Buy, Price(1), Quantity(5), Seq(1));
        assert_eq!(book.shrink(Side::Buy, Price(2), Quantity(1), Seq(2)), Err(FoldError::Level));
        assert_eq!(book.shrink(Side::Sell, Price(1), Quantity(1), Seq(2)), Err(FoldError::Level));
        assert_eq!(book.shrink(Side::Buy, Price(1), Quantity(6), Seq(2)), Err(FoldError::Level));
    }
}
