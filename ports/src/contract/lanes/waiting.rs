//! Waiting receives, the backlog, and many receivers at once.

use super::{LONG, PATIENCE, SHORT, Subject, handles, message, texts};
use crate::lanes::Backlog;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// A receive that waits comes back when there is nothing, and a short one at once.
pub async fn a_receive_ends_when_nothing_comes(subject: &Subject) {
    assert_eq!(subject.receive(10, LONG).await, []);
    assert_eq!(subject.lanes.receive(10, Duration::from_secs(1), LONG).await, Ok(Vec::new()));
}

/// It need not be asked again.
pub async fn a_waiting_receive_wakes_when_a_message_comes(subject: &Subject) {
    let ((), deliveries) = tokio::join!(
        async {
            (subject.pass)(Duration::from_millis(300)).await;
            subject.send(1, "0").await;
        },
        subject.lanes.receive(10, PATIENCE, LONG),
    );
    assert_eq!(texts(&deliveries.unwrap()), ["0"]);
}

/// The next message of a lane is there as soon as the one before is deleted.
pub async fn a_waiting_receive_wakes_when_a_lane_is_unlocked(subject: &Subject) {
    subject.send_all(1, &["0", "1"]).await;
    let first = subject.receive(1, LONG).await;
    let ((), deliveries) = tokio::join!(
        async {
            (subject.pass)(Duration::from_millis(300)).await;
            subject.delete(&first).await;
        },
        subject.lanes.receive(10, PATIENCE, LONG),
    );
    assert_eq!(texts(&deliveries.unwrap()), ["1"]);
}

/// So is one that nobody deleted in time.
pub async fn a_waiting_receive_wakes_when_a_visibility_ends(subject: &Subject) {
    subject.send(1, "0").await;
    subject.receive(1, SHORT).await;
    let ((), deliveries) = tokio::join!((subject.pass)(SHORT), subject.lanes.receive(10, PATIENCE, LONG));
    assert_eq!(deliveries.unwrap()[0].deliveries, 2);
}

/// What waits and what is in flight are told apart.
pub async fn the_backlog_is_counted(subject: &Subject) {
    assert_eq!(subject.lanes.backlog().await, Ok(Backlog::default()));
    subject.send_all(1, &["0", "1", "2", "3", "4"]).await;
    let two = subject.receive(2, LONG).await;
    assert_eq!(subject.lanes.backlog().await, Ok(Backlog { waiting: 3, in_flight: 2 }));
    subject.delete(&two[..1]).await;
    assert_eq!(subject.lanes.backlog().await, Ok(Backlog { waiting: 3, in_flight: 1 }));
    subject.lanes.extend(&handles(&two[1..]), Duration::ZERO).await;
    assert_eq!(subject.lanes.backlog().await, Ok(Backlog { waiting: 4, in_flight: 0 }));
}

const LANES: u32 = 16;
const MESSAGES: u32 = 25;
const RECEIVERS: usize = 8;

#[derive(Default)]
struct Seen {
    by_lane: HashMap<u32, Vec<u32>>,
    count: u32,
    busy: HashSet<u32>,
}

/// Eight receivers share sixteen lanes: each message comes once, in order, and no lane is at two receivers at a time.
pub async fn many_receivers_see_every_message_once_and_in_order(subject: &Subject) {
    for number in 0..MESSAGES {
        for half in [0..LANES / 2, LANES / 2..LANES] {
            let messages = half.map(|lane| message(lane, &number.to_string())).collect();
            assert!(subject.lanes.send(messages).await.iter().all(Result::is_ok));
        }
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    let receivers: Vec<_> = (0..RECEIVERS)
        .map(|_| {
            let (lanes, seen) = (subject.lanes.clone(), seen.clone());
            tokio::spawn(async move {
                while seen.lock().await.count < LANES * MESSAGES {
                    let deliveries = lanes.receive(4, Duration::from_secs(1), LONG).await.unwrap();
                    let lane_numbers: HashSet<u32> = deliveries.iter().map(|delivery| delivery.lane).collect();
                    let mut now = seen.lock().await;
                    for lane in &lane_numbers {
                        assert!(now.busy.insert(*lane), "lane {lane} is at two receivers");
                    }
                    for (delivery, text) in deliveries.iter().zip(texts(&deliveries)) {
                        now.by_lane.entry(delivery.lane).or_default().push(text.parse().unwrap());
                        now.count += 1;
                    }
                    drop(now);
                    tokio::task::yield_now().await;
                    seen.lock().await.busy.retain(|lane| !lane_numbers.contains(lane));
                    assert!(lanes.delete(&handles(&deliveries)).await.iter().all(Result::is_ok));
                }
            })
        })
        .collect();
    for receiver in receivers {
        receiver.await.unwrap();
    }
    let seen = seen.lock().await;
    for lane in 0..LANES {
        assert_eq!(seen.by_lane[&lane], (0..MESSAGES).collect::<Vec<_>>(), "lane {lane}");
    }
}
