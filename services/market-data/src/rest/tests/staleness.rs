//! What is committed is seen; what is not there yet is waited for; what does not come is not made up.

use crate::testing::{ALICE, App, BTCUSDT, FakeTables, TestVenue};
use emporion_edge::LimitPolicy;
use emporion_model::{Seq, Side};
use emporion_ports::feed::{CommittedBatch, Feed};
use std::sync::Arc;

const DEPTH: &str = "/api/v3/depth?symbol=BTCUSDT";
const BUSY: &str =
    r#"{"code":-1008,"msg":"Server is currently overloaded with other requests. Please try again in a few minutes."}"#;

fn venue() -> TestVenue {
    let mut venue = TestVenue::new(1_700_000_000_000);
    venue.limit(ALICE, BTCUSDT, Side::Buy, 3_000_000, 1_000);
    venue.commit();
    venue
}

fn depth(id: u64, bids: &str) -> (u16, String) {
    (200, format!(r#"{{"lastUpdateId":{id},"bids":[{bids}],"asks":[]}}"#))
}

/// One more order, committed to the app's journal and, unless it gets lost, published.
fn lengthen(venue: &mut TestVenue, app: &App, price: u64, is_published: bool) {
    venue.limit(ALICE, BTCUSDT, Side::Buy, price, 1_000);
    venue.commit();
    let row = venue.rows.last().unwrap().clone();
    let batch = Arc::new(CommittedBatch::from_row(&row).unwrap());
    app.journal.push(row);
    if is_published {
        app.feed.publish(batch);
    }
}

#[tokio::test]
async fn a_client_sees_his_own_last_order() {
    let mut venue = venue();
    let app = App::new(&venue);
    let first = r#"["30000.00000000","0.01000000"]"#;
    assert_eq!(app.get(DEPTH).await, depth(10, first));
    app.commit(Seq(11));
    let (answer, ()) = tokio::join!(app.get(DEPTH), async { lengthen(&mut venue, &app, 2_990_000, true) });
    assert_eq!(answer, depth(11, &format!(r#"{first},["29900.00000000","0.01000000"]"#)));
}

#[tokio::test(start_paused = true)]
async fn a_fold_that_stays_behind_is_not_asked() {
    let app = App::new(&venue());
    app.commit(Seq(11));
    for path in [
        "depth?symbol=BTCUSDT",
        "trades?symbol=BTCUSDT",
        "aggTrades?symbol=BTCUSDT",
        "klines?symbol=BTCUSDT&interval=1m",
        "avgPrice?symbol=BTCUSDT",
        "ticker/24hr",
        "ticker?symbol=BTCUSDT",
        "ticker/tradingDay?symbol=BTCUSDT",
        "ticker/price",
        "ticker/bookTicker",
        "exchangeInfo",
    ] {
        assert_eq!(app.get(&format!("/api/v3/{path}")).await, (503, BUSY.to_owned()), "{path}");
    }
    app.check("/api/v3/ping", "{}").await;
    app.check("/api/v3/time", r#"{"serverTime":1700000000000}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_fit_makes_the_fold_start_again() {
    let mut venue = venue();
    let whole = TestVenue::new(0);
    let app = App::new(&venue);
    assert_eq!(app.get(DEPTH).await.0, 200);
    let alien = CommittedBatch { first_seq: Seq(11), ..(*whole.batches()[0]).clone() };
    app.feed.publish(Arc::new(alien));
    lengthen(&mut venue, &app, 2_990_000, false);
    lengthen(&mut venue, &app, 2_980_000, true);
    app.commit(Seq(12));
    let (status, body) = app.get(DEPTH).await;
    assert!(status == 200 && body.starts_with(r#"{"lastUpdateId":12,"bids":[["30000.0"#), "{body}");
}

#[tokio::test]
async fn a_start_with_tables_that_lag_reads_the_journal() {
    let mut venue = venue();
    for price in [2_990_000, 2_980_000, 2_970_000, 2_960_000, 2_950_000] {
        venue.limit(ALICE, BTCUSDT, Side::Buy, price, 1_000);
        venue.commit();
    }
    for moment in 0..venue.moments.len() {
        let app = App::over(&venue, FakeTables::moving(&venue, moment, |_| 0), LimitPolicy::OFF);
        let (status, body) = app.get(DEPTH).await;
        assert_eq!((status, body.matches("0.01000000").count()), (200, 6), "from {moment}");
    }
}

#[tokio::test]
async fn old_trades_are_refused_while_the_tables_lag() {
    let mut venue = TestVenue::new(1_700_000_000_000);
    for n in 0..2_100 {
        venue.limit(ALICE, BTCUSDT, Side::Sell, 3_000_000, 1 + n % 3);
        venue.limit(ALICE, BTCUSDT, Side::Buy, 3_000_000, 1 + n % 3);
    }
    venue.commit();
    venue.at(1_700_000_001_000).tick();
    let behind = venue.moments.len() - 2;
    let app = App::over(&venue, FakeTables::moving(&venue, behind, |_| 0), LimitPolicy::OFF);
    let old = "/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1";
    assert_eq!(app.get(old).await, (503, BUSY.to_owned()));
    assert_eq!(app.get("/api/v3/trades?symbol=BTCUSDT").await.0, 200);
}
