//! The directory of symbols: it follows the feed, and an unknown symbol is waited for before it is refused.

use super::support::{ALICE, Venue, listed_symbol};
use emporion_model::{Action, Seq, SymbolId, SymbolSpec, SymbolStatus};

fn new_symbol() -> Action {
    Action::AddSymbol(Box::new(SymbolSpec { name: "NEWUSDT".parse().unwrap(), ..listed_symbol().spec }))
}

#[tokio::test]
async fn a_new_symbol_can_be_traded_at_once() {
    let venue = Venue::start().await;
    let order = "POST order symbol=NEWUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
    venue.send(ALICE, order).await.refuses(400, -1121, "Invalid symbol.");
    venue.operator(1, new_symbol()).await;
    assert_eq!(venue.send(ALICE, order).await.ok()["symbol"], "NEWUSDT");
    assert_eq!(venue.send(ALICE, "GET openOrders").await.ok()[0]["symbol"], "NEWUSDT");
}

/// More batches than the feed holds: the rest is read from the journal.
#[tokio::test]
async fn a_gap_in_the_feed_is_filled() {
    let venue = Venue::start().await;
    venue.operator(1, new_symbol()).await;
    venue.overrun_feed().await;
    venue.send(ALICE, "GET openOrders symbol=NEWUSDT").await.is("[]");
}

/// Neither feed nor journal has what is missing.
#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_go_on_starts_again_from_the_tables() {
    let venue = Venue::start().await;
    venue.operator(1, new_symbol()).await;
    venue.overrun_feed().await;
    venue.journal.drop_until(Seq(venue.tables.seq().0 - 1));
    let before = tokio::time::Instant::now();
    venue.send(ALICE, "GET openOrders symbol=NEWUSDT").await.is("[]");
    assert!(!before.elapsed().is_zero(), "it rested before it started again");
    venue.operator(2, Action::SetSymbolStatus(SymbolId(2), SymbolStatus::Halt)).await;
    venue.follow().await;
    let order = "POST order/test symbol=NEWUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
    venue.send(ALICE, order).await.refuses(400, -1013, "Market is closed.");
}
