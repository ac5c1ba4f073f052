//! `@miniTicker`, `@ticker`, `@avgPrice` and the arrays of all symbols: once a second what is not as it was.
//!
//! A value may change without a trade, because time has taken one out of its window. Times alone are no change.

use super::changes::Changes;
use super::{AllKind, Audience, Kind, Stream, StreamEvent, text};
use crate::fold::series::AVERAGE_MINUTES;
use crate::fold::{DayStatistics, Listing, View};
use crate::rest::tickers::show;
use emporion_api::TimeUnit;
use emporion_api::wire::{AveragePriceEvent, MiniTickerEvent, TickerEvent};
use emporion_model::{Price, Quantity, SymbolId, TimeUs};
use std::sync::Arc;

const _: () = assert!(AVERAGE_MINUTES == 5, "the streams name the minutes of the average");
const AVERAGE_INTERVAL: &str = "5m";

/// What the streams that tell something every second have told.
#[derive(Debug, Default)]
pub(super) struct SecondStreams {
    tickers: Changes<Place, DayStatistics>,
    mini_tickers: Changes<Place, DayStatistics>,
    averages: Changes<SymbolId, (Price, TimeUs)>,
}

/// Where a symbol is told of: in its own stream, or in that of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Own(SymbolId),
    All(SymbolId),
}

/// A symbol at a moment, ready to be written.
#[derive(Clone)]
struct Shot {
    listing: Arc<Listing>,
    statistics: DayStatistics,
}

/// The streams of one kind of ticker.
struct TickerStreams<'a> {
    told: &'a mut Changes<Place, DayStatistics>,
    kind: Kind,
    all: Stream,
    /// What of the statistics the kind tells.
    part: fn(&DayStatistics) -> DayStatistics,
    write: fn(&Shot, TimeUnit) -> String,
}

impl SecondStreams {
    /// Tells what changed since the last second.
    pub(super) fn tell(&mut self, view: &View, audience: &impl Audience) {
        self.full().tell(view, audience);
        self.mini().tell(view, audience);
        view.venue.listings().iter().for_each(|listing| self.tell_average(listing, view.time, audience));
    }

    /// Tells how a symbol stands, in one of its own streams.
    pub(super) fn tell_present(&mut self, view: &View, listing: &Arc<Listing>, kind: Kind, audience: &impl Audience) {
        match kind {
            Kind::Ticker => self.full().tell_present(view, listing, audience),
            Kind::MiniTicker => self.mini().tell_present(view, listing, audience),
            _ => {
                self.averages.forget(&listing.symbol.id);
                self.tell_average(listing, view.time, audience);
            }
        }
    }

    /// Lets the end of this second tell of all symbols, whether or not they changed. At once it would be told more
    /// often than once a second to all, for one who comes and goes.
    pub(super) fn tell_all_again(&mut self, kind: AllKind) {
        let told = match kind {
            AllKind::Tickers => &mut self.tickers,
            AllKind::MiniTickers => &mut self.mini_tickers,
        };
        told.forget_where(|place| matches!(place, Place::All(_)));
    }

    fn full(&mut self) -> TickerStreams<'_> {
        TickerStreams {
            told: &mut self.tickers,
            kind: Kind::Ticker,
            all: Stream::All(AllKind::Tickers),
            part: timeless,
            write: write_ticker,
        }
    }

    fn mini(&mut self) -> TickerStreams<'_> {
        TickerStreams {
            told: &mut self.mini_tickers,
            kind: Kind::MiniTicker,
            all: Stream::All(AllKind::MiniTickers),
            part: mini,
            write: write_mini_ticker,
        }
    }

    fn tell_average(&mut self, listing: &Arc<Listing>, now: TimeUs, audience: &impl Audience) {
        let stream = Stream::Of(listing.symbol.spec.name, Kind::AvgPrice);
        if !audience.is_wanted(stream) {
            return self.averages.forget(&listing.symbol.id);
        }
        let average = {
            let market = listing.market.read();
            market.average_price().zip(market.series().last().map(|last| last.last_time))
        };
        let Some((price, last_time)) = average else { return };
        if self.averages.is_new(listing.symbol.id, (price, last_time)) {
            audience.publish(average_event(stream, listing.clone(), price, last_time, now.max(last_time)));
        }
    }
}

impl TickerStreams<'_> {
    fn tell(mut self, view: &View, audience: &impl Audience) {
        let is_all_wanted = audience.is_wanted(self.all);
        let mut changed = Vec::new();
        for listing in view.venue.listings() {
            let (id, own) = (listing.symbol.id, self.own(listing));
            let is_own_wanted = audience.is_wanted(own);
            if !is_own_wanted && !is_all_wanted {
                self.told.forget(&Place::Own(id));
                self.told.forget(&Place::All(id));
                continue;
            }
            let shot = Shot::take(listing, view.time);
            if self.is_due(Place::Own(id), is_own_wanted, &shot) {
                audience.publish(self.event(own, shot.clone()));
            }
            if self.is_due(Place::All(id), is_all_wanted, &shot) {
                changed.push(shot);
            }
        }
        if !changed.is_empty() {
            audience.publish(array_event(self.all, changed, self.write));
        }
    }

    fn tell_present(self, view: &View, listing: &Arc<Listing>, audience: &impl Audience) {
        let shot = Shot::take(listing, view.time);
        self.told.is_new(Place::Own(listing.symbol.id), (self.part)(&shot.statistics));
        audience.publish(self.event(self.own(listing), shot));
    }

    fn own(&self, listing: &Listing) -> Stream {
        Stream::Of(listing.symbol.spec.name, self.kind)
    }

    fn event(&self, stream: Stream, shot: Shot) -> StreamEvent {
        let write = self.write;
        StreamEvent::new(stream, move |unit| write(&shot, unit))
    }

    fn is_due(&mut self, place: Place, is_wanted: bool, shot: &Shot) -> bool {
        if !is_wanted {
            self.told.forget(&place);
        }
        is_wanted && self.told.is_new(place, (self.part)(&shot.statistics))
    }
}

impl Shot {
    fn take(listing: &Arc<Listing>, now: TimeUs) -> Self {
        let statistics = listing.market.read().day_statistics();
        Self { listing: listing.clone(), statistics: DayStatistics { time: statistics.time.max(now), ..statistics } }
    }
}

/// All but the times.
fn timeless(statistics: &DayStatistics) -> DayStatistics {
    DayStatistics { open_second: 0, time: TimeUs::default(), ..*statistics }
}

/// What a mini ticker tells.
fn mini(statistics: &DayStatistics) -> DayStatistics {
    let last = statistics.last.map(|(price, _)| (price, Quantity::ZERO));
    DayStatistics { close_before: None, last, bid: None, ask: None, ..timeless(statistics) }
}

fn write_ticker(shot: &Shot, unit: TimeUnit) -> String {
    let ticker = show(&shot.listing, &shot.statistics, unit);
    text(serde_json::to_string(&TickerEvent {
        event_time: ticker.close_time,
        symbol: ticker.symbol,
        price_change: ticker.price_change,
        price_change_percent: ticker.price_change_percent,
        weighted_avg_price: ticker.weighted_avg_price,
        prev_close_price: ticker.prev_close_price,
        last_price: ticker.last_price,
        last_qty: ticker.last_qty,
        bid_price: ticker.bid_price,
        bid_qty: ticker.bid_qty,
        ask_price: ticker.ask_price,
        ask_qty: ticker.ask_qty,
        open_price: ticker.open_price,
        high_price: ticker.high_price,
        low_price: ticker.low_price,
        volume: ticker.volume,
        quote_volume: ticker.quote_volume,
        open_time: ticker.open_time,
        close_time: ticker.close_time,
        first_id: ticker.first_id,
        last_id: ticker.last_id,
        count: ticker.count,
    }))
}

fn write_mini_ticker(shot: &Shot, unit: TimeUnit) -> String {
    let ticker = show(&shot.listing, &shot.statistics, unit);
    text(serde_json::to_string(&MiniTickerEvent {
        event_time: ticker.close_time,
        symbol: ticker.symbol,
        last_price: ticker.last_price,
        open_price: ticker.open_price,
        high_price: ticker.high_price,
        low_price: ticker.low_price,
        volume: ticker.volume,
        quote_volume: ticker.quote_volume,
    }))
}

fn array_event(stream: Stream, shots: Vec<Shot>, write: fn(&Shot, TimeUnit) -> String) -> StreamEvent {
    StreamEvent::new(stream, move |unit| {
        let each: Vec<String> = shots.iter().map(|shot| write(shot, unit)).collect();
        format!("[{}]", each.join(","))
    })
}

fn average_event(
    stream: Stream,
    listing: Arc<Listing>,
    price: Price,
    last_trade_time: TimeUs,
    now: TimeUs,
) -> StreamEvent {
    StreamEvent::new(stream, move |unit| {
        text(serde_json::to_string(&AveragePriceEvent {
            event_time: unit.of(now),
            symbol: listing.symbol.spec.name.into(),
            interval: AVERAGE_INTERVAL,
            price: listing.price(price),
            last_trade_time: unit.of(last_trade_time),
        }))
    })
}
