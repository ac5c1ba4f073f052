//! `lanes_latency ENDPOINT QUEUE_URL`: how long a message of one lane takes from before it is sent until it is received,
//! one at a time, and how many a second come through many lanes at once.
//!
//! `ENDPOINT` is an emulator's; the queue should be empty and its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use emporion_ports::lanes::{BATCH_MAX, Handle, LaneMessage, Lanes};
use emporion_sqs::{SqsLanes, SqsOptions};
use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Messages one at a time; the first are not counted.
const SINGLES: usize = 500;
const WARM_UP: usize = 50;
/// Messages at once, of so many lanes and bytes each.
const MANY: usize = 20_000;
const LANES: usize = 64;
const BODY_BYTES: usize = 200;
/// Who sends and who receives them.
const SENDERS: usize = 4;
const RECEIVERS: usize = 4;

const WAIT: Duration = Duration::from_secs(20);
const VISIBILITY: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let arguments = arguments();
    let [endpoint, queue_url] = &arguments[..] else {
        println!("usage: lanes_latency ENDPOINT QUEUE_URL");
        return;
    };
    let lanes = Arc::new(SqsLanes::open(&SqsOptions::emulator(queue_url, endpoint)).await.unwrap());
    let run: u64 = StdRng::from_os_rng().random();
    one_at_a_time(&lanes, run).await;
    many_at_once(&lanes, run).await;
}

/// A receiver waits before each message is sent, so that a queue whose long poll wakes late shows it.
async fn one_at_a_time(lanes: &Arc<SqsLanes>, run: u64) {
    let mut latencies = Histogram::<u64>::new(3).unwrap();
    let mut sends = Histogram::<u64>::new(3).unwrap();
    for number in 0..SINGLES + WARM_UP {
        let waiting = Arc::clone(lanes);
        let receiver = tokio::spawn(async move {
            let deliveries = waiting.receive(BATCH_MAX, WAIT, VISIBILITY).await.unwrap();
            (Instant::now(), deliveries)
        });
        tokio::task::yield_now().await;
        let sent = Instant::now();
        assert_eq!(lanes.send(vec![message(run, 0, number)]).await, [Ok(())]);
        let accepted = sent.elapsed();
        let (received, deliveries) = receiver.await.unwrap();
        assert_eq!(deliveries.len(), 1, "the queue was not empty");
        assert!(lanes.delete(&[deliveries[0].handle.clone()]).await.iter().all(Result::is_ok));
        if number >= WARM_UP {
            latencies.record(received.duration_since(sent).as_micros() as u64).unwrap();
            sends.record(accepted.as_micros() as u64).unwrap();
        }
    }
    print("send", &sends);
    print("send -> receive", &latencies);
}

fn print(what: &str, histogram: &Histogram<u64>) {
    let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    let max = histogram.max() as f64 / 1000.0;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms, max {max:.2} ms, {} messages", ms(0.5), ms(0.99), histogram.len());
}

async fn many_at_once(lanes: &Arc<SqsLanes>, run: u64) {
    let (since, received) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for sender in 0..SENDERS {
        let lanes = Arc::clone(lanes);
        tasks.push(tokio::spawn(async move {
            let numbers: Vec<usize> = (0..MANY).filter(|number| number % LANES % SENDERS == sender).collect();
            for some in numbers.chunks(BATCH_MAX) {
                let messages = some.iter().map(|number| message(run, 1 + number % LANES, SINGLES + WARM_UP + number));
                assert!(lanes.send(messages.collect()).await.iter().all(Result::is_ok));
            }
        }));
    }
    for _ in 0..RECEIVERS {
        let (lanes, received) = (Arc::clone(lanes), Arc::clone(&received));
        tasks.push(tokio::spawn(async move {
            while received.load(Ordering::SeqCst) < MANY {
                let deliveries = lanes.receive(BATCH_MAX, Duration::from_secs(1), VISIBILITY).await.unwrap();
                let handles: Vec<Handle> = deliveries.into_iter().map(|delivery| delivery.handle).collect();
                assert!(lanes.delete(&handles).await.iter().all(Result::is_ok));
                received.fetch_add(handles.len(), Ordering::SeqCst);
                if received.load(Ordering::SeqCst) >= MANY {
                    let seconds = since.elapsed().as_secs_f64();
                    println!("through {LANES} lanes: {:.0} messages/s, {MANY} messages", MANY as f64 / seconds);
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

fn message(run: u64, lane: usize, number: usize) -> LaneMessage {
    LaneMessage { lane: lane as u32, dedup_id: format!("{run:x}-{number}"), body: vec![1; BODY_BYTES] }
}

#[expect(clippy::disallowed_methods, reason = "an example is a binary")]
fn arguments() -> Vec<String> {
    std::env::args().skip(1).collect()
}
