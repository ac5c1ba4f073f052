//! The adapter on an emulator: the contract of lanes, and queues that cannot be used.
#![allow(missing_docs, clippy::unwrap_used)]

use emporion_cluster::parts::MiniStack;
use emporion_ports::contract::lanes::Subject;
use emporion_ports::lanes::{LaneError, LaneMessage, Lanes, SendError};
use emporion_sqs::{NewQueue, SqsLanes, SqsOptions, create_queue};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

static QUEUES: AtomicU32 = AtomicU32::new(0);

mod contract {
    emporion_ports::lanes_contract!(super::open, emulated);
}

async fn open() -> Subject {
    let emulator = MiniStack::get().unwrap();
    let options = queue(&emulator).await;
    Subject {
        lanes: Arc::new(SqsLanes::open(&options).await.unwrap()),
        pass: Box::new(|duration| Box::pin(pass(duration))),
        keeps: Box::new(emulator),
    }
}

async fn queue(emulator: &MiniStack) -> SqsOptions {
    let options = SqsOptions::emulator(emulator.endpoint(), emulator.endpoint());
    let new = NewQueue::new(&format!("lanes-{}-{}.fifo", std::process::id(), QUEUES.fetch_add(1, Ordering::Relaxed)));
    SqsOptions { queue_url: create_queue(&options, &new).await.unwrap(), ..options }
}

#[expect(clippy::disallowed_methods, reason = "the emulator has a clock of its own")]
async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_a_sentence() {
    let emulator = MiniStack::get().unwrap();
    let url = format!("{}/000000000000/none.fifo", emulator.endpoint());
    let error = SqsLanes::open(&SqsOptions::emulator(&url, emulator.endpoint())).await.unwrap_err();
    assert!(matches!(error, LaneError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn nobody_there_is_no_hang_and_nothing_is_accepted() {
    let mut emulator = Some(MiniStack::start().unwrap());
    let lanes = SqsLanes::open(&queue(emulator.as_ref().unwrap()).await).await.unwrap();
    emulator.take();
    let message = LaneMessage { lane: 1, dedup_id: "0".to_owned(), body: vec![1] };
    let answers = lanes.send(vec![message]).await;
    assert!(matches!(answers[..], [Err(SendError::Refused(_) | SendError::Unknown(_))]), "{answers:?}");
    assert!(matches!(lanes.backlog().await, Err(LaneError::Unavailable(_))));
}
