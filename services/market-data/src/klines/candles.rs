//! Putting buckets into klines, and repeating the last price where there are none.

use emporion_model::event::Bucket;
use emporion_model::{Calendar, Price, TradeId};

/// One kline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candle {
    /// Its first second.
    pub(crate) start: i64,
    /// The first second of the next one.
    pub(crate) end: i64,
    /// Its last price; without a trade in it, that of the last one before.
    pub(crate) close: Price,
    /// Its trades, if there are any.
    pub(crate) traded: Option<Bucket>,
}

/// Klines on their way, from the oldest on.
pub(crate) struct Candles {
    calendar: Calendar,
    /// The start of the kline that is being filled.
    start: i64,
    filling: Option<Bucket>,
    /// The start of the first kline that is no longer wanted.
    until: i64,
    /// The last price before the kline that is being filled.
    close: Option<Price>,
    done: Vec<Candle>,
}

impl Candles {
    /// Klines from the one that starts at `start` until before the one that starts at `until`. `close` is the
    /// last price before them; without one they begin with the first trade.
    pub(crate) fn new(calendar: Calendar, start: i64, until: i64, close: Option<Price>) -> Self {
        Self { calendar, start, filling: None, until, close, done: Vec::new() }
    }

    /// Adds the next bucket; it lies within one kline, and is not before the first one.
    pub(crate) fn add(&mut self, next: &Bucket) {
        let start = self.calendar.start_of(next.second as i64);
        self.close_until(start.min(self.until));
        if start >= self.until {
            return;
        }
        match &mut self.filling {
            Some(filling) => lengthen(filling, next),
            None => self.filling = Some(*next),
        }
    }

    /// The klines.
    pub(crate) fn finish(mut self) -> Vec<Candle> {
        self.close_until(self.until);
        self.done
    }

    /// Completes the klines before the one that starts at `until`.
    fn close_until(&mut self, until: i64) {
        while self.start < until {
            let end = self.calendar.shift(self.start, 1);
            let traded = self.filling.take();
            self.close = traded.map(|bucket| bucket.close).or(self.close);
            if let Some(close) = self.close {
                self.done.push(Candle { start: self.start, end, close, traded });
            }
            self.start = end;
        }
    }
}

/// Adds the next bucket of the same kline. Imported trades have no ids, so the first id is the first own trade's.
fn lengthen(filling: &mut Bucket, next: &Bucket) {
    filling.append(next);
    if filling.first_trade_id == TradeId::default() {
        filling.first_trade_id = next.first_trade_id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::bucket::tests::bucket;
    use emporion_model::Interval;

    /// Makes one-minute klines from the first on out of buckets given as `(second, low, high)`, and expects
    /// `(start, close, trades)`.
    #[track_caller]
    fn check(until: i64, close: Option<u64>, buckets: &[(u64, u64, u64)], expected: &[(i64, u64, u64)]) {
        let calendar = Calendar::utc(Interval::Minute1);
        let mut candles = Candles::new(calendar, 60, until, close.map(Price));
        buckets.iter().for_each(|&(second, low, high)| candles.add(&bucket(second, low, high)));
        let got: Vec<_> = candles
            .finish()
            .iter()
            .map(|candle| (candle.start, candle.close.0, candle.traded.map_or(0, |bucket| bucket.trades)))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn buckets_of_one_kline_are_put_together() {
        check(180, None, &[(60, 1, 2), (119, 3, 4), (120, 5, 6)], &[(60, 4, 2), (120, 6, 1)]);
    }

    #[test]
    fn time_without_trades_repeats_the_last_price() {
        check(300, Some(9), &[(130, 1, 2)], &[(60, 9, 0), (120, 2, 1), (180, 2, 0), (240, 2, 0)]);
        check(180, Some(9), &[], &[(60, 9, 0), (120, 9, 0)]);
    }

    #[test]
    fn before_the_first_trade_there_is_nothing() {
        check(240, None, &[(130, 1, 2)], &[(120, 2, 1), (180, 2, 0)]);
        check(240, None, &[], &[]);
        check(60, Some(9), &[], &[]);
    }

    #[test]
    fn what_comes_after_the_last_kline_is_left_out() {
        check(120, None, &[(60, 1, 2), (120, 3, 4), (500, 3, 4)], &[(60, 2, 1)]);
    }
}
