//! Each fault does what it says and no more.

use super::{MINUTE, handles, message, number, pass, queue};
use emporion_ports::lanes::{Backlog, FifoFaults, FifoOptions, InProcessLanes, LaneError, Lanes, SendError};
use std::collections::HashMap;
use std::time::Duration;

/// Receives and deletes until nothing comes; gives lanes and numbers as they came.
async fn drain(queue: &InProcessLanes) -> Vec<(u32, u64)> {
    let mut seen = Vec::new();
    loop {
        let deliveries = queue.receive(10, MINUTE, Duration::from_secs(5)).await;
        let Ok(deliveries) = deliveries else { continue };
        if deliveries.is_empty() {
            return seen;
        }
        seen.extend(deliveries.iter().map(|delivery| (delivery.lane, number(delivery))));
        queue.delete(&handles(&deliveries)).await;
    }
}

async fn seen_with(seed: u64, faults: FifoFaults) -> Vec<(u32, u64)> {
    let queue = queue(FifoOptions { seed, ..FifoOptions::default() });
    queue.set_faults(faults);
    for number in 0..200 {
        queue.send(vec![message(number as u32 % 7, number)]).await;
    }
    let seen = drain(&queue).await;
    assert_eq!(queue.backlog().await, Ok(Backlog::default()), "nothing is left");
    seen
}

fn counts(seen: &[(u32, u64)]) -> HashMap<u64, usize> {
    seen.iter().fold(HashMap::new(), |mut counts, (_, number)| {
        *counts.entry(*number).or_default() += 1;
        counts
    })
}

/// Whether the first delivery of each message comes in the order of its lane.
fn first_deliveries_are_in_order(seen: &[(u32, u64)]) -> bool {
    let mut last: HashMap<u32, u64> = HashMap::new();
    seen.iter().all(|&(lane, number)| {
        let before = last.get(&lane).copied();
        if before.is_none_or(|before| before < number) {
            last.insert(lane, number);
        }
        before.is_none_or(|before| number <= before + 7)
    })
}

#[tokio::test(start_paused = true)]
async fn without_faults_everything_comes_once() {
    let seen = seen_with(1, FifoFaults::default()).await;
    assert_eq!(seen.len(), 200);
    assert!(counts(&seen).values().all(|&count| count == 1));
}

#[tokio::test(start_paused = true)]
async fn each_message_comes_one_to_five_times() {
    for is_late in [false, true] {
        let faults = FifoFaults { deliveries_max: 5, is_late, is_shuffled: true, ..FifoFaults::default() };
        let seen = seen_with(2, faults.clone()).await;
        let counts = counts(&seen);
        assert_eq!(counts.len(), 200, "each comes");
        for times in 1..=5 {
            assert!(counts.values().any(|&count| count == times), "none came {times} times");
        }
        assert!(counts.values().all(|&count| (1..=5).contains(&count)));
        assert!(first_deliveries_are_in_order(&seen));
        assert_eq!(seen, seen_with(2, faults.clone()).await, "the same seed gives the same");
        assert_ne!(seen, seen_with(3, faults).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shuffled_queue_keeps_the_order_of_each_lane() {
    let seen = seen_with(4, FifoFaults { is_shuffled: true, ..FifoFaults::default() }).await;
    let lanes: Vec<u32> = seen.iter().map(|(lane, _)| *lane).collect();
    assert_ne!(
        lanes,
        seen_with(5, FifoFaults { is_shuffled: true, ..FifoFaults::default() })
            .await
            .iter()
            .map(|(lane, _)| *lane)
            .collect::<Vec<_>>()
    );
    for lane in 0..7 {
        let numbers: Vec<u64> = seen.iter().filter(|(of, _)| *of == lane).map(|(_, number)| *number).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_whose_answer_is_lost_was_accepted_and_can_be_sent_again() {
    let queue = queue(FifoOptions::default());
    queue.set_faults(FifoFaults { sends_unanswered_permille: 1000, ..FifoFaults::default() });
    for _ in 0..2 {
        assert!(matches!(queue.send(vec![message(1, 0)]).await[..], [Err(SendError::Unknown(_))]));
    }
    queue.set_faults(FifoFaults::default());
    assert_eq!(queue.send(vec![message(1, 0)]).await, [Ok(())]);
    assert_eq!(drain(&queue).await, [(1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_lost_says_the_same_and_was_not_accepted() {
    let queue = queue(FifoOptions::default());
    queue.set_faults(FifoFaults { sends_lost_permille: 1000, ..FifoFaults::default() });
    assert!(matches!(queue.send(vec![message(1, 0)]).await[..], [Err(SendError::Unknown(_))]));
    assert_eq!(drain(&queue).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_delete_whose_answer_is_lost_was_done() {
    let queue = queue(FifoOptions::default());
    queue.send(vec![message(1, 0)]).await;
    queue.set_faults(FifoFaults { deletes_unanswered_permille: 1000, ..FifoFaults::default() });
    let delivery = queue.receive(1, Duration::ZERO, MINUTE).await.unwrap();
    assert!(matches!(queue.delete(&handles(&delivery)).await[..], [Err(LaneError::Unavailable(_))]));
    assert!(matches!(queue.delete(&handles(&delivery)).await[..], [Err(LaneError::Expired(_))]));
    assert_eq!(queue.backlog().await, Ok(Backlog::default()));
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_is_lost_lets_the_message_come_again_after_its_visibility() {
    let queue = queue(FifoOptions::default());
    queue.send(vec![message(1, 0), message(1, 1)]).await;
    queue.set_faults(FifoFaults { deletes_lost_permille: 1000, ..FifoFaults::default() });
    let delivery = queue.receive(1, Duration::ZERO, Duration::from_secs(5)).await.unwrap();
    assert_eq!(queue.delete(&handles(&delivery)).await, [Ok(())]);
    queue.set_faults(FifoFaults::default());
    assert_eq!(queue.receive(1, Duration::from_secs(4), MINUTE).await, Ok(Vec::new()), "its lane stays locked");
    assert_eq!(drain(&queue).await, [(1, 0), (1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_receive_whose_answer_is_lost_keeps_the_lane_locked() {
    let queue = queue(FifoOptions::default());
    queue.send(vec![message(1, 0)]).await;
    queue.set_faults(FifoFaults { receives_lost_permille: 1000, ..FifoFaults::default() });
    assert!(matches!(queue.receive(1, Duration::ZERO, MINUTE).await, Err(LaneError::Unavailable(_))));
    queue.set_faults(FifoFaults::default());
    assert_eq!(queue.receive(1, Duration::ZERO, MINUTE).await, Ok(Vec::new()));
    pass(MINUTE).await;
    assert_eq!(queue.receive(1, Duration::ZERO, MINUTE).await.unwrap()[0].deliveries, 2);
}

#[tokio::test(start_paused = true)]
async fn a_mixture_loses_nothing() {
    let faults = FifoFaults {
        deliveries_max: 3,
        is_shuffled: true,
        receives_lost_permille: 100,
        deletes_unanswered_permille: 100,
        deletes_lost_permille: 100,
        sends_unanswered_permille: 100,
        ..FifoFaults::default()
    };
    let seen = seen_with(6, faults).await;
    assert_eq!(counts(&seen).len(), 200);
    assert!(first_deliveries_are_in_order(&seen));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_down_does_nothing_and_comes_back() {
    let queue = queue(FifoOptions::default());
    queue.send(vec![message(1, 0)]).await;
    let delivery = queue.receive(1, Duration::ZERO, MINUTE).await.unwrap();
    queue.set_faults(FifoFaults { is_down: true, ..FifoFaults::default() });
    assert!(matches!(queue.send(vec![message(1, 1)]).await[..], [Err(SendError::Unknown(_))]));
    assert!(matches!(queue.receive(1, MINUTE, MINUTE).await, Err(LaneError::Unavailable(_))));
    assert!(matches!(queue.delete(&handles(&delivery)).await[..], [Err(LaneError::Unavailable(_))]));
    assert!(matches!(queue.backlog().await, Err(LaneError::Unavailable(_))));
    queue.set_faults(FifoFaults::default());
    assert_eq!(queue.backlog().await, Ok(Backlog { waiting: 0, in_flight: 1 }));
}

#[tokio::test(start_paused = true)]
async fn latency_comes_before_the_effect() {
    let queue = queue(FifoOptions::default());
    queue.set_faults(FifoFaults { latency: Duration::from_millis(20), ..FifoFaults::default() });
    let start = tokio::time::Instant::now();
    queue.send(vec![message(1, 0)]).await;
    assert_eq!(start.elapsed(), Duration::from_millis(20), "time is paused, so this is exact");
}
