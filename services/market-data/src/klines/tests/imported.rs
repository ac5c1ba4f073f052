//! Klines that were imported, before the venue's own and in the one where these begin.

use super::*;
use async_trait::async_trait;
use emporion_model::{Amount, Quantity, TradeId};
use emporion_ports::imported::{ImportedRange, KlineImport};
use std::sync::atomic::{AtomicUsize, Ordering};

const DAY: u64 = 86_400;
/// The midnight before [`T`], which is 80 seconds less than 22 hours and 14 minutes into its day.
const MIDNIGHT: u64 = T - 80_000;

/// The price of a minute of the history that is imported.
fn price(minute: u64) -> u64 {
    1_000 + minute * minute % 37
}

/// One trade at that price.
fn minute(second: u64) -> Bucket {
    let price = price(second / 60);
    Bucket {
        symbol: BTCUSDT,
        second,
        open: Price(price),
        high: Price(price + 1),
        low: Price(price - 1),
        close: Price(price),
        last_quantity: Quantity(3),
        last_time: TimeUs(5),
        base: Amount(7),
        quote: Amount(i128::from(price)),
        taker_buy_base: Amount(2),
        taker_buy_quote: Amount(1),
        trades: 1,
        first_trade_id: TradeId(77),
        last_trade_id: TradeId(78),
    }
}

/// The whole klines of an interval between two times.
fn whole(interval: Interval, from: u64, until: u64) -> Vec<Bucket> {
    let calendar = Calendar::utc(interval);
    let mut start = calendar.start_from(from as i64);
    let mut klines = Vec::new();
    while calendar.shift(start, 1) <= until as i64 {
        let end = calendar.shift(start, 1);
        let minutes = (start as u64..end as u64).step_by(60).map(minute);
        klines.extend(minutes.reduce(|mut all, next| {
            all.append(&next);
            all
        }));
        start = end;
    }
    klines
}

/// Imported klines, and how often they were asked for.
#[derive(Default)]
struct History {
    store: InMemoryKlines,
    questions: AtomicUsize,
}

impl History {
    /// Of the whole klines of these intervals between these times.
    fn of(parts: &[(&str, u64, u64)]) -> Self {
        let history = Self::default();
        for &(interval, from, until) in parts {
            let interval = Interval::named(interval).unwrap();
            history.add(interval, whole(interval, from, until));
        }
        history
    }

    #[tokio::main(flavor = "current_thread")]
    async fn add(&self, interval: Interval, klines: Vec<Bucket>) {
        let source = "a test".to_owned();
        self.store.import(KlineImport { symbol: BTCUSDT, interval, source, klines, at: TimeUs(0) }).await.unwrap();
    }
}

#[async_trait]
impl ImportedKlines for History {
    async fn import(&self, _: KlineImport) -> Result<(), StoreError> {
        Err(StoreError::Failed("readers import nothing".to_owned()))
    }

    async fn ranges(&self) -> Result<Vec<ImportedRange>, StoreError> {
        Err(StoreError::Failed("readers count nothing".to_owned()))
    }

    async fn intervals(&self, symbol: SymbolId) -> Result<Vec<Interval>, StoreError> {
        self.store.intervals(symbol).await
    }

    async fn klines(
        &self,
        symbol: SymbolId,
        interval: Interval,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.store.klines(symbol, interval, from, until, limit).await
    }

    async fn newest(&self, symbol: SymbolId, interval: Interval, before: u64) -> Result<Option<Bucket>, StoreError> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.store.newest(symbol, interval, before).await
    }
}

/// Expects klines as `(start after T, close, trades)`.
#[track_caller]
fn check(venue: &TestVenue, history: &History, query: Query<'_>, expected: &[(i64, u64, u64)]) {
    let got: Vec<_> = klines_with(venue, history, &query)
        .iter()
        .map(|kline| (kline.start - T as i64, kline.close.0, kline.traded.map_or(0, |bucket| bucket.trades)))
        .collect();
    assert_eq!(got, expected, "{}", query.interval);
}

/// The close of the imported minute that ends so many seconds after [`T`].
fn close_until(second: i64) -> u64 {
    price((T as i64 + second - 60) as u64 / 60)
}

#[test]
fn what_was_imported_comes_before_what_was_traded() {
    let venue = venue(&[(0, 500), (60, 600), (125, 0)]);
    let hour = T - T % 3_600;
    let history =
        History::of(&[("1d", MIDNIGHT - 4 * DAY, MIDNIGHT), ("1h", MIDNIGHT - DAY, T), ("1m", MIDNIGHT - DAY, T)]);
    let day = |n: i64| -80_000 + n * DAY as i64;
    // The day of the first own trade: 22 hours, 13 minutes and both own trades.
    let days = [
        (day(-4), close_until(day(-3)), 1_440),
        (day(-3), close_until(day(-2)), 1_440),
        (day(-2), close_until(day(-1)), 1_440),
        (day(-1), close_until(day(0)), 1_440),
        (day(0), 600, 22 * 60 + 13 + 2),
    ];
    check(&venue, &history, newest("1d", 500), &days);
    check(&venue, &history, newest("1d", 2), &days[3..]);
    let from_zero = Query { start: Some(0), ..newest("1d", 3) };
    check(&venue, &history, from_zero, &days[..3]);
    let until = Query { end: Some(MIDNIGHT - 1), ..newest("1d", 2) };
    check(&venue, &history, until, &days[2..4]);
    let between = Query { start: Some(MIDNIGHT - 3 * DAY), end: Some(MIDNIGHT), ..newest("1d", 500) };
    check(&venue, &history, between, &days[1..]);
    let hour = hour as i64 - T as i64;
    let hours = [(hour - 3_600, close_until(hour), 60), (hour, 600, 13 + 2)];
    check(&venue, &history, newest("1h", 2), &hours);
    let minutes = [(-80, close_until(-20), 1), (-20, 500, 1), (40, 600, 1), (100, 600, 0)];
    check(&venue, &history, newest("1m", 4), &minutes);
    // Days in a week from Monday the 13th, and in a month from the 1st.
    check(&venue, &history, newest("1w", 1), &[(day(-1), 600, 1_440 + 22 * 60 + 13 + 2)]);
    check(&venue, &history, newest("1M", 9), &[(day(-13), 600, 4 * 1_440 + 22 * 60 + 13 + 2)]);
    // At +08:00 days are made of hours, of which there are fewer.
    let eastern = day(0) + 16 * 3_600;
    let expected = [
        (eastern - 2 * DAY as i64, close_until(eastern - DAY as i64), 16 * 60),
        (eastern - DAY as i64, close_until(eastern), 24 * 60),
        (eastern, 600, 6 * 60 + 13 + 2),
    ];
    check(&venue, &history, Query { time_zone: "8", ..newest("1d", 500) }, &expected);
    // Nothing that was imported makes seconds.
    check(&venue, &history, Query { start: Some(0), ..newest("1s", 2) }, &[(0, 500, 1), (1, 500, 0)]);
}

#[test]
fn nothing_imported_is_shown_from_the_first_own_trade_on() {
    let venue = venue(&[(0, 500), (60, 600), (125, 0)]);
    let without = klines(&venue, &newest("1m", 500));
    let after = History::of(&[("1m", T, T + 600), ("1d", MIDNIGHT, MIDNIGHT + DAY), ("1m", T - 20, T + 40)]);
    for interval in ["1s", "1m", "1h", "1d", "1M"] {
        assert_eq!(klines_with(&venue, &after, &newest(interval, 9)), klines(&venue, &newest(interval, 9)));
    }
    let one = History::of(&[("1m", T - 80, T + 600)]);
    let got = klines_with(&venue, &one, &newest("1m", 500));
    assert_eq!((got[0].start, &got[1..]), (T as i64 - 80, &without[..]));
}

#[test]
fn a_symbol_without_own_trades_has_what_was_imported() {
    let venue = venue(&[(130, 0)]);
    let history = History::of(&[("1m", T - 140, T)]);
    let expected = [(-140, close_until(-80), 1), (-80, close_until(-20), 1)];
    let last = close_until(-20);
    let flat = [(-20, last, 0), (40, last, 0), (100, last, 0)];
    check(&venue, &history, newest("1m", 500), &[&expected[..], &flat].concat());
    check(&venue, &history, Query { start: Some(T - 20), ..newest("1m", 2) }, &flat[..2]);
    check(&venue, &history, Query { end: Some(T - 141), ..newest("1m", 2) }, &[]);
}

#[test]
fn a_hole_repeats_the_last_price() {
    let venue = venue(&[(0, 500), (65, 0)]);
    let history = History::of(&[("1m", T - 500, T - 380), ("1m", T - 260, T - 200)]);
    let (early, late) = (close_until(-380), close_until(-200));
    let expected = [
        (-500, close_until(-440), 1),
        (-440, early, 1),
        (-380, early, 0),
        (-320, early, 0),
        (-260, late, 1),
        (-200, late, 0),
        (-140, late, 0),
        (-80, late, 0),
        (-20, 500, 1),
        (40, 500, 0),
    ];
    check(&venue, &history, newest("1m", 500), &expected);
    check(&venue, &history, newest("1m", 7), &expected[3..]);
    check(&venue, &history, Query { start: Some(0), ..newest("1m", 4) }, &expected[..4]);
}

#[test]
fn a_kline_between_two_histories_has_the_ids_of_own_trades() {
    let venue = venue(&[(0, 500), (10, 600), (65, 0)]);
    let history = History::of(&[("1m", T - 80, T)]);
    let got = klines_with(&venue, &history, &newest("1h", 1))[0].traded.unwrap();
    assert_eq!((got.trades, got.first_trade_id, got.last_trade_id), (3, TradeId(1), TradeId(2)));
    assert_eq!((got.open, got.close), (Price(close_until(-20)), Price(600)));
    let minutes = klines_with(&venue, &history, &newest("1m", 3));
    let imported = minutes[0].traded.unwrap();
    assert_eq!((imported.first_trade_id, imported.last_trade_id), (TradeId(0), TradeId(0)));
}

#[test]
fn whatever_pieces_there_are_give_the_same_klines() {
    let (start, own) = (MIDNIGHT - 40 * DAY, T + 7 * 60 + 11);
    let venue = venue(&[(7 * 60 + 11, 500), (9 * 60, 600), (3 * DAY, 700), (4 * DAY, 0)]);
    for parts in [
        &[("1m", start, own)][..],
        &[("1m", start, own), ("1d", start, own)],
        &[("1m", start, own), ("1d", start + 9 * DAY, own - 9 * DAY), ("1h", start, own)],
        &[("1m", start, own), ("3m", start, own), ("5m", start + 3_600, own), ("8h", start, own), ("6h", start, own)],
        &[("1m", start, own + 9 * DAY), ("1w", start, own + 9 * DAY), ("3d", start, own), ("1M", start, own)],
    ] {
        let history = History::of(parts);
        for (interval, time_zone) in [
            ("1m", "0"),
            ("15m", "05:45"),
            ("1h", "0"),
            ("12h", "0"),
            ("1d", "0"),
            ("1d", "8"),
            ("1d", "0:07"),
            ("3d", "0"),
            ("1w", "0"),
            ("1M", "0"),
        ] {
            let query = Query { time_zone, ..newest(interval, 1_000) };
            let got = klines_with(&venue, &history, &query);
            assert!(got.windows(2).all(|pair| pair[0].end == pair[1].start));
            got.iter().for_each(|kline| assert_is_whole(&venue, kline, start, own));
        }
    }
}

/// Compares a kline with every imported minute and every own trade.
fn assert_is_whole(venue: &TestVenue, kline: &Candle, from: u64, own: u64) {
    let (start, end) = (kline.start as u64, (kline.end as u64).min(own - own % 60));
    let minutes = (start.max(from)..end).step_by(60).map(minute);
    let of_trade = |trade: &emporion_ports::tables::TradeRow| {
        crate::fold::bucket::of_trade(trade, Amount(i128::from(trade.quantity.0) * 10_000_000))
    };
    let within = |bucket: &Bucket| (kline.start..kline.end).contains(&(bucket.second as i64));
    let trades = venue.trades.iter().map(of_trade).filter(within);
    let expected = minutes.chain(trades).reduce(|mut all, next| {
        all.append(&next);
        all
    });
    let told = |bucket: Bucket| {
        let prices = [bucket.open, bucket.high, bucket.low, bucket.close];
        (prices, bucket.base, bucket.quote, bucket.taker_buy_base, bucket.taker_buy_quote, bucket.trades)
    };
    assert_eq!(kline.traded.map(told), expected.map(told), "{} to {}", kline.start, kline.end);
}

#[test]
fn a_thousand_klines_take_few_questions() {
    let start = MIDNIGHT - 1_100 * DAY;
    let venue = venue(&[(0, 500), (5, 0)]);
    let minutes = ("1m", MIDNIGHT - 5 * DAY, T);
    let history = History::of(&[("1d", start, T), ("1h", MIDNIGHT - 60 * DAY, T), minutes]);
    for (interval, klines, most) in
        [("1m", 1_000, 8), ("1h", 1_000, 8), ("1d", 1_000, 12), ("1w", 158, 12), ("1M", 37, 12)]
    {
        history.questions.store(0, Ordering::Relaxed);
        assert_eq!(klines_with(&venue, &history, &newest(interval, 1_000)).len(), klines, "{interval}");
        let questions = history.questions.load(Ordering::Relaxed);
        assert!(questions <= most, "{questions} questions for {interval}");
    }
    history.questions.store(0, Ordering::Relaxed);
    klines_with(&venue, &history, &newest("1s", 1));
    klines_with(&venue, &History::default(), &newest("1d", 1));
    assert_eq!(history.questions.load(Ordering::Relaxed), 0);
}
