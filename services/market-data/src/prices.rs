//! Live prices that the processes of a venue share: written by each of them from its fold, a newer one never replaced
//! by an older one, and read for the requests that ask for a price alone.
//!
//! Without a cache, and while it fails, the process's own fold answers. What must not live here: wire formats.

use crate::MarketData;
use crate::fold::{Level, Listing, View};
use axum::response::{IntoResponse, Response};
use emporion_model::event::Bucket;
use emporion_model::{Price, Quantity, Seq, Side, SymbolId, TimeUs};
use emporion_ports::prices::{LEVELS_KEPT, LastTrade, LivePrice, PriceCache};
use emporion_ports::tables;
use http::{HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How often changed prices are written, and after how many such rounds all of them, so that nobody takes a quiet
/// market for a dead one.
const ROUND: Duration = Duration::from_millis(50);
const ROUNDS_PER_HEARTBEAT: u32 = 20;

/// On an answer whose prices are older than [`emporion_ports::prices::STALE_AFTER_US`]: how old they are, in
/// milliseconds.
const STALE: HeaderName = HeaderName::from_static("x-emporion-stale-ms");

/// Live prices of other processes.
#[derive(Clone)]
pub(crate) struct SharedPrices {
    cache: Arc<dyn PriceCache>,
    /// Told whether the cache answers.
    works: Arc<dyn Fn(bool) + Send + Sync>,
}

impl SharedPrices {
    pub(crate) fn new(cache: Arc<dyn PriceCache>, works: Arc<dyn Fn(bool) + Send + Sync>) -> Self {
        Self { cache, works }
    }

    /// The shared prices of these symbols; none while the cache fails.
    async fn get(&self, symbols: &[SymbolId]) -> Vec<Option<LivePrice>> {
        let got = self.cache.get(symbols).await;
        (self.works)(got.is_ok());
        got.unwrap_or_else(|error| {
            tracing::debug!(%error, "Prices come from this process alone.");
            metrics::counter!("price_cache_failures_total").increment(1);
            Vec::new()
        })
    }

    /// Writes what changes, until the fold's task ends.
    pub(crate) async fn keep(self, views: watch::Receiver<View>) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut written, mut round) = (Seq::ZERO, 0);
        let mut kept = BTreeMap::new();
        loop {
            rounds.tick().await;
            if views.has_changed().is_err() {
                return;
            }
            round = (round + 1) % ROUNDS_PER_HEARTBEAT;
            let view = views.borrow().clone();
            if view.seq == written {
                continue;
            }
            written = view.seq;
            let is_new = |price: &LivePrice| kept.insert(price.symbol, what_shows(price)) != Some(what_shows(price));
            let all = view.venue.listings().iter().map(|listing| price_of(&view, listing));
            let changed: Vec<_> = all.filter(is_new_or(round == 0, is_new)).collect();
            if !changed.is_empty() {
                let put = self.cache.put(changed).await;
                (self.works)(put.is_ok());
                if put.is_err() {
                    kept.clear();
                }
            }
        }
    }
}

/// Lets through what is new, or everything; what is new is noted either way.
fn is_new_or(all: bool, mut is_new: impl FnMut(&LivePrice) -> bool) -> impl FnMut(&LivePrice) -> bool {
    move |price| is_new(price) || all
}

/// What a change of makes a price worth writing at once.
fn what_shows(price: &LivePrice) -> (Seq, Option<LastTrade>) {
    (price.depth_id, price.last)
}

/// The market as this process has it.
fn price_of(view: &View, listing: &Listing) -> LivePrice {
    let market = listing.market.read();
    let levels = |side| {
        let levels = market.book().levels(side, LEVELS_KEPT + 1);
        let kept = levels.iter().take(LEVELS_KEPT).map(kept_level).collect::<Vec<_>>();
        let has_more = levels.len() > kept.len();
        (kept, has_more)
    };
    let ((bids, more_bids), (asks, more_asks)) = (levels(Side::Buy), levels(Side::Sell));
    let last = market.series().last();
    LivePrice {
        symbol: listing.symbol.id,
        history: view.history,
        seq: view.seq,
        time: view.time,
        depth_id: market.book().depth_id(),
        last: last.map(|last| LastTrade { price: last.close, quantity: last.last_quantity, time: last.last_time }),
        bids,
        asks,
        has_more_levels: more_bids || more_asks,
        day: last.zip(market.day_statistics().day).map(|(last, day)| Bucket {
            second: market.day_statistics().open_second,
            open: day.open,
            high: day.high,
            low: day.low,
            close: day.close,
            base: day.base,
            quote: day.quote,
            trades: day.trades,
            first_trade_id: day.first_trade_id,
            last_trade_id: day.last_trade_id,
            ..*last
        }),
    }
}

/// Sums beyond what a quantity holds are shown capped anyway.
fn kept_level(level: &Level) -> tables::Level {
    tables::Level { price: level.price, quantity: Quantity(u64::try_from(level.quantity).unwrap_or(u64::MAX)) }
}

fn shown_level(level: &tables::Level) -> Level {
    Level { price: level.price, quantity: u128::from(level.quantity.0) }
}

/// The newest that is known of some markets.
pub(crate) struct Newest(BTreeMap<SymbolId, LivePrice>);

impl Newest {
    /// The last price of a market.
    pub(crate) fn last(&self, listing: &Listing) -> Option<Price> {
        self.of(listing)?.last.map(|last| last.price)
    }

    /// A market's best bid and ask.
    pub(crate) fn best(&self, listing: &Listing) -> [Option<Level>; 2] {
        let best = |levels: &[tables::Level]| levels.first().map(shown_level);
        self.of(listing).map_or([None; 2], |price| [best(&price.bids), best(&price.asks)])
    }

    /// The book's id and the best `limit` levels of both sides, if so many are known.
    pub(crate) fn depth(&self, listing: &Listing, limit: usize) -> Option<(Seq, Vec<Level>, Vec<Level>)> {
        let price = self.of(listing).filter(|price| limit <= LEVELS_KEPT || !price.has_more_levels)?;
        let levels = |levels: &[tables::Level]| levels.iter().take(limit).map(shown_level).collect();
        Some((price.depth_id, levels(&price.bids), levels(&price.asks)))
    }

    fn of(&self, listing: &Listing) -> Option<&LivePrice> {
        self.0.get(&listing.symbol.id)
    }

    /// The answer, marked when the oldest of these prices is too old to pass for one of now.
    pub(crate) fn marked(&self, answer: impl IntoResponse, now: TimeUs) -> Response {
        let mut response = answer.into_response();
        if let Some(stale) = self.0.values().min_by_key(|price| price.time).filter(|price| price.is_stale(now)) {
            response.headers_mut().insert(STALE, HeaderValue::from(now.since(stale.time) / 1_000));
        }
        response
    }
}

impl MarketData {
    /// The newest that any process has shown of these markets.
    pub(crate) async fn newest(&self, view: &View, listings: &[&Listing]) -> Newest {
        let ids: Vec<_> = listings.iter().map(|listing| listing.symbol.id).collect();
        let shared = match &self.prices {
            Some(prices) => prices.get(&ids).await,
            None => Vec::new(),
        };
        let mut shared = shared.into_iter();
        let newest = listings.iter().map(|listing| {
            let own = price_of(view, listing);
            let other = shared.next().flatten().filter(|other| other.version() > own.version());
            (listing.symbol.id, other.unwrap_or(own))
        });
        Newest(newest.collect())
    }
}
