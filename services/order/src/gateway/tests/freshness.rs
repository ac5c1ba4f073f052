//! Reads are never older than what was committed when they arrived, and "no such order" is final.

use super::support::{ALICE, Venue};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

const BUSY: &str = "Server is currently overloaded with other requests. Please try again in a few minutes.";
const UNKNOWN: &str =
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";

const READS: [&str; 7] = [
    "GET order symbol=BTCUSDT&orderId=1",
    "GET openOrders",
    "GET allOrders symbol=BTCUSDT",
    "GET myTrades symbol=BTCUSDT",
    "GET account",
    "GET account/commission symbol=BTCUSDT",
    "GET rateLimit/order",
];

/// Starts `future` and says whether it was done at once.
async fn is_done_at_once<F: Future + Unpin>(future: &mut F) -> bool {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

#[tokio::test]
async fn a_read_waits_for_what_its_client_was_already_told() {
    for request in READS {
        let venue = Venue::start().await;
        venue.tables.hold();
        venue.limit(ALICE, "BUY", "100", "1").await;
        let mut read = Box::pin(venue.send(ALICE, request));
        assert!(!is_done_at_once(&mut read).await, "{request}");
        venue.tables.release();
        read.await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_waits_too_long_is_not_executed() {
    for request in READS {
        let venue = Venue::start().await;
        venue.tables.hold();
        venue.limit(ALICE, "BUY", "100", "1").await;
        let before = tokio::time::Instant::now();
        venue.send(ALICE, request).await.refuses(503, -1008, BUSY);
        assert_eq!(before.elapsed().as_secs(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn no_such_order_is_said_only_when_engine_time_is_within_a_second() {
    let missing = "GET order symbol=BTCUSDT&origClientOrderId=missing";
    let venue = Venue::start().await;
    venue.sleep_ms(1_000);
    venue.send(ALICE, missing).await.refuses(400, -2013, "Order does not exist.");
    venue.sleep_ms(1);
    let before = tokio::time::Instant::now();
    venue.send(ALICE, missing).await.refuses(504, -1007, UNKNOWN);
    assert_eq!(before.elapsed().as_secs(), 2);
    let mut read = Box::pin(venue.send(ALICE, missing));
    assert!(!is_done_at_once(&mut read).await);
    venue.queue.tick().await;
    read.await.refuses(400, -2013, "Order does not exist.");
}

/// An order that was still on its way when it was asked for is found once it is committed.
#[tokio::test(start_paused = true)]
async fn an_order_that_is_committed_meanwhile_is_found() {
    let venue = Venue::start().await;
    venue.sleep_ms(5_000);
    let mut read = Box::pin(venue.send(ALICE, "GET order symbol=BTCUSDT&orderId=1"));
    assert!(!is_done_at_once(&mut read).await);
    venue.limit(ALICE, "BUY", "100", "1").await;
    assert_eq!(read.await.ok()["status"], "NEW");
}

/// An order that exists is shown, however long nothing was committed.
#[tokio::test(start_paused = true)]
async fn an_existing_order_needs_no_recent_commit() {
    let venue = Venue::start().await;
    venue.limit(ALICE, "BUY", "100", "1").await;
    venue.sleep_ms(3_600_000);
    venue.send(ALICE, "GET order symbol=BTCUSDT&orderId=1").await.ok();
}
