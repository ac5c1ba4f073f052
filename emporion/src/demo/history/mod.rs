//! The demo's past: klines of every interval for every symbol, so that charts are full from the first minute.
//!
//! Prices are random walks that go backwards from what the bots begin with, one for each asset, so that symbols which
//! share assets agree. Times are cut into pieces, the finer the nearer to now, and every kline is put together from
//! pieces: a longer one therefore always says what the shorter ones in it say. The seed and the last second fix all
//! of it. What must not live here: anything about the venue's own trades, beyond that they end this past.

mod path;
mod pieces;
mod series;

use super::prices::{first_worth, known_assets};
use crate::Failure;
use emporion_model::{Asset, AssetId, Interval, Symbol, TimeUs, TradeId};
use emporion_ports::imported::{ImportedKlines, KlineImport};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{ListRange, Queries};
use path::Path;
use pieces::Pieces;
use series::{Pen, Series};
use std::collections::{BTreeMap, BTreeSet};

/// What the imported klines say about where they come from.
const SOURCE: &str = "demo";

/// How the past looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) seed: u64,
    /// How far prices typically move within an hour, in hundredths of a percent.
    pub(super) volatility_bps: u64,
    /// What is traded in a minute on a symbol on which bots act at every step, in whole USDT.
    pub(super) turnover_per_minute: u64,
}

/// A symbol with the codes of its assets.
#[derive(Clone, Debug)]
struct Market {
    symbol: Symbol,
    base: (String, Asset),
    quote: (String, Asset),
}

/// Writes the past of every symbol that has none, up to `now` or, if it has traded already, its first own trade.
/// Says how many symbols got one.
///
/// # Errors
/// One sentence: the store refuses.
pub(crate) async fn write_history(
    imported: &dyn ImportedKlines,
    queries: &dyn Queries,
    shape: Shape,
    now: TimeUs,
) -> Result<usize, Failure> {
    let failed = |error: StoreError| Failure::failed(format!("the demo's history cannot be written: {error}"));
    let there: BTreeSet<_> = imported.ranges().await.map_err(failed)?.iter().map(|range| range.symbol).collect();
    let mut markets = markets(queries).await.map_err(failed)?;
    markets.retain(|market| !there.contains(&market.symbol.id));
    let mut end = now;
    for market in &markets {
        end = end.min(first_trade(queries, market).await.map_err(failed)?.unwrap_or(now));
    }
    let past = Past::new(shape, end.second());
    for market in &markets {
        for (interval, klines) in past.klines(market) {
            let (symbol, source) = (market.symbol.id, SOURCE.to_owned());
            let import = KlineImport { symbol, interval, source, klines, at: now };
            imported.import(import).await.map_err(failed)?;
        }
    }
    Ok(markets.len())
}

/// The symbols of whose two assets the demo knows what they are worth.
async fn markets(queries: &dyn Queries) -> Result<Vec<Market>, StoreError> {
    let assets: BTreeMap<AssetId, Asset> = queries.assets().await?.value.into_iter().collect();
    let known = |id: &AssetId| {
        let asset = assets.get(id)?;
        let code = asset.code.to_string();
        first_worth(&code).map(|_| (code, asset.clone()))
    };
    let market = |symbol: Symbol| {
        let (base, quote) = (known(&symbol.spec.base)?, known(&symbol.spec.quote)?);
        Some(Market { symbol, base, quote })
    };
    Ok(queries.symbols().await?.value.into_iter().filter_map(market).collect())
}

async fn first_trade(queries: &dyn Queries, market: &Market) -> Result<Option<TimeUs>, StoreError> {
    let trades = queries.trades(market.symbol.id, ListRange::FromId(TradeId(0)), 1).await?.value;
    Ok(trades.first().map(|trade| trade.time))
}

/// The past up to one second, for all symbols.
struct Past {
    shape: Shape,
    pieces: Pieces,
    paths: BTreeMap<&'static str, Path>,
}

impl Past {
    /// Of the seconds before `end`.
    fn new(shape: Shape, end: u64) -> Self {
        let pieces = Pieces::until(end);
        let paths = known_assets().map(|asset| (asset, Path::of(asset, shape, &pieces))).collect();
        Self { shape, pieces, paths }
    }

    /// The klines of a market by interval, oldest first; none of an interval that has none.
    fn klines(&self, market: &Market) -> Vec<(Interval, Vec<emporion_model::event::Bucket>)> {
        let path = |code: &str| &self.paths[code];
        let mut pen = Pen::new(market, self.shape, (path(&market.base.0), path(&market.quote.0)));
        let mut all: Vec<_> = Interval::ALL.iter().map(|interval| Series::new(*interval, &self.pieces)).collect();
        for (index, piece) in self.pieces.iter().enumerate() {
            let bucket = pen.draw(index, piece);
            all.iter_mut().for_each(|series| series.add(&bucket));
        }
        all.into_iter().map(Series::finish).filter(|(_, klines)| !klines.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests;
