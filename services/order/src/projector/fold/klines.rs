//! Closed seconds rolled up: each longer kline is made of the seconds in it, 1 s → 1 m → 15 m → 1 d.

use std::collections::BTreeMap;

use emporion_model::SymbolId;
use emporion_model::event::Bucket;
use emporion_ports::tables::{Kline, KlineInterval};

#[derive(Debug, Default)]
pub(super) struct KlineFold {
    klines: BTreeMap<(SymbolId, KlineInterval, u64), Kline>,
}

impl KlineFold {
    /// Adds a closed second, later than all that the symbol had before.
    pub(super) fn add(&mut self, bucket: &Bucket) {
        for interval in KlineInterval::ALL {
            let start = interval.start_of(bucket.second);
            self.klines
                .entry((bucket.symbol, interval, start))
                .and_modify(|kline| kline.append(bucket))
                .or_insert(Kline { interval, bucket: Bucket { second: start, ..*bucket } });
        }
    }

    /// What is to be added to the stored klines, by symbol, interval and time.
    pub(super) fn finish(self) -> Vec<Kline> {
        self.klines.into_values().collect()
    }
}
