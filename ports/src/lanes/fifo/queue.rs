//! The rules of a first-in-first-out queue with lanes. Time is an argument; nothing here waits.

use super::DedupScope;
use super::chance::Chance;
use crate::lanes::{Backlog, Delivery, Handle, LaneError, LaneMessage};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long an accepted id keeps others with the same id away, whether its message was deleted or not.
const DEDUP_WINDOW_MS: u64 = 5 * 60 * 1000;

/// A queue with so many deliveries in flight gives no more, and reports no error, as SQS.
const IN_FLIGHT_MAX: usize = 120_000;

static QUEUES: AtomicU64 = AtomicU64::new(0);

/// Invariant: a lane stands in `ready` under the sequence of its first message if and only if it holds a message and
/// none of its messages is in flight. Every message in flight stands in `expiries`.
#[derive(Debug)]
pub(super) struct Queue {
    /// Tells this queue's handles from another's.
    number: u64,
    dedup_scope: DedupScope,
    deliveries_max: Option<u32>,
    lanes: HashMap<u32, Lane>,
    ready: BTreeMap<u64, u32>,
    /// When visibility ends, lane, sequence.
    expiries: BTreeSet<(u64, u32, u64)>,
    accepted: HashMap<DedupKey, u64>,
    /// When ids are forgotten, in order.
    forgotten: VecDeque<(u64, DedupKey)>,
    last_sequence: u64,
    messages: usize,
    dead: Vec<LaneMessage>,
}

/// The lane where an id counts, and the id.
type DedupKey = (Option<u32>, String);

#[derive(Debug, Default)]
struct Lane {
    /// By sequence, which grows.
    messages: VecDeque<Message>,
    in_flight: usize,
}

#[derive(Debug)]
struct Message {
    sequence: u64,
    dedup_id: String,
    body: Vec<u8>,
    sent_at_ms: u64,
    deliveries: u32,
    /// When it becomes visible again, if it is in flight.
    visible_ms: Option<u64>,
    /// How often it comes again though it is deleted: a fault.
    copies: u32,
}

impl Queue {
    pub(super) fn new(dedup_scope: DedupScope, deliveries_max: Option<u32>) -> Self {
        Self {
            number: QUEUES.fetch_add(1, Ordering::Relaxed),
            dedup_scope,
            deliveries_max,
            lanes: HashMap::new(),
            ready: BTreeMap::new(),
            expiries: BTreeSet::new(),
            accepted: HashMap::new(),
            forgotten: VecDeque::new(),
            last_sequence: 0,
            messages: 0,
            dead: Vec::new(),
        }
    }

    /// Accepts a message, which then comes `copies` times more often than it should. Gives its sequence, or that of the
    /// message whose duplicate it is.
    pub(super) fn send(&mut self, now_ms: u64, message: LaneMessage, copies: u32) -> u64 {
        self.forget(now_ms);
        let LaneMessage { lane, dedup_id, body } = message;
        let scope = match self.dedup_scope {
            DedupScope::Lane => Some(lane),
            DedupScope::Queue => None,
        };
        let key = (scope, dedup_id.clone());
        if let Some(&sequence) = self.accepted.get(&key) {
            return sequence;
        }
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        self.accepted.insert(key.clone(), sequence);
        self.forgotten.push_back((now_ms + DEDUP_WINDOW_MS, key));
        let message = Message { sequence, dedup_id, body, sent_at_ms: now_ms, deliveries: 0, visible_ms: None, copies };
        self.push(lane, message);
        sequence
    }

    /// Delivers up to `max` messages of unlocked lanes: of the lane that has waited longest first, or of any.
    pub(super) fn receive(
        &mut self,
        now_ms: u64,
        max: usize,
        visibility: Duration,
        mut shuffle: Option<&mut Chance>,
    ) -> Vec<Delivery> {
        self.settle(now_ms);
        let visible_ms = now_ms.saturating_add(millis(visibility));
        let mut deliveries = Vec::new();
        while deliveries.len() < max && self.expiries.len() < IN_FLIGHT_MAX {
            let index = shuffle.as_mut().map_or(0, |chance| chance.below(self.ready.len()));
            let Some((&first, &lane)) = self.ready.iter().nth(index) else { break };
            self.ready.remove(&first);
            self.bury(lane);
            self.deliver(lane, max - deliveries.len(), visible_ms, &mut deliveries);
            self.tidy(lane);
        }
        deliveries
    }

    /// Whether the handle's delivery is still in flight.
    pub(super) fn check(&mut self, now_ms: u64, handle: &Handle) -> Result<(), LaneError> {
        self.settle(now_ms);
        self.find(handle).map(|_| ())
    }

    /// Sets when a delivery becomes visible again.
    pub(super) fn extend(&mut self, now_ms: u64, handle: &Handle, visibility: Duration) -> Result<(), LaneError> {
        self.settle(now_ms);
        let (lane, index) = self.find(handle)?;
        let visible_ms = now_ms.saturating_add(millis(visibility));
        let message = &mut self.lanes.get_mut(&lane).expect("it was found in this lane").messages[index];
        let before_ms = message.visible_ms.replace(visible_ms).expect("what is found is in flight");
        self.expiries.remove(&(before_ms, lane, message.sequence));
        self.expiries.insert((visible_ms, lane, message.sequence));
        self.settle(now_ms);
        Ok(())
    }

    /// Deletes a delivered message, or gives it back when a fault wants it to come again.
    pub(super) fn delete(&mut self, now_ms: u64, handle: &Handle, is_late: bool) -> Result<(), LaneError> {
        self.settle(now_ms);
        let (lane, index) = self.find(handle)?;
        self.land(lane, index);
        let held = self.lanes.get_mut(&lane).expect("it was found in this lane");
        if held.messages[index].copies == 0 {
            held.messages.remove(index);
            self.messages -= 1;
        } else {
            held.messages[index].copies -= 1;
            if is_late {
                let mut message = held.messages.remove(index).expect("it was found at this place");
                self.messages -= 1;
                self.last_sequence += 1;
                message.sequence = self.last_sequence;
                self.push(lane, message);
            }
        }
        self.tidy(lane);
        Ok(())
    }

    pub(super) fn backlog(&mut self, now_ms: u64) -> Backlog {
        self.settle(now_ms);
        Backlog { waiting: (self.messages - self.expiries.len()) as u64, in_flight: self.expiries.len() as u64 }
    }

    /// When the next delivery becomes visible again.
    pub(super) fn next_visible_ms(&self) -> Option<u64> {
        self.expiries.first().map(|&(visible_ms, ..)| visible_ms)
    }

    pub(super) fn take_dead(&mut self) -> Vec<LaneMessage> {
        std::mem::take(&mut self.dead)
    }

    fn push(&mut self, lane: u32, message: Message) {
        self.messages += 1;
        self.lanes.entry(lane).or_default().messages.push_back(message);
        self.tidy(lane);
    }

    /// Forgets ids whose window is over.
    fn forget(&mut self, now_ms: u64) {
        while let Some((at_ms, _)) = self.forgotten.front()
            && *at_ms <= now_ms
        {
            let (_, key) = self.forgotten.pop_front().expect("there is a first one");
            self.accepted.remove(&key);
        }
    }

    /// Makes visible again what is due.
    fn settle(&mut self, now_ms: u64) {
        while let Some(&(visible_ms, lane, sequence)) = self.expiries.first()
            && visible_ms <= now_ms
        {
            let held = &self.lanes[&lane];
            let index = held.index(sequence).expect("what is in flight is in its lane");
            self.land(lane, index);
            self.tidy(lane);
        }
    }

    /// Ends a delivery.
    fn land(&mut self, lane: u32, index: usize) {
        let held = self.lanes.get_mut(&lane).expect("the lane of a message in flight exists");
        let message = &mut held.messages[index];
        let visible_ms = message.visible_ms.take().expect("only what is in flight lands");
        self.expiries.remove(&(visible_ms, lane, message.sequence));
        held.in_flight -= 1;
    }

    /// Keeps the invariant after a change of the lane.
    fn tidy(&mut self, lane: u32) {
        let Some(held) = self.lanes.get(&lane) else { return };
        match held.messages.front() {
            None => drop(self.lanes.remove(&lane)),
            Some(first) if held.in_flight == 0 => drop(self.ready.insert(first.sequence, lane)),
            Some(_) => {}
        }
    }

    /// Sets aside what was delivered too often at the front of an unlocked lane.
    fn bury(&mut self, lane: u32) {
        let (Some(max), Some(held)) = (self.deliveries_max, self.lanes.get_mut(&lane)) else { return };
        while held.messages.front().is_some_and(|message| message.deliveries >= max) {
            let Message { dedup_id, body, .. } = held.messages.pop_front().expect("there is a first one");
            self.messages -= 1;
            self.dead.push(LaneMessage { lane, dedup_id, body });
        }
    }

    /// Delivers the first messages of an unlocked lane; one that was delivered too often waits for its turn.
    fn deliver(&mut self, lane: u32, max: usize, visible_ms: u64, deliveries: &mut Vec<Delivery>) {
        let Some(held) = self.lanes.get_mut(&lane) else { return };
        let deliveries_max = self.deliveries_max.unwrap_or(u32::MAX);
        for message in held.messages.iter_mut().take(max).take_while(|message| message.deliveries < deliveries_max) {
            message.deliveries += 1;
            message.visible_ms = Some(visible_ms);
            held.in_flight += 1;
            self.expiries.insert((visible_ms, lane, message.sequence));
            deliveries.push(Delivery {
                lane,
                dedup_id: message.dedup_id.clone(),
                body: message.body.clone(),
                handle: Handle(format!("{}.{lane}.{}.{}", self.number, message.sequence, message.deliveries)),
                deliveries: message.deliveries,
                sent_at_ms: message.sent_at_ms,
            });
        }
    }

    /// The lane and place of the message in flight that a handle stands for.
    fn find(&self, handle: &Handle) -> Result<(u32, usize), LaneError> {
        let expired = |why: &str| LaneError::Expired(why.to_owned());
        let mut numbers = handle.0.split('.').map_while(|number| number.parse::<u64>().ok());
        let (Some(queue), Some(lane), Some(sequence), Some(delivery)) =
            (numbers.next(), numbers.next(), numbers.next(), numbers.next())
        else {
            return Err(expired("this is no handle"));
        };
        let lane = u32::try_from(lane).map_err(|_| expired("this is no handle"))?;
        if queue != self.number {
            return Err(expired("the handle is another queue's"));
        }
        let found = self.lanes.get(&lane).and_then(|held| Some((held, held.index(sequence)?)));
        let (held, index) = found.ok_or_else(|| expired("the message is deleted"))?;
        let message = &held.messages[index];
        match message.visible_ms {
            Some(_) if u64::from(message.deliveries) == delivery => Ok((lane, index)),
            Some(_) => Err(expired("the message was delivered again")),
            None => Err(expired("its visibility is over")),
        }
    }
}

impl Lane {
    fn index(&self, sequence: u64) -> Option<usize> {
        self.messages.binary_search_by_key(&sequence, |message| message.sequence).ok()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
