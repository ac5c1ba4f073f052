//! From the fold to the streams: which events there are, and what each says.
//!
//! A [`Publisher`] is told of every batch that the fold has taken and of every end of a window of time; what it
//! tells follows from these alone. It reads a market under its lock, and writes JSON outside of it. Klines, which
//! may have to be read from the tables, have a task of their own in [`klines`]. What must not live here: clocks
//! (but for that task's), connections, and what a connection's client wants.

mod book;
mod changes;
pub(crate) mod klines;
mod seconds;
#[cfg(test)]
mod tests;
mod trades;

use super::event::StreamEvent;
use super::hub::Hub;
use super::name::{AllKind, Kind, Speed, Stream};
use crate::fold::market::{LevelChange, public};
use crate::fold::{Listing, View, market_of};
use book::BookStreams;
use emporion_model::{Event, Interval, Seq, SymbolId, SymbolName};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::tables::TradeRow;
use seconds::SecondStreams;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who may want to hear of something.
pub(crate) trait Audience {
    /// Whether anybody hears this stream. Nothing is written for streams that nobody hears.
    fn is_wanted(&self, stream: Stream) -> bool;

    /// The streams of klines that anybody hears.
    fn wanted_klines(&self) -> Vec<(SymbolName, Interval, i32)>;

    /// The streams, klines apart, that somebody came to since the last call, of those that tell how something stands.
    fn take_newcomers(&self) -> BTreeSet<Stream>;

    /// The same of klines.
    fn take_kline_newcomers(&self) -> BTreeSet<Stream>;

    /// Tells all who hear the event's stream.
    fn publish(&self, event: StreamEvent);
}

impl Audience for Hub {
    fn is_wanted(&self, stream: Stream) -> bool {
        Hub::is_wanted(self, stream)
    }

    fn wanted_klines(&self) -> Vec<(SymbolName, Interval, i32)> {
        Hub::wanted_klines(self)
    }

    fn take_newcomers(&self) -> BTreeSet<Stream> {
        Hub::take_newcomers(self)
    }

    fn take_kline_newcomers(&self) -> BTreeSet<Stream> {
        Hub::take_kline_newcomers(self)
    }

    fn publish(&self, event: StreamEvent) {
        metrics::counter!("stream_events_total", "kind" => label(event.stream())).increment(1);
        Hub::publish(self, event);
    }
}

/// What the streams have told so far, and with it what they must tell next.
pub(crate) struct Publisher<A> {
    audience: A,
    /// The last command whose trades were told, or came before. A fold that starts again from tables that lag
    /// behind brings them once more.
    told: Seq,
    /// By symbol.
    books: Vec<BookStreams>,
    seconds: SecondStreams,
}

impl<A: Audience> Publisher<A> {
    /// One that has told nothing.
    pub(crate) fn new(audience: A) -> Self {
        Self { audience, told: Seq::ZERO, books: Vec::new(), seconds: SecondStreams::default() }
    }

    /// Begins with a fold that is fresh from the tables. Whoever listened before must have been cut off: depth ids
    /// need not go on where they ended.
    pub(crate) fn begin(&mut self, view: &View) {
        self.told = self.told.max(view.seq);
        self.books = view.venue.listings().iter().map(|listing| BookStreams::new(&listing.market.read())).collect();
        self.seconds = SecondStreams::default();
    }

    /// Tells what a batch did, once the fold has taken all of it.
    pub(crate) fn on_batch(&mut self, view: &View, batch: &CommittedBatch) {
        for listing in &view.venue.listings()[self.books.len()..] {
            self.begin_listed(listing);
        }
        for symbol in self.note_levels(batch) {
            let index = usize::from(symbol.0);
            self.books[index].tell_best(&view.venue.listings()[index], &self.audience);
        }
        if batch.head.seq > self.told {
            self.told = batch.head.seq;
            for (symbol, trades) in trades_of(batch) {
                trades::tell(&view.venue.listings()[usize::from(symbol.0)], &trades, &self.audience);
            }
        }
    }

    /// Tells the present value of every stream that somebody came to since the last time, who would wait for its next
    /// change otherwise. Whoever heard it before may hear it twice.
    pub(crate) fn greet(&mut self, view: &View) {
        for stream in self.audience.take_newcomers() {
            match stream {
                Stream::All(kind) => self.seconds.tell_all_again(kind),
                Stream::Of(symbol, kind) if self.audience.is_wanted(stream) => {
                    if let Some(listing) = view.venue.named(&symbol) {
                        self.tell_present(view, listing, kind);
                    }
                }
                Stream::Of(..) => {}
            }
        }
    }

    fn tell_present(&mut self, view: &View, listing: &Arc<Listing>, kind: Kind) {
        match kind {
            Kind::PartialDepth(..) | Kind::BookTicker => {
                self.books[usize::from(listing.symbol.id.0)].tell_present(listing, kind, &self.audience);
            }
            Kind::Ticker | Kind::MiniTicker | Kind::AvgPrice => {
                self.seconds.tell_present(view, listing, kind, &self.audience);
            }
            Kind::Trade | Kind::AggTrade | Kind::Depth(_) | Kind::Kline(..) => {}
        }
    }

    /// Tells how books changed since the last window of this speed ended.
    pub(crate) fn on_window(&mut self, view: &View, speed: Speed) {
        for (book, listing) in self.books.iter_mut().zip(view.venue.listings()) {
            book.end_window(listing, view.time, speed, &self.audience);
        }
    }

    /// Tells the statistics that changed within the last second.
    pub(crate) fn on_second(&mut self, view: &View) {
        self.seconds.tell(view, &self.audience);
    }

    /// Begins with a symbol that was just listed. Who subscribed before is told how its best levels stand; what else
    /// has a value begins by itself.
    fn begin_listed(&mut self, listing: &Arc<Listing>) {
        let streams = BookStreams::of_listed(&listing.market.read());
        self.books.push(streams);
        let best = Stream::Of(listing.symbol.spec.name, Kind::BookTicker);
        if self.audience.is_wanted(best) {
            self.books[usize::from(listing.symbol.id.0)].tell_present(listing, Kind::BookTicker, &self.audience);
        }
    }

    /// Notes every level that a batch changed, and returns the symbols of them.
    fn note_levels(&mut self, batch: &CommittedBatch) -> BTreeSet<SymbolId> {
        let mut touched = BTreeSet::new();
        for event in batch.entries.iter().flat_map(|entry| &entry.events) {
            if let (Some(symbol), Some(change)) = (market_of(event), LevelChange::by(event)) {
                self.books[usize::from(symbol.0)].note(change);
                touched.insert(symbol);
            }
        }
        touched
    }
}

/// The trades of a batch, in order, by symbol.
fn trades_of(batch: &CommittedBatch) -> BTreeMap<SymbolId, Vec<TradeRow>> {
    let mut trades: BTreeMap<SymbolId, Vec<TradeRow>> = BTreeMap::new();
    for event in batch.entries.iter().flat_map(|entry| &entry.events) {
        if let Event::Traded(trade) = event {
            trades.entry(trade.symbol).or_default().push(public(trade, batch.head.time));
        }
    }
    trades
}

/// What an encoder returns.
fn text(written: serde_json::Result<String>) -> String {
    written.expect("text and numbers under fixed keys can always be written")
}

/// What metrics call a stream.
fn label(stream: Stream) -> &'static str {
    match stream {
        Stream::All(AllKind::MiniTickers) => "all_mini_tickers",
        Stream::All(AllKind::Tickers) => "all_tickers",
        Stream::Of(_, kind) => match kind {
            Kind::Trade => "trade",
            Kind::AggTrade => "agg_trade",
            Kind::Depth(_) => "depth",
            Kind::PartialDepth(..) => "partial_depth",
            Kind::BookTicker => "book_ticker",
            Kind::Kline(..) => "kline",
            Kind::MiniTicker => "mini_ticker",
            Kind::Ticker => "ticker",
            Kind::AvgPrice => "average_price",
        },
    }
}
