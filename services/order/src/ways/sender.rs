//! Sends commands over the lanes: what comes within a few milliseconds goes together, and every lane keeps its order.
//!
//! A lane has one message on its way at a time. One that was refused is made anew and sent again while a command of it
//! may still be executed; one of which nobody knows whether it was accepted is repeated as it is, under its id, before
//! anything behind it. What must not live here: whether a command should go over the lanes.

use super::answers::pause;
use super::message::{BODY_OVERHEAD_BYTES, LaneBody, size_of};
use emporion_edge::Clock;
use emporion_model::{CommandId, TimeUs};
use emporion_ports::lanes::{BATCH_MAX, BODY_BYTES_MAX, LaneMessage, Lanes, SendError};
use emporion_ports::sealed::SealedCommand;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How long to wait before a message is sent again.
const RETRY: Duration = Duration::from_millis(100);

const HERE: u8 = 0;
const LEFT: u8 = 1;
const TAKEN_BACK: u8 = 2;

/// Whether a command may have left this process over the lanes.
#[derive(Debug, Default)]
pub(super) struct Leaving(AtomicU8);

impl Leaving {
    /// Keeps a command from leaving; `false` when it may have left already.
    pub(super) fn take_back(&self) -> bool {
        let taken = self.0.compare_exchange(HERE, TAKEN_BACK, Ordering::SeqCst, Ordering::SeqCst);
        taken.is_ok() || taken == Err(TAKEN_BACK)
    }

    fn leave(&self) -> bool {
        self.0.compare_exchange(HERE, LEFT, Ordering::SeqCst, Ordering::SeqCst) != Err(TAKEN_BACK)
    }

    fn come_back(&self) {
        let _ = self.0.compare_exchange(LEFT, HERE, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// A command for a lane.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) sealed: SealedCommand,
    pub(super) command_id: CommandId,
    pub(super) deadline: TimeUs,
    pub(super) leaving: Arc<Leaving>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SenderOptions {
    pub(super) flush_after: Duration,
    pub(super) commands_max: usize,
    pub(super) senders_max: usize,
}

#[derive(Default)]
struct Lane {
    parcels: VecDeque<Parcel>,
    /// When the first of them came.
    since: TimeUs,
    is_sending: bool,
}

#[derive(Default)]
struct Buffers {
    lanes: HashMap<u32, Lane>,
    /// Lanes with something to send and nothing on its way, in the order in which they came to that.
    ready: VecDeque<u32>,
}

/// The sending end of the lanes. It holds as much as it is given: who gives bounds it.
pub(super) struct LaneSender {
    buffers: Mutex<Buffers>,
    wake: Notify,
    permits: Arc<Semaphore>,
    queue: Arc<dyn Lanes>,
    clock: Clock,
    options: SenderOptions,
}

/// A message on its way.
struct Sending {
    lane: u32,
    since: TimeUs,
    parcels: Vec<Parcel>,
    message: LaneMessage,
    /// Whether an attempt of it may have been accepted.
    is_in_doubt: bool,
}

impl LaneSender {
    pub(super) fn new(queue: Arc<dyn Lanes>, clock: Clock, options: SenderOptions) -> Arc<Self> {
        let (buffers, permits) = (Mutex::default(), Arc::new(Semaphore::new(options.senders_max)));
        Arc::new(Self { buffers, wake: Notify::new(), permits, queue, clock, options })
    }

    /// Puts a command behind all that was pushed to its lane before.
    pub(super) fn push(&self, number: u32, parcel: Parcel) {
        let mut buffers = self.buffers.lock();
        let Buffers { lanes, ready } = &mut *buffers;
        let lane = lanes.entry(number).or_default();
        if lane.parcels.is_empty() {
            lane.since = self.clock.now();
            if !lane.is_sending {
                ready.push_back(number);
            }
        }
        lane.parcels.push_back(parcel);
        drop(buffers);
        self.wake.notify_one();
    }

    /// Sends for ever.
    pub(super) async fn run(self: &Arc<Self>) {
        loop {
            self.wake.notified().await;
            pause(self.options.flush_after).await;
            loop {
                // What comes while all senders are busy goes together as well.
                let permit = self.permit().await;
                let call = self.next_call();
                if call.is_empty() {
                    break;
                }
                let sender = Arc::clone(self);
                tokio::spawn(async move { sender.send(call, permit).await });
            }
        }
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.permits).acquire_owned().await.expect("the permits are never closed")
    }

    /// What one call can take: the next message of every lane that is ready, within the bounds of a call.
    fn next_call(&self) -> Vec<Sending> {
        let mut buffers = self.buffers.lock();
        let Buffers { lanes, ready } = &mut *buffers;
        let (mut call, mut room) = (Vec::new(), BODY_BYTES_MAX);
        while call.len() < BATCH_MAX
            && let Some(&number) = ready.front()
        {
            let lane = lanes.get_mut(&number).expect("a lane that is ready is there");
            let parcels = lane.take(&mut room, self.options.commands_max);
            if parcels.is_empty() && !lane.parcels.is_empty() {
                break;
            }
            ready.pop_front();
            if parcels.is_empty() {
                lanes.remove(&number);
                continue;
            }
            lane.is_sending = true;
            call.push(Sending::new(number, lane.since, parcels));
            lane.since = self.clock.now();
        }
        call
    }

    /// Sends messages until each is accepted, or none of its commands can be executed any more.
    async fn send(&self, mut call: Vec<Sending>, mut permit: OwnedSemaphorePermit) {
        loop {
            let messages = call.iter().map(|sending| sending.message.clone()).collect();
            let results = self.queue.send(messages).await;
            drop(permit);
            debug_assert_eq!(results.len(), call.len(), "a queue says of every message what came of it");
            let mut again = Vec::new();
            for (mut sending, result) in call.into_iter().zip(results) {
                match result {
                    Ok(()) => {
                        metrics::counter!("lane_messages_total", "end" => "sent").increment(1);
                        self.release(sending.lane);
                        continue;
                    }
                    Err(SendError::Unknown(_)) => sending.is_in_doubt = true,
                    Err(SendError::Refused(_)) if sending.is_in_doubt => {}
                    Err(SendError::Refused(_)) => sending.parcels.iter().for_each(|parcel| parcel.leaving.come_back()),
                }
                metrics::counter!("lane_send_failures_total").increment(1);
                again.push(sending);
            }
            if again.is_empty() {
                return;
            }
            pause(RETRY).await;
            call = again.into_iter().filter_map(|sending| self.once_more(sending)).collect();
            if call.is_empty() {
                return;
            }
            permit = self.permit().await;
        }
    }

    /// The same message if it may have been accepted, otherwise one with what is left of it.
    fn once_more(&self, mut sending: Sending) -> Option<Sending> {
        let now = self.clock.now();
        if !sending.is_in_doubt {
            sending.parcels.retain(|parcel| parcel.deadline >= now && parcel.leaving.leave());
        }
        if sending.parcels.iter().all(|parcel| parcel.deadline < now) {
            self.release(sending.lane);
            return None;
        }
        Some(match sending.is_in_doubt {
            true => sending,
            false => Sending::new(sending.lane, sending.since, sending.parcels),
        })
    }

    fn release(&self, number: u32) {
        let mut buffers = self.buffers.lock();
        let lane = buffers.lanes.get_mut(&number).expect("a lane that sends is there");
        lane.is_sending = false;
        match lane.parcels.is_empty() {
            true => drop(buffers.lanes.remove(&number)),
            false => buffers.ready.push_back(number),
        }
        drop(buffers);
        self.wake.notify_one();
    }
}

impl Lane {
    /// The commands of the next message, which is not larger than `room`.
    fn take(&mut self, room: &mut usize, commands_max: usize) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        let mut left = room.saturating_sub(BODY_OVERHEAD_BYTES);
        while parcels.len() < commands_max
            && let Some(parcel) = self.parcels.pop_front_if(|parcel| size_of(&parcel.sealed) <= left)
        {
            if parcel.leaving.leave() {
                left -= size_of(&parcel.sealed);
                parcels.push(parcel);
            }
        }
        if !parcels.is_empty() {
            *room = left;
        }
        parcels
    }
}

impl Sending {
    fn new(lane: u32, since: TimeUs, parcels: Vec<Parcel>) -> Self {
        let commands = parcels.iter().map(|parcel| parcel.sealed.clone()).collect();
        let message = LaneBody { enqueued_at: since, commands }.message(lane);
        Self { lane, since, parcels, message, is_in_doubt: false }
    }
}
