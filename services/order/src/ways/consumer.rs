//! The sequencer's end of the lanes: receives messages, submits their commands in the order of their lane, and deletes
//! a message once all its commands are committed.
//!
//! Delivery is at least once and a lane's messages come in order; the engine drops what it has seen, so everything here
//! may be repeated, and nothing may be left out or overtake within a lane. What must not live here: judging commands.

use super::answers::pause;
use super::aside::Aside;
use super::message::LaneBody;
use super::outage::Outage;
use emporion_edge::Clock;
use emporion_model::Command;
use emporion_ports::lanes::{BATCH_MAX, Delivery, Handle, LaneError, Lanes};
use emporion_ports::orders::{OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::sealed::{SealedCommand, VenueKeys};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long to wait before a full queue is tried again, or an outcome that is unknown is asked again.
const RETRY: Duration = Duration::from_millis(20);

/// How long to wait before lanes that failed are used again.
const FAILED_RETRY: Duration = Duration::from_millis(250);

/// How lanes are received.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerOptions {
    /// How many calls receive at a time.
    pub receivers: usize,
    /// How long a delivery is kept from others without a word of ours; extended while its commands wait.
    pub visibility: Duration,
    /// How long a call waits for a message when the last one brought none. A stop takes as long.
    pub idle_wait: Duration,
}

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self { receivers: 8, visibility: Duration::from_secs(8), idle_wait: Duration::from_secs(2) }
    }
}

/// Feeds the lanes to the sequencer of one leadership.
pub struct LaneConsumer {
    /// The lanes.
    pub lanes: Arc<dyn Lanes>,
    /// Where messages go that nobody can use, if they are kept.
    pub aside: Option<Arc<dyn Lanes>>,
    /// The sequencer. It must answer "busy" when a submission is first polled or not until it takes nothing ever
    /// again, as [`crate::sequencer::SequencerHandle`] does: so it must be that of one leadership.
    pub queue: Arc<dyn OrderQueue>,
    /// The keys that commands are sealed with.
    pub keys: VenueKeys,
    /// The wall clock.
    pub clock: Clock,
    /// How lanes are received.
    pub options: ConsumerOptions,
}

/// A command that has no outcome yet.
type Unanswered = (SessionId, Command);

/// A submission that was polled once.
type Submitted<'a> = Pin<Box<dyn Future<Output = Result<Outcome, QueueError>> + Send + 'a>>;

impl LaneConsumer {
    /// Receives until `stop` is true or nobody holds its other end. What is not finished then becomes visible again at
    /// once.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let (consumer, outage) = (Arc::new(self), Arc::new(Outage::default()));
        let mut receivers = JoinSet::new();
        for _ in 0..consumer.options.receivers {
            let (consumer, outage, stop) = (Arc::clone(&consumer), Arc::clone(&outage), stop.clone());
            receivers.spawn(async move { consumer.receive(&outage, stop).await });
        }
        receivers.join_all().await;
    }

    async fn receive(self: Arc<Self>, outage: &Outage, mut stop: watch::Receiver<bool>) {
        let mut wait = Duration::ZERO;
        while !is_stopped(&stop) {
            match self.lanes.receive(BATCH_MAX, wait, self.options.visibility).await {
                Ok(deliveries) => {
                    if outage.works() {
                        tracing::info!("The lanes can be received again.");
                    }
                    wait = if deliveries.is_empty() { self.options.idle_wait } else { Duration::ZERO };
                    self.process(deliveries, &mut stop).await;
                }
                Err(error) => {
                    metrics::counter!("lane_receive_failures_total").increment(1);
                    if outage.failed() {
                        tracing::warn!(%error, "The lanes cannot be received.");
                    }
                    tokio::select! { () = pause(FAILED_RETRY) => {}, () = stopped(&mut stop) => {} }
                }
            }
        }
    }

    /// Works on the lanes of what was received side by side, and deletes what is done.
    async fn process(self: &Arc<Self>, deliveries: Vec<Delivery>, stop: &mut watch::Receiver<bool>) {
        let mut lanes: BTreeMap<u32, VecDeque<Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            lanes.entry(delivery.lane).or_default().push_back(delivery);
        }
        let mut at_work = JoinSet::new();
        for (_, messages) in lanes {
            let (consumer, stop) = (Arc::clone(self), stop.clone());
            at_work.spawn(async move { consumer.lane(messages, stop).await });
        }
        while let Some(done) = at_work.join_next().await {
            let mut done = done.unwrap_or_default();
            while let Some(more) = at_work.try_join_next() {
                done.extend(more.unwrap_or_default());
            }
            self.delete(done).await;
        }
    }

    /// Works on the messages of one lane in order; gives the handles of those that are done.
    async fn lane(&self, messages: VecDeque<Delivery>, mut stop: watch::Receiver<bool>) -> Vec<Handle> {
        let mut handles: Vec<Handle> = messages.iter().map(|message| message.handle.clone()).collect();
        let mut done = 0;
        let ended = {
            let work = async {
                let mut opened = Vec::with_capacity(messages.len());
                for message in &messages {
                    opened.push(self.open(message).await);
                }
                for commands in opened {
                    self.submit_all(commands).await;
                    done += 1;
                }
            };
            tokio::select! {
                biased;
                () = work => None,
                () = stopped(&mut stop) => Some(Lost::Stopped),
                lost = self.hold(&handles) => Some(lost),
            }
        };
        let unfinished = handles.split_off(done);
        match ended {
            Some(Lost::Stopped) => drop(self.lanes.extend(&unfinished, Duration::ZERO).await),
            // Somebody else may work on them now. What was submitted stays submitted, and is dropped as a repeat.
            Some(Lost::Expired) => metrics::counter!("lane_lost_deliveries_total").increment(unfinished.len() as u64),
            None => {}
        }
        handles
    }

    /// Extends the visibility of deliveries for as long as that succeeds.
    async fn hold(&self, handles: &[Handle]) -> Lost {
        let visibility = self.options.visibility;
        let mut held_until = Instant::now() + visibility;
        loop {
            pause(visibility / 3).await;
            let asked_at = Instant::now();
            let results = self.lanes.extend(handles, visibility).await;
            if results.iter().any(|result| matches!(result, Err(LaneError::Expired(_)))) {
                return Lost::Expired;
            }
            if results.iter().all(Result::is_ok) {
                held_until = asked_at + visibility;
            }
            if Instant::now() >= held_until {
                return Lost::Expired;
            }
        }
    }

    /// The commands of a message whose seals are right; everything else is put aside.
    async fn open(&self, message: &Delivery) -> VecDeque<Unanswered> {
        metrics::counter!("lane_messages_total", "end" => "received").increment(1);
        let aside = Aside { lanes: self.aside.as_ref(), lane: message.lane };
        let Ok(body) = LaneBody::from_bytes(&message.body) else {
            aside.put(message.body.clone(), "it is not a list of commands").await;
            return VecDeque::new();
        };
        let age = Duration::from_micros(self.clock.now().since(body.enqueued_at));
        metrics::gauge!("lane_backlog_age_seconds").set(age.as_secs_f64());
        let mut commands = VecDeque::with_capacity(body.commands.len());
        for sealed in body.commands {
            match self.keys.open(&sealed) {
                Ok(command) => commands.push_back((command.session, command.command)),
                Err(error) => aside.put(body_of(sealed, &body.enqueued_at), &error.to_string()).await,
            }
        }
        commands
    }

    /// Submits commands in order and waits until each has an outcome.
    async fn submit_all(&self, mut commands: VecDeque<Unanswered>) {
        while !commands.is_empty() {
            let answered = self.submit_once(&commands).await;
            commands.drain(..answered);
            if !commands.is_empty() {
                pause(RETRY).await;
            }
        }
    }

    /// Submits commands up to the first for which there is no room; says how many of the first have outcomes.
    async fn submit_once(&self, commands: &VecDeque<Unanswered>) -> usize {
        let mut submitted: VecDeque<Submitted<'_>> = VecDeque::new();
        for (session, command) in commands {
            let mut submission = self.queue.submit(*session, command.clone());
            match poll_once(&mut submission).await {
                Poll::Ready(Err(QueueError::Busy)) => break,
                Poll::Ready(result) => submitted.push_back(Box::pin(async move { result })),
                Poll::Pending => submitted.push_back(submission),
            }
        }
        let mut answered = 0;
        for submission in submitted {
            match submission.await {
                Ok(_) | Err(QueueError::Expired) => answered += 1,
                Err(QueueError::Unknown | QueueError::Busy) => break,
            }
        }
        answered
    }

    async fn delete(&self, mut handles: Vec<Handle>) {
        let give_up = Instant::now() + self.options.visibility;
        while !handles.is_empty() && Instant::now() < give_up {
            let mut left = Vec::new();
            for chunk in handles.chunks(BATCH_MAX) {
                let results = self.lanes.delete(chunk).await;
                for (handle, result) in chunk.iter().zip(results) {
                    match result {
                        Ok(()) => metrics::counter!("lane_messages_total", "end" => "deleted").increment(1),
                        // It comes again, to whoever owns it now, and all of it will be a repeat.
                        Err(LaneError::Expired(_)) => metrics::counter!("lane_late_deletes_total").increment(1),
                        Err(_) => left.push(handle.clone()),
                    }
                }
            }
            handles = left;
            if !handles.is_empty() {
                pause(FAILED_RETRY).await;
            }
        }
    }
}

/// Why a lane's messages are given up.
enum Lost {
    Stopped,
    Expired,
}

fn body_of(sealed: SealedCommand, enqueued_at: &emporion_model::TimeUs) -> Vec<u8> {
    emporion_model::codec::to_bytes(&LaneBody { enqueued_at: *enqueued_at, commands: vec![sealed] })
}

async fn poll_once(submission: &mut Submitted<'_>) -> Poll<Result<Outcome, QueueError>> {
    std::future::poll_fn(|context| Poll::Ready(submission.as_mut().poll(context))).await
}

fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error says that nobody holds the other end, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}
