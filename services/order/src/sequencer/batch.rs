//! A batch while it is being matched and while it is being committed.

use super::inbox::Waiting;
use super::reply::Reply;
use emporion_engine::Engine;
use emporion_model::journal::{BatchBuilder, Entry, Head, JournalRow};
use emporion_model::{Action, Command, Origin, Seq, TimeUs};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::orders::{Outcome, QueueError, SessionId};
use std::sync::Arc;

/// The most commands in a batch.
pub(super) const COMMANDS_MAX: usize = 2_048;

/// A batch takes no more commands once its payload has this size.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// A batch takes no more commands once it has waited so long for the commit before it: its time judges their
/// deadlines, and must not be older than what clients can notice.
const AGE_US_MAX: u64 = 100_000;

/// Somebody who waits for the outcome of the command at a place of the batch.
struct Waiter {
    place: usize,
    session: Option<SessionId>,
    reply: Reply,
}

/// A batch that still grows.
pub(super) struct OpenBatch {
    pub(super) time: TimeUs,
    first_seq: Seq,
    builder: BatchBuilder,
    entries: Vec<Entry>,
    waiters: Vec<Waiter>,
}

impl OpenBatch {
    pub(super) fn new(first_seq: Seq, time: TimeUs) -> Self {
        Self { time, first_seq, builder: BatchBuilder::default(), entries: Vec::new(), waiters: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many more commands it takes.
    pub(super) fn room(&self, now: TimeUs) -> usize {
        let is_old = now.since(self.time) > AGE_US_MAX;
        if is_old || self.builder.payload_bytes() >= PAYLOAD_BYTES_MAX {
            return 0;
        }
        COMMANDS_MAX.saturating_sub(self.entries.len())
    }

    /// Applies a command and all the steps that it leaves behind.
    pub(super) fn apply(&mut self, engine: &mut Engine, waiting: Waiting) {
        let place = self.entries.len();
        self.push(engine, waiting.command);
        while engine.has_work() {
            self.push(engine, Command { origin: Origin::Sequencer, action: Action::Step });
        }
        self.waiters.push(Waiter { place, session: waiting.session, reply: waiting.reply });
    }

    /// Applies a command that nobody waits for.
    pub(super) fn push(&mut self, engine: &mut Engine, command: Command) {
        let mut events = Vec::new();
        engine.apply(engine.seq().next(), self.time, &command, &mut events);
        self.builder.push(&command, &events);
        self.entries.push(Entry { command, events });
    }

    /// Lets a repeat of a command of this batch wait for the first outcome.
    pub(super) fn join(&mut self, seq: Seq, session: Option<SessionId>, reply: Reply) {
        self.waiters.push(Waiter { place: place_of(self.first_seq, seq), session, reply });
    }

    /// Closes the batch behind `head`.
    pub(super) fn seal(self, head: &Head, rules_version: u16) -> SealedBatch {
        let row = Arc::new(self.builder.seal(head, self.time, rules_version));
        let batch = CommittedBatch { head: row.head(), first_seq: self.first_seq, entries: self.entries };
        SealedBatch { row, batch: Arc::new(batch), waiters: self.waiters, is_stalled: false }
    }

    /// The batch was never sent to the store: nothing of it is executed, ever.
    pub(super) fn give_up(self) {
        self.waiters.into_iter().for_each(|waiter| waiter.reply.send(Err(QueueError::Busy)));
    }
}

/// A batch on its way into the journal.
pub(super) struct SealedBatch {
    pub(super) row: Arc<JournalRow>,
    pub(super) batch: Arc<CommittedBatch>,
    waiters: Vec<Waiter>,
    is_stalled: bool,
}

impl SealedBatch {
    pub(super) fn contains(&self, seq: Seq) -> bool {
        (self.batch.first_seq..=self.batch.head.seq).contains(&seq)
    }

    pub(super) fn join(&mut self, seq: Seq, session: Option<SessionId>, reply: Reply) {
        self.waiters.push(Waiter { place: place_of(self.batch.first_seq, seq), session, reply });
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    /// Its commit takes too long: everybody who waits is told that the outcome is unknown, and gone with the answer.
    pub(super) fn stall(&mut self) {
        self.is_stalled = true;
        self.waiters.drain(..).for_each(|waiter| waiter.reply.send(Err(QueueError::Unknown)));
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.waiters.iter().filter_map(|waiter| waiter.session)
    }

    /// It is committed: everybody who waits gets the outcome.
    pub(super) fn answer(self) -> Arc<CommittedBatch> {
        for waiter in self.waiters {
            waiter.reply.send(Ok(Outcome::at(Arc::clone(&self.batch), waiter.place)));
        }
        self.batch
    }

    /// Nobody knows whether it is committed.
    pub(super) fn leave_unknown(self) {
        self.waiters.into_iter().for_each(|waiter| waiter.reply.send(Err(QueueError::Unknown)));
    }
}

/// The outcome of the command with this seq in a committed batch.
pub(super) fn outcome_of(batch: &Arc<CommittedBatch>, seq: Seq) -> Outcome {
    Outcome::at(Arc::clone(batch), place_of(batch.first_seq, seq))
}

fn place_of(first_seq: Seq, seq: Seq) -> usize {
    usize::try_from(seq.0 - first_seq.0).expect("a batch is smaller than the address space")
}
