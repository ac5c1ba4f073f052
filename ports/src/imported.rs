//! Imported klines: history that this venue did not trade, kept apart from everything that the journal says.
//!
//! They live with the users, because nothing can rebuild them, and are outside of every audit. Where the venue's
//! own trades begin, imported klines end: readers never mix the two within one second.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

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
    /// ascending order. Their trade ids mean nothing.
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
    /// Where the newest of them came from.
    pub source: String,
}

/// The store of imported klines.
#[async_trait]
pub trait ImportedKlines: Send + Sync {
    /// Adds klines in one transaction; one that is there already with the same start is replaced.
    async fn import(&self, import: KlineImport) -> Result<(), StoreError>;

    /// What is there, by symbol and interval.
    async fn ranges(&self) -> Result<Vec<ImportedRange>, StoreError>;

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
}

/// Imported klines in memory: they are gone with the process.
#[derive(Debug, Default)]
pub struct InMemoryKlines(Mutex<BTreeMap<(SymbolId, Interval), Imported>>);

#[derive(Debug, Default)]
struct Imported {
    source: String,
    klines: BTreeMap<u64, Bucket>,
}

#[async_trait]
impl ImportedKlines for InMemoryKlines {
    async fn import(&self, import: KlineImport) -> Result<(), StoreError> {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let imported = series.entry((import.symbol, import.interval)).or_default();
        imported.source = import.source;
        imported.klines.extend(import.klines.into_iter().map(|kline| (kline.second, kline)));
        Ok(())
    }

    async fn ranges(&self) -> Result<Vec<ImportedRange>, StoreError> {
        let series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let range = |(&(symbol, interval), imported): (&(SymbolId, Interval), &Imported)| {
            let (first, last) = (*imported.klines.keys().next()?, *imported.klines.keys().next_back()?);
            let klines = imported.klines.len() as u64;
            Some(ImportedRange { symbol, interval, first, last, klines, source: imported.source.clone() })
        };
        Ok(series.iter().filter_map(range).collect())
    }

    async fn klines(
        &self,
        symbol: SymbolId,
        interval: Interval,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        let series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(imported) = series.get(&(symbol, interval)) else { return Ok(Vec::new()) };
        let range = imported.klines.range(from..until.max(from));
        Ok(range.take(limit as usize).map(|(_, kline)| *kline).collect())
    }
}
