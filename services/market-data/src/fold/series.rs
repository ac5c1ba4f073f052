//! The trades of one symbol over time: one-second and one-minute buckets of the last day and an hour,
//! and what is derived from them.
//!
//! Times here are engine times, never this process's clock, so that every process that folds the same journal
//! tells the same.

use super::bucket;
use super::window::Window;
use emporion_model::event::Bucket;
use emporion_model::{Amount, Price, Scales, TradeId};
use emporion_ports::tables::{KlineInterval, TradeRow};
use std::collections::VecDeque;
use std::ops::Range;

/// The seconds that are kept: a day for its statistics, and as many more as the tables may lag behind, so that
/// everything since the last midnight is at hand until the tables surely hold the day before. And a minute,
/// so that who asked where the kept ones begin finds them a moment later.
pub const KEPT_SECONDS: u64 = DAY_SECONDS + TABLES_LAG_SECONDS + 60;

/// How far the tables may lag behind before klines are refused.
const TABLES_LAG_SECONDS: u64 = 3_600;

/// The seconds of the 24-hour statistics, besides the current one.
pub const DAY_SECONDS: u64 = 86_400;

/// The minutes of the average price, up to the end of the current second; as the engine counts them.
pub const AVERAGE_MINUTES: u8 = 5;

/// The last 24 hours of a symbol, from the start of the second in which they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// Base traded, in ledger units.
    pub base: Amount,
    /// Quote traded, in ledger units.
    pub quote: Amount,
    /// How many trades.
    pub trades: u64,
    /// The first trade.
    pub first_trade_id: TradeId,
    /// The last trade.
    pub last_trade_id: TradeId,
}

/// One symbol's buckets. Seconds and minutes without trades have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// The second that engine time has reached.
    now: u64,
    seconds: VecDeque<Bucket>,
    minutes: VecDeque<Bucket>,
    /// The newest one-second bucket that is no longer kept.
    before: Option<Bucket>,
    /// Where in `seconds` the last 24 hours begin.
    day_start: usize,
    day: Window,
}

impl Series {
    /// A series at `now` out of the tables: the one-second buckets of the last [`KEPT_SECONDS`], oldest first,
    /// and the newest one before them.
    pub fn restore(now: u64, before: Option<Bucket>, seconds: Vec<Bucket>) -> Self {
        let mut series = Self { now, before, ..Self::default() };
        seconds.iter().for_each(|bucket| series.append(bucket));
        series.forget();
        series
    }

    /// Lets engine time pass; an earlier second than before changes nothing.
    pub fn advance(&mut self, second: u64) {
        if second > self.now {
            self.now = second;
            self.forget();
        }
    }

    /// Adds the next trade, whose quantity is `base` in ledger units, unless it is in a bucket already.
    pub fn record(&mut self, trade: &TradeRow, base: Amount) {
        if self.last().is_some_and(|last| trade.trade_id <= last.last_trade_id) {
            return;
        }
        self.advance(trade.time.second());
        self.append(&bucket::of_trade(trade, base));
    }

    /// The second that engine time has reached.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The newest bucket: its close, last quantity and last time are those of the last trade.
    pub fn last(&self) -> Option<&Bucket> {
        self.seconds.back().or(self.before.as_ref())
    }

    /// The last 24 hours; `None` without a trade in them.
    pub fn day(&self) -> Option<Day> {
        let (first, last) = (self.seconds.get(self.day_start)?, self.seconds.back()?);
        Some(Day {
            open: first.open,
            high: self.day.high()?,
            low: self.day.low()?,
            close: last.close,
            base: self.day.base(),
            quote: self.day.quote(),
            trades: self.day.trades(),
            first_trade_id: first.first_trade_id,
            last_trade_id: last.last_trade_id,
        })
    }

    /// The last price before the last 24 hours.
    pub fn close_before_day(&self) -> Option<Price> {
        let kept = self.day_start.checked_sub(1).map(|index| &self.seconds[index]);
        kept.or(self.before.as_ref()).map(|bucket| bucket.close)
    }

    /// The volume-weighted average price of five minutes, rounded down; without a trade in them, the last
    /// price; `None` when the symbol never traded.
    pub fn average(&self, scales: &Scales) -> Option<Price> {
        let recent =
            self.seconds.iter().rev().take_while(|bucket| bucket.second + 60 * u64::from(AVERAGE_MINUTES) > self.now);
        let (base, quote) = recent.fold((0, 0), |(base, quote), bucket| (base + bucket.base.0, quote + bucket.quote.0));
        let weight = (base / scales.base_factor).checked_mul(scales.quote_factor).filter(|weight| *weight > 0);
        let average = weight.and_then(|weight| u64::try_from(quote / weight).ok()).map(Price);
        average.or_else(|| self.last().map(|last| last.close))
    }

    /// The first second from which on all buckets are here, and for a minute more: the midnight (UTC) before
    /// last hour. By then the tables surely hold everything before it.
    pub fn complete_from(&self) -> u64 {
        KlineInterval::Day.start_of(self.now.saturating_sub(TABLES_LAG_SECONDS))
    }

    /// The buckets that begin in a range of seconds, oldest first: seconds for a resolution of seconds, else
    /// minutes.
    pub fn buckets(&self, resolution: KlineInterval, range: Range<u64>) -> impl DoubleEndedIterator<Item = &Bucket> {
        let kept = if resolution == KlineInterval::Second { &self.seconds } else { &self.minutes };
        let first = kept.partition_point(|bucket| bucket.second < range.start);
        let end = kept.partition_point(|bucket| bucket.second < range.end);
        kept.range(first..end.max(first))
    }

    /// Adds trades to the end of everything.
    fn append(&mut self, newest: &Bucket) {
        append_to(&mut self.seconds, newest, newest.second);
        append_to(&mut self.minutes, newest, KlineInterval::Minute.start_of(newest.second));
        self.day.enter(newest);
    }

    /// Drops what is too old for each purpose.
    fn forget(&mut self) {
        let day_from = self.now.saturating_sub(DAY_SECONDS);
        while let Some(oldest) = self.seconds.get(self.day_start).filter(|oldest| oldest.second < day_from) {
            self.day.leave(oldest);
            self.day_start += 1;
        }
        let kept_from = self.now.saturating_sub(KEPT_SECONDS);
        while self.seconds.front().is_some_and(|oldest| oldest.second < kept_from) {
            self.before = self.seconds.pop_front();
            self.day_start -= 1;
        }
        while self.minutes.front().is_some_and(|oldest| oldest.second < kept_from) {
            self.minutes.pop_front();
        }
    }
}

/// Lengthens the newest bucket if it begins at `start`, else begins one there.
fn append_to(buckets: &mut VecDeque<Bucket>, newest: &Bucket, start: u64) {
    match buckets.back_mut().filter(|last| last.second == start) {
        Some(last) => last.append(newest),
        None => buckets.push_back(Bucket { second: start, ..*newest }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_model::{AggTradeId, Quantity, Side, SymbolId, TimeUs};

    const SCALES: Scales = Scales { quote_factor: 10, base_factor: 1_000 };

    fn trade(id: u64, second: u64, price: u64, quantity: u64) -> TradeRow {
        TradeRow {
            symbol: SymbolId(0),
            trade_id: TradeId(id),
            agg_trade_id: AggTradeId(id),
            price: Price(price),
            quantity: Quantity(quantity),
            notional: Amount(10 * i128::from(price) * i128::from(quantity)),
            taker_side: Side::Buy,
            time: TimeUs::from_second(second),
        }
    }

    fn series(trades: &[TradeRow]) -> Series {
        let mut series = Series::default();
        trades.iter().for_each(|trade| series.record(trade, SCALES.base(trade.quantity).unwrap()));
        series
    }

    /// The trades in the last 24 hours at `now`, and the last price before them.
    #[track_caller]
    fn check_day(trades: &[TradeRow], now: u64, inside: Option<(u64, u64)>, before: Option<u64>) {
        let mut series = series(trades);
        series.advance(now);
        let ids = series.day().map(|day| (day.first_trade_id.0, day.last_trade_id.0));
        assert_eq!((ids, series.close_before_day().map(|price| price.0)), (inside, before), "at {now}");
    }

    #[test]
    fn the_day_begins_with_the_second_that_it_began_in() {
        let t = 1_700_000_000;
        let trades = [trade(1, t, 5, 1), trade(2, t + 1, 6, 1), trade(3, t + 2, 7, 1)];
        check_day(&trades, t + 2, Some((1, 3)), None);
        check_day(&trades, t + DAY_SECONDS, Some((1, 3)), None);
        check_day(&trades, t + DAY_SECONDS + 1, Some((2, 3)), Some(5));
        check_day(&trades, t + DAY_SECONDS + 2, Some((3, 3)), Some(6));
        check_day(&trades, t + DAY_SECONDS + 3, None, Some(7));
        check_day(&trades, t + 10 * DAY_SECONDS, None, Some(7));
        check_day(&[], t, None, None);
    }

    #[test]
    fn the_average_weighs_five_minutes_as_the_engine_does() {
        let t = 1_700_000_000;
        let mut series = series(&[trade(1, t, 10, 3), trade(2, t + 1, 13, 1)]);
        for (now, average) in [(t + 1, 10), (t + 299, 10), (t + 300, 13), (t + 301, 13), (t + 10_000, 13)] {
            series.advance(now);
            assert_eq!(series.average(&SCALES), Some(Price(average)), "at {now}");
        }
        assert_eq!(Series::default().average(&SCALES), None);
    }

    #[test]
    fn what_is_complete_begins_at_midnight_and_is_kept() {
        let midnight = 1_700_006_400;
        let mut series =
            series(&[trade(1, midnight - 1, 5, 1), trade(2, midnight, 6, 1), trade(3, midnight + 70, 7, 1)]);
        for (now, from) in [
            (midnight + 100, midnight - DAY_SECONDS),
            (midnight + 3_599, midnight - DAY_SECONDS),
            (midnight + 3_600, midnight),
            (midnight + DAY_SECONDS + 3_599, midnight),
        ] {
            series.advance(now);
            assert_eq!(series.complete_from(), from, "at {now}");
        }
        let ids = |series: &Series, resolution, range| -> Vec<u64> {
            series.buckets(resolution, range).map(|bucket| bucket.first_trade_id.0).collect()
        };
        series.advance(midnight + DAY_SECONDS + 3_659);
        assert_eq!(ids(&series, KlineInterval::Second, midnight..u64::MAX), [2, 3]);
        assert_eq!(ids(&series, KlineInterval::Minute, midnight..u64::MAX), [2, 3]);
        assert_eq!(ids(&series, KlineInterval::Second, midnight + 1..midnight + 70), [0; 0]);
        assert_eq!(ids(&series, KlineInterval::Second, Range { start: u64::MAX, end: 0 }), [0; 0]);
    }
}
