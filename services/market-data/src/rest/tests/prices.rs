//! Prices that processes share: the newest is shown, whoever has it, and one that is too old says so.

use crate::testing::{ALICE, App, BOB, BTCUSDT, TestVenue};
use async_trait::async_trait;
use emporion_model::{Price, Quantity, Seq, Side, SymbolId, TimeUs};
use emporion_ports::prices::{CacheError, InMemoryPrices, LastTrade, LivePrice, PriceCache};
use emporion_ports::tables::Level;
use std::sync::Arc;

struct Broken;

#[async_trait]
impl PriceCache for Broken {
    async fn put(&self, _: Vec<LivePrice>) -> Result<(), CacheError> {
        Err(CacheError("a test".to_owned()))
    }

    async fn get(&self, _: &[SymbolId]) -> Result<Vec<Option<LivePrice>>, CacheError> {
        Err(CacheError("a test".to_owned()))
    }
}

fn venue() -> TestVenue {
    let mut venue = TestVenue::new(1_700_000_000_000);
    venue.limit(ALICE, BTCUSDT, Side::Sell, 3_000_000, 5_000);
    venue.limit(BOB, BTCUSDT, Side::Buy, 3_000_000, 2_000);
    venue.commit();
    venue
}

/// What another process wrote, `ahead` commands further than this one's fold, or behind it.
fn written(venue: &TestVenue, seq: Seq) -> LivePrice {
    let level = |price, quantity| vec![Level { price: Price(price), quantity: Quantity(quantity) }];
    LivePrice {
        symbol: BTCUSDT,
        seq,
        time: venue.head().time,
        depth_id: Seq(777),
        last: Some(LastTrade { price: Price(4_200), quantity: Quantity(1), time: TimeUs(1) }),
        bids: level(4_100, 7),
        asks: level(4_300, 9),
        ..LivePrice::default()
    }
}

#[tokio::test]
async fn the_newest_price_is_shown_whoever_wrote_it() {
    let venue = venue();
    let own = App::new(&venue);
    let paths = ["ticker/price?symbol=BTCUSDT", "ticker/bookTicker?symbol=BTCUSDT", "depth?symbol=BTCUSDT&limit=5"];
    for (ahead, is_shown) in [(1, true), (0, false), (-1, false)] {
        let prices = Arc::new(InMemoryPrices::default());
        let seq = Seq(venue.head().seq.0.checked_add_signed(ahead).unwrap());
        prices.put(vec![written(&venue, seq)]).await.unwrap();
        let app = App::sharing(&venue, prices, 0);
        for path in paths.map(|path| format!("/api/v3/{path}")) {
            let (told, own) = (app.get(&path).await, own.get(&path).await);
            assert_eq!(told.0, 200);
            assert_eq!(told != own, is_shown, "{path}, {ahead} ahead: {told:?}");
        }
    }
    let broken = App::sharing(&venue, Arc::new(Broken), 0);
    for path in paths.map(|path| format!("/api/v3/{path}")) {
        assert_eq!(broken.get(&path).await, own.get(&path).await, "{path}");
    }
}

#[tokio::test]
async fn what_is_shown_here_is_kept_for_others() {
    let (venue, prices) = (venue(), Arc::new(InMemoryPrices::default()));
    let _app = App::sharing(&venue, prices.clone(), 0);
    let kept = loop {
        if let Some(kept) = prices.get(&[BTCUSDT]).await.unwrap().remove(0) {
            break kept;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((kept.seq, kept.time), (venue.head().seq, venue.head().time));
    assert_eq!(kept.asks, [Level { price: Price(3_000_000), quantity: Quantity(3_000) }]);
    assert_eq!(kept.last.map(|last| (last.price, last.quantity)), Some((Price(3_000_000), Quantity(2_000))));
    assert!(kept.day.is_some_and(|day| day.trades == 1));
}

#[tokio::test]
async fn a_price_older_than_three_seconds_says_so() {
    let venue = venue();
    for (later_us, stale_ms) in [(0, None), (3_000_000, None), (3_001_000, Some(3_001))] {
        let app = App::sharing(&venue, Arc::new(InMemoryPrices::default()), later_us);
        for path in ["ticker/price", "ticker/bookTicker?symbol=BTCUSDT", "depth?symbol=BTCUSDT"] {
            assert_eq!(app.stale_ms(&format!("/api/v3/{path}")).await, stale_ms, "{path}");
        }
    }
}
