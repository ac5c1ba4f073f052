//! A sequencer in simulated time, and a direct way to it that misbehaves.

use crate::testing::MemoryJournal;
use crate::ways::{Direct, DirectError};
use async_trait::async_trait;
use emporion_edge::Clock;
use emporion_engine::{Admission, Engine};
use emporion_model::journal::{BatchBuilder, Entry, Head};
use emporion_model::{AccountId, Action, CancelAll, Command, CommandId, Origin, Seq, SymbolId, TimeUs};
use emporion_ports::feed::{CommittedBatch, Feed, InProcessFeed};
use emporion_ports::lanes::{FifoOptions, InProcessLanes};
use emporion_ports::orders::{OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::sealed::{SealedCommand, VenueKeys};
use emporion_ports::store::Journal;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub(super) const T0: TimeUs = TimeUs(1_800_000_000_000_000);

/// A clock that shows simulated time.
pub(super) fn clock() -> Clock {
    let start = Instant::now();
    Clock::new(move || T0.plus_us(start.elapsed().as_micros() as u64))
}

pub(super) fn keys() -> VenueKeys {
    VenueKeys::new(&[(1, [7; 32])]).unwrap()
}

pub(super) fn twin(clock: &Clock, seed: u64) -> Arc<InProcessLanes> {
    let clock = clock.clone();
    let options = FifoOptions { seed, ..FifoOptions::default() };
    Arc::new(InProcessLanes::new(Arc::new(move || clock.now().0 / 1_000), options))
}

#[expect(clippy::disallowed_methods, reason = "the pauses of a simulation in simulated time")]
pub(super) async fn sleep_ms(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// A command of an account with a number, which the engine refuses without a trace in the state but the id.
pub(super) fn command(account: u64, number: u64, deadline: TimeUs) -> Command {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&account.to_le_bytes());
    id[8..].copy_from_slice(&number.to_le_bytes());
    let cancel_id = "c".parse().unwrap();
    let action = Action::CancelAll(CancelAll { account: AccountId(account), symbol: SymbolId(0), cancel_id });
    Command { origin: Origin::Client(CommandId(id), deadline), action }
}

type Reply = oneshot::Sender<Result<Outcome, QueueError>>;

/// A single writer in simulated time: bounded, with commits that take a while, and a memory that can be thrown away.
#[derive(Clone)]
pub(super) struct SimSequencer {
    inbox: mpsc::Sender<(Command, Reply)>,
}

impl SimSequencer {
    pub(super) fn start(journal: Arc<MemoryJournal>, feed: Arc<InProcessFeed>, clock: Clock, seed: u64) -> Self {
        let (inbox, commands) = mpsc::channel(20);
        tokio::spawn(lead(journal, feed, clock, commands, StdRng::seed_from_u64(seed)));
        Self { inbox }
    }
}

/// Recovers, then batches, applies, commits and answers until everybody has let go of it.
async fn lead(
    journal: Arc<MemoryJournal>,
    feed: Arc<InProcessFeed>,
    clock: Clock,
    mut commands: mpsc::Receiver<(Command, Reply)>,
    mut random: StdRng,
) {
    let (mut engine, mut head): (Engine, Head) = (Engine::new(1), Head::default());
    let mut batches: HashMap<Seq, (Arc<CommittedBatch>, usize)> = HashMap::new();
    let mut taken = Vec::new();
    for row in journal.rows() {
        let batch = Arc::new(CommittedBatch::from_row(&row).unwrap());
        for (place, (seq, entry)) in batch.numbered().enumerate() {
            engine.apply(seq, row.time, &entry.command, &mut Vec::new());
            batches.insert(seq, (Arc::clone(&batch), place));
        }
        head = row.head();
    }
    while commands.recv_many(&mut taken, 8).await > 0 {
        let (mut builder, mut entries, mut waiting) = (BatchBuilder::default(), Vec::new(), Vec::new());
        let time = clock.now();
        for (command, reply) in taken.drain(..) {
            let seq = match engine.admit(time, &command) {
                Admission::Drop => {
                    let _ = reply.send(Err(QueueError::Expired));
                    continue;
                }
                Admission::Duplicate(seq) => seq,
                Admission::New => {
                    let (seq, mut events) = (engine.seq().next(), Vec::new());
                    engine.apply(seq, time, &command, &mut events);
                    builder.push(&command, &events);
                    entries.push(Entry { command, events });
                    seq
                }
            };
            waiting.push((seq, reply));
        }
        sleep_ms(random.random_range(0..20)).await;
        if !entries.is_empty() {
            let row = Arc::new(builder.seal(&head, time, engine.rules_version()));
            if journal.commit(Arc::clone(&row)).await.is_err() {
                return;
            }
            let batch = Arc::new(CommittedBatch { head: row.head(), first_seq: row.first_seq, entries });
            head = row.head();
            for (place, (seq, _)) in batch.numbered().enumerate() {
                batches.insert(seq, (Arc::clone(&batch), place));
            }
            feed.publish(batch);
        }
        for (seq, reply) in waiting {
            let (batch, place) = &batches[&seq];
            let _ = reply.send(Ok(Outcome::at(Arc::clone(batch), *place)));
        }
    }
}

#[async_trait]
impl OrderQueue for SimSequencer {
    async fn submit(&self, _: SessionId, command: Command) -> Result<Outcome, QueueError> {
        let (reply, answer) = oneshot::channel();
        self.inbox.try_send((command, reply)).map_err(|_| QueueError::Busy)?;
        answer.await.unwrap_or(Err(QueueError::Unknown))
    }
}

/// The direct way to whoever leads, in order, with faults.
pub(super) struct FaultyDirect {
    pub(super) leader: Mutex<Option<SimSequencer>>,
    pub(super) connected: watch::Sender<bool>,
    wire: mpsc::Sender<(SealedCommand, oneshot::Sender<Result<Outcome, DirectError>>)>,
}

impl FaultyDirect {
    /// `fault_permille` of the commands are refused, lost on the way, or their answers lost.
    pub(super) fn start(leader: SimSequencer, seed: u64, fault_permille: u32) -> Arc<Self> {
        let (wire, mut sent) = mpsc::channel::<(SealedCommand, oneshot::Sender<_>)>(16);
        let direct = Arc::new(Self { leader: Mutex::new(Some(leader)), connected: watch::Sender::new(true), wire });
        let (far, mut random) = (Arc::downgrade(&direct), StdRng::seed_from_u64(seed));
        tokio::spawn(async move {
            while let Some((sealed, answer)) = sent.recv().await {
                if random.random_ratio(100, 1_000) {
                    sleep_ms(random.random_range(0..10)).await;
                }
                let Some(direct) = far.upgrade() else { return };
                let leader = direct.leader.lock().clone();
                let Some(leader) = leader else {
                    let _ = answer.send(Err(DirectError::NotSent));
                    continue;
                };
                let fault = random.random_ratio(fault_permille, 1_000).then(|| random.random_range(0..3));
                match fault {
                    Some(0) => drop(answer.send(Err(DirectError::NotSent))),
                    Some(1) => {
                        direct.connected.send_replace(false);
                        let _ = answer.send(Err(DirectError::Unknown));
                        while let Ok((_, answer)) = sent.try_recv() {
                            let _ = answer.send(Err(DirectError::Unknown));
                        }
                        sleep_ms(random.random_range(1..50)).await;
                        let is_up = direct.leader.lock().is_some();
                        direct.connected.send_replace(is_up);
                    }
                    _ => {
                        let opened = keys().open(&sealed).unwrap();
                        let mut submission: std::pin::Pin<Box<dyn Future<Output = _> + Send>> =
                            Box::pin(async move { leader.submit(opened.session, opened.command).await });
                        let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
                        let first = submission.as_mut().poll(context);
                        let delay_ms = random.random_range(0..30);
                        tokio::spawn(async move {
                            let result = match first {
                                std::task::Poll::Ready(result) => result,
                                std::task::Poll::Pending => submission.await,
                            };
                            sleep_ms(delay_ms).await;
                            let _ = answer.send(match result {
                                _ if fault.is_some() => Err(DirectError::Unknown),
                                Ok(outcome) => Ok(outcome),
                                Err(QueueError::Busy) => Err(DirectError::NotSent),
                                Err(QueueError::Unknown) => Err(DirectError::Unknown),
                                Err(QueueError::Expired) => Err(DirectError::Expired),
                            });
                        });
                    }
                }
            }
        });
        direct
    }
}

#[async_trait]
impl Direct for FaultyDirect {
    async fn submit(&self, sealed: SealedCommand) -> Result<Outcome, DirectError> {
        if !*self.connected.borrow() {
            return Err(DirectError::NotSent);
        }
        let (answer, answered) = oneshot::channel();
        self.wire.try_send((sealed, answer)).map_err(|_| DirectError::NotSent)?;
        answered.await.unwrap_or(Err(DirectError::Unknown))
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }
}
