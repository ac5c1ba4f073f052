//! Live prices: the newest state of every market, for any process to show without asking the database.
//!
//! A price always carries the seq and the engine time of the state that it is of; whoever writes an older one changes
//! nothing. The engine never reads here. What must not live here: history, and anything about one account.

use crate::tables::Level;
use async_trait::async_trait;
use emporion_model::codec::durable_struct;
use emporion_model::event::Bucket;
use emporion_model::{History, Price, Quantity, Seq, SymbolId, TimeUs};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// How many levels of each side are kept.
pub const LEVELS_KEPT: usize = 20;

/// How old the newest word of a market may be before its price is marked as stale, in microseconds.
pub const STALE_AFTER_US: u64 = 3_000_000;

/// The state of one market after a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LivePrice {
    /// Where.
    pub symbol: SymbolId,
    /// The stretch of the journal.
    pub history: History,
    /// The last seq that is in this state.
    pub seq: Seq,
    /// The engine time of that seq.
    pub time: TimeUs,
    /// The last command that changed the book: the book's public id.
    pub depth_id: Seq,
    /// The last trade's price, quantity and time; `None` before the first trade.
    pub last: Option<LastTrade>,
    /// The best bids, best first, at most [`LEVELS_KEPT`].
    pub bids: Vec<Level>,
    /// The best asks, best first, at most [`LEVELS_KEPT`].
    pub asks: Vec<Level>,
    /// Whether either side has more levels than are kept here.
    pub has_more_levels: bool,
    /// The last 24 hours in one bucket whose second is their start; `None` when nothing was traded in them.
    pub day: Option<Bucket>,
}

/// The last trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastTrade {
    /// Its price.
    pub price: Price,
    /// Its quantity.
    pub quantity: Quantity,
    /// When.
    pub time: TimeUs,
}

durable_struct!(LastTrade { price, quantity, time });
durable_struct!(LivePrice { symbol, history, seq, time, depth_id, last, bids, asks, has_more_levels, day });

impl LivePrice {
    /// What decides which of two states is the newer one.
    pub fn version(&self) -> (History, Seq) {
        (self.history, self.seq)
    }

    /// Whether it is too old at `now` to pass for a price of now. While a venue is alive, a second never passes
    /// without a new seq.
    pub fn is_stale(&self, now: TimeUs) -> bool {
        now.since(self.time) > STALE_AFTER_US
    }
}

/// Why the cache could not be used. The text is for operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the price cache failed: {0}")]
pub struct CacheError(pub String);

/// Where live prices are kept.
#[async_trait]
pub trait PriceCache: Send + Sync {
    /// Keeps each price unless the kept one of its symbol is as new or newer.
    async fn put(&self, prices: Vec<LivePrice>) -> Result<(), CacheError>;

    /// The prices of these symbols, in the order asked for.
    async fn get(&self, symbols: &[SymbolId]) -> Result<Vec<Option<LivePrice>>, CacheError>;
}

/// Live prices of one process.
#[derive(Debug, Default)]
pub struct InMemoryPrices(Mutex<BTreeMap<SymbolId, LivePrice>>);

#[async_trait]
impl PriceCache for InMemoryPrices {
    async fn put(&self, prices: Vec<LivePrice>) -> Result<(), CacheError> {
        let mut kept = self.0.lock();
        for price in prices {
            let is_newer = kept.get(&price.symbol).is_none_or(|kept| kept.version() < price.version());
            if is_newer {
                kept.insert(price.symbol, price);
            }
        }
        Ok(())
    }

    async fn get(&self, symbols: &[SymbolId]) -> Result<Vec<Option<LivePrice>>, CacheError> {
        let kept = self.0.lock();
        Ok(symbols.iter().map(|symbol| kept.get(symbol).cloned()).collect())
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;
    use std::sync::Arc;

    async fn open() -> Arc<dyn PriceCache> {
        Arc::new(InMemoryPrices::default())
    }

    crate::prices_contract!(open);

    #[test]
    fn a_price_is_stale_after_three_seconds() {
        let price = LivePrice { time: TimeUs(10_000_000), ..LivePrice::default() };
        for (now, is_stale) in [(9_000_000, false), (13_000_000, false), (13_000_001, true)] {
            assert_eq!(price.is_stale(TimeUs(now)), is_stale, "at {now}");
        }
    }
}
