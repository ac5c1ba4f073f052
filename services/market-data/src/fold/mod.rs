//! The fold: what the public may see, as a pure function of the committed batches.
//!
//! [`Fold`] takes batches in order and nothing else: no clock, no I/O, no randomness; its time is the engine's.
//! So every process that folds the same journal shows the same ids, books, windows and prices. What must not
//! live here: wire formats, requests, and where batches come from.

pub mod book;
pub(crate) mod bucket;
pub mod market;
pub mod series;
pub mod tape;
#[cfg(test)]
pub(crate) mod tests;
pub mod venue;
mod window;

pub use book::{Book, Level};
pub use market::{DayStatistics, Market};
pub use series::{Day, Series};
pub use tape::Tape;
pub use venue::{Listing, Venue};

use emporion_model::{AssetId, Event, History, Seq, SymbolId, TimeUs};
use emporion_ports::feed::CommittedBatch;
use std::sync::Arc;

/// Why an event cannot be applied: this fold is not at the state that the event follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// A level holds less than is taken from it.
    #[error("a level of the book holds less than is taken from it")]
    Level,
    /// An event names a symbol that is not listed, or lists one out of turn.
    #[error("symbol {0} is not listed")]
    Symbol(SymbolId),
    /// A symbol names an asset that does not exist.
    #[error("asset {0} does not exist")]
    Asset(AssetId),
    /// A quantity is too large for its asset's ledger.
    #[error("a quantity is too large for its asset's ledger")]
    Amount,
}

/// What readers hold: where the fold is, and everything listed, with the markets.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The stretch of the journal, once a batch of it came.
    pub history: History,
    /// The last command that is in it. A market may already be further.
    pub seq: Seq,
    /// The engine time of that command's batch.
    pub time: TimeUs,
    /// What is listed.
    pub venue: Arc<Venue>,
}

/// The state after a run of batches.
#[derive(Debug, Default)]
pub struct Fold {
    view: View,
}

impl Fold {
    /// A fold at a state out of the tables, to be moved on by the batches after `view.seq`. Parts of it may
    /// be further than that, see [`Market::restore`].
    pub fn restore(view: View) -> Self {
        Self { view }
    }

    /// The state as readers may hold it.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Applies the next batch. After an error the state is no longer whole and must be made anew.
    pub fn apply(&mut self, batch: &CommittedBatch) -> Result<(), FoldError> {
        let time = batch.head.time;
        self.change_venue(batch)?;
        self.change_markets(batch)?;
        if time.second() > self.view.time.second() {
            self.view.venue.listings().iter().for_each(|listing| listing.market.write().advance(time));
        }
        self.view.history = batch.head.history;
        self.view.seq = batch.head.seq;
        self.view.time = time;
        Ok(())
    }

    fn change_venue(&mut self, batch: &CommittedBatch) -> Result<(), FoldError> {
        let events = batch.entries.iter().flat_map(|entry| &entry.events);
        for event in events.filter(|event| Venue::is_changed_by(event)) {
            Arc::make_mut(&mut self.view.venue).apply(batch.head.time, event)?;
        }
        Ok(())
    }

    /// Symbols do not touch each other, so each takes all of its events under one lock.
    fn change_markets(&mut self, batch: &CommittedBatch) -> Result<(), FoldError> {
        let events = batch.numbered().flat_map(|(seq, entry)| entry.events.iter().map(move |event| (seq, event)));
        let mut by_symbol: Vec<(SymbolId, Seq, &Event)> =
            events.filter_map(|(seq, event)| Some((market_of(event)?, seq, event))).collect();
        by_symbol.sort_by_key(|&(symbol, ..)| symbol);
        for of_symbol in by_symbol.chunk_by(|(one, ..), (other, ..)| one == other) {
            let mut market = self.view.venue.listing(of_symbol[0].0)?.market.write();
            market.advance(batch.head.time);
            for &(_, seq, event) in of_symbol {
                market.apply(seq, batch.head.time, event)?;
            }
        }
        Ok(())
    }
}

/// The market that an event changes, if any.
pub(crate) fn market_of(event: &Event) -> Option<SymbolId> {
    match event {
        Event::OrderRested(rested) => Some(rested.symbol),
        Event::Traded(trade) => Some(trade.symbol),
        Event::SelfTradePrevented(prevented) => Some(prevented.symbol),
        Event::OrderClosed(closed) => Some(closed.symbol),
        _ => None,
    }
}
