//! Sequence, scope of deduplication, dead letters, quota.

use super::{MINUTE, handles, message, number, pass, queue};
use emporion_ports::lanes::{Accepted, DedupScope, FifoOptions, LaneError, Lanes, SendError};
use std::num::NonZeroU32;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn sequences_grow_and_a_duplicate_has_that_of_the_first() {
    let queue = queue(FifoOptions::default());
    let answers = queue.accept(vec![message(1, 0), message(2, 0), message(1, 1), message(1, 0)]).await;
    assert_eq!(answers, [1, 2, 3, 1].map(|sequence| Ok(Accepted { sequence })));
}

#[tokio::test(start_paused = true)]
async fn an_id_can_count_in_the_whole_queue() {
    let queue = queue(FifoOptions { dedup_scope: DedupScope::Queue, ..FifoOptions::default() });
    queue.send(vec![message(1, 0), message(2, 0)]).await;
    assert_eq!(queue.backlog().await.unwrap().waiting, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_too_often_is_set_aside_and_frees_its_lane() {
    let queue = queue(FifoOptions { deliveries_max: Some(2), ..FifoOptions::default() });
    queue.send(vec![message(1, 0), message(1, 1)]).await;
    let mut seen = Vec::new();
    loop {
        let deliveries = queue.receive(1, Duration::from_secs(10), Duration::from_secs(1)).await.unwrap();
        seen.push(number(&deliveries[0]));
        if seen.ends_with(&[1]) {
            queue.delete(&handles(&deliveries)).await;
            break;
        }
    }
    assert_eq!(seen, [0, 0, 1]);
    assert_eq!(queue.take_dead(), [message(1, 0)]);
    assert_eq!(queue.take_dead(), []);
}

#[tokio::test(start_paused = true)]
async fn handles_of_another_queue_are_refused() {
    let (one, other) = (queue(FifoOptions::default()), queue(FifoOptions::default()));
    for queue in [&one, &other] {
        queue.send(vec![message(1, 0)]).await;
    }
    let delivery = one.receive(1, Duration::ZERO, MINUTE).await.unwrap();
    other.receive(1, Duration::ZERO, MINUTE).await.unwrap();
    assert!(matches!(other.delete(&handles(&delivery)).await[..], [Err(LaneError::Expired(_))]));
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_call_has_its_quota() {
    let queue = queue(FifoOptions { calls_per_second: NonZeroU32::new(300), ..FifoOptions::default() });
    for sent in 0..300 {
        assert_eq!(queue.send(vec![message(1, sent)]).await, [Ok(())]);
    }
    let answer = queue.send(vec![message(1, 300), message(1, 301)]).await;
    assert!(matches!(answer[..], [Err(SendError::Refused(_)), Err(SendError::Refused(_))]), "{answer:?}");
    assert!(!queue.receive(1, Duration::ZERO, MINUTE).await.unwrap().is_empty(), "receives are counted apart");
    pass(Duration::from_millis(10)).await;
    let mut accepted = 0;
    while queue.send(vec![message(1, 1000 + accepted)]).await == [Ok(())] {
        accepted += 1;
    }
    assert_eq!(accepted, 3, "a hundredth of a second gives back three of three hundred calls");
    for _ in 1..300 {
        queue.receive(1, Duration::ZERO, MINUTE).await.unwrap();
    }
    pass(Duration::from_millis(2)).await;
    let throttled = queue.receive(1, Duration::ZERO, MINUTE).await;
    assert!(throttled.is_ok(), "two calls and a bit have come back since: {throttled:?}");
}
