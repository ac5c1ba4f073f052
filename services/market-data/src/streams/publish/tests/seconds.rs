//! Tickers and averages.

use super::recorder::{Heard, Recorder};
use super::stream;
use crate::fold::Fold;
use crate::streams::name::{AllKind, Kind, Stream};
use crate::streams::publish::Publisher;
use crate::testing::{ALICE, BOB, BTCUSDT, ETHBTC, TestVenue};
use emporion_model::{Side, SymbolId};

const START: u64 = 1_700_000_000_000;
const DAY: u64 = 86_400_000;

/// A publisher over a venue, driven by hand. Times are milliseconds after the start.
struct Hand {
    venue: TestVenue,
    recorder: Recorder,
    publisher: Publisher<Recorder>,
    fold: Fold,
}

impl Hand {
    fn new() -> Self {
        let recorder = Recorder::default();
        let mut publisher = Publisher::new(recorder.clone());
        let fold = Fold::default();
        publisher.begin(fold.view());
        Self { venue: TestVenue::new(START), recorder, publisher, fold }
    }

    fn trade(&mut self, after: u64, symbol: SymbolId, price: u64, quantity: u64) {
        self.venue.at(START + after);
        self.venue.limit(ALICE, symbol, Side::Sell, price, quantity);
        self.venue.limit(BOB, symbol, Side::Buy, price, quantity);
        self.venue.commit();
    }

    /// Ends a second, so long after the start.
    fn second(&mut self, after: u64) -> Vec<Heard> {
        self.venue.at(START + after).tick();
        for batch in self.venue.batches() {
            if batch.first_seq > self.fold.view().seq {
                self.fold.apply(&batch).unwrap();
                self.publisher.on_batch(self.fold.view(), &batch);
            }
        }
        self.publisher.on_second(self.fold.view());
        self.recorder.take()
    }

    #[track_caller]
    fn check(&mut self, after: u64, expected: &[&str]) {
        let texts: Vec<String> = self.second(after).into_iter().map(|heard| heard.text).collect();
        assert_eq!(texts, expected, "after {after}");
    }
}

#[test]
fn the_day_is_told_when_its_values_change_and_not_when_only_time_passes() {
    let mut hand = Hand::new();
    hand.recorder.want(stream("BTCUSDT", Kind::Ticker));
    hand.recorder.want(stream("BTCUSDT", Kind::MiniTicker));
    hand.trade(10, BTCUSDT, 3_000_000, 1_000);
    hand.trade(500, BTCUSDT, 3_100_000, 2_000);
    hand.check(
        1_000,
        &[
            concat!(
                r#"{"e":"24hrTicker","E":1700000001000,"s":"BTCUSDT","p":"1000.00000000","P":"3.333","#,
                r#""w":"30666.66666667","x":"0.00000000","c":"31000.00000000","Q":"0.02000000","#,
                r#""b":"0.00000000","B":"0.00000000","a":"0.00000000","A":"0.00000000","o":"30000.00000000","#,
                r#""h":"31000.00000000","l":"30000.00000000","v":"0.03000000","q":"920.00000000","#,
                r#""O":1699913601000,"C":1700000001000,"F":1,"L":2,"n":2}"#
            ),
            concat!(
                r#"{"e":"24hrMiniTicker","E":1700000001000,"s":"BTCUSDT","c":"31000.00000000","#,
                r#""o":"30000.00000000","h":"31000.00000000","l":"30000.00000000","v":"0.03000000","#,
                r#""q":"920.00000000"}"#
            ),
        ],
    );
    hand.check(2_000, &[]);
    // The best levels are in one of the two alone.
    hand.venue.limit(BOB, BTCUSDT, Side::Buy, 2_900_000, 1_000);
    let heard = hand.second(3_000);
    assert_eq!(heard.iter().map(|heard| heard.stream).collect::<Vec<_>>(), [stream("BTCUSDT", Kind::Ticker)]);
    assert!(heard[0].text.contains(r#""b":"29000.00000000","B":"0.01000000","a":"0.00000000""#));
    hand.check(DAY, &[]);
    // Both trades leave the day.
    let heard = hand.second(DAY + 1_000);
    assert_eq!(heard.len(), 2);
    assert!(heard[0].text.contains(r#""x":"31000.00000000","c":"31000.00000000""#), "{heard:?}");
    assert!(heard[0].text.ends_with(r#""F":-1,"L":-1,"n":0}"#), "{heard:?}");
    hand.check(DAY + 2_000, &[]);
}

#[test]
fn arrays_tell_the_symbols_that_changed() {
    let mut hand = Hand::new();
    let all = [Stream::All(AllKind::MiniTickers), Stream::All(AllKind::Tickers)];
    all.into_iter().for_each(|stream| hand.recorder.want(stream));
    let symbols = |hand: &mut Hand, after| -> Vec<(Stream, Vec<String>)> {
        let heard = hand.second(after);
        assert!(heard.iter().all(|heard| heard.is_lossless));
        let names = |text: &str| {
            let array: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
            array.iter().map(|ticker| ticker["s"].as_str().unwrap().to_owned()).collect()
        };
        heard.iter().map(|heard| (heard.stream, names(&heard.text))).collect()
    };
    let both = |names: &[&str]| -> Vec<(Stream, Vec<String>)> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        [all[1], all[0]].map(|stream| (stream, names.clone())).to_vec()
    };
    assert_eq!(symbols(&mut hand, 1_000), both(&["BTCUSDT", "ETHBTC"]));
    assert_eq!(symbols(&mut hand, 2_000), []);
    hand.trade(2_100, ETHBTC, 5_000, 100);
    assert_eq!(symbols(&mut hand, 3_000), both(&["ETHBTC"]));
    all.into_iter().for_each(|stream| hand.recorder.leave(stream));
    hand.trade(3_100, BTCUSDT, 3_000_000, 100);
    assert_eq!(symbols(&mut hand, 4_000), []);
    all.into_iter().for_each(|stream| hand.recorder.want(stream));
    assert_eq!(symbols(&mut hand, 5_000), both(&["BTCUSDT", "ETHBTC"]));
}

#[test]
fn whoever_comes_is_told_the_values_of_now() {
    let mut hand = Hand::new();
    let come = |hand: &Hand| {
        for kind in [Kind::Ticker, Kind::MiniTicker, Kind::AvgPrice] {
            hand.recorder.come(stream("BTCUSDT", kind));
        }
        hand.recorder.come(Stream::All(AllKind::MiniTickers));
    };
    let greeted = |hand: &mut Hand| -> Vec<String> {
        hand.publisher.greet(hand.fold.view());
        hand.recorder.texts()
    };
    hand.check(1_000, &[]);
    come(&hand);
    // It never traded: zeros, and no average.
    let texts = greeted(&mut hand);
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains(r#""c":"0.00000000","o":"0.00000000""#), "{texts:?}");
    assert!(texts[1].contains(r#""c":"0.00000000","Q":"0.00000000""#) && texts[1].ends_with(r#""F":-1,"L":-1,"n":0}"#));
    // All together come at the end of the second; the others came already.
    let array = |heard: &[Heard]| {
        let [array] = heard else { panic!("{heard:?}") };
        assert_eq!(array.stream, Stream::All(AllKind::MiniTickers));
        (array.text.contains(r#""s":"BTCUSDT""#), array.text.contains(r#""s":"ETHBTC""#))
    };
    assert_eq!(array(&hand.second(2_000)), (true, true));
    hand.check(3_000, &[]);
    hand.trade(3_500, BTCUSDT, 3_000_000, 1_000);
    assert_eq!(hand.second(4_000).len(), 4);
    // A second subscriber of each.
    come(&hand);
    let texts = greeted(&mut hand);
    let kinds = ["24hrMiniTicker", "24hrTicker", "avgPrice"];
    assert!(texts.len() == 3 && texts.iter().zip(kinds).all(|(text, kind)| text.contains(kind)), "{texts:?}");
    assert_eq!(array(&hand.second(5_000)), (true, true));
    assert_eq!(greeted(&mut hand), [""; 0]);
    hand.check(6_000, &[]);
}

#[test]
fn the_average_is_told_when_it_changes() {
    let mut hand = Hand::new();
    hand.recorder.want(stream("BTCUSDT", Kind::AvgPrice));
    hand.check(1_000, &[]);
    hand.trade(2_010, BTCUSDT, 3_000_000, 1_000);
    hand.trade(60_000, BTCUSDT, 3_100_000, 1_000);
    let average = |seconds: u64, price: &str| {
        format!(
            r#"{{"e":"avgPrice","E":{},"s":"BTCUSDT","i":"5m","w":"{price}","T":1700000060000}}"#,
            START + 1_000 * seconds
        )
    };
    hand.check(61_000, &[&average(61, "30500.00000000")]);
    hand.check(301_000, &[]);
    // The first trade leaves the five minutes, then the second: the last price stays.
    hand.check(302_000, &[&average(302, "31000.00000000")]);
    hand.check(400_000, &[]);
}
