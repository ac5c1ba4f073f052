//! The adapter on an emulator: the contract of lanes, and queues that cannot be used.
#![allow(missing_docs, clippy::unwrap_used)]

use emporion_cluster::fault_proxy::{FaultProxy, Faults};
use emporion_cluster::parts::MiniStack;
use emporion_ports::contract::lanes::Subject;
use emporion_ports::lanes::{LaneError, LaneMessage, Lanes, SendError};
use emporion_sqs::{NewQueue, SqsLanes, SqsOptions, create_queue};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

static QUEUES: AtomicU32 = AtomicU32::new(0);

const LONG: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(20);

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
    let answers = lanes.send(vec![message("0")]).await;
    assert!(matches!(answers[..], [Err(SendError::Refused(_) | SendError::Unknown(_))]), "{answers:?}");
    assert!(matches!(lanes.backlog().await, Err(LaneError::Unavailable(_))));
}

#[tokio::test]
async fn a_queue_that_would_mix_up_orders_is_a_sentence() {
    let emulator = MiniStack::get().unwrap();
    for (suffix, attributes, says) in
        [("", r#"{}"#, "is not FIFO"), (".fifo", r#"{"FifoQueue":"true"}"#, "has no high throughput")]
    {
        let name = format!("wrong-{}-{}{suffix}", std::process::id(), QUEUES.fetch_add(1, Ordering::Relaxed));
        let body = format!(r#"{{"QueueName":"{name}","Attributes":{attributes}}}"#);
        let answer = post(emulator.endpoint(), "CreateQueue", &body).await;
        let url = answer.split('"').find(|text| text.ends_with(&name)).unwrap_or_else(|| panic!("{answer}"));
        let error = SqsLanes::open(&SqsOptions::emulator(url, emulator.endpoint())).await.unwrap_err();
        assert!(matches!(error, LaneError::Unusable(_)), "{error:?}");
        assert!(error.to_string().contains(&format!("the queue {url} {says}")), "{error}");
    }
}

/// A call that the adapter does not make, as JSON over HTTP.
async fn post(endpoint: &str, call: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://")).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-target: AmazonSQS.{call}\r\nauthorization: AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/\
         sqs/aws4_request, SignedHeaders=host, Signature=0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_is_delivered_too_often_moves_to_the_dead_queue() {
    let emulator = MiniStack::get().unwrap();
    let name = format!("dying-{}-{}.fifo", std::process::id(), QUEUES.fetch_add(1, Ordering::Relaxed));
    let new = NewQueue { receives_max: Some(2), ..NewQueue::new(&name) };
    let options = SqsOptions::emulator(emulator.endpoint(), emulator.endpoint());
    let options = SqsOptions { queue_url: create_queue(&options, &new).await.unwrap(), ..options };
    let lanes = SqsLanes::open(&options).await.unwrap();
    let dead_url = options.queue_url.replace(&name, &new.dead_name());
    let dead = SqsLanes::open(&SqsOptions { queue_url: dead_url, ..options }).await.unwrap();
    assert_eq!(lanes.send(vec![message("0"), message("1")]).await, [Ok(()), Ok(())]);
    for _ in 0..2 {
        let first = lanes.receive(1, PATIENCE, LONG).await.unwrap();
        assert_eq!(first[0].dedup_id, "0");
        assert_eq!(lanes.extend(&[first[0].handle.clone()], Duration::ZERO).await, [Ok(())]);
    }
    assert_eq!(lanes.receive(1, PATIENCE, LONG).await.unwrap()[0].dedup_id, "1");
    assert_eq!(dead.receive(10, PATIENCE, LONG).await.unwrap()[0].dedup_id, "0");
}

#[tokio::test]
async fn a_send_whose_answer_never_comes_is_unknown_and_sent_again_is_delivered_once() {
    let emulator = MiniStack::get().unwrap();
    let address = emulator.endpoint().trim_start_matches("http://").parse().unwrap();
    let proxy = FaultProxy::start(Some(address)).unwrap();
    let direct = queue(&emulator).await;
    let through = SqsOptions {
        endpoint: Some(format!("http://{}", proxy.address())),
        call_time_max: Duration::from_secs(3),
        ..direct.clone()
    };
    let (direct, lanes) = (SqsLanes::open(&direct).await.unwrap(), SqsLanes::open(&through).await.unwrap());
    proxy.set(Faults { to_client_stuck: true, ..Faults::default() });
    let answers = lanes.send(vec![message("0")]).await;
    assert!(matches!(answers[..], [Err(SendError::Unknown(_))]), "{answers:?}");
    proxy.heal();
    assert_eq!(lanes.send(vec![message("0")]).await, [Ok(())]);
    assert_eq!(direct.receive(10, PATIENCE, LONG).await.unwrap().len(), 1);
    assert_eq!(direct.backlog().await.unwrap().waiting, 0);
}

fn message(text: &str) -> LaneMessage {
    LaneMessage { lane: 1, dedup_id: text.to_owned(), body: text.as_bytes().to_vec() }
}
