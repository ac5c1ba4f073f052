//! The order book of one symbol: price levels with their orders in time priority.
//!
//! The two halves are alike: a half orders its levels by a key in which smaller is better (the price for
//! asks, its complement for bids). Levels lie in chunks of 64 neighbouring prices with one bit each, and
//! the chunks in a map, so that the touch costs a few instructions and a far price a short search.
//! Orders are nodes of intrusive lists: entering, leaving and matching are O(1) in the length of the queue
//! and allocate nothing once the tables have grown. Nothing here knows money, owners or clients.

use emporion_model::{Price, Quantity, Side};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A place in the node table: the dense inner name of an open order.
pub type OrderIndex = u32;

/// A place in a half's level table.
pub type LevelIndex = u32;

/// No place.
pub const NONE: u32 = u32::MAX;

const CHUNK_BITS: u32 = 6;

/// The part of an open order that matching touches.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// What is left of it.
    pub remaining: Quantity,
    /// Whose it is: the engine's account index.
    pub owner: u32,
    level: LevelIndex,
    prev: OrderIndex,
    next: OrderIndex,
}

/// The nodes of all books of the venue.
#[derive(Debug, Default)]
pub struct Nodes {
    nodes: Vec<Node>,
    free: Vec<OrderIndex>,
}

impl Nodes {
    /// Takes a place for an order that is about to enter a book.
    pub fn take(&mut self, owner: u32, remaining: Quantity) -> OrderIndex {
        let node = Node { remaining, owner, level: NONE, prev: NONE, next: NONE };
        match self.free.pop() {
            Some(index) => {
                self.nodes[index as usize] = node;
                index
            }
            None => {
                let index = OrderIndex::try_from(self.nodes.len()).expect("open orders are bounded far below 2^32");
                self.nodes.push(node);
                index
            }
        }
    }

    /// Gives the place of an order that has left its book back.
    pub fn give_back(&mut self, index: OrderIndex) {
        self.free.push(index);
    }

    /// The node at a place that is taken.
    pub fn get(&self, index: OrderIndex) -> &Node {
        &self.nodes[index as usize]
    }

    /// The order behind this one at the same price.
    pub fn behind(&self, index: OrderIndex) -> Option<OrderIndex> {
        some(self.get(index).next)
    }

    fn get_mut(&mut self, index: OrderIndex) -> &mut Node {
        &mut self.nodes[index as usize]
    }
}

/// All resting quantity at one price.
#[derive(Clone, Debug)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// The sum of what is left of its orders.
    pub quantity: u128,
    /// How many orders there are.
    pub orders: u32,
    head: OrderIndex,
    tail: OrderIndex,
    chunk: u32,
}

impl Level {
    /// The order that is first in line.
    pub fn first(&self) -> OrderIndex {
        self.head
    }
}

#[derive(Clone, Debug)]
struct Chunk {
    key: u64,
    occupied: u64,
    levels: [LevelIndex; 1 << CHUNK_BITS],
}

/// One half of a book.
#[derive(Debug)]
pub struct Half {
    /// `price ^ complement` is the key in which smaller is better.
    complement: u64,
    chunk_of_key: BTreeMap<u64, u32>,
    chunks: Vec<Chunk>,
    free_chunks: Vec<u32>,
    best_chunk: u32,
    levels: Vec<Level>,
    free_levels: Vec<LevelIndex>,
}

impl Half {
    /// An empty half for this side.
    pub fn new(side: Side) -> Self {
        Self {
            complement: if side == Side::Buy { u64::MAX } else { 0 },
            chunk_of_key: BTreeMap::new(),
            chunks: Vec::new(),
            free_chunks: Vec::new(),
            best_chunk: NONE,
            levels: Vec::new(),
            free_levels: Vec::new(),
        }
    }

    /// The best level.
    pub fn best(&self) -> Option<LevelIndex> {
        let chunk = self.chunks.get(self.best_chunk as usize)?;
        Some(chunk.levels[chunk.occupied.trailing_zeros() as usize])
    }

    /// The next level that is worse than this one.
    pub fn after(&self, level: LevelIndex) -> Option<LevelIndex> {
        let level = self.level(level);
        let chunk = &self.chunks[level.chunk as usize];
        let worse = chunk.occupied & (u64::MAX << self.bit(level.price) << 1);
        if worse != 0 {
            return Some(chunk.levels[worse.trailing_zeros() as usize]);
        }
        let beyond = (Bound::Excluded(chunk.key), Bound::Unbounded);
        let (_, &next) = self.chunk_of_key.range(beyond).next()?;
        let chunk = &self.chunks[next as usize];
        Some(chunk.levels[chunk.occupied.trailing_zeros() as usize])
    }

    /// The level at a place that is taken.
    pub fn level(&self, level: LevelIndex) -> &Level {
        &self.levels[level as usize]
    }

    /// Whether a taker with this limit reaches `price`, which is of this half. No limit reaches all.
    pub fn reaches(&self, limit: Option<Price>, price: Price) -> bool {
        limit.is_none_or(|limit| price.0 ^ self.complement <= limit.0 ^ self.complement)
    }

    /// The levels from the best to the worst.
    pub fn levels(&self) -> impl Iterator<Item = &Level> {
        std::iter::successors(self.best(), |&level| self.after(level)).map(|level| self.level(level))
    }

    /// Puts an order at the end of the line at this price.
    pub fn enter(&mut self, nodes: &mut Nodes, order: OrderIndex, price: Price) {
        let level_index = self.level_at(price);
        let level = &mut self.levels[level_index as usize];
        let tail = std::mem::replace(&mut level.tail, order);
        level.orders += 1;
        let node = nodes.get_mut(order);
        level.quantity += u128::from(node.remaining.0);
        node.level = level_index;
        node.prev = tail;
        node.next = NONE;
        if tail == NONE {
            level.head = order;
        } else {
            nodes.get_mut(tail).next = order;
        }
    }

    /// Lowers what is left of an order; it keeps its place in the line, even at zero.
    pub fn shrink(&mut self, nodes: &mut Nodes, order: OrderIndex, by: Quantity) {
        let node = nodes.get_mut(order);
        node.remaining = node.remaining.checked_sub(by).expect("an order shrinks by at most what is left of it");
        self.levels[node.level as usize].quantity -= u128::from(by.0);
    }

    /// Takes an order out of the line and the level out of the book when it was the last.
    pub fn leave(&mut self, nodes: &mut Nodes, order: OrderIndex) {
        let Node { remaining, level: level_index, prev, next, .. } = *nodes.get(order);
        let level = &mut self.levels[level_index as usize];
        level.quantity -= u128::from(remaining.0);
        level.orders -= 1;
        match some(prev) {
            Some(prev) => nodes.get_mut(prev).next = next,
            None => level.head = next,
        }
        match some(next) {
            Some(next) => nodes.get_mut(next).prev = prev,
            None => level.tail = prev,
        }
        if self.levels[level_index as usize].orders == 0 {
            self.remove_level(level_index);
        }
    }

    fn bit(&self, price: Price) -> u32 {
        ((price.0 ^ self.complement) & ((1 << CHUNK_BITS) - 1)) as u32
    }

    fn level_at(&mut self, price: Price) -> LevelIndex {
        let chunk_index = self.chunk_at((price.0 ^ self.complement) >> CHUNK_BITS);
        let bit = self.bit(price);
        let chunk = &mut self.chunks[chunk_index as usize];
        if chunk.occupied & 1 << bit != 0 {
            return chunk.levels[bit as usize];
        }
        let level = Level { price, quantity: 0, orders: 0, head: NONE, tail: NONE, chunk: chunk_index };
        let level_index = put(&mut self.levels, &mut self.free_levels, level);
        chunk.occupied |= 1 << bit;
        chunk.levels[bit as usize] = level_index;
        level_index
    }

    fn chunk_at(&mut self, key: u64) -> u32 {
        if let Some(best) = self.chunks.get(self.best_chunk as usize).filter(|best| best.key == key) {
            debug_assert_ne!(best.occupied, 0, "an empty chunk is never kept");
            return self.best_chunk;
        }
        if let Some(&index) = self.chunk_of_key.get(&key) {
            return index;
        }
        let chunk = Chunk { key, occupied: 0, levels: [NONE; 1 << CHUNK_BITS] };
        let index = put(&mut self.chunks, &mut self.free_chunks, chunk);
        self.chunk_of_key.insert(key, index);
        if self.chunks.get(self.best_chunk as usize).is_none_or(|best| key < best.key) {
            self.best_chunk = index;
        }
        index
    }

    fn remove_level(&mut self, level_index: LevelIndex) {
        let Level { price, chunk: chunk_index, .. } = self.levels[level_index as usize];
        self.free_levels.push(level_index);
        let bit = self.bit(price);
        let chunk = &mut self.chunks[chunk_index as usize];
        chunk.occupied &= !(1 << bit);
        if chunk.occupied != 0 {
            return;
        }
        self.chunk_of_key.remove(&chunk.key);
        self.free_chunks.push(chunk_index);
        if self.best_chunk == chunk_index {
            self.best_chunk = self.chunk_of_key.first_key_value().map_or(NONE, |(_, &index)| index);
        }
    }
}

/// Both halves.
#[derive(Debug)]
pub struct Book {
    bids: Half,
    asks: Half,
}

impl Default for Book {
    fn default() -> Self {
        Self { bids: Half::new(Side::Buy), asks: Half::new(Side::Sell) }
    }
}

impl Book {
    /// The half in which orders of this side rest.
    pub fn half(&self, side: Side) -> &Half {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// The half in which orders of this side rest.
    pub fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Whether an order of this side with this limit would match at once.
    pub fn crosses(&self, side: Side, limit: Price) -> bool {
        let half = self.half(side.opposite());
        half.best().is_some_and(|best| half.reaches(Some(limit), half.level(best).price))
    }
}

fn some(index: u32) -> Option<u32> {
    (index != NONE).then_some(index)
}

fn put<T>(table: &mut Vec<T>, free: &mut Vec<u32>, item: T) -> u32 {
    if let Some(index) = free.pop() {
        table[index as usize] = item;
        return index;
    }
    let index = u32::try_from(table.len()).expect("there are fewer levels than orders, and those are bounded");
    table.push(item);
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters orders `(price, quantity)` and gives the levels back as `(price, quantity, orders)`.
    fn check(side: Side, orders: &[(u64, u64)], leaving: &[usize], expected: &[(u64, u128, u32)]) {
        let (mut nodes, mut half) = (Nodes::default(), Half::new(side));
        let places: Vec<_> = orders
            .iter()
            .map(|&(price, quantity)| {
                let order = nodes.take(0, Quantity(quantity));
                half.enter(&mut nodes, order, Price(price));
                order
            })
            .collect();
        for &place in leaving {
            half.leave(&mut nodes, places[place]);
            nodes.give_back(places[place]);
        }
        let levels: Vec<_> = half.levels().map(|level| (level.price.0, level.quantity, level.orders)).collect();
        assert_eq!(levels, expected);
    }

    #[test]
    fn levels_are_ordered_from_the_best() {
        let orders = [(100, 1), (64, 2), (63, 3), (1_000_000, 4), (100, 5), (0, 6)];
        check(Side::Sell, &orders, &[], &[(0, 6, 1), (63, 3, 1), (64, 2, 1), (100, 6, 2), (1_000_000, 4, 1)]);
        check(Side::Buy, &orders, &[], &[(1_000_000, 4, 1), (100, 6, 2), (64, 2, 1), (63, 3, 1), (0, 6, 1)]);
    }

    #[test]
    fn an_emptied_level_leaves_the_book() {
        let orders = [(5, 1), (5, 2), (5, 3), (700, 4)];
        check(Side::Sell, &orders, &[1], &[(5, 4, 2), (700, 4, 1)]);
        check(Side::Sell, &orders, &[0, 2, 1], &[(700, 4, 1)]);
        check(Side::Buy, &orders, &[3], &[(5, 6, 3)]);
        check(Side::Buy, &orders, &[0, 1, 2, 3], &[]);
    }

    #[test]
    fn the_ends_of_the_price_range_have_their_place() {
        for side in [Side::Buy, Side::Sell] {
            let mut levels = [(0, 1, 1), (u64::MAX, 2, 1)];
            if side == Side::Buy {
                levels.reverse();
            }
            check(side, &[(0, 1), (u64::MAX, 2)], &[], &levels);
        }
    }

    #[test]
    fn a_limit_reaches_prices_as_good_as_itself() {
        let asks = Half::new(Side::Sell);
        assert!(asks.reaches(Some(Price(10)), Price(10)) && asks.reaches(Some(Price(10)), Price(9)));
        assert!(!asks.reaches(Some(Price(10)), Price(11)) && asks.reaches(None, Price(u64::MAX)));
        let bids = Half::new(Side::Buy);
        assert!(bids.reaches(Some(Price(10)), Price(11)) && !bids.reaches(Some(Price(10)), Price(9)));
    }
}
