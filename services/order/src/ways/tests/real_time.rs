//! The two ways over the real sequencer, in real time: two gateways, lanes between them, and a leader that is deposed or
//! breaks down and is followed by one that recovers from the journal.

use super::support::{command, keys, twin};
use crate::replay::{Recovered, begin, recover};
use crate::sequencer::{InboxLimits, Sequencer, SequencerEnd, SequencerHandle};
use crate::testing::{Commits, MemoryJournal, MemorySnapshots};
use crate::ways::{
    Answers, ConsumerOptions, Direct, DirectError, LaneConsumer, QueueMode, TwoWays, WaysOptions, WaysParts,
};
use async_trait::async_trait;
use emporion_edge::Clock;
use emporion_model::{CommandId, Event, Genesis, Mode, Options, Origin, Reject, Seq};
use emporion_ports::feed::{Feed, InProcessFeed};
use emporion_ports::lanes::{Backlog, FifoFaults, InProcessLanes, Lanes};
use emporion_ports::orders::{Committed, OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::sealed::SealedCommand;
use emporion_ports::signals::{InProcessSignals, Signals};
use emporion_ports::store::Journal;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

const ACCOUNTS: u64 = 12;
const BURSTS: u64 = 25;
const BURST_MAX: u64 = 6;
/// So many commands are committed before the first leadership ends; all together are several times as many.
const CALM: u64 = 200;
const DEADLINE_US: u64 = 30_000_000;

/// How the first leadership ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Somebody else takes over.
    Deposed,
    /// A commit is written and its answer lost.
    AnswerLost,
}

/// One leadership.
struct Leadership {
    handle: SequencerHandle,
    end: oneshot::Receiver<SequencerEnd>,
    /// Ends the consumer of its lanes.
    stop: watch::Sender<bool>,
}

/// What is there for as long as the venue.
struct Venue {
    journal: Arc<MemoryJournal>,
    feed: Arc<InProcessFeed>,
    lanes: Arc<InProcessLanes>,
    signals: Arc<InProcessSignals>,
    clock: Clock,
    committed: watch::Sender<Committed>,
    direct: Arc<InProcess>,
    taken_directly: Arc<AtomicUsize>,
}

/// The direct way within one process.
struct InProcess {
    leader: Mutex<Option<SequencerHandle>>,
    connected: watch::Sender<bool>,
    unanswered: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
}

/// Counts a submission until its answer is taken.
struct Unanswered(Arc<AtomicUsize>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Direct for InProcess {
    async fn submit(&self, sealed: SealedCommand) -> Result<Outcome, DirectError> {
        let leader = self.leader.lock().clone().ok_or(DirectError::NotSent)?;
        self.unanswered.fetch_add(1, Ordering::SeqCst);
        let _unanswered = Unanswered(Arc::clone(&self.unanswered));
        let opened = keys().open(&sealed).unwrap();
        let outcome = leader.submit(opened.session, opened.command).await.map_err(|error| match error {
            QueueError::Busy => DirectError::NotSent,
            QueueError::Unknown => DirectError::Unknown,
            QueueError::Expired => DirectError::Expired,
        })?;
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(outcome)
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }
}

impl Venue {
    fn new(seed: u64) -> Self {
        let (clock, taken_directly) = (Clock::system(), Arc::new(AtomicUsize::new(0)));
        let lanes = twin(&clock, seed);
        lanes.set_faults(FifoFaults {
            deliveries_max: 3,
            is_shuffled: true,
            sends_unanswered_permille: 50,
            sends_lost_permille: 50,
            latency: Duration::from_millis(2),
            ..FifoFaults::default()
        });
        let direct = InProcess {
            leader: Mutex::new(None),
            connected: watch::Sender::new(false),
            unanswered: Arc::default(),
            taken: Arc::clone(&taken_directly),
        };
        Self {
            journal: Arc::new(MemoryJournal::new()),
            feed: Arc::new(InProcessFeed::new(4_096)),
            lanes,
            signals: Arc::default(),
            clock,
            committed: watch::Sender::new(Committed::default()),
            direct: Arc::new(direct),
            taken_directly,
        }
    }

    fn journal(&self) -> Arc<dyn Journal> {
        Arc::clone(&self.journal) as _
    }

    fn feed(&self) -> Arc<dyn Feed> {
        Arc::clone(&self.feed) as _
    }

    /// Takes over, recovers from the journal and leads.
    async fn lead(&self) -> Leadership {
        let head = self.journal.take_over().await.unwrap();
        let recovered = recover(&*self.journal, &MemorySnapshots::default(), 0, &|_, _| {}).await.unwrap();
        let mut recovered = Recovered { head, ..recovered };
        if head.seq == Seq::ZERO {
            let (assets, symbols, options) = (vec![], vec![], Options::default());
            let genesis = Genesis { rules_version: 1, mode: Mode::Sandbox, assets, symbols, options };
            recovered = begin(&*self.journal, recovered, genesis, self.clock.now()).await.unwrap();
        }
        let (projector, mut projected) = mpsc::channel(64);
        tokio::spawn(async move { while projected.recv().await.is_some() {} });
        let sequencer = Sequencer {
            engine: recovered.engine,
            head: recovered.head,
            journal: self.journal(),
            feed: self.feed(),
            projector,
            committed: self.committed.clone(),
            clock: self.clock.clone(),
            // So little room that the direct way is often full.
            limits: InboxLimits { orders_max: 3, cancels_max: 3, ..InboxLimits::default() },
        };
        let (handle, end) = sequencer.start(&Handle::current());
        let (stop, stopped) = watch::channel(false);
        let consumer = LaneConsumer {
            lanes: Arc::clone(&self.lanes) as Arc<dyn Lanes>,
            aside: None,
            queue: Arc::new(handle.clone()),
            keys: keys(),
            clock: self.clock.clone(),
            options: ConsumerOptions {
                receivers: 3,
                visibility: Duration::from_secs(2),
                idle_wait: Duration::from_millis(50),
            },
        };
        tokio::spawn(consumer.run(stopped));
        *self.direct.leader.lock() = Some(handle.clone());
        self.direct.connected.send_replace(true);
        Leadership { handle, end, stop }
    }

    /// Nobody leads any more; whoever waited has been told.
    async fn lose(&self) {
        self.direct.connected.send_replace(false);
        *self.direct.leader.lock() = None;
        while self.direct.unanswered.load(Ordering::SeqCst) > 0 {
            pause(1).await;
        }
        pause(20).await;
    }

    /// A process that takes orders.
    fn gateway(&self) -> TwoWays {
        let answers = Arc::new(Answers::new(10_000));
        let parts = WaysParts {
            direct: Arc::clone(&self.direct) as _,
            lanes: Arc::clone(&self.lanes) as _,
            answers: Arc::clone(&answers),
            keys: keys(),
            signals: Arc::clone(&self.signals) as Arc<dyn Signals>,
            clock: self.clock.clone(),
        };
        let ways = TwoWays::new(parts, WaysOptions { mode: QueueMode::Spill, lanes: 4, ..WaysOptions::default() });
        let (running, journal, feed) = (ways.clone(), self.journal(), self.feed());
        tokio::spawn(async move { running.run().await });
        tokio::spawn(async move { answers.run(journal, feed).await });
        ways
    }
}

#[expect(clippy::disallowed_methods, reason = "the pauses of clients; nothing is assumed after them")]
async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// What a client was told of each of its commands, in the order in which it submitted them.
type Told = Vec<(CommandId, Result<Seq, QueueError>)>;

/// Submits in bursts, each to either gateway, and waits for a burst's answers before the next.
async fn client(gateways: [TwoWays; 2], account: u64, clock: Clock, mut random: StdRng) -> Told {
    let (mut told, mut number) = (Vec::new(), 0);
    for _ in 0..BURSTS {
        let gateway = &gateways[random.random_range(0..2)];
        let mut burst = Vec::new();
        for _ in 0..random.random_range(1..=BURST_MAX) {
            let (ways, command) = (gateway.clone(), command(account, number, clock.now().plus_us(DEADLINE_US)));
            number += 1;
            let Origin::Client(id, _) = command.origin else { unreachable!() };
            let mut submission = Box::pin(async move { ways.submit(SessionId(account), command).await });
            // A connection's commands are submitted one after the other, whatever the threads do.
            let first = std::future::poll_fn(|context| std::task::Poll::Ready(submission.as_mut().poll(context))).await;
            burst.push((id, first, submission));
        }
        for (id, first, submission) in burst {
            let answer = match first {
                std::task::Poll::Ready(answer) => answer,
                std::task::Poll::Pending => submission.await,
            };
            told.push((id, answer.map(|outcome| outcome.seq())));
        }
        pause(random.random_range(0..30)).await;
    }
    told
}

async fn venue_of_two_leaders(end: End, seed: u64) {
    let venue = Venue::new(seed);
    let first = venue.lead().await;
    let gateways = [venue.gateway(), venue.gateway()];
    let clients: Vec<_> = (0..ACCOUNTS)
        .map(|account| {
            let random = StdRng::seed_from_u64(seed * 1_000 + account);
            tokio::spawn(client(gateways.clone(), 2_000 + account, venue.clock.clone(), random))
        })
        .collect();
    venue.committed.subscribe().wait_for(|committed| committed.seq >= Seq(CALM)).await.unwrap();
    match end {
        End::Deposed => drop(venue.journal.take_over().await.unwrap()),
        End::AnswerLost => venue.journal.set_commits(Commits::FailAfterwards),
    }
    let ended = first.end.await.unwrap();
    assert_eq!(matches!(ended, SequencerEnd::Fenced(_)), end == End::Deposed, "{ended:?}");
    first.stop.send_replace(true);
    venue.journal.set_commits(Commits::Succeed);
    venue.lose().await;
    pause(200).await;
    let second = venue.lead().await;
    let mut told = Vec::new();
    for client in clients {
        told.push(client.await.unwrap());
    }
    // Repeats on the lanes are taken and dropped.
    while venue.lanes.backlog().await.unwrap() != Backlog::default() {
        pause(50).await;
    }
    second.stop.send_replace(true);
    second.handle.stop();
    assert_eq!(second.end.await, Ok(SequencerEnd::Stopped));
    check(&venue, told).await;
}

/// Holds what clients were told against the journal, and the journal against a replay.
async fn check(venue: &Venue, told: Vec<Told>) {
    let mut executed: HashMap<CommandId, Seq> = HashMap::new();
    let mut epochs = HashSet::new();
    for row in venue.journal.rows() {
        for (seq, entry) in row.entries().unwrap() {
            let Origin::Client(id, _) = entry.command.origin else { continue };
            epochs.insert(row.epoch);
            assert_ne!(entry.events.last(), Some(&Event::Rejected(Reject::DeadlinePassed)));
            assert_eq!(executed.insert(id, seq), None, "{id:?} is in the journal twice");
        }
    }
    assert_eq!(epochs.len(), 2, "both leaders executed commands");
    let (mut acknowledged, mut busy, mut unknown) = (0, 0, 0);
    for client in &told {
        let mut last = Seq::ZERO;
        for (id, answer) in client {
            match answer {
                Ok(seq) => {
                    assert_eq!(executed.get(id), Some(seq), "{id:?} was acknowledged");
                    acknowledged += 1;
                }
                Err(QueueError::Unknown) => unknown += 1,
                Err(_) => {
                    assert_eq!(executed.get(id), None, "{id:?} was told not to be executed");
                    busy += 1;
                }
            }
            if let Some(seq) = executed.get(id) {
                assert!(*seq > last, "{id:?} at {seq} overtook the one at {last}");
                last = *seq;
            }
        }
    }
    let all: usize = told.iter().map(Vec::len).sum();
    assert_eq!((acknowledged, busy, unknown), (all, 0, 0), "nothing was late, so all is acknowledged");
    let directly = venue.taken_directly.load(Ordering::SeqCst);
    assert!(directly > 0 && directly < all, "both ways were taken: {directly} of {all} directly");
    let recovered = recover(&*venue.journal, &MemorySnapshots::default(), 7, &|_, _| {}).await.unwrap();
    assert_eq!(recovered.engine.check_invariants(), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_deposed_loses_and_doubles_nothing() {
    venue_of_two_leaders(End::Deposed, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_breaks_down_loses_and_doubles_nothing() {
    venue_of_two_leaders(End::AnswerLost, 2).await;
}
