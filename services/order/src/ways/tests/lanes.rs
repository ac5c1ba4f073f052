//! The sequencer's end of the lanes: every message delivered one to five times and shuffled, garbage, and the canary.

use super::support::{T0, clock, command, keys, sleep_ms, twin};
use crate::ways::{ConsumerOptions, LaneBody, LaneConsumer};
use async_trait::async_trait;
use emporion_engine::{Admission, Engine};
use emporion_model::journal::{BatchBuilder, Head};
use emporion_model::{Command, Origin};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::lanes::{FifoFaults, InProcessLanes, LaneMessage, Lanes};
use emporion_ports::orders::{OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::sealed::{GatewayCommand, SealedCommand};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

const LANES: u32 = 16;

/// An engine that applies at once, and what it took, in order.
struct Applying(Mutex<(Engine, Vec<Command>)>);

#[async_trait]
impl OrderQueue for Applying {
    async fn submit(&self, _: SessionId, command: Command) -> Result<Outcome, QueueError> {
        let (engine, taken) = &mut *self.0.lock();
        if engine.admit(T0, &command) == Admission::New {
            engine.apply(engine.seq().next(), T0, &command, &mut Vec::new());
            taken.push(command.clone());
        }
        let mut builder = BatchBuilder::default();
        builder.push(&command, &[]);
        let batch = CommittedBatch::from_row(&builder.seal(&Head::default(), T0, 1)).unwrap();
        Ok(Outcome::new(Arc::new(batch), 0, 0))
    }
}

fn consume(lanes: &Arc<InProcessLanes>, aside: Option<Arc<dyn Lanes>>) -> (Arc<Applying>, watch::Sender<bool>) {
    let (stop, stopped) = watch::channel(false);
    let queue = Arc::new(Applying(Mutex::new((Engine::new(1), Vec::new()))));
    let consumer = LaneConsumer {
        lanes: Arc::clone(lanes) as _,
        aside,
        queue: Arc::clone(&queue) as _,
        keys: keys(),
        clock: clock(),
        options: ConsumerOptions::default(),
    };
    tokio::spawn(consumer.run(stopped));
    (queue, stop)
}

fn sealed(lane: u32, number: u64) -> SealedCommand {
    let command = command(u64::from(lane), number, T0.plus_us(5_000_000));
    keys().seal(&GatewayCommand { session: SessionId(1), taken_at: T0, command })
}

fn message(lane: u32, number: u64) -> LaneMessage {
    LaneBody { enqueued_at: T0, commands: vec![sealed(lane, number)] }.message(lane)
}

async fn is_empty(lanes: &InProcessLanes) {
    loop {
        let backlog = lanes.backlog().await.unwrap();
        if backlog.waiting + backlog.in_flight == 0 {
            return;
        }
        sleep_ms(50).await;
    }
}

async fn check_exactly_once(messages: u64) {
    let lanes = twin(&clock(), 7);
    let faults = FifoFaults { deliveries_max: 5, is_shuffled: true, is_late: true, ..FifoFaults::default() };
    lanes.set_faults(faults);
    let (queue, stop) = consume(&lanes, None);
    for first in (0..messages).step_by(10) {
        let batch = (first..messages.min(first + 10)).map(|number| message((number % u64::from(LANES)) as u32, number));
        lanes.send(batch.collect()).await.into_iter().for_each(|sent| sent.unwrap());
        // Keeps the queue, and so the memory, small.
        if first % 10_000 == 0 {
            is_empty(&lanes).await;
        }
    }
    is_empty(&lanes).await;
    drop(stop);
    let (engine, taken) = &*queue.0.lock();
    assert_eq!(taken.len() as u64, messages);
    let mut last: HashMap<u64, u64> = HashMap::new();
    let mut once = Engine::new(1);
    for command in taken {
        let Origin::Client(id, _) = command.origin else { unreachable!() };
        let (lane, number) = id.0.split_at(8);
        let [lane, number] = [lane, number].map(|half| u64::from_le_bytes(half.try_into().unwrap()) + 1);
        assert!(last.insert(lane, number).is_none_or(|last| last < number), "lane {lane} is out of order");
        once.apply(once.seq().next(), T0, command, &mut Vec::new());
    }
    assert_eq!(engine.state_hash(), once.state_hash());
}

#[tokio::test(start_paused = true)]
async fn repeated_and_shuffled_messages_leave_the_state_of_the_exactly_once_run() {
    check_exactly_once(5_000).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "a long run: one million messages"]
async fn a_million_repeated_and_shuffled_messages_leave_the_state_of_the_exactly_once_run() {
    check_exactly_once(1_000_000).await;
}

#[tokio::test(start_paused = true)]
async fn garbage_moves_aside_and_its_lane_goes_on() {
    let (lanes, aside) = (twin(&clock(), 1), twin(&clock(), 2));
    let (queue, _stop) = consume(&lanes, Some(Arc::clone(&aside) as _));
    let forged = SealedCommand { seal: [0; 32], ..sealed(1, 2) };
    let mixed = LaneBody { enqueued_at: T0, commands: vec![sealed(1, 1), forged, sealed(1, 3)] };
    let garbage = LaneMessage { lane: 1, dedup_id: "garbage".into(), body: vec![0xff; 9] };
    let sent = lanes.send(vec![garbage, mixed.message(1), message(1, 4)]).await;
    assert!(sent.iter().all(Result::is_ok));
    is_empty(&lanes).await;
    assert_eq!(queue.0.lock().1.len(), 3);
    assert_eq!(aside.backlog().await.unwrap().waiting, 2);
}
