//! Klines of every interval and time zone: the tables for what lies back, the fold for the rest, and imported klines
//! for what lies before the venue's own first trade.
//!
//! Tables and fold meet at a midnight (UTC) that is surely in the tables and still in the fold, so that no stored
//! kline lies on both sides. Time here is the engine's.

mod candles;
mod history;
mod import;
mod resolution;
mod since;
#[cfg(test)]
mod tests;

pub(crate) use candles::Candle;
pub(crate) use import::Rules;
pub(crate) use since::{Since, traded_since};

use crate::PATIENCE;
use crate::cold_start::Tables;
use crate::fold::Market;
use candles::Candles;
use emporion_model::event::Bucket;
use emporion_model::time::SECOND_US;
use emporion_model::{Calendar, Seq, SymbolId, TimeUs};
use emporion_ports::imported::ImportedKlines;
use emporion_ports::store::StoreError;
use emporion_ports::tables::{KlineInterval, KlineQueries, Projection, Waited};
use history::History;
use parking_lot::RwLock;
use resolution::resolution;

/// How many stored klines one question asks for.
const ROWS_PER_ANSWER: u32 = 10_000;

/// Which klines are wanted. They are told by when they begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) calendar: Calendar,
    /// Not before this time. Without it the newest ones are wanted.
    pub(crate) start: Option<TimeUs>,
    /// Not after this time.
    pub(crate) end: Option<TimeUs>,
    /// The most klines, above zero.
    pub(crate) limit: u32,
}

/// Why there are no klines.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KlinesError {
    /// The tables cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tables are so far behind that something is in neither.
    #[error("the tables are more than an hour behind")]
    Behind,
}

impl Wanted {
    /// The starts of the first and the last kline at the engine time `now`, in seconds, as if the symbol had
    /// always traded. The limit is not yet applied to what has a start.
    fn bounds(&self, now: u64) -> Option<(i64, i64)> {
        let calendar = &self.calendar;
        let last = calendar.start_of(self.end.map_or(now, |end| end.second().min(now)) as i64);
        let first = match self.start {
            Some(start) if start.second() > now => return None,
            Some(start) => calendar.start_from(start.0.div_ceil(SECOND_US) as i64),
            None => calendar.shift(last, 1 - i64::from(self.limit)),
        };
        (first <= last).then_some((first, last))
    }
}

/// The wanted klines of a symbol, oldest first, as after the command `seq` or later.
pub(crate) async fn read(
    tables: &Tables,
    imported: &dyn ImportedKlines,
    seq: Seq,
    symbol: SymbolId,
    market: &RwLock<Market>,
    wanted: &Wanted,
) -> Result<Vec<Candle>, KlinesError> {
    let (now, seam) = {
        let market = market.read();
        (market.series().now(), market.series().complete_from())
    };
    let Some((first, last)) = wanted.bounds(now) else { return Ok(Vec::new()) };
    reach(&*tables.projection, seam, seq).await?;
    let calendar = wanted.calendar;
    let source = Source { tables: &*tables.klines, symbol, market, resolution: resolution(&calendar), seam };
    let before = source.newest_before(first).await?;
    // What lies before own trades is of no use to who begins after one.
    let history = match before {
        Some(_) => None,
        None => source.history(imported, &calendar).await?,
    };
    let before = match &history {
        Some(history) => history.newest_before(unsigned(first)).await?,
        None => before,
    };
    let first = match before {
        Some(_) => first,
        None => match source.oldest_with(history.as_ref(), first).await? {
            Some(oldest) => calendar.start_of(oldest as i64),
            None => return Ok(Vec::new()),
        },
    };
    let until = calendar.shift(first, i64::from(wanted.limit)).min(calendar.shift(last, 1));
    let mut candles = Candles::new(calendar, first, until, before.map(|bucket| bucket.close));
    if let Some(history) = history {
        history.each(unsigned(first), unsigned(until), |bucket| candles.add(bucket)).await?;
    }
    source.each(first, until, |bucket| candles.add(bucket)).await?;
    Ok(candles.finish())
}

/// The second of the symbol's first own trade, as after the command `seq` or later.
pub(crate) async fn first_trade(
    tables: &Tables,
    seq: Seq,
    symbol: SymbolId,
    market: &RwLock<Market>,
) -> Result<Option<u64>, KlinesError> {
    let seam = market.read().series().complete_from();
    reach(&*tables.projection, seam, seq).await?;
    let source = Source { tables: &*tables.klines, symbol, market, resolution: KlineInterval::Second, seam };
    Ok(source.oldest_from(0).await?.map(|bucket| bucket.second))
}

/// Makes sure that the tables hold everything before the second `seam`.
pub(crate) async fn reach(projection: &dyn Projection, seam: u64, seq: Seq) -> Result<(), KlinesError> {
    if projection.projected().await?.time.second() >= seam {
        return Ok(());
    }
    match projection.wait_projected(seq, PATIENCE).await? {
        Waited::Reached => Ok(()),
        Waited::TimedOut => Err(KlinesError::Behind),
    }
}

/// One symbol's buckets: before the second `seam` in the tables, from there on in the fold.
struct Source<'s> {
    tables: &'s dyn KlineQueries,
    symbol: SymbolId,
    market: &'s RwLock<Market>,
    resolution: KlineInterval,
    seam: u64,
}

impl<'s> Source<'s> {
    /// What was imported and lies before the first own trade; `None` without any that makes klines of `calendar`.
    async fn history(
        &self,
        imported: &'s dyn ImportedKlines,
        calendar: &Calendar,
    ) -> Result<Option<History<'s>>, StoreError> {
        let Some(history) = History::find(imported, self.symbol, calendar).await? else { return Ok(None) };
        let seconds = Source { resolution: KlineInterval::Second, ..*self };
        Ok(Some(match seconds.oldest_from(0).await? {
            Some(first) => history.until_trade(first.second),
            None => history,
        }))
    }

    /// The start of the oldest bucket that begins at `second` or later, imported or own.
    async fn oldest_with(&self, history: Option<&History<'_>>, second: i64) -> Result<Option<u64>, StoreError> {
        let imported = match history {
            Some(history) => history.oldest_from(unsigned(second)).await?,
            None => None,
        };
        match imported {
            // Whatever is imported is older than any own trade.
            Some(oldest) => Ok(Some(oldest)),
            None => Ok(self.oldest_from(second).await?.map(|bucket| bucket.second)),
        }
    }

    /// The newest bucket that begins before `second`.
    async fn newest_before(&self, second: i64) -> Result<Option<Bucket>, StoreError> {
        let second = unsigned(second);
        let fresh = self.market.read().series().buckets(self.resolution, self.seam..second).next_back().copied();
        match fresh {
            Some(bucket) => Ok(Some(bucket)),
            None => Ok(self.rows(None, second, 1).await?.pop()),
        }
    }

    /// The oldest bucket that begins at `second` or later.
    async fn oldest_from(&self, second: i64) -> Result<Option<Bucket>, StoreError> {
        let second = unsigned(second);
        match self.rows(Some(second), self.seam, 1).await?.pop() {
            Some(bucket) => Ok(Some(bucket)),
            None => {
                let range = second.max(self.seam)..u64::MAX;
                Ok(self.market.read().series().buckets(self.resolution, range).next().copied())
            }
        }
    }

    /// Every bucket that begins from `start` on and before `until`, oldest first.
    async fn each(&self, start: i64, until: i64, mut take: impl FnMut(&Bucket)) -> Result<(), StoreError> {
        let (mut from, until) = (unsigned(start), unsigned(until));
        loop {
            let rows = self.rows(Some(from), until, ROWS_PER_ANSWER).await?;
            rows.iter().for_each(&mut take);
            match rows.last() {
                Some(last) if rows.len() == ROWS_PER_ANSWER as usize => from = last.second + self.resolution.seconds(),
                _ => break,
            }
        }
        let market = self.market.read();
        market.series().buckets(self.resolution, unsigned(start).max(self.seam)..until).for_each(take);
        Ok(())
    }

    /// The tables' buckets from `start` on (without it: the newest) and before `until` and the seam.
    async fn rows(&self, start: Option<u64>, until: u64, limit: u32) -> Result<Vec<Bucket>, StoreError> {
        let until = until.min(self.seam);
        if until <= start.unwrap_or(0) {
            return Ok(Vec::new());
        }
        let (start, end) = (start.map(TimeUs::from_second), TimeUs(TimeUs::from_second(until).0 - 1));
        let klines = self.tables.klines(self.symbol, self.resolution, start, Some(end), limit).await?;
        Ok(klines.value.into_iter().map(|kline| kline.bucket).collect())
    }
}

/// Nothing was traded before the epoch.
fn unsigned(second: i64) -> u64 {
    u64::try_from(second).unwrap_or(0)
}
