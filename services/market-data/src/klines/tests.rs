//! Klines against a look at every trade, wherever the seam between tables and fold lies.

mod imported;

use super::*;
use crate::fold::Fold;
use crate::testing::{ALICE, BOB, BTCUSDT, FakeTables, TestVenue};
use emporion_api::params::{Param, TimeZone};
use emporion_model::{Interval, Price, Side};
use emporion_ports::imported::InMemoryKlines;

/// 2023-11-14 22:13:20 UTC.
const T: u64 = 1_700_000_000;

/// Trades of one unit at these seconds after [`T`], at these prices; the last entry only lets time pass.
fn venue(trades: &[(u64, u64)]) -> TestVenue {
    let mut venue = TestVenue::new(T * 1_000);
    for &(second, price) in trades {
        venue.at((T + second) * 1_000);
        if price == 0 {
            venue.tick();
        } else {
            venue.limit(ALICE, BTCUSDT, Side::Sell, price, 1);
            venue.limit(BOB, BTCUSDT, Side::Buy, price, 1);
        }
    }
    venue.commit();
    venue
}

struct Query<'q> {
    interval: &'q str,
    time_zone: &'q str,
    start: Option<u64>,
    end: Option<u64>,
    limit: u32,
}

/// The newest klines of an interval.
fn newest(interval: &str, limit: u32) -> Query<'_> {
    Query { interval, time_zone: "0", start: None, end: None, limit }
}

fn klines(venue: &TestVenue, query: &Query<'_>) -> Vec<Candle> {
    klines_with(venue, &InMemoryKlines::default(), query)
}

#[tokio::main(flavor = "current_thread")]
async fn klines_with(venue: &TestVenue, imported: &dyn ImportedKlines, query: &Query<'_>) -> Vec<Candle> {
    let mut fold = Fold::default();
    venue.batches().iter().for_each(|batch| fold.apply(batch).unwrap());
    let tables = Tables::from(FakeTables::new(venue));
    let interval = Interval::named(query.interval).unwrap();
    let wanted = Wanted {
        calendar: Calendar::new(interval, TimeZone::read("timeZone", query.time_zone).unwrap().minutes),
        start: query.start.map(TimeUs::from_second),
        end: query.end.map(TimeUs::from_second),
        limit: query.limit,
    };
    let market = &fold.view().venue.listing(BTCUSDT).unwrap().market;
    read(&tables, imported, fold.view().seq, BTCUSDT, market, &wanted).await.unwrap()
}

/// Expects klines as `(start after T, close, trades)`.
#[track_caller]
fn check(venue: &TestVenue, query: Query<'_>, expected: &[(i64, u64, u64)]) {
    let got: Vec<_> = klines(venue, &query)
        .iter()
        .map(|kline| (kline.start - T as i64, kline.close.0, kline.traded.map_or(0, |bucket| bucket.trades)))
        .collect();
    assert_eq!(got, expected, "{}", query.interval);
}

#[test]
fn the_range_rule_counts_starts() {
    let venue = venue(&[(0, 100), (1, 101), (3, 103), (6, 106), (8, 0)]);
    let second = |start: Option<u64>, end: Option<u64>, limit| Query {
        start: start.map(|start| start.wrapping_add(T)),
        end: end.map(|end| end.wrapping_add(T)),
        ..newest("1s", limit)
    };
    let all = [
        (0, 100, 1),
        (1, 101, 1),
        (2, 101, 0),
        (3, 103, 1),
        (4, 103, 0),
        (5, 103, 0),
        (6, 106, 1),
        (7, 106, 0),
        (8, 106, 0),
    ];
    check(&venue, second(None, None, 500), &all);
    check(&venue, second(None, None, 2), &all[7..]);
    check(&venue, second(Some(2), None, 3), &all[2..5]);
    check(&venue, second(None, Some(4), 3), &all[2..5]);
    check(&venue, second(Some(2), Some(3), 500), &all[2..4]);
    check(&venue, second(Some(3), Some(3), 500), &all[3..4]);
    check(&venue, second(Some(4), Some(3), 500), &[]);
    check(&venue, second(Some(9), None, 500), &[]);
    check(&venue, second(None, Some(1_000_000), 1), &all[8..]);
    let from_zero = Query { start: Some(0), end: Some(u64::MAX / 1_000_000), ..newest("1s", 1) };
    check(&venue, from_zero, &all[..1]);
    let before_all = Query { end: Some(T - 1), ..newest("1s", 500) };
    check(&venue, before_all, &[]);
}

#[test]
fn a_start_within_a_kline_begins_with_the_next_one() {
    let venue = venue(&[(0, 100), (70, 101), (130, 0)]);
    // T is 20 seconds into its minute.
    check(&venue, newest("1m", 500), &[(-20, 100, 1), (40, 101, 1), (100, 101, 0)]);
    check(&venue, Query { start: Some(T - 20), ..newest("1m", 1) }, &[(-20, 100, 1)]);
    check(&venue, Query { start: Some(T - 19), ..newest("1m", 1) }, &[(40, 101, 1)]);
    check(&venue, Query { end: Some(T + 40), ..newest("1m", 1) }, &[(40, 101, 1)]);
    check(&venue, Query { end: Some(T + 39), ..newest("1m", 500) }, &[(-20, 100, 1)]);
}

#[test]
fn a_symbol_that_never_traded_has_none() {
    check(&venue(&[(5, 0)]), newest("1d", 500), &[]);
}

#[test]
fn days_weeks_and_months_go_on_without_trades() {
    const DAY: u64 = 86_400;
    // Tuesday the 14th, Sunday the 19th, Monday the 20th; then December.
    let venue = venue(&[(0, 100), (5 * DAY, 105), (6 * DAY, 106), (20 * DAY, 120), (21 * DAY, 0)]);
    let midnight = -80_000;
    let day = |n: i64| midnight + n * DAY as i64;
    check(&venue, newest("1d", 3), &[(day(19), 106, 0), (day(20), 120, 1), (day(21), 120, 0)]);
    let weeks = [(day(-1), 105, 2), (day(6), 106, 1), (day(13), 106, 0), (day(20), 120, 1)];
    check(&venue, newest("1w", 500), &weeks);
    check(&venue, newest("1M", 500), &[(day(-13), 106, 3), (day(17), 120, 1)]);
    check(&venue, newest("3d", 2), &[(day(17), 106, 0), (day(20), 120, 1)]);
    // At +08:00 it is the 15th already, and the 20th on Monday morning.
    let eastern = Query { time_zone: "8", ..newest("1w", 500) };
    let shift = |days: i64| day(days) - 8 * 3_600;
    check(&venue, eastern, &[(shift(-1), 100, 1), (shift(6), 106, 2), (shift(13), 106, 0), (shift(20), 120, 1)]);
}

#[test]
fn every_seam_gives_the_same_klines() {
    // Trades every few hours for four days; the last hours move the seam from one midnight to the next.
    let mut trades: Vec<(u64, u64)> = (0..60).map(|n| (n * 5_471, 1_000 + n * n % 37)).collect();
    trades.push((330_000, 0));
    for last in (330_000..345_600 + 40_000).step_by(1_800) {
        trades.push((last, 0));
        let venue = venue(&trades);
        for (interval, time_zone) in [
            ("1m", "0"),
            ("15m", "05:45"),
            ("1h", "0"),
            ("4h", "8"),
            ("1d", "0"),
            ("1d", "-1:00"),
            ("1d", "0:07"),
            ("3d", "0"),
        ] {
            let query = Query { time_zone, start: Some(T + 20_000), ..newest(interval, 1_000) };
            let got = klines(&venue, &query);
            assert_klines_are_right(&venue, &got, interval);
        }
    }
}

/// Compares each kline with all trades.
fn assert_klines_are_right(venue: &TestVenue, klines: &[Candle], interval: &str) {
    assert!(!klines.is_empty());
    assert!(klines.windows(2).all(|pair| pair[0].end == pair[1].start));
    for kline in klines {
        let within = |second: u64| (kline.start..kline.end).contains(&(second as i64));
        let inside: Vec<_> = venue.trades.iter().filter(|trade| within(trade.time.second())).collect();
        let until = venue.trades.iter().rfind(|trade| (trade.time.second() as i64) < kline.end).unwrap();
        assert_eq!(kline.close, until.price, "{interval} {}", kline.start);
        assert_eq!(kline.traded.is_some(), !inside.is_empty());
        if let Some(bucket) = kline.traded {
            let price = |pick: fn(Price, Price) -> Price| inside.iter().map(|trade| trade.price).reduce(pick).unwrap();
            assert_eq!((bucket.open, bucket.high, bucket.low), (inside[0].price, price(Price::max), price(Price::min)));
            assert_eq!(bucket.trades, inside.len() as u64);
            assert_eq!(bucket.quote.0, inside.iter().map(|trade| trade.notional.0).sum::<i128>());
            assert_eq!(
                (bucket.first_trade_id, bucket.last_trade_id),
                (inside[0].trade_id, inside[inside.len() - 1].trade_id)
            );
        }
    }
}
