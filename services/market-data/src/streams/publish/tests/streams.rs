//! Books and trades.

use super::recorder::Recorder;
use super::stage::{SPEEDS, Stage};
use super::stream;
use crate::fold::Fold;
use crate::fold::tests::{play, step};
use crate::streams::name::{Kind, Speed};
use crate::streams::publish::Publisher;
use crate::testing::{ALICE, BOB, BTCUSDT, TestVenue};
use emporion_model::event::OrderRested;
use emporion_model::{Event, OrderId, OrderKind, Price, Quantity, Side, TimeInForce};
use proptest::prelude::*;
use proptest::sample::Index;

/// Something that happens to those who hear.
#[derive(Clone, Debug)]
enum Act {
    Batch,
    Window(Speed),
    Connect(Index),
    Fetch(Index),
    Begin(Index),
    Leave(Index),
    Restart(Index, usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => Just(Act::Batch),
        4 => Just(Act::Window(Speed::Ms100)),
        2 => Just(Act::Window(Speed::Ms1000)),
        6 => any::<Index>().prop_map(Act::Connect),
        6 => any::<Index>().prop_map(Act::Fetch),
        6 => any::<Index>().prop_map(Act::Begin),
        1 => any::<Index>().prop_map(Act::Leave),
        1 => (any::<Index>(), 0usize..4).prop_map(|(moment, pace)| Act::Restart(moment, pace)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn clients_have_the_book_whatever_happens(
        steps in prop::collection::vec(step(), 0..200),
        acts in prop::collection::vec(act(), 0..300),
        moment in 0usize..10,
        pace in 0usize..4,
    ) {
        let venue = play(&steps);
        let moments = venue.moments.len();
        let mut stage = Stage::new(&venue, moment.min(moments - 1), pace);
        let clients = stage.clients();
        for act in acts {
            match act {
                Act::Batch => {
                    stage.batch();
                }
                Act::Window(speed) => stage.window(speed),
                Act::Connect(client) => stage.connect(client.index(clients)),
                Act::Fetch(client) => stage.fetch(client.index(clients)),
                Act::Begin(client) => stage.begin(client.index(clients)),
                Act::Leave(client) => stage.leave(client.index(clients)),
                Act::Restart(moment, pace) => {
                    stage.restart(moment.index(moments), pace);
                }
            }
        }
        stage.finish();
    }
}

/// A publisher over a venue, driven by hand.
struct Hand {
    venue: TestVenue,
    fold: Fold,
    publisher: Publisher<Recorder>,
    recorder: Recorder,
}

impl Hand {
    fn new(kinds: &[Kind]) -> Self {
        let recorder = Recorder::default();
        kinds.iter().for_each(|kind| recorder.want(stream("BTCUSDT", *kind)));
        let mut publisher = Publisher::new(recorder.clone());
        let fold = Fold::default();
        publisher.begin(fold.view());
        let mut hand = Self { venue: TestVenue::new(1_700_000_000_000), fold, publisher, recorder };
        hand.follow();
        hand
    }

    /// Commits what was ordered, and brings the fold there.
    fn follow(&mut self) {
        self.venue.commit();
        for batch in self.venue.batches() {
            if batch.first_seq > self.fold.view().seq {
                self.fold.apply(&batch).unwrap();
                self.publisher.on_batch(self.fold.view(), &batch);
            }
        }
    }

    fn limit(&mut self, side: Side, price: u64, quantity: u64) {
        let account = if side == Side::Buy { BOB } else { ALICE };
        self.venue.limit(account, BTCUSDT, side, price, quantity);
    }

    fn window(&mut self, speed: Speed) {
        self.publisher.on_window(self.fold.view(), speed);
    }

    #[track_caller]
    fn check(&mut self, expected: &[&str]) {
        assert_eq!(self.recorder.texts(), expected);
    }
}

#[test]
fn trades_are_told_one_by_one_and_in_runs() {
    let mut hand = Hand::new(&[Kind::Trade, Kind::AggTrade]);
    hand.limit(Side::Sell, 3_000_000, 1_000);
    hand.limit(Side::Sell, 3_000_000, 2_000);
    hand.limit(Side::Sell, 3_000_100, 2_000);
    hand.limit(Side::Buy, 3_000_100, 4_000);
    hand.follow();
    hand.check(&[
        r#"{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":1,"p":"30000.00000000","q":"0.01000000","T":1700000000000,"m":false,"M":true}"#,
        r#"{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":2,"p":"30000.00000000","q":"0.02000000","T":1700000000000,"m":false,"M":true}"#,
        r#"{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":3,"p":"30001.00000000","q":"0.01000000","T":1700000000000,"m":false,"M":true}"#,
        r#"{"e":"aggTrade","E":1700000000000,"s":"BTCUSDT","a":1,"p":"30000.00000000","q":"0.03000000","f":1,"l":2,"T":1700000000000,"m":false,"M":true}"#,
        r#"{"e":"aggTrade","E":1700000000000,"s":"BTCUSDT","a":2,"p":"30001.00000000","q":"0.01000000","f":3,"l":3,"T":1700000000000,"m":false,"M":true}"#,
    ]);
}

#[test]
fn the_best_levels_are_told_when_a_batch_changed_them() {
    let mut hand = Hand::new(&[Kind::BookTicker]);
    // It was listed after somebody subscribed.
    hand.check(&[r#"{"u":0,"s":"BTCUSDT","b":"0.00000000","B":"0.00000000","a":"0.00000000","A":"0.00000000"}"#]);
    hand.limit(Side::Buy, 3_000_000, 1_000);
    hand.follow();
    hand.check(&[r#"{"u":10,"s":"BTCUSDT","b":"30000.00000000","B":"0.01000000","a":"0.00000000","A":"0.00000000"}"#]);
    hand.limit(Side::Buy, 2_999_900, 1_000);
    hand.follow();
    hand.check(&[]);
    // There and away within one batch.
    hand.limit(Side::Sell, 3_000_100, 1_000);
    hand.limit(Side::Buy, 3_000_100, 1_000);
    hand.follow();
    hand.check(&[]);
    hand.limit(Side::Sell, 3_000_000, 400);
    hand.follow();
    hand.check(&[r#"{"u":14,"s":"BTCUSDT","b":"30000.00000000","B":"0.00600000","a":"0.00000000","A":"0.00000000"}"#]);
}

#[test]
fn ranges_of_ids_have_no_gaps_whether_or_not_anybody_hears_them() {
    let mut hand = Hand::new(&[]);
    let [fast, slow] = SPEEDS.map(|speed| stream("BTCUSDT", Kind::Depth(speed)));
    hand.limit(Side::Buy, 3_000_000, 1_000);
    hand.follow();
    hand.window(Speed::Ms100);
    // Within a window of both.
    hand.limit(Side::Buy, 2_999_900, 1_000);
    hand.follow();
    [fast, slow].into_iter().for_each(|stream| hand.recorder.want(stream));
    hand.limit(Side::Sell, 2_999_900, 1_500);
    hand.limit(Side::Sell, 3_000_100, 700);
    hand.follow();
    hand.window(Speed::Ms100);
    hand.check(&[
        r#"{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":11,"u":13,"b":[["30000.00000000","0.00000000"],["29999.00000000","0.00500000"]],"a":[["30001.00000000","0.00700000"]]}"#,
    ]);
    hand.window(Speed::Ms100);
    hand.check(&[]);
    hand.window(Speed::Ms1000);
    hand.check(&[
        r#"{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":1,"u":13,"b":[["30000.00000000","0.00000000"],["29999.00000000","0.00500000"]],"a":[["30001.00000000","0.00700000"]]}"#,
    ]);
    hand.limit(Side::Sell, 3_000_200, 1);
    hand.follow();
    for (speed, id) in [(Speed::Ms100, 14), (Speed::Ms1000, 14)] {
        hand.window(speed);
        hand.check(&[&format!(
            r#"{{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":{id},"u":{id},"b":[],"a":[["30002.00000000","0.00001000"]]}}"#
        )]);
    }
}

#[test]
fn the_top_is_told_when_the_book_changed_and_to_who_comes_first() {
    let mut hand = Hand::new(&[]);
    let top = stream("BTCUSDT", Kind::PartialDepth(5, Speed::Ms100));
    for price in 0..7 {
        hand.limit(Side::Buy, 3_000_000 - 100 * price, 1_000);
    }
    hand.follow();
    hand.window(Speed::Ms100);
    hand.check(&[]);
    let rows = r#"["30000.00000000","0.01000000"],["29999.00000000","0.01000000"],["29998.00000000","0.01000000"],["29997.00000000","0.01000000"],["29996.00000000","0.01000000"]"#;
    let shown = |id: u64| format!(r#"{{"lastUpdateId":{id},"bids":[{rows}],"asks":[]}}"#);
    hand.recorder.want(top);
    hand.window(Speed::Ms100);
    hand.check(&[&shown(16)]);
    hand.window(Speed::Ms100);
    hand.check(&[]);
    hand.limit(Side::Buy, 2_000_000, 1);
    hand.follow();
    hand.window(Speed::Ms100);
    hand.check(&[&shown(17)]);
    hand.recorder.leave(top);
    hand.window(Speed::Ms100);
    hand.recorder.want(top);
    hand.window(Speed::Ms100);
    hand.check(&[&shown(17)]);
}

#[test]
fn whoever_comes_is_told_how_the_book_stands_and_nothing_that_happens() {
    let mut hand = Hand::new(&[]);
    let come = |hand: &Hand, kind| hand.recorder.come(stream("BTCUSDT", kind));
    let greet = |hand: &mut Hand| hand.publisher.greet(hand.fold.view());
    // Nothing was ever ordered.
    come(&hand, Kind::BookTicker);
    come(&hand, Kind::PartialDepth(5, Speed::Ms1000));
    greet(&mut hand);
    let best = |id: u64, bid: &str| format!(r#"{{"u":{id},"s":"BTCUSDT",{bid},"a":"0.00000000","A":"0.00000000"}}"#);
    let id = hand.fold.view().venue.listings()[0].market.read().book().depth_id().0;
    let nobody = r#""b":"0.00000000","B":"0.00000000""#;
    hand.check(&[&format!(r#"{{"lastUpdateId":{id},"bids":[],"asks":[]}}"#), &best(id, nobody)]);
    hand.limit(Side::Buy, 3_000_000, 1_000);
    hand.follow();
    let bid = r#""b":"30000.00000000","B":"0.01000000""#;
    hand.check(&[&best(10, bid)]);
    // The second of two subscribers, within a second; its end repeats nothing.
    for kind in [
        Kind::Trade,
        Kind::AggTrade,
        Kind::Depth(Speed::Ms100),
        Kind::Depth(Speed::Ms1000),
        Kind::BookTicker,
        Kind::PartialDepth(5, Speed::Ms1000),
        Kind::PartialDepth(20, Speed::Ms100),
    ] {
        come(&hand, kind);
    }
    hand.recorder.come(stream("NEVERUSDT", Kind::BookTicker));
    let top = r#"{"lastUpdateId":10,"bids":[["30000.00000000","0.01000000"]],"asks":[]}"#;
    greet(&mut hand);
    hand.check(&[top, top, &best(10, bid)]);
    SPEEDS.into_iter().for_each(|speed| hand.window(speed));
    let changes: Vec<String> = hand.recorder.texts();
    assert!(changes.iter().all(|text| text.contains("depthUpdate")) && changes.len() == 2, "{changes:?}");
    greet(&mut hand);
    SPEEDS.into_iter().for_each(|speed| hand.window(speed));
    hand.check(&[]);
    // Who is gone before the greeting is not greeted.
    come(&hand, Kind::BookTicker);
    hand.recorder.leave(stream("BTCUSDT", Kind::BookTicker));
    greet(&mut hand);
    hand.check(&[]);
}

#[test]
fn levels_beyond_the_largest_number_are_capped() {
    let mut hand = Hand::new(&[Kind::BookTicker, Kind::Depth(Speed::Ms100), Kind::PartialDepth(5, Speed::Ms100)]);
    let listing = hand.fold.view().venue.listings()[0].clone();
    hand.limit(Side::Buy, 1, 1_000);
    hand.follow();
    let most = OrderRested {
        symbol: BTCUSDT,
        order_id: OrderId(99),
        side: Side::Buy,
        price: Price(1),
        quantity: Quantity(u64::MAX),
    };
    let (seq, time) = (hand.fold.view().seq, hand.fold.view().time);
    listing.market.write().apply(seq, time, &Event::OrderRested(most)).unwrap();
    hand.limit(Side::Buy, 1, 1);
    hand.follow();
    hand.recorder.take();
    hand.window(Speed::Ms100);
    assert!(hand.recorder.texts().iter().all(|text| text.contains(r#"["0.01000000","92233720368.54775807"]"#)));
}

#[test]
fn a_quiet_window_tells_nothing() {
    let kinds: Vec<Kind> = SPEEDS.into_iter().map(Kind::Depth).collect();
    let mut hand = Hand::new(&kinds);
    hand.venue.place(
        ALICE,
        BTCUSDT,
        Side::Buy,
        OrderKind::Limit(Price(3_000_000), Quantity(10), TimeInForce::Ioc),
        None,
    );
    hand.follow();
    SPEEDS.into_iter().for_each(|speed| hand.window(speed));
    hand.check(&[]);
}
