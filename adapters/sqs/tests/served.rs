//! The adapter on the lanes' twin behind SQS's protocol: every case of the contract, by a clock that is set.
#![allow(missing_docs, clippy::unwrap_used)]

use emporion_cluster::lanes_server::{LanesServer, LanesServerOptions};
use emporion_ports::contract::lanes::Subject;
use emporion_ports::lanes::{FifoFaults, LaneError, LaneMessage, Lanes, SendError};
use emporion_sqs::{NewQueue, SqsLanes, SqsOptions, create_queue};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const QUEUE: &str = "lanes.fifo";
const LONG: Duration = Duration::from_secs(60);

/// So much time passes in earnest, so that a receive has begun to wait.
const IN_EARNEST: Duration = Duration::from_millis(300);

mod contract {
    emporion_ports::lanes_contract!(super::open);
}

struct Served {
    server: LanesServer,
    options: SqsOptions,
    ahead_ms: Arc<AtomicU64>,
}

async fn serve(calls_per_second: Option<NonZeroU32>, new: &NewQueue) -> Served {
    let (start, ahead_ms) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let ahead = Arc::clone(&ahead_ms);
    let clock = move || 1_700_000_000_000 + start.elapsed().as_millis() as u64 + ahead.load(Ordering::SeqCst);
    let server = LanesServer::start(LanesServerOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        clock: Arc::new(clock),
        calls_per_second,
        latency: Duration::ZERO,
    })
    .await
    .unwrap();
    let options = SqsOptions::emulator(server.endpoint(), server.endpoint());
    let options = SqsOptions { queue_url: create_queue(&options, new).await.unwrap(), ..options };
    Served { server, options, ahead_ms }
}

async fn open() -> Subject {
    let Served { server, options, ahead_ms } = serve(None, &NewQueue::new(QUEUE)).await;
    let queue = server.lanes(QUEUE).unwrap();
    let pass = move |duration: Duration| {
        let (queue, ahead_ms) = (Arc::clone(&queue), Arc::clone(&ahead_ms));
        async move {
            pause(IN_EARNEST).await;
            ahead_ms.fetch_add(duration.as_millis() as u64, Ordering::SeqCst);
            queue.clock_changed();
        }
    };
    Subject {
        lanes: Arc::new(SqsLanes::open(&options).await.unwrap()),
        pass: Box::new(move |duration| Box::pin(pass(duration))),
        keeps: Box::new(server),
    }
}

#[expect(clippy::disallowed_methods, reason = "who waits at the other end of a connection cannot be seen")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

fn message(number: u32) -> LaneMessage {
    LaneMessage { lane: 1, dedup_id: number.to_string(), body: vec![1] }
}

#[tokio::test]
async fn what_is_delivered_too_often_moves_to_the_dead_queue() {
    let new = NewQueue { receives_max: Some(2), ..NewQueue::new(QUEUE) };
    let served = serve(None, &new).await;
    let lanes = SqsLanes::open(&served.options).await.unwrap();
    let dead_url = served.options.queue_url.replace(QUEUE, &new.dead_name());
    let dead = SqsLanes::open(&SqsOptions { queue_url: dead_url, ..served.options.clone() }).await.unwrap();
    assert_eq!(lanes.send(vec![message(0), message(1)]).await, [Ok(()), Ok(())]);
    for _ in 0..2 {
        let first = lanes.receive(1, Duration::ZERO, LONG).await.unwrap();
        assert_eq!(first[0].dedup_id, "0");
        assert_eq!(lanes.extend(&[first[0].handle.clone()], Duration::ZERO).await, [Ok(())]);
    }
    let next = lanes.receive(1, Duration::ZERO, LONG).await.unwrap();
    assert_eq!(next[0].dedup_id, "1");
    let buried = dead.receive(10, Duration::from_secs(20), LONG).await.unwrap();
    assert_eq!(buried.iter().map(|delivery| &*delivery.dedup_id).collect::<Vec<_>>(), ["0"]);
}

#[tokio::test]
async fn over_the_quota_nothing_is_accepted_and_who_receives_is_told_to_wait() {
    let served = serve(NonZeroU32::new(3), &NewQueue::new(QUEUE)).await;
    let lanes = SqsLanes::open(&served.options).await.unwrap();
    // The clock does not stand still: the quota fills while these run, but by no more than a few calls.
    let mut throttled = (false, false);
    for number in 0..1000 {
        let answers = lanes.send(vec![message(number)]).await;
        throttled.0 |= matches!(&answers[..], [Err(SendError::Refused(_))]);
        let received = lanes.receive(1, Duration::ZERO, LONG).await;
        throttled.1 |= matches!(received, Err(LaneError::Throttled(_)));
        if throttled == (true, true) {
            return;
        }
    }
    panic!("a thousand calls were within the quota: {throttled:?}");
}

#[tokio::test]
async fn a_send_whose_answer_is_lost_is_unknown_and_sent_again_is_delivered_once() {
    let served = serve(None, &NewQueue::new(QUEUE)).await;
    let lanes = SqsLanes::open(&served.options).await.unwrap();
    let queue = served.server.lanes(QUEUE).unwrap();
    queue.set_faults(FifoFaults { sends_unanswered_permille: 1000, ..FifoFaults::default() });
    let answers = lanes.send(vec![message(0)]).await;
    assert!(matches!(answers[..], [Err(SendError::Unknown(_))]), "{answers:?}");
    queue.set_faults(FifoFaults::default());
    assert_eq!(lanes.send(vec![message(0)]).await, [Ok(())]);
    assert_eq!(lanes.receive(10, Duration::ZERO, LONG).await.unwrap().len(), 1);
    assert_eq!(lanes.backlog().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn a_receiver_that_leaves_takes_nothing_with_it() {
    let served = serve(None, &NewQueue::new(QUEUE)).await;
    let lanes = SqsLanes::open(&served.options).await.unwrap();
    let leaving = tokio::time::timeout(IN_EARNEST, lanes.receive(10, Duration::from_secs(20), LONG)).await;
    assert!(leaving.is_err(), "{leaving:?}");
    assert_eq!(lanes.send(vec![message(0)]).await, [Ok(())]);
    assert_eq!(lanes.receive(10, Duration::from_secs(20), LONG).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_queue_that_exists_otherwise_is_a_sentence() {
    let served = serve(None, &NewQueue::new(QUEUE)).await;
    let other = NewQueue { visibility: LONG, ..NewQueue::new(QUEUE) };
    let error = create_queue(&served.options, &other).await.unwrap_err();
    assert!(error.to_string().contains("exists with other attributes"), "{error}");
}
