//! The directory of symbols: it follows the feed, and an unknown symbol is waited for before it is refused.

use super::support::{ALICE, Venue, listed_symbol};
use emporion_model::{Action, SymbolSpec};

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

/// Batches that never reached the feed are read from the journal.
#[tokio::test]
async fn a_gap_in_the_feed_is_filled() {
    let venue = Venue::start().await;
    for n in 0..100 {
        venue.queue.tick().await;
        if n == 50 {
            venue.operator(1, new_symbol()).await;
        }
    }
    venue.send(ALICE, "GET openOrders symbol=NEWUSDT").await.is("[]");
}
