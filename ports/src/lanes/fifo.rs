//! The lanes' twin within one process: a faithful queue, which can also misbehave on demand.
//!
//! What lives here: calls, waiting, faults and the quota. The rules of the queue are in `queue`, which knows neither
//! tasks nor clocks.

mod chance;
mod options;
mod queue;
mod quota;

pub use options::{DedupScope, FifoFaults, FifoOptions};

use super::{BATCH_MAX, Backlog, Delivery, Handle, LaneError, LaneMessage, Lanes, SendError, WAIT_MAX};
use async_trait::async_trait;
use chance::Chance;
use parking_lot::Mutex;
use queue::Queue;
use quota::{Call, Quota};
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Tells a queue the time, in milliseconds since the epoch.
pub type ClockMs = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A queue in memory that keeps what SQS FIFO queues promise, by a clock that it was given.
///
/// Visibility, the window of deduplication and the quota follow that clock; waits follow tokio's time, which a test may
/// pause. After a jump of the clock, [`Self::clock_changed`] tells those who wait.
pub struct InProcessLanes {
    clock: ClockMs,
    options: FifoOptions,
    state: Mutex<State>,
    /// Something was sent, deleted or given back.
    changed: Notify,
}

struct State {
    queue: Queue,
    quota: Option<Quota>,
    faults: FifoFaults,
    chance: Chance,
}

/// A message that was accepted, now or, being a duplicate, before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The number of the message in its queue; a later message has a higher one.
    pub sequence: u64,
}

impl InProcessLanes {
    /// An empty queue without faults.
    pub fn new(clock: ClockMs, options: FifoOptions) -> Self {
        let state = State {
            queue: Queue::new(options.dedup_scope, options.deliveries_max),
            quota: options.calls_per_second.map(|rate| Quota::new(rate, clock())),
            faults: FifoFaults::default(),
            chance: Chance::new(options.seed),
        };
        Self { clock, options, state: Mutex::new(state), changed: Notify::new() }
    }

    /// From now on the queue misbehaves like this.
    pub fn set_faults(&self, faults: FifoFaults) {
        self.state.lock().faults = faults;
    }

    /// How it misbehaves.
    pub fn faults(&self) -> FifoFaults {
        self.state.lock().faults.clone()
    }

    /// Tells receivers that wait to look at the clock again.
    pub fn clock_changed(&self) {
        self.changed.notify_waiters();
    }

    /// Takes the messages that were set aside because they had been delivered too often, oldest first.
    pub fn take_dead(&self) -> Vec<LaneMessage> {
        self.state.lock().queue.take_dead()
    }

    /// As [`Lanes::send`], and tells which messages they became.
    pub async fn accept(&self, messages: Vec<LaneMessage>) -> Vec<Result<Accepted, SendError>> {
        if messages.is_empty() {
            return Vec::new();
        }
        let count = messages.len();
        if let Err(error) = self.begin(Call::Send).await {
            let error = match error {
                LaneError::Unavailable(text) => SendError::Unknown(text),
                error => SendError::Refused(error.to_string()),
            };
            return vec![Err(error); count];
        }
        if let Err(reason) = self.check_batch(&messages) {
            return vec![Err(SendError::Refused(reason)); count];
        }
        let answers = {
            let mut state = self.state.lock();
            let now_ms = (self.clock)();
            messages.into_iter().map(|message| state.accept(message, now_ms)).collect()
        };
        self.changed.notify_waiters();
        answers
    }

    fn check_batch(&self, messages: &[LaneMessage]) -> Result<(), String> {
        if messages.len() > BATCH_MAX {
            return Err(format!("{} messages in a call; {BATCH_MAX} is the most", messages.len()));
        }
        let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
        if bytes > self.options.body_bytes_max {
            return Err(format!("{bytes} bytes of bodies in a call; {} is the most", self.options.body_bytes_max));
        }
        Ok(())
    }

    /// What precedes every call: its latency, an outage, the quota.
    async fn begin(&self, call: Call) -> Result<(), LaneError> {
        let latency = self.state.lock().faults.latency;
        if !latency.is_zero() {
            pause(latency).await;
        }
        let mut state = self.state.lock();
        if state.faults.is_down {
            return Err(LaneError::Unavailable("the queue is made not to answer".to_owned()));
        }
        match &mut state.quota {
            Some(quota) => quota.take(call, (self.clock)()),
            None => Ok(()),
        }
    }

    /// What is there now; otherwise when a delivery's visibility ends next, in milliseconds from now.
    fn receive_now(&self, max: usize, visibility: Duration) -> Result<Vec<Delivery>, Option<u64>> {
        let mut state = self.state.lock();
        let State { queue, faults, chance, .. } = &mut *state;
        let now_ms = (self.clock)();
        let max = if faults.is_shuffled { chance.up_to(max) } else { max };
        let shuffle = faults.is_shuffled.then_some(chance);
        let deliveries = queue.receive(now_ms, max, visibility, shuffle);
        if deliveries.is_empty() {
            return Err(queue.next_visible_ms().map(|at_ms| at_ms.saturating_sub(now_ms)));
        }
        Ok(deliveries)
    }
}

impl State {
    fn accept(&mut self, message: LaneMessage, now_ms: u64) -> Result<Accepted, SendError> {
        check_message(&message).map_err(SendError::Refused)?;
        if self.chance.permille(self.faults.sends_lost_permille) {
            return Err(SendError::Unknown("the call is made to be lost".to_owned()));
        }
        let copies = self.chance.up_to(self.faults.deliveries_max.max(1) as usize);
        let sequence = self.queue.send(now_ms, message, copies as u32 - 1);
        if self.chance.permille(self.faults.sends_unanswered_permille) {
            return Err(SendError::Unknown("the answer is made to be lost".to_owned()));
        }
        Ok(Accepted { sequence })
    }

    fn delete(&mut self, handle: &Handle, now_ms: u64) -> Result<(), LaneError> {
        if self.chance.permille(self.faults.deletes_lost_permille) {
            return self.queue.check(now_ms, handle);
        }
        self.queue.delete(now_ms, handle, self.faults.is_late)?;
        if self.chance.permille(self.faults.deletes_unanswered_permille) {
            return Err(LaneError::Unavailable("the answer is made to be lost".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Lanes for InProcessLanes {
    async fn send(&self, messages: Vec<LaneMessage>) -> Vec<Result<(), SendError>> {
        self.accept(messages).await.into_iter().map(|answer| answer.map(|_| ())).collect()
    }

    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Delivery>, LaneError> {
        self.begin(Call::Receive).await?;
        let max = max.clamp(1, BATCH_MAX);
        let deadline = Instant::now() + wait.min(WAIT_MAX);
        loop {
            let mut changed = pin!(self.changed.notified());
            // Whatever happens from here on wakes the wait below.
            changed.as_mut().enable();
            match self.receive_now(max, visibility) {
                Ok(deliveries) => return self.answer(deliveries),
                Err(_) if Instant::now() >= deadline => return Ok(Vec::new()),
                Err(None) => drop(tokio::time::timeout_at(deadline, changed).await),
                Err(Some(visible_in_ms)) => {
                    let visible =
                        Instant::now() + Duration::from_millis(visible_in_ms.clamp(1, WAIT_MAX.as_millis() as u64));
                    drop(tokio::time::timeout_at(deadline.min(visible), changed).await);
                }
            }
        }
    }

    async fn extend(&self, handles: &[Handle], visibility: Duration) -> Vec<Result<(), LaneError>> {
        self.each(Call::Extend, handles, |state, handle, now_ms| state.queue.extend(now_ms, handle, visibility)).await
    }

    async fn delete(&self, handles: &[Handle]) -> Vec<Result<(), LaneError>> {
        self.each(Call::Delete, handles, State::delete).await
    }

    async fn backlog(&self) -> Result<Backlog, LaneError> {
        self.begin(Call::Count).await?;
        Ok(self.state.lock().queue.backlog((self.clock)()))
    }
}

impl InProcessLanes {
    fn answer(&self, deliveries: Vec<Delivery>) -> Result<Vec<Delivery>, LaneError> {
        let mut state = self.state.lock();
        let permille = state.faults.receives_lost_permille;
        if state.chance.permille(permille) {
            return Err(LaneError::Unavailable("the answer is made to be lost".to_owned()));
        }
        Ok(deliveries)
    }

    async fn each(
        &self,
        call: Call,
        handles: &[Handle],
        mut act: impl FnMut(&mut State, &Handle, u64) -> Result<(), LaneError> + Send,
    ) -> Vec<Result<(), LaneError>> {
        let mut answers = Vec::with_capacity(handles.len());
        for some in handles.chunks(BATCH_MAX) {
            if let Err(error) = self.begin(call).await {
                answers.extend(some.iter().map(|_| Err(error.clone())));
                continue;
            }
            let mut state = self.state.lock();
            let now_ms = (self.clock)();
            answers.extend(some.iter().map(|handle| act(&mut state, handle, now_ms)));
        }
        self.changed.notify_waiters();
        answers
    }
}

/// What a queue refuses in a message, as SQS does.
fn check_message(message: &LaneMessage) -> Result<(), String> {
    if message.body.is_empty() {
        return Err("a message has no body; one byte is the least".to_owned());
    }
    let id = &message.dedup_id;
    if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("the deduplication id {id:?} is not 1 to 128 ASCII letters, digits and punctuation marks"));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the latency of a call is itself what is asked for")]
async fn pause(latency: Duration) {
    tokio::time::sleep(latency).await;
}

impl fmt::Debug for InProcessLanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessLanes").field("options", &self.options).finish_non_exhaustive()
    }
}
