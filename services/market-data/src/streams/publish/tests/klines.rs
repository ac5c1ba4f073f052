//! Klines over time.

use super::recorder::Recorder;
use super::stage::{block_on, parse};
use super::stream;
use crate::fold::Fold;
use crate::streams::name::{Kind, Stream};
use crate::streams::publish::klines::{KlineStreams, Pace};
use crate::testing::{ALICE, BOB, BTCUSDT, FakeTables, TestVenue};
use emporion_api::wire::KlineEvent;
use emporion_model::{Interval, Side};
use emporion_ports::imported::InMemoryKlines;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A minute's start.
const START: u64 = 1_700_000_040_000;

/// What was told of a kline: its start after [`START`] in seconds, its close, its trades, and whether it is closed.
type Told = (i64, String, u64, bool);

/// The streams over a venue whose tables stand at its beginning: everything else is in the fold.
struct Hand {
    venue: TestVenue,
    fold: Fold,
    recorder: Recorder,
    streams: KlineStreams<Recorder>,
}

impl Hand {
    fn new() -> Self {
        let venue = TestVenue::new(START);
        let recorder = Recorder::default();
        let tables = FakeTables::new(&venue);
        let streams = KlineStreams::new(recorder.clone(), tables.into(), Arc::<InMemoryKlines>::default());
        Self { venue, fold: Fold::default(), recorder, streams }
    }

    fn trade(&mut self, after: u64, price: u64) -> &mut Self {
        self.venue.at(START + after);
        self.venue.limit(ALICE, BTCUSDT, Side::Sell, price, 1_000);
        self.venue.limit(BOB, BTCUSDT, Side::Buy, price, 1_000);
        self.venue.commit();
        self
    }

    /// Lets the fold follow until so long after the start, and tells klines of this pace.
    fn round(&mut self, after: u64, pace: Pace) -> Vec<(Stream, Told)> {
        self.venue.at(START + after).tick();
        for batch in self.venue.batches() {
            if batch.first_seq > self.fold.view().seq {
                self.fold.apply(&batch).unwrap();
            }
        }
        block_on(self.streams.round(self.fold.view(), pace)).unwrap();
        self.told()
    }

    /// Greets whoever came.
    fn greeted(&mut self) -> Vec<Told> {
        block_on(self.streams.greet(self.fold.view())).unwrap();
        self.told().into_iter().map(|(_, told)| told).collect()
    }

    fn told(&self) -> Vec<(Stream, Told)> {
        let told = |text: &str| {
            let kline = parse::<KlineEvent<'_>>(text).kline;
            let start = kline.open_time.number() / 1_000 - (START / 1_000) as i64;
            (start, kline.close.to_string(), kline.trades, kline.is_closed)
        };
        let heard = self.recorder.take();
        assert!(heard.iter().all(|heard| heard.is_lossless == told(&heard.text).3));
        heard.iter().map(|heard| (heard.stream, told(&heard.text))).collect()
    }

    #[track_caller]
    fn check(&mut self, after: u64, pace: Pace, expected: &[(i64, u64, u64, bool)]) {
        let told: Vec<Told> = self.round(after, pace).into_iter().map(|(_, told)| told).collect();
        let expected: Vec<Told> = expected
            .iter()
            .map(|&(start, price, trades, closed)| (start, format!("{price}.00000000"), trades, closed))
            .collect();
        assert_eq!(told, expected, "after {after}");
    }
}

fn minutes() -> Stream {
    stream("BTCUSDT", Kind::Kline(Interval::Minute1, 0))
}

#[test]
fn the_kline_of_now_is_told_when_it_changed_and_once_more_when_it_closed() {
    let mut hand = Hand::new();
    hand.recorder.want(minutes());
    hand.check(1_000, Pace::TwoSeconds, &[]);
    hand.trade(2_000, 3_000_000).check(3_000, Pace::TwoSeconds, &[(0, 30_000, 1, false)]);
    hand.check(5_000, Pace::TwoSeconds, &[]);
    hand.trade(6_000, 3_000_100).check(7_000, Pace::TwoSeconds, &[(0, 30_001, 2, false)]);
    hand.check(8_000, Pace::Second, &[]);
    hand.trade(59_900, 3_000_200).check(61_000, Pace::TwoSeconds, &[(0, 30_002, 3, true), (60, 30_002, 0, false)]);
    hand.check(63_000, Pace::TwoSeconds, &[]);
    // Several closed since, some without a trade.
    hand.trade(190_000, 3_000_300).check(
        300_000,
        Pace::TwoSeconds,
        &[
            (60, 30_002, 0, true),
            (120, 30_002, 0, true),
            (180, 30_003, 1, true),
            (240, 30_003, 0, true),
            (300, 30_003, 0, false),
        ],
    );
}

#[test]
fn a_kline_is_written_as_documented() {
    let mut hand = Hand::new();
    hand.recorder.want(minutes());
    hand.recorder.want(stream("BTCUSDT", Kind::Kline(Interval::Day1, 480)));
    hand.trade(2_000, 3_000_000).round(3_000, Pace::Second);
    block_on(hand.streams.round(hand.fold.view(), Pace::TwoSeconds)).unwrap();
    let rest = concat!(
        r#""f":1,"L":1,"o":"30000.00000000","c":"30000.00000000","h":"30000.00000000","l":"30000.00000000","#,
        r#""v":"0.01000000","n":1,"x":false,"q":"300.00000000","V":"0.01000000","Q":"300.00000000","B":"0"}}"#
    );
    let head = r#"{"e":"kline","E":1700000043000,"s":"BTCUSDT","k":"#;
    assert_eq!(
        hand.recorder.texts(),
        [
            format!(r#"{head}{{"t":1700000040000,"T":1700000099999,"s":"BTCUSDT","i":"1m",{rest}"#),
            format!(r#"{head}{{"t":1699977600000,"T":1700063999999,"s":"BTCUSDT","i":"1d",{rest}"#),
        ]
    );
    hand.round(60_000, Pace::Second);
    block_on(hand.streams.round(hand.fold.view(), Pace::TwoSeconds)).unwrap();
    let texts = hand.recorder.texts();
    assert!(
        texts[0].contains(r#""x":true"#) && texts[1].contains(r#""f":-1,"L":-1,"o":"30000.00000000""#),
        "{texts:?}"
    );
}

#[test]
fn who_comes_between_two_rounds_hears_of_every_close_since() {
    let mut hand = Hand::new();
    hand.trade(1_000, 3_000_000).check(59_000, Pace::TwoSeconds, &[]);
    hand.recorder.want(minutes());
    hand.check(60_500, Pace::TwoSeconds, &[(0, 30_000, 1, true), (60, 30_000, 0, false)]);
    hand.recorder.leave(minutes());
    hand.check(200_000, Pace::TwoSeconds, &[]);
    hand.recorder.want(minutes());
    hand.check(201_000, Pace::TwoSeconds, &[(180, 30_000, 0, false)]);
}

#[test]
fn whoever_comes_is_told_the_kline_of_now_and_no_close_twice() {
    let mut hand = Hand::new();
    hand.recorder.come(minutes());
    hand.check(0, Pace::Second, &[]);
    // It never traded.
    assert_eq!(hand.greeted(), []);
    hand.trade(1_000, 3_000_000).check(2_000, Pace::TwoSeconds, &[(0, 30_000, 1, false)]);
    hand.recorder.come(minutes());
    hand.check(3_000, Pace::Second, &[]);
    assert_eq!(hand.greeted(), [(0, "30000.00000000".to_owned(), 1, false)]);
    hand.check(4_000, Pace::TwoSeconds, &[]);
    assert_eq!(hand.greeted(), []);
    // Between two rounds a kline closes, and the greeting tells so; the round does not tell it again.
    hand.recorder.come(minutes());
    hand.check(61_000, Pace::Second, &[]);
    let closed = [(0, "30000.00000000".to_owned(), 1, true), (60, "30000.00000000".to_owned(), 0, false)];
    assert_eq!(hand.greeted(), closed);
    hand.check(62_000, Pace::TwoSeconds, &[]);
}

#[test]
fn a_leap_of_time_closes_more_klines_than_one_question_brings() {
    let mut hand = Hand::new();
    hand.recorder.want(stream("BTCUSDT", Kind::Kline(Interval::Second1, 0)));
    hand.trade(0, 3_000_000).check(0, Pace::Second, &[(0, 30_000, 1, false)]);
    let told = hand.round(1_700_000, Pace::Second);
    let expected = (0..=1_700).map(|start| (start, "30000.00000000".to_owned(), u64::from(start == 0), start < 1_700));
    assert!(told.into_iter().map(|(_, told)| told).eq(expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kline_closes_once_and_in_order(
        trades in prop::collection::vec((1u64..100_000, 1u64..50), 1..40),
        rounds in prop::collection::vec((1u64..100_000, any::<bool>()), 1..40),
    ) {
        let mut hand = Hand::new();
        let intervals = [Interval::Second1, Interval::Minute1, Interval::Minute3, Interval::Hour1];
        for interval in intervals {
            hand.recorder.want(stream("BTCUSDT", Kind::Kline(interval, 0)));
            hand.recorder.want(stream("BTCUSDT", Kind::Kline(interval, 480)));
        }
        for pace in [Pace::Second, Pace::TwoSeconds] {
            prop_assert_eq!(hand.round(0, pace), []);
        }
        let mut after = 0;
        let mut told: BTreeMap<Stream, Vec<Told>> = BTreeMap::new();
        let mut trades = trades.into_iter();
        for (wait, is_fast) in rounds {
            if let Some((wait, price)) = trades.next() {
                after += wait;
                hand.trade(after, 3_000_000 + price);
            }
            after += wait;
            let pace = if is_fast { Pace::Second } else { Pace::TwoSeconds };
            hand.round(after, pace).into_iter().for_each(|(stream, kline)| told.entry(stream).or_default().push(kline));
        }
        let end = ((START + after) / 1_000) as i64 - (START / 1_000) as i64;
        for pace in [Pace::Second, Pace::TwoSeconds] {
            hand.round(after, pace).into_iter().for_each(|(stream, kline)| told.entry(stream).or_default().push(kline));
        }
        for (stream, told) in told {
            let (_, interval, east) = stream.kline().unwrap();
            let calendar = emporion_model::Calendar::new(interval, east);
            let start = (START / 1_000) as i64;
            let closed: Vec<i64> = told.iter().filter(|kline| kline.3).map(|kline| kline.0 + start).collect();
            // Each follows on the one before it, up to the one of now.
            for pair in closed.windows(2) {
                prop_assert_eq!(pair[1], calendar.shift(pair[0], 1));
            }
            if let Some(last) = closed.last() {
                prop_assert_eq!(calendar.shift(*last, 1), calendar.start_of(end + start));
            }
            // What is told lies in order, and nothing comes after a close of the same kline.
            for pair in told.windows(2) {
                let goes_on = if pair[0].3 { pair[1].0 > pair[0].0 } else { pair[1].0 == pair[0].0 };
                prop_assert!(goes_on, "{:?}", pair);
                prop_assert_ne!(&pair[0], &pair[1]);
            }
            // The last word on each is what was traded in it.
            let traded: u64 = told.iter().filter(|kline| kline.3).map(|kline| kline.2).sum::<u64>()
                + told.last().filter(|kline| !kline.3).map_or(0, |kline| kline.2);
            prop_assert_eq!(traded, hand.fold.view().venue.listings()[0].market.read().tape().trades().len() as u64);
        }
    }
}
