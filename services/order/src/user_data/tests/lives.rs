//! Subscriptions from their beginning to their end, through slow tables, gaps and damage.

use super::support::{Stream, Streams, follow, kinds, told};
use crate::gateway::tests::support::{ALICE, BOB, CAROL};
use emporion_api::TimeUnit;
use emporion_edge::socket::{Cut, Outbox, OutboxLimits};
use emporion_model::{AccountKind, Action};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

const POSITION: &str = "outboundAccountPosition";

/// Starts `future` and says whether it was done at once.
async fn is_done_at_once<F: Future + Unpin>(future: &mut F) -> bool {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

#[tokio::test]
async fn a_stream_begins_when_the_tables_hold_what_it_does_not_tell() {
    let streams = Streams::start().await;
    streams.venue.tables.hold();
    let id = streams.venue.limit(ALICE, "BUY", "100", "1").await;
    let mut head = streams.venue.tables.seq();
    head.0 += 1;
    told(&streams.user_data, head).await;
    let mut opening = Box::pin(Stream::open(&streams.user_data, ALICE.account));
    assert!(!is_done_at_once(&mut opening).await);
    // Others are served meanwhile, and what happens while it waits is kept.
    streams.venue.limit(ALICE, "BUY", "101", "1").await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!is_done_at_once(&mut opening).await);
    streams.venue.tables.release();
    let alice = opening.await.unwrap();
    let open = streams.venue.send(ALICE, "GET openOrders").await.ok();
    assert_eq!((open[0]["orderId"].as_u64(), open[1]["orderId"].as_u64()), (Some(id), Some(id + 1)));
    assert_eq!(streams.told(&alice).await.len(), 0, "the tables held both orders already");
    streams.venue.limit(BOB, "SELL", "101", "0.5").await;
    assert_eq!(kinds(&streams.told(&alice).await), ["TRADE PARTIALLY_FILLED", POSITION]);
}

#[tokio::test]
async fn accounts_that_wait_do_not_hold_up_others() {
    let streams = Streams::start().await;
    let bob = streams.listen(BOB.account).await;
    streams.venue.tables.hold();
    streams.venue.limit(BOB, "BUY", "100", "1").await;
    let mut seq = streams.venue.tables.seq();
    seq.0 += 1;
    told(&streams.user_data, seq).await;
    let mut opening = Box::pin(Stream::open(&streams.user_data, ALICE.account));
    assert!(!is_done_at_once(&mut opening).await);
    streams.venue.limit(BOB, "BUY", "101", "1").await;
    seq.0 += 1;
    told(&streams.user_data, seq).await;
    assert_eq!(kinds(&bob.taken().await.unwrap()), ["NEW NEW", POSITION, "NEW NEW", POSITION]);
    // Not even a second one of an account that is followed begins ahead of the tables.
    let mut second = Box::pin(Stream::open(&streams.user_data, BOB.account));
    assert!(!is_done_at_once(&mut second).await);
    tokio::task::yield_now().await;
    assert!(!is_done_at_once(&mut second).await);
    streams.venue.tables.release();
    opening.await.unwrap();
    let second = second.await.unwrap();
    assert_eq!(streams.told(&second).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn tables_that_do_not_come_make_it_busy() {
    let streams = Streams::start().await;
    streams.venue.tables.hold();
    streams.venue.limit(BOB, "BUY", "100", "1").await;
    let mut seq = streams.venue.tables.seq();
    seq.0 += 1;
    told(&streams.user_data, seq).await;
    let before = tokio::time::Instant::now();
    let error = Stream::open(&streams.user_data, ALICE.account).await.err().unwrap();
    assert_eq!((error.code.number(), error.status, before.elapsed().as_secs()), (-1008, 503, 2));
    streams.venue.tables.release();
    streams.listen(ALICE.account).await;
}

#[tokio::test]
async fn tables_that_fail_are_told() {
    let streams = Streams::start().await;
    told(&streams.user_data, streams.venue.tables.seq()).await;
    streams.venue.tables.break_down();
    let error = Stream::open(&streams.user_data, ALICE.account).await.err().unwrap();
    assert_eq!(error.code.number(), -1001);
}

#[tokio::test]
async fn each_subscriber_begins_at_its_own_point_and_ends_with_its_subscription() {
    let streams = Streams::start().await;
    let first = streams.listen(ALICE.account).await;
    streams.venue.limit(ALICE, "BUY", "100", "1").await;
    assert_eq!(streams.told(&first).await.len(), 2);
    let second = streams.listen(ALICE.account).await;
    streams.venue.limit(ALICE, "BUY", "101", "1").await;
    let (to_first, to_second) = (streams.told(&first).await, streams.told(&second).await);
    assert_eq!(kinds(&to_first), ["NEW NEW", POSITION]);
    assert_eq!(to_second, to_first);
    let outbox = first.outbox.clone();
    drop(first);
    streams.venue.limit(ALICE, "BUY", "102", "1").await;
    assert_eq!(streams.told(&second).await.len(), 2);
    outbox.push("last".into());
    let mut texts = Vec::new();
    outbox.take(&mut texts).await.unwrap();
    assert_eq!(texts, ["last"], "nothing came after the subscription ended");
}

#[tokio::test]
async fn who_reads_too_slowly_is_cut_and_others_are_told_everything() {
    let streams = Streams::start().await;
    let outbox = Outbox::new(OutboxLimits { messages_max: 3, ..OutboxLimits::default() });
    let opened = Stream::open_into(&streams.user_data, ALICE.account, outbox, TimeUnit::Millisecond).await;
    let (slow, other) = (opened.unwrap(), streams.listen(ALICE.account).await);
    for price in ["100", "101", "102"] {
        streams.venue.limit(ALICE, "BUY", price, "1").await;
    }
    assert_eq!(streams.told(&other).await.len(), 6);
    assert_eq!(slow.outbox.take(&mut Vec::new()).await, Err(Cut::SLOW));
}

#[tokio::test]
async fn a_gap_in_the_feed_is_filled_from_the_journal() {
    let streams = Streams::start().await;
    let alice = streams.listen(ALICE.account).await;
    tokio::task::unconstrained(streams.venue.limit(ALICE, "BUY", "100", "1")).await;
    streams.venue.overrun_feed().await;
    streams.venue.limit(ALICE, "BUY", "101", "1").await;
    assert_eq!(kinds(&streams.told(&alice).await), ["NEW NEW", POSITION, "NEW NEW", POSITION]);
}

#[tokio::test(start_paused = true)]
async fn damage_cuts_everybody_and_the_feed_starts_again() {
    let streams = Streams::start().await;
    let alice = streams.listen(ALICE.account).await;
    let place = streams.venue.journal.rows().len();
    streams.venue.overrun_feed().await;
    streams.venue.journal.damage(place, |row| row.payload.push(0));
    assert_eq!(alice.outbox.cut_off().await, Cut::RESTART);
    let again = streams.listen(ALICE.account).await;
    streams.venue.limit(ALICE, "BUY", "100", "1").await;
    assert_eq!(kinds(&streams.told(&again).await), ["NEW NEW", POSITION]);
}

#[tokio::test]
async fn a_follower_that_is_stopped_cuts_everybody() {
    let streams = Streams::start().await;
    let (user_data, follower) = crate::user_data::UserDataFeed::new(
        streams.venue.tables.clone(),
        streams.venue.journal.clone(),
        streams.venue.feed.clone(),
    );
    let running = tokio::spawn(follower.run());
    let alice = Stream::open(&user_data, ALICE.account).await.unwrap();
    running.abort();
    assert_eq!(alice.outbox.cut_off().await, Cut::RESTART);
    let error = Stream::open(&user_data, ALICE.account).await.err().unwrap();
    assert_eq!(error.code.number(), -1008);
}

#[tokio::test]
async fn an_account_that_is_not_there_yet_is_heard_from_its_opening_on() {
    let streams = Streams::start().await;
    let user_data = follow(&streams.venue.tables, &streams.venue.journal, &streams.venue.feed);
    let carol = Stream::open(&user_data, CAROL.account).await.unwrap();
    streams.venue.operator(1, Action::CreateAccount(AccountKind::User)).await;
    let deposit = emporion_model::Transfer {
        reason: emporion_model::TransferReason::Deposit,
        from: emporion_model::AccountId::EXTERNAL,
        to: CAROL.account,
        asset: emporion_model::AssetId(2),
        amount: emporion_model::Amount(1),
        reference: "".parse().unwrap(),
    };
    streams.venue.operator(2, Action::Transfer(deposit)).await;
    told(&user_data, streams.venue.tables.seq()).await;
    assert_eq!(kinds(&carol.taken().await.unwrap()), ["balanceUpdate", POSITION]);
}
