//! Imported klines as pieces of other klines: only what lies wholly before the venue's own first trade, and the
//! longest piece wherever several begin together.

use emporion_model::event::Bucket;
use emporion_model::{Calendar, Interval, SymbolId, TradeId};
use emporion_ports::imported::ImportedKlines;
use emporion_ports::store::StoreError;
use std::collections::VecDeque;

/// How many imported klines one question asks for.
const ROWS_PER_ANSWER: u32 = 10_000;

/// What was imported of one symbol and can be put together to klines of one calendar.
pub(super) struct History<'h> {
    store: &'h dyn ImportedKlines,
    symbol: SymbolId,
    /// The longest first.
    lengths: Vec<Length>,
}

/// The imported klines of one length, read on from one place to the next.
struct Length {
    interval: Interval,
    /// No piece begins here or later: it would reach the first own trade.
    until: u64,
    /// What was read and not passed yet.
    rows: VecDeque<Bucket>,
    /// Whether there is nothing behind `rows`.
    is_read: bool,
}

impl<'h> History<'h> {
    /// What there is for klines of `calendar`; `None` if there is nothing.
    pub(super) async fn find(
        store: &'h dyn ImportedKlines,
        symbol: SymbolId,
        calendar: &Calendar,
    ) -> Result<Option<Self>, StoreError> {
        let intervals = store.intervals(symbol).await?.into_iter().rev();
        let lengths: Vec<_> = intervals.filter(|interval| tiles(*interval, calendar)).map(Length::new).collect();
        Ok((!lengths.is_empty()).then_some(Self { store, symbol, lengths }))
    }

    /// The same, up to the second of the first own trade.
    pub(super) fn until_trade(mut self, second: u64) -> Self {
        for length in &mut self.lengths {
            length.until = unsigned(Calendar::utc(length.interval).start_of(second as i64));
        }
        self
    }

    /// The piece that ends last of those that begin before `second`.
    pub(super) async fn newest_before(&self, second: u64) -> Result<Option<Bucket>, StoreError> {
        let mut newest: Option<(u64, Bucket)> = None;
        for length in &self.lengths {
            let found = self.store.newest(self.symbol, length.interval, second.min(length.until)).await?;
            let found = found.map(|bucket| (length.end_of(&bucket), bucket));
            if found.is_some_and(|(end, _)| newest.is_none_or(|(newest, _)| end > newest)) {
                newest = found;
            }
        }
        Ok(newest.map(|(_, bucket)| bucket))
    }

    /// The start of the oldest piece that begins at `second` or later.
    pub(super) async fn oldest_from(&self, second: u64) -> Result<Option<u64>, StoreError> {
        let mut oldest: Option<u64> = None;
        for length in &self.lengths {
            let found = self.store.klines(self.symbol, length.interval, second, length.until, 1).await?;
            oldest = found.first().map(|bucket| bucket.second).into_iter().chain(oldest).min();
        }
        Ok(oldest)
    }

    /// The pieces that begin from `start` on and before `until`, which none of them crosses; oldest first.
    pub(super) async fn each(
        mut self,
        start: u64,
        until: u64,
        mut take: impl FnMut(&Bucket),
    ) -> Result<(), StoreError> {
        self.lengths.iter_mut().for_each(|length| length.until = length.until.min(until));
        let mut from = start;
        while let Some((bucket, end)) = self.next(from).await? {
            take(&bucket);
            from = end;
        }
        Ok(())
    }

    /// The first piece from `from` on, and where it ends. Shorter ones are read only where longer ones are missing.
    async fn next(&mut self, from: u64) -> Result<Option<(Bucket, u64)>, StoreError> {
        let mut next: Option<(Bucket, u64)> = None;
        for length in &mut self.lengths {
            let Some(bucket) = length.first_from(self.store, self.symbol, from).await? else { continue };
            if next.is_none_or(|(next, _)| bucket.second < next.second) {
                next = Some((bucket, length.end_of(&bucket)));
            }
            if bucket.second == from {
                break;
            }
        }
        Ok(next)
    }
}

impl Length {
    fn new(interval: Interval) -> Self {
        Self { interval, until: u64::MAX, rows: VecDeque::new(), is_read: false }
    }

    fn end_of(&self, bucket: &Bucket) -> u64 {
        unsigned(Calendar::utc(self.interval).shift(bucket.second as i64, 1))
    }

    /// The first kline that begins at `from`, which never goes back, or later.
    async fn first_from(
        &mut self,
        store: &dyn ImportedKlines,
        symbol: SymbolId,
        from: u64,
    ) -> Result<Option<Bucket>, StoreError> {
        self.rows.drain(..self.rows.partition_point(|bucket| bucket.second < from));
        if self.rows.is_empty() && !self.is_read {
            let rows = store.klines(symbol, self.interval, from, self.until, ROWS_PER_ANSWER).await?;
            self.is_read = rows.len() < ROWS_PER_ANSWER as usize;
            self.rows = rows.into_iter().map(without_trade_ids).collect();
        }
        Ok(self.rows.front().copied())
    }
}

/// Whether imported klines of `interval`, which are UTC, never lie across a boundary of the calendar's.
fn tiles(interval: Interval, calendar: &Calendar) -> bool {
    let own = Calendar::utc(interval);
    *calendar == own || (interval <= Interval::Day1 && calendar.is_tiled_by(own.shift(0, 1)))
}

/// What marks a bucket that none of the venue's own trades is in.
fn without_trade_ids(bucket: Bucket) -> Bucket {
    Bucket { first_trade_id: TradeId::default(), last_trade_id: TradeId::default(), ..bucket }
}

fn unsigned(second: i64) -> u64 {
    u64::try_from(second).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_never_lie_across_a_boundary() {
        for (interval, minutes, pieces) in [
            ("1s", 0, "1s"),
            ("5m", 0, "1s 1m 5m"),
            ("15m", 0, "1s 1m 3m 5m 15m"),
            ("15m", 7, "1s 1m"),
            ("1h", 480, "1s 1m 3m 5m 15m 30m 1h"),
            ("12h", 0, "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 12h"),
            ("1d", 0, "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d"),
            ("1d", 480, "1s 1m 3m 5m 15m 30m 1h 2h 4h 8h"),
            ("1d", 345, "1s 1m 3m 5m 15m"),
            ("3d", 0, "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d"),
            ("1w", 0, "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1w"),
            ("1M", 0, "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1M"),
            ("1M", -60, "1s 1m 3m 5m 15m 30m 1h"),
        ] {
            let calendar = Calendar::new(Interval::named(interval).unwrap(), minutes);
            let found = Interval::ALL.iter().filter(|piece| tiles(**piece, &calendar)).map(|piece| piece.as_str());
            assert_eq!(found.collect::<Vec<_>>().join(" "), pieces, "{interval} {minutes}");
        }
    }
}
