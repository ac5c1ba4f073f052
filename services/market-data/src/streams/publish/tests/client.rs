//! A client's own book, kept as the documents say.

use crate::streams::name::Speed;
use emporion_api::wire::{Decimal, Depth, DepthEvent, VALUE_PLACES};
use emporion_model::SymbolName;
use std::collections::BTreeMap;

/// Which instructions a client follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Those of today: a snapshot from before the first event is fetched again.
    Documented,
    /// Those of before November 2025.
    Older,
    /// What CCXT checks.
    Ccxt,
}

impl Rule {
    pub(super) const ALL: [Self; 3] = [Self::Documented, Self::Older, Self::Ccxt];
}

/// Levels by price, both in units of the wire's last decimal.
pub(super) type Levels = BTreeMap<i128, i128>;

/// One client of one symbol's changes.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) symbol: SymbolName,
    pub(super) speed: Speed,
    rule: Rule,
    pub(super) is_connected: bool,
    buffer: Vec<DepthEvent>,
    /// A snapshot on its way.
    fetched: Option<Depth>,
    book: Option<Book>,
}

#[derive(Debug)]
struct Book {
    id: u64,
    is_fresh: bool,
    bids: Levels,
    asks: Levels,
}

impl Client {
    pub(super) fn new(symbol: SymbolName, speed: Speed, rule: Rule) -> Self {
        Self { symbol, speed, rule, is_connected: false, buffer: Vec::new(), fetched: None, book: None }
    }

    pub(super) fn connect(&mut self) {
        *self = Self { is_connected: true, ..Self::new(self.symbol, self.speed, self.rule) };
    }

    pub(super) fn leave(&mut self) {
        *self = Self::new(self.symbol, self.speed, self.rule);
    }

    pub(super) fn fetch(&mut self, snapshot: Depth) {
        self.fetched = Some(snapshot);
    }

    pub(super) fn hear(&mut self, event: DepthEvent) {
        match &mut self.book {
            None => self.buffer.push(event),
            Some(book) => book.apply(&event, self.rule),
        }
    }

    /// Begins the book with the snapshot that was fetched.
    pub(super) fn begin(&mut self) {
        let (Some(snapshot), None) = (self.fetched.take(), &self.book) else { return };
        let is_too_old = self.buffer.first().is_some_and(|first| snapshot.last_update_id < first.first_update_id);
        if self.rule == Rule::Documented && is_too_old {
            return;
        }
        let mut book = Book {
            id: snapshot.last_update_id,
            is_fresh: true,
            bids: levels(&snapshot.bids),
            asks: levels(&snapshot.asks),
        };
        self.buffer.drain(..).for_each(|event| book.apply(&event, self.rule));
        self.book = Some(book);
    }

    /// The id and both halves of the book, once there is one.
    pub(super) fn book(&self) -> Option<(u64, &Levels, &Levels)> {
        self.book.as_ref().map(|book| (book.id, &book.bids, &book.asks))
    }
}

impl Book {
    fn apply(&mut self, event: &DepthEvent, rule: Rule) {
        let (first, last) = (event.first_update_id, event.last_update_id);
        if last <= self.id {
            return;
        }
        let goes_on = match (rule, self.is_fresh) {
            (Rule::Documented | Rule::Older, true) => first <= self.id + 1 && self.id < last,
            (Rule::Documented | Rule::Older, false) => first == self.id + 1,
            (Rule::Ccxt, true) => first - 1 <= self.id && self.id < last,
            (Rule::Ccxt, false) => first - 1 == self.id,
        };
        assert!(goes_on, "{first}..={last} after {} by {rule:?}", self.id);
        for (half, rows) in [(&mut self.bids, &event.bids), (&mut self.asks, &event.asks)] {
            for (price, quantity) in levels(rows) {
                match quantity {
                    0 => half.remove(&price),
                    _ => half.insert(price, quantity),
                };
            }
        }
        (self.id, self.is_fresh) = (last, false);
    }
}

/// Rows as levels. Every price is there once.
pub(super) fn levels(rows: &[[Decimal; 2]]) -> Levels {
    let units = |decimal: Decimal| decimal.scaled(VALUE_PLACES).unwrap();
    let levels: Levels = rows.iter().map(|&[price, quantity]| (units(price), units(quantity))).collect();
    assert_eq!(levels.len(), rows.len());
    levels
}
