//! Imported klines: history that this venue did not trade, kept apart from everything that the journal says.
//!
//! They live with the users, because nothing can rebuild them, and are outside of every audit. Where the venue's
//! own trades begin, imported klines end: readers never mix the two within one second.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use emporion_model::event::Bucket;
use emporion_model::{Interval, SymbolId, TimeUs};

use crate::store::StoreError;

/// A run of klines of one symbol and interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KlineImport {
    /// Where.
    pub symbol: SymbolId,
    /// How long each is, in UTC.
    pub interval: Interval,
    /// Where they come from, for people: a file's name, or `demo`. At most 255 bytes.
    pub source: String,
    /// The klines, each as one bucket whose `second` is the kline's start and whose `symbol` is the one above, in
    /// ascending order. Their last quantity, last time and trade ids mean nothing, and stores do not keep them.
    pub klines: Vec<Bucket>,
    /// When they are imported.
    pub at: TimeUs,
}

/// What is there of one symbol and interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRange {
    /// Where.
    pub symbol: SymbolId,
    /// How long each is.
    pub interval: Interval,
    /// The start of the first, in seconds since the epoch.
    pub first: u64,
    /// The start of the last.
    pub last: u64,
    /// How many there are; there may be holes between them.
    pub klines: u64,
    /// Where the last of them came from.
    pub source: String,
}

/// The store of imported klines.
#[async_trait]
pub trait ImportedKlines: Send + Sync {
    /// Adds klines in one transaction; one that is there already with the same start is replaced.
    async fn import(&self, import: KlineImport) -> Result<(), StoreError>;

    /// What is there, by symbol and interval. It counts every kline, so it is for people, not for each request.
    async fn ranges(&self) -> Result<Vec<ImportedRange>, StoreError>;

    /// The intervals of which there are klines of this symbol, shortest first. Cheap: every reader of klines asks.
    async fn intervals(&self, symbol: SymbolId) -> Result<Vec<Interval>, StoreError>;

    /// The klines that begin from the second `from` on and before `until`, oldest first, at most `limit`: the
    /// first ones, so that a reader may go on after the last.
    async fn klines(
        &self,
        symbol: SymbolId,
        interval: Interval,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<Bucket>, StoreError>;

    /// The newest kline that begins before the second `before`.
    async fn newest(&self, symbol: SymbolId, interval: Interval, before: u64) -> Result<Option<Bucket>, StoreError>;
}

/// Imported klines in memory: they are gone with the process.
#[derive(Debug, Default)]
pub struct InMemoryKlines(Mutex<BTreeMap<(SymbolId, Interval), Series>>);

/// Klines with their sources, by their starts.
type Series = BTreeMap<u64, (Arc<str>, Bucket)>;

impl InMemoryKlines {
    fn series(&self) -> MutexGuard<'_, BTreeMap<(SymbolId, Interval), Series>> {
        // Every change is one call on a map, so what a holder that panicked left is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ImportedKlines for InMemoryKlines {
    async fn import(&self, import: KlineImport) -> Result<(), StoreError> {
        let source: Arc<str> = import.source.into();
        let klines = import.klines.into_iter().map(|kline| (kline.second, (source.clone(), kline)));
        self.series().entry((import.symbol, import.interval)).or_default().extend(klines);
        Ok(())
    }

    async fn ranges(&self) -> Result<Vec<ImportedRange>, StoreError> {
        let range = |(&(symbol, interval), klines): (&(SymbolId, Interval), &Series)| {
            let ((&first, _), (&last, (source, _))) = klines.first_key_value().zip(klines.last_key_value())?;
            let klines = klines.len() as u64;
            Some(ImportedRange { symbol, interval, first, last, klines, source: source.to_string() })
        };
        Ok(self.series().iter().filter_map(range).collect())
    }

    async fn intervals(&self, symbol: SymbolId) -> Result<Vec<Interval>, StoreError> {
        let all = self.series();
        let of_symbol = all.iter().filter(|((of, _), klines)| *of == symbol && !klines.is_empty());
        Ok(of_symbol.map(|(&(_, interval), _)| interval).collect())
    }

    async fn klines(
        &self,
        symbol: SymbolId,
        interval: Interval,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        let all = self.series();
        let Some(klines) = all.get(&(symbol, interval)) else { return Ok(Vec::new()) };
        let range = klines.range(from..until.max(from));
        Ok(range.take(limit as usize).map(|(_, (_, kline))| *kline).collect())
    }

    async fn newest(&self, symbol: SymbolId, interval: Interval, before: u64) -> Result<Option<Bucket>, StoreError> {
        let all = self.series();
        let newest = all.get(&(symbol, interval)).and_then(|klines| klines.range(..before).next_back());
        Ok(newest.map(|(_, (_, kline))| *kline))
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;

    crate::imported_klines_contract!(fresh);

    async fn fresh() -> ((), InMemoryKlines) {
        ((), InMemoryKlines::default())
    }
}
