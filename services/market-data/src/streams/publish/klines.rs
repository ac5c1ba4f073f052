//! `@kline_…`: the kline of now whenever it changed, and each kline once more when it is closed.
//!
//! A kline may have to be read from the tables, so this goes on beside the fold and never holds it up. What is slow
//! here comes late; nothing is left out, and nothing comes twice or out of order.

use super::{Audience, Kind, Stream, StreamEvent, text};
use crate::cold_start::Tables;
use crate::fold::{Listing, View};
use crate::klines::{Candle, KlinesError, Wanted, read};
use crate::rest::klines::kline;
use emporion_api::wire::{Decimal, KlineEvent, StreamKline};
use emporion_model::{Calendar, Interval, SymbolName, TimeUs, TradeId};
use emporion_ports::imported::ImportedKlines;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How many klines one question asks for. More may have closed since the last round when time leapt.
const KLINES_PER_READ: u32 = 500;

/// A stream: symbol, interval, minutes east of Greenwich.
type Key = (SymbolName, Interval, i32);

/// How often klines are told: those of a second every second, the others every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Second,
    TwoSeconds,
}

/// What the streams of klines have told, and where klines are read.
pub(crate) struct KlineStreams<A> {
    audience: A,
    tables: Tables,
    imported: Arc<dyn ImportedKlines>,
    fast: Round,
    slow: Round,
}

/// What was told at one pace.
#[derive(Default)]
struct Round {
    /// The engine's second at the last round. Who subscribed since may have seen klines of that time close.
    last: Option<u64>,
    lines: BTreeMap<Key, Line>,
}

/// What one stream has told.
struct Line {
    /// The start of the oldest kline that was not told as closed.
    open: i64,
    /// What was told of it.
    told: Option<Candle>,
    /// The last trade when it was read; nothing but a later one changes it.
    read_at: Option<Option<TradeId>>,
}

impl<A: Audience> KlineStreams<A> {
    /// Streams that have told nothing.
    pub(crate) fn new(audience: A, tables: Tables, imported: Arc<dyn ImportedKlines>) -> Self {
        Self { audience, tables, imported, fast: Round::default(), slow: Round::default() }
    }

    /// Tells klines for as long as the fold behind `views` is the same one.
    pub(crate) async fn run(mut self, views: watch::Receiver<View>) {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            for paces in [&[Pace::Second][..], &[Pace::Second, Pace::TwoSeconds]] {
                seconds.tick().await;
                let view = views.borrow().clone();
                warn_of(self.greet(&view).await);
                for pace in paces {
                    let view = views.borrow().clone();
                    warn_of(self.round(&view, *pace).await);
                }
            }
        }
    }

    /// Tells the kline of now in every stream that somebody came to since the last time. After an error the next
    /// round makes up for it.
    pub(super) async fn greet(&mut self, view: &View) -> Result<(), KlinesError> {
        let newcomers = self.audience.take_kline_newcomers();
        let wanted = newcomers.into_iter().filter(|stream| self.audience.is_wanted(*stream));
        let keys: BTreeSet<Key> = wanted.filter_map(Stream::kline).collect();
        let listed = self.begin(view, keys);
        for (key, _) in &listed {
            if let Some(line) = self.round_of(key).lines.get_mut(key) {
                (line.told, line.read_at) = (None, None);
            }
        }
        self.tell(view, listed).await
    }

    /// Tells what changed since the last round at this pace. After an error the next round makes up for it.
    pub(super) async fn round(&mut self, view: &View, pace: Pace) -> Result<(), KlinesError> {
        let mut wanted: BTreeSet<Key> = self.audience.wanted_klines().into_iter().collect();
        wanted.retain(|&(_, interval, _)| Pace::of(interval) == pace);
        self.round_at(pace).lines.retain(|key, _| wanted.contains(key));
        let listed = self.begin(view, wanted);
        self.round_at(pace).last = Some(view.time.second());
        self.tell(view, listed).await
    }

    /// Gives each stream of a symbol that is listed its line, before the first is read: an error makes none of them
    /// begin later.
    fn begin<'v>(&mut self, view: &'v View, keys: BTreeSet<Key>) -> Vec<(Key, &'v Arc<Listing>)> {
        let listed = |key: Key| Some((key, view.venue.named(&key.0)?));
        let listed: Vec<_> = keys.into_iter().filter_map(listed).collect();
        for (key, _) in &listed {
            let round = self.round_of(key);
            let since = round.last.unwrap_or(view.time.second()).min(view.time.second());
            let open = calendar(key).start_of(since as i64);
            round.lines.entry(*key).or_insert(Line { open, told: None, read_at: None });
        }
        listed
    }

    async fn tell(&mut self, view: &View, listed: Vec<(Key, &Arc<Listing>)>) -> Result<(), KlinesError> {
        let Self { audience, tables, imported, fast, slow } = self;
        let source = Source { audience, tables, imported: &**imported, view };
        for (key, listing) in listed {
            let round = if Pace::of(key.1) == Pace::Second { &mut *fast } else { &mut *slow };
            if let Some(line) = round.lines.get_mut(&key) {
                source.tell(&key, line, listing).await?;
            }
        }
        Ok(())
    }

    fn round_of(&mut self, key: &Key) -> &mut Round {
        self.round_at(Pace::of(key.1))
    }

    fn round_at(&mut self, pace: Pace) -> &mut Round {
        match pace {
            Pace::Second => &mut self.fast,
            Pace::TwoSeconds => &mut self.slow,
        }
    }
}

fn warn_of(told: Result<(), KlinesError>) {
    if let Err(error) = told {
        tracing::warn!(%error, "klines could not be read for their streams; they come later");
    }
}

impl Pace {
    fn of(interval: Interval) -> Self {
        if interval == Interval::Second1 { Self::Second } else { Self::TwoSeconds }
    }
}

/// Where a round reads and tells.
struct Source<'a, A> {
    audience: &'a A,
    tables: &'a Tables,
    imported: &'a dyn ImportedKlines,
    view: &'a View,
}

impl<A: Audience> Source<'_, A> {
    async fn tell(&self, key: &Key, line: &mut Line, listing: &Arc<Listing>) -> Result<(), KlinesError> {
        let calendar = calendar(key);
        let (now, time, last_trade) = {
            let market = listing.market.read();
            let last_trade = market.series().last().map(|last| last.last_trade_id);
            (market.series().now() as i64, market.time(), last_trade)
        };
        while line.read_at != Some(last_trade) || calendar.shift(line.open, 1) <= now {
            let candles = self.read(calendar, line.open, listing).await?;
            let may_be_more = candles.len() == KLINES_PER_READ as usize;
            let closed = candles.iter().take_while(|candle| candle.end <= now).count();
            for candle in &candles[..closed] {
                self.publish(key, listing, candle, time, true);
                *line = Line { open: candle.end, told: None, read_at: None };
            }
            if let Some(current) = candles.get(closed).filter(|current| line.told.as_ref() != Some(*current)) {
                self.publish(key, listing, current, time, false);
                line.told = Some(*current);
            }
            if closed < candles.len() || !may_be_more {
                // Before the symbol's first trade there are no klines that could close.
                line.open = line.open.max(calendar.start_of(now));
                line.read_at = Some(last_trade);
            }
        }
        Ok(())
    }

    /// The klines from the one that starts at `start` on.
    async fn read(&self, calendar: Calendar, start: i64, listing: &Listing) -> Result<Vec<Candle>, KlinesError> {
        let start = Some(TimeUs::from_second(u64::try_from(start).unwrap_or(0)));
        let wanted = Wanted { calendar, start, end: None, limit: KLINES_PER_READ };
        read(self.tables, self.imported, self.view.seq, listing.symbol.id, &listing.market, &wanted).await
    }

    fn publish(&self, key: &Key, listing: &Arc<Listing>, candle: &Candle, time: TimeUs, is_closed: bool) {
        let &(symbol, interval, east_minutes) = key;
        let stream = Stream::Of(symbol, Kind::Kline(interval, east_minutes));
        let event = event(stream, listing.clone(), interval, *candle, time.max(self.view.time), is_closed);
        self.audience.publish(if is_closed { event.lossless() } else { event });
    }
}

fn calendar(&(_, interval, east_minutes): &Key) -> Calendar {
    Calendar::new(interval, east_minutes)
}

fn event(
    stream: Stream,
    listing: Arc<Listing>,
    interval: Interval,
    candle: Candle,
    time: TimeUs,
    is_closed: bool,
) -> StreamEvent {
    StreamEvent::new(stream, move |unit| {
        let symbol = listing.symbol.spec.name.into();
        let shown = kline(&listing, &candle, unit);
        text(serde_json::to_string(&KlineEvent {
            event_time: unit.of(time),
            symbol,
            kline: StreamKline {
                open_time: shown.open_time,
                close_time: shown.close_time,
                symbol,
                interval: interval.as_str(),
                first_trade_id: id(candle.traded.map(|traded| traded.first_trade_id)),
                last_trade_id: id(candle.traded.map(|traded| traded.last_trade_id)),
                open: shown.open,
                close: shown.close,
                high: shown.high,
                low: shown.low,
                volume: shown.volume,
                trades: shown.trades,
                is_closed,
                quote_volume: shown.quote_volume,
                taker_buy_volume: shown.taker_buy_volume,
                taker_buy_quote_volume: shown.taker_buy_quote_volume,
                ignored: Decimal::ZERO.with_places(0),
            },
        }))
    })
}

/// Where there is no trade, or only imported ones, there is no id.
fn id(id: Option<TradeId>) -> i64 {
    id.filter(|id| id.0 > 0).map_or(-1, |id| i64::try_from(id.0).unwrap_or(i64::MAX))
}
