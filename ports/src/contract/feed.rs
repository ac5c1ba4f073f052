//! What every [`Feed`] must do.
//!
//! An adapter's test module says `emporion_ports::feed_contract!(open);`, where `open(batches_max)` is an async
//! function that returns a fresh feed which keeps at least so many batches for a slow subscriber. A feed may say
//! [`Received::Gap`] at any time, since that only sends the subscriber to the journal; a batch that did not come where
//! it was due is a failure.

use std::sync::Arc;

use emporion_model::journal::{BatchBuilder, Head};
use emporion_model::{Action, Command, Origin, Seq, TimeUs};

use crate::feed::{CommittedBatch, Feed, FeedReceiver, Received};

/// How many batches the suite's feeds keep.
pub const BATCHES_MAX: usize = 8;

/// One test per case of the contract on the feed that `$open` makes.
#[macro_export]
macro_rules! feed_contract {
    ($open:path) => {
        $crate::feed_contract!(@cases $open:
            subscribers_get_every_batch_in_order,
            a_subscription_begins_when_it_is_made,
            nobody_has_to_listen,
            a_slow_subscriber_sees_a_gap_and_slows_nobody,
            a_wait_that_is_given_up_loses_nothing,
        );
    };
    (@cases $open:path: $($case:ident,)+) => {
        $(#[tokio::test]
        async fn $case() {
            $crate::contract::feed::$case($open($crate::contract::feed::BATCHES_MAX).await).await;
        })+
    };
}

/// The batch of two commands with this number, counted from 0.
pub fn batch(number: u64) -> Arc<CommittedBatch> {
    let mut builder = BatchBuilder::default();
    for _ in 0..2 {
        builder.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
    }
    let row = builder.seal(&Head { seq: Seq(2 * number), ..Head::default() }, TimeUs(number), 1);
    Arc::new(CommittedBatch::from_row(&row).unwrap())
}

async fn expect(receiver: &mut dyn FeedReceiver, numbers: std::ops::Range<u64>) {
    for number in numbers {
        assert_eq!(next(receiver).await, Received::Batch(batch(number)));
    }
}

/// What comes besides gaps.
async fn next(receiver: &mut dyn FeedReceiver) -> Received {
    loop {
        match receiver.next().await {
            Received::Gap => {}
            received => return received,
        }
    }
}

/// Each subscriber gets what is published, whole.
pub async fn subscribers_get_every_batch_in_order(feed: Arc<dyn Feed>) {
    let (mut one, mut other) = (feed.subscribe(), feed.subscribe());
    (0..4).for_each(|number| feed.publish(batch(number)));
    expect(&mut *one, 0..4).await;
    (4..8).for_each(|number| feed.publish(batch(number)));
    expect(&mut *one, 4..8).await;
    expect(&mut *other, 0..8).await;
}

/// What was published before is not repeated.
pub async fn a_subscription_begins_when_it_is_made(feed: Arc<dyn Feed>) {
    let _before = feed.subscribe();
    feed.publish(batch(0));
    let mut receiver = feed.subscribe();
    feed.publish(batch(1));
    expect(&mut *receiver, 1..2).await;
}

/// Publishing without subscribers is no fault.
pub async fn nobody_has_to_listen(feed: Arc<dyn Feed>) {
    feed.publish(batch(0));
    drop(feed.subscribe());
    feed.publish(batch(1));
    let mut receiver = feed.subscribe();
    feed.publish(batch(2));
    expect(&mut *receiver, 2..3).await;
}

/// Publishing goes on; the slow one learns that he missed something, and from where on he has everything.
pub async fn a_slow_subscriber_sees_a_gap_and_slows_nobody(feed: Arc<dyn Feed>) {
    let (mut slow, mut quick) = (feed.subscribe(), feed.subscribe());
    let last = 100 * BATCHES_MAX as u64;
    for number in 0..=last {
        feed.publish(batch(number));
        expect(&mut *quick, number..number + 1).await;
    }
    let mut due = 0;
    while due <= last {
        match slow.next().await {
            Received::Batch(batch) => due = batch.head.time.0 + 1,
            received => assert_eq!(received, Received::Gap),
        }
    }
}

/// A receiver that is asked, dropped while it waits, and asked again has lost nothing.
pub async fn a_wait_that_is_given_up_loses_nothing(feed: Arc<dyn Feed>) {
    let mut receiver = feed.subscribe();
    for number in 0..4 {
        tokio::select! {
            biased;
            received = next(&mut *receiver) => panic!("{received:?} before it was published"),
            () = std::future::ready(()) => {}
        }
        feed.publish(batch(number));
        expect(&mut *receiver, number..number + 1).await;
    }
}
