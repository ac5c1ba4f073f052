//! The fold against the engine whose events it folds, and against itself from any start.

use super::*;
use crate::cold_start::cold_start;
use crate::testing::{ALICE, BOB, BTCUSDT, ETHBTC, FakeTables, TestVenue};
use emporion_model::{MarketSize, OrderId, OrderKind, Price, Quantity, Side, StpMode, SymbolStatus, TimeInForce};
use emporion_ports::tables::TradeRow;
use proptest::prelude::*;

/// Something that happens to the venue.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Limit { bob: bool, eth: bool, side: Side, price: u64, quantity: u64, stp: StpMode, tif: TimeInForce },
    Market { bob: bool, eth: bool, side: Side, quantity: u64 },
    Cancel { bob: bool, eth: bool, order_id: u64 },
    Status { eth: bool, status: SymbolStatus },
    AddSymbol,
    Commit,
    Wait { milliseconds: u64 },
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let stp = prop::sample::select(vec![
        StpMode::None,
        StpMode::ExpireMaker,
        StpMode::ExpireTaker,
        StpMode::ExpireBoth,
        StpMode::Decrement,
    ]);
    let tif = prop::sample::select(vec![TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok]);
    let limit = (any::<bool>(), any::<bool>(), side.clone(), 95u64..105, 1u64..20, stp, tif).prop_map(
        |(bob, eth, side, price, quantity, stp, tif)| Step::Limit { bob, eth, side, price, quantity, stp, tif },
    );
    let market = (any::<bool>(), any::<bool>(), side, 1u64..40).prop_map(|(bob, eth, side, quantity)| Step::Market {
        bob,
        eth,
        side,
        quantity,
    });
    let cancel =
        (any::<bool>(), any::<bool>(), 1u64..40).prop_map(|(bob, eth, order_id)| Step::Cancel { bob, eth, order_id });
    let status = (any::<bool>(), prop::sample::select(SymbolStatus::ALL.to_vec()))
        .prop_map(|(eth, status)| Step::Status { eth, status });
    let wait = prop::sample::select(vec![1, 300, 900, 5_000, 290_000, 3_600_000, 80_000_000, 86_400_000, 100_000_000])
        .prop_map(|milliseconds| Step::Wait { milliseconds });
    prop_oneof![
        20 => limit,
        6 => market,
        6 => cancel,
        1 => status,
        1 => Just(Step::AddSymbol),
        4 => Just(Step::Commit),
        6 => wait,
    ]
}

pub(crate) fn play(steps: &[Step]) -> TestVenue {
    let mut now = 1_700_000_000_000;
    let mut venue = TestVenue::new(now);
    let account = |bob: &bool| if *bob { BOB } else { ALICE };
    let symbol = |eth: &bool| if *eth { ETHBTC } else { BTCUSDT };
    let mut added = 0;
    for step in steps {
        match step {
            Step::Limit { bob, eth, side, price, quantity, stp, tif } => {
                let kind = OrderKind::Limit(Price(*price), Quantity(*quantity), *tif);
                venue.place(account(bob), symbol(eth), *side, kind, Some(*stp));
            }
            Step::Market { bob, eth, side, quantity } => {
                let kind = OrderKind::Market(MarketSize::Base(Quantity(*quantity)));
                venue.place(account(bob), symbol(eth), *side, kind, None);
            }
            Step::Cancel { bob, eth, order_id } => venue.cancel(account(bob), symbol(eth), OrderId(*order_id)),
            Step::Status { eth, status } => venue.set_status(symbol(eth), *status),
            Step::AddSymbol => {
                added += 1;
                venue.add_symbol(&format!("BTC{added}USDT"));
            }
            Step::Commit => {
                venue.commit();
            }
            Step::Wait { milliseconds } => {
                now += milliseconds;
                venue.at(now);
            }
        }
    }
    // Twice, so that the second that was open is closed and known to everybody.
    venue.commit().tick();
    venue.at(now + 1_000).tick();
    venue
}

fn fold_of(venue: &TestVenue) -> Fold {
    let mut fold = Fold::default();
    venue.batches().iter().for_each(|batch| fold.apply(batch).unwrap());
    fold
}

fn assert_follows_engine(fold: &Fold, venue: &TestVenue) {
    let last = venue.moments.last().unwrap();
    let listings = fold.view().venue.listings();
    assert_eq!((fold.view().seq, fold.view().time), (last.head.seq, last.head.time));
    assert_eq!(listings.iter().map(|listing| listing.symbol.clone()).collect::<Vec<_>>(), last.symbols);
    for (listing, expected) in listings.iter().zip(&last.books) {
        let market = listing.market.read();
        let levels = |side| -> Vec<_> {
            let levels = market.book().levels(side, usize::MAX);
            levels.iter().map(|level| (level.price, level.quantity)).collect()
        };
        let engine = |levels: &[emporion_ports::tables::Level]| -> Vec<_> {
            levels.iter().map(|level| (level.price, u128::from(level.quantity.0))).collect()
        };
        assert_eq!(levels(Side::Buy), engine(&expected.bids));
        assert_eq!(levels(Side::Sell), engine(&expected.asks));
        assert_eq!(market.book().depth_id(), expected.depth_id);
        let trades = venue.trades.iter().filter(|trade| trade.symbol == listing.symbol.id);
        assert!(market.tape().trades().iter().eq(trades));
    }
}

/// The statistics of the day, from a look at every trade.
fn assert_day(fold: &Fold, venue: &TestVenue) {
    for listing in fold.view().venue.listings() {
        let market = listing.market.read();
        let from = fold.view().time.second().saturating_sub(series::DAY_SECONDS);
        let (inside, before): (Vec<&TradeRow>, Vec<&TradeRow>) = venue
            .trades
            .iter()
            .filter(|trade| trade.symbol == listing.symbol.id)
            .partition(|trade| trade.time.second() >= from);
        assert_eq!(market.series().close_before_day(), before.last().map(|trade| trade.price));
        let day = market.series().day();
        assert_eq!(day.map_or(0, |day| day.trades), inside.len() as u64);
        if let Some(day) = day {
            assert_eq!((day.open, day.close), (inside[0].price, inside[inside.len() - 1].price));
            assert_eq!(Some(day.high), inside.iter().map(|trade| trade.price).max());
            assert_eq!(Some(day.low), inside.iter().map(|trade| trade.price).min());
            assert_eq!(day.quote.0, inside.iter().map(|trade| trade.notional.0).sum::<i128>());
            assert_eq!(day.first_trade_id, inside[0].trade_id);
            assert_eq!(day.last_trade_id, inside[inside.len() - 1].trade_id);
        }
    }
}

fn assert_same(one: &Fold, other: &Fold) {
    let (one, other) = (one.view(), other.view());
    assert_eq!((one.seq, one.time), (other.seq, other.time));
    assert_eq!(one.venue.assets(), other.venue.assets());
    assert_eq!(one.venue.listings().len(), other.venue.listings().len());
    for (one, other) in one.venue.listings().iter().zip(other.venue.listings()) {
        assert_eq!(one.symbol, other.symbol);
        let (one, other) = (one.market.read(), other.market.read());
        assert_eq!(one.book(), other.book());
        assert_eq!(one.tape(), other.tape());
        assert_eq!(one.series(), other.series());
        assert_eq!(one.time(), other.time());
    }
}

#[tokio::main(flavor = "current_thread")]
async fn started_at(venue: &TestVenue, moment: usize, pace: usize) -> Fold {
    let tables = FakeTables::moving(venue, moment, move |at| usize::from(pace > 0 && at % pace == 0));
    let mut fold = cold_start(&tables.into()).await.unwrap();
    let after = fold.view().seq;
    for batch in venue.batches().iter().filter(|batch| batch.first_seq > after) {
        fold.apply(batch).unwrap();
    }
    fold
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_fold_is_what_the_engine_has(steps in prop::collection::vec(step(), 0..200)) {
        let venue = play(&steps);
        let fold = fold_of(&venue);
        assert_follows_engine(&fold, &venue);
        assert_day(&fold, &venue);
    }

    #[test]
    fn a_cold_start_anywhere_ends_in_the_same_fold(
        steps in prop::collection::vec(step(), 0..200),
        moment in any::<prop::sample::Index>(),
        pace in 0usize..4,
    ) {
        let venue = play(&steps);
        let moment = moment.index(venue.moments.len() - 1);
        assert_same(&fold_of(&venue), &started_at(&venue, moment, pace));
    }
}

#[test]
fn a_fold_that_missed_something_says_so() {
    let mut venue = TestVenue::new(0);
    venue.limit(ALICE, BTCUSDT, Side::Sell, 100, 5);
    venue.commit();
    venue.limit(BOB, BTCUSDT, Side::Buy, 100, 5);
    venue.commit();
    let batches = venue.batches();
    let mut fold = Fold::default();
    fold.apply(&batches[0]).unwrap();
    assert_eq!(fold.apply(&batches[2]), Err(FoldError::Level));
    assert_eq!(Fold::default().apply(&batches[1]), Err(FoldError::Symbol(BTCUSDT)));
}
