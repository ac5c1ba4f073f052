//! What a client is told when there is no outcome: not executed, or unknown.

use super::support::{ALICE, Behaviour, Venue};
use emporion_ports::orders::QueueError;

const ORDER: &str = "POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
const UNKNOWN: &str =
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";
const BUSY: &str = "Server is currently overloaded with other requests. Please try again in a few minutes.";

#[tokio::test]
async fn a_full_queue_is_503_and_not_executed() {
    let venue = Venue::start().await;
    venue.queue.behave(Behaviour::Fails(QueueError::Busy));
    for request in [ORDER, "DELETE order symbol=BTCUSDT&orderId=1", "DELETE openOrders symbol=BTCUSDT"] {
        let answer = venue.send(ALICE, request).await;
        answer.refuses(503, -1008, BUSY);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test]
async fn a_lost_outcome_is_504_and_unknown() {
    let venue = Venue::start().await;
    venue.queue.behave(Behaviour::Fails(QueueError::Unknown));
    venue.send(ALICE, ORDER).await.refuses(504, -1007, UNKNOWN);
}

#[tokio::test]
async fn a_command_that_was_dropped_for_its_age_was_not_executed() {
    let venue = Venue::start().await;
    venue.queue.behave(Behaviour::Fails(QueueError::Expired));
    venue.send(ALICE, ORDER).await.refuses(400, -1021, "Timestamp for this request is outside of the recvWindow.");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_waited_for_until_the_deadline_and_for_one_to_ten_seconds() {
    let venue = Venue::start().await;
    venue.queue.behave(Behaviour::Hangs);
    for (window_ms, seconds) in [(1, 1), (3_000, 3), (60_000, 10)] {
        let before = tokio::time::Instant::now();
        let request = format!("{ORDER}&timestamp={}&recvWindow={window_ms}", venue.now_ms());
        venue.send(ALICE, &request).await.refuses(504, -1007, UNKNOWN);
        assert_eq!(before.elapsed().as_millis().div_ceil(1_000), seconds, "{window_ms}");
    }
}

/// Too late for the engine is too late for the client, and journaled as a reject.
#[tokio::test]
async fn a_command_that_reaches_the_engine_too_late_is_outside_its_window() {
    let venue = Venue::start().await;
    venue.sleep_ms(2_000);
    venue.queue.tick().await;
    venue.set_back_ms(1_500);
    let request = format!("{ORDER}&timestamp={}&recvWindow=1000", venue.now_ms());
    venue.send(ALICE, &request).await.refuses(400, -1021, "Timestamp for this request is outside of the recvWindow.");
    assert_eq!(venue.queue.submitted().len(), 1);
}

/// The cancel is done and durable; only its answer is missing, so its outcome is unknown to the client.
#[tokio::test(start_paused = true)]
async fn a_cancel_whose_order_cannot_be_read_is_unknown() {
    let venue = Venue::start().await;
    venue.limit(ALICE, "BUY", "100", "1").await;
    venue.tables.hold();
    venue.send(ALICE, "DELETE order symbol=BTCUSDT&orderId=1").await.refuses(504, -1007, UNKNOWN);
    venue.tables.release();
    assert_eq!(venue.send(ALICE, "GET order symbol=BTCUSDT&orderId=1").await.ok()["status"], "CANCELED");
    venue.limit(ALICE, "BUY", "100", "1").await;
    venue.tables.break_down();
    venue.send(ALICE, "DELETE order symbol=BTCUSDT&orderId=2").await.refuses(504, -1007, UNKNOWN);
}

#[tokio::test]
async fn a_read_from_a_failing_store_says_so() {
    let venue = Venue::start().await;
    venue.tables.break_down();
    for request in [
        "GET order symbol=BTCUSDT&orderId=1",
        "GET openOrders",
        "GET allOrders symbol=BTCUSDT",
        "GET myTrades symbol=BTCUSDT",
        "GET account",
        "GET account/commission symbol=BTCUSDT",
        "GET rateLimit/order",
    ] {
        let answer = venue.send(ALICE, request).await;
        answer.refuses(500, -1001, "Internal error; unable to process your request. Please try again.");
    }
}
