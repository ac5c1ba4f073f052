//! One symbol's book in streams: what changed in it, its top, and its best levels.
//!
//! The ranges of depth ids of one speed have no gaps, whether or not anybody hears them: who subscribes within a
//! window gets, at its end, everything since the window before it, and that includes all that a snapshot taken
//! meanwhile may lack.

use super::{Audience, Kind, Speed, Stream, StreamEvent, text};
use crate::fold::market::LevelChange;
use crate::fold::{Book, Level, Listing, Market};
use emporion_api::wire::{BookTickerEvent, Decimal, Depth, DepthEvent};
use emporion_model::{Price, Seq, Side, TimeUs};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many levels the streams of the top show.
const TOPS: [u8; 3] = [5, 10, 20];

/// What the streams of one symbol's book have told.
#[derive(Debug, Default)]
pub(super) struct BookStreams {
    best: [Option<Level>; 2],
    fast: Window,
    slow: Window,
}

/// What one speed has told, and what changed since.
#[derive(Debug, Default)]
struct Window {
    /// The depth id that the last range ended with.
    told: Seq,
    changed_bids: BTreeSet<Price>,
    changed_asks: BTreeSet<Price>,
    /// The depth id of the top that was shown last, for each of [`TOPS`] that anybody hears.
    tops: [Option<Seq>; TOPS.len()],
}

/// What is read of a book at the end of a window.
struct Read {
    depth_id: Seq,
    changes: Option<[Vec<Level>; 2]>,
    tops: [Option<[Vec<Level>; 2]>; TOPS.len()],
}

impl BookStreams {
    /// Streams that go on from here.
    pub(super) fn new(market: &Market) -> Self {
        let book = market.book();
        let window = || Window { told: book.depth_id(), ..Window::default() };
        Self { best: best(book), fast: window(), slow: window() }
    }

    /// Streams of a symbol that began with an empty book since anything was told.
    pub(super) fn of_listed(market: &Market) -> Self {
        Self { best: best(market.book()), ..Self::default() }
    }

    /// Notes that a level changed.
    pub(super) fn note(&mut self, change: LevelChange) {
        let (side, price) = change.level();
        self.fast.changed(side).insert(price);
        self.slow.changed(side).insert(price);
    }

    /// Tells the best levels if they are others than before.
    pub(super) fn tell_best(&mut self, listing: &Arc<Listing>, audience: &impl Audience) {
        let (now, depth_id) = {
            let market = listing.market.read();
            (best(market.book()), market.book().depth_id())
        };
        if std::mem::replace(&mut self.best, now) == now {
            return;
        }
        let stream = Stream::Of(listing.symbol.spec.name, Kind::BookTicker);
        if audience.is_wanted(stream) {
            audience.publish(best_event(stream, listing.clone(), now, depth_id));
        }
    }

    /// Tells how the best levels, or the top, stand.
    pub(super) fn tell_present(&mut self, listing: &Arc<Listing>, kind: Kind, audience: &impl Audience) {
        let stream = Stream::Of(listing.symbol.spec.name, kind);
        match kind {
            Kind::PartialDepth(levels, Speed::Ms100) => self.fast.tell_top(stream, listing, levels, audience),
            Kind::PartialDepth(levels, Speed::Ms1000) => self.slow.tell_top(stream, listing, levels, audience),
            _ => {
                let depth_id = listing.market.read().book().depth_id();
                audience.publish(best_event(stream, listing.clone(), self.best, depth_id));
            }
        }
    }

    /// Tells what changed since the last window of this speed, which ends now.
    pub(super) fn end_window(&mut self, listing: &Arc<Listing>, time: TimeUs, speed: Speed, audience: &impl Audience) {
        match speed {
            Speed::Ms100 => self.fast.end(listing, time, speed, audience),
            Speed::Ms1000 => self.slow.end(listing, time, speed, audience),
        }
    }
}

impl Window {
    fn changed(&mut self, side: Side) -> &mut BTreeSet<Price> {
        match side {
            Side::Buy => &mut self.changed_bids,
            Side::Sell => &mut self.changed_asks,
        }
    }

    fn end(&mut self, listing: &Arc<Listing>, time: TimeUs, speed: Speed, audience: &impl Audience) {
        let stream = |kind| Stream::Of(listing.symbol.spec.name, kind);
        let is_quiet = self.changed_bids.is_empty() && self.changed_asks.is_empty();
        let tops = TOPS.map(|levels| audience.is_wanted(stream(Kind::PartialDepth(levels, speed))));
        for (shown, is_wanted) in self.tops.iter_mut().zip(tops) {
            *shown = shown.filter(|_| is_wanted);
        }
        let is_new = |(shown, is_wanted): (&Option<Seq>, bool)| is_wanted && shown.is_none();
        if is_quiet && !self.tops.iter().zip(tops).any(is_new) {
            return;
        }
        let changes = stream(Kind::Depth(speed));
        let read = self.read(listing.market.read().book(), audience.is_wanted(changes), tops);
        let first_id = Seq(self.told.0 + 1);
        self.changed_bids.clear();
        self.changed_asks.clear();
        self.told = read.depth_id;
        self.tops = tops.map(|is_wanted| is_wanted.then_some(read.depth_id));
        if let Some(levels) = read.changes {
            audience.publish(change_event(changes, listing.clone(), time, [first_id, read.depth_id], levels));
        }
        for (count, levels) in TOPS.into_iter().zip(read.tops) {
            if let Some(levels) = levels {
                let top = stream(Kind::PartialDepth(count, speed));
                audience.publish(top_event(top, listing.clone(), read.depth_id, levels));
            }
        }
    }

    /// Tells a top now, so that the end of the window tells it again only if it changes until then.
    fn tell_top(&mut self, stream: Stream, listing: &Arc<Listing>, count: u8, audience: &impl Audience) {
        let (depth_id, levels) = {
            let market = listing.market.read();
            (market.book().depth_id(), top(market.book(), count))
        };
        for (shown, levels) in self.tops.iter_mut().zip(TOPS) {
            *shown = if levels == count { Some(depth_id) } else { *shown };
        }
        audience.publish(top_event(stream, listing.clone(), depth_id, levels));
    }

    /// Reads what there is to tell.
    fn read(&self, book: &Book, is_heard: bool, tops: [bool; TOPS.len()]) -> Read {
        let depth_id = book.depth_id();
        let level = |side, price: &Price| Level { price: *price, quantity: book.quantity(side, *price) };
        // Right after a start, the book may be ahead of the batches: those that it holds already change nothing.
        let changes = (is_heard && depth_id > self.told).then(|| {
            [
                self.changed_bids.iter().rev().map(|price| level(Side::Buy, price)).collect(),
                self.changed_asks.iter().map(|price| level(Side::Sell, price)).collect(),
            ]
        });
        let is_due = |index: usize| tops[index] && self.tops[index] != Some(depth_id);
        let tops = std::array::from_fn(|index| is_due(index).then(|| top(book, TOPS[index])));
        Read { depth_id, changes, tops }
    }
}

fn best(book: &Book) -> [Option<Level>; 2] {
    [Side::Buy, Side::Sell].map(|side| book.best(side))
}

fn top(book: &Book, count: u8) -> [Vec<Level>; 2] {
    [Side::Buy, Side::Sell].map(|side| book.levels(side, usize::from(count)))
}

fn best_event(stream: Stream, listing: Arc<Listing>, best: [Option<Level>; 2], depth_id: Seq) -> StreamEvent {
    StreamEvent::new(stream, move |_| {
        let [[bid_price, bid_qty], [ask_price, ask_qty]] = best.map(|level| listing.level_or_zero(level));
        let symbol = listing.symbol.spec.name.into();
        text(serde_json::to_string(&BookTickerEvent {
            update_id: depth_id.0,
            symbol,
            bid_price,
            bid_qty,
            ask_price,
            ask_qty,
        }))
    })
}

fn change_event(
    stream: Stream,
    listing: Arc<Listing>,
    time: TimeUs,
    [first_id, last_id]: [Seq; 2],
    levels: [Vec<Level>; 2],
) -> StreamEvent {
    StreamEvent::new(stream, move |unit| {
        let [bids, asks] = [0, 1].map(|side| rows(&listing, &levels[side]));
        text(serde_json::to_string(&DepthEvent {
            event_time: unit.of(time),
            symbol: listing.symbol.spec.name.into(),
            first_update_id: first_id.0,
            last_update_id: last_id.0,
            bids,
            asks,
        }))
    })
}

fn top_event(stream: Stream, listing: Arc<Listing>, depth_id: Seq, levels: [Vec<Level>; 2]) -> StreamEvent {
    StreamEvent::new(stream, move |_| {
        let [bids, asks] = [0, 1].map(|side| rows(&listing, &levels[side]));
        text(serde_json::to_string(&Depth { last_update_id: depth_id.0, bids, asks }))
    })
}

fn rows(listing: &Listing, levels: &[Level]) -> Vec<[Decimal; 2]> {
    levels.iter().map(|level| listing.level(level)).collect()
}
