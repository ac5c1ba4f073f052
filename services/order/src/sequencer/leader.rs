//! The single writer: one thread that owns the engine, matches what waits and hands batches to the journal.
//!
//! One batch is committing while at most one more is being matched; that one grows until its turn comes.
//! Nothing is answered, published or projected before it is committed, rejects included.

use super::SequencerEnd;
use super::batch::{COMMANDS_MAX, OpenBatch, SealedBatch, outcome_of};
use super::clock::EngineClock;
use super::inbox::{Inbox, Waiting, Woken};
use super::reply::Reply;
use super::view::CommittedView;
use emporion_engine::{Admission, Engine};
use emporion_model::journal::Head;
use emporion_model::{Action, Command, Origin, Seq};
use emporion_ports::feed::{CommittedBatch, Feed};
use emporion_ports::orders::{Committed, QueueError, SessionId};
use emporion_ports::store::{CommitError, Journal};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// A second without a batch is journaled as a tick.
const TICK: Duration = Duration::from_secs(1);

/// A commit that takes longer is stalled: whoever waits for it is told that the outcome is unknown.
const STALL: Duration = Duration::from_secs(2);

pub(super) struct Leader {
    pub(super) engine: Engine,
    /// The head behind which the next sealed batch goes: committed, or committing.
    pub(super) head: Head,
    pub(super) clock: EngineClock,
    pub(super) inbox: Arc<Inbox>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) feed: Arc<dyn Feed>,
    pub(super) projector: mpsc::Sender<Arc<CommittedBatch>>,
    pub(super) committed: watch::Sender<Committed>,
    pub(super) view: Arc<CommittedView>,
    pub(super) runtime: Handle,
    pub(super) open: Option<OpenBatch>,
    pub(super) committing: Option<(SealedBatch, Instant)>,
    pub(super) next_tick: Instant,
    /// Whether the commit under way is stalled.
    pub(super) stalled: watch::Sender<bool>,
}

impl Leader {
    /// Runs until it is closed and all that waited is committed, or until a commit fails.
    pub(super) fn run(mut self) -> SequencerEnd {
        loop {
            let room = || self.open.as_ref().map_or(COMMANDS_MAX, |batch| batch.room(self.clock.wall()));
            let is_committing = self.committing.is_some();
            let until = self.wake_at();
            let Woken { commands, committed, is_closed } = self.inbox.wait(room, is_committing, until);
            if let Some(result) = committed
                && let Err(end) = self.finish_commit(result)
            {
                return self.give_up(end);
            }
            self.watch_commit();
            let is_idle = commands.is_empty();
            commands.into_iter().for_each(|waiting| self.take(waiting));
            if Instant::now() >= self.next_tick && self.open.is_none() && self.committing.is_none() {
                self.tick();
            }
            self.start_commit();
            if is_closed && is_idle && self.open.is_none() && self.committing.is_none() {
                return SequencerEnd::Stopped;
            }
        }
    }

    /// When to look up even if nothing comes.
    fn wake_at(&self) -> Instant {
        match &self.committing {
            None => self.next_tick,
            Some((sealed, since)) if !sealed.is_stalled() => *since + STALL,
            Some(_) => Instant::now() + TICK,
        }
    }

    /// Gives a command its seq, or what a repeat deserves.
    fn take(&mut self, waiting: Waiting) {
        metrics::histogram!("sequencer_queue_seconds").record(waiting.since.elapsed().as_secs_f64());
        let time = self.open_batch().time;
        match self.engine.admit(time, &waiting.command) {
            Admission::New => {
                let batch = self.open.as_mut().expect("it was just opened");
                batch.apply(&mut self.engine, waiting);
            }
            Admission::Duplicate(seq) => self.repeat(seq, waiting.session, waiting.reply),
            Admission::Drop => {
                self.inbox.answered(waiting.session.into_iter());
                waiting.reply.send(Err(QueueError::Expired));
            }
        }
        self.open.take_if(|batch| batch.is_empty());
    }

    fn open_batch(&mut self) -> &mut OpenBatch {
        self.open.get_or_insert_with(|| OpenBatch::new(self.engine.seq().next(), self.clock.next()))
    }

    /// Answers with the first outcome, after that outcome's commit.
    fn repeat(&mut self, seq: Seq, session: Option<SessionId>, reply: Reply) {
        if let Some((sealed, _)) = self.committing.as_mut().filter(|(sealed, _)| sealed.contains(seq)) {
            if !sealed.is_stalled() {
                return sealed.join(seq, session, reply);
            }
            self.inbox.answered(session.into_iter());
            return reply.send(Err(QueueError::Unknown));
        }
        if seq > self.head.seq {
            return self.open.as_mut().expect("what is not sealed is in the open batch").join(seq, session, reply);
        }
        self.inbox.answered(session.into_iter());
        let journal = Arc::clone(&self.journal);
        self.runtime.spawn(async move {
            let row = journal.row_of(seq).await.ok().flatten();
            let batch = row.and_then(|row| CommittedBatch::from_row(&row).ok()).map(Arc::new);
            reply.send(batch.map(|batch| outcome_of(&batch, seq)).ok_or(QueueError::Unknown));
        });
    }

    fn tick(&mut self) {
        self.open_batch();
        let batch = self.open.as_mut().expect("it was just opened");
        batch.push(&mut self.engine, Command { origin: Origin::Sequencer, action: Action::Tick });
    }

    fn start_commit(&mut self) {
        if self.committing.is_some() {
            return;
        }
        let Some(batch) = self.open.take() else { return };
        let sealed = batch.seal(&self.head, self.engine.rules_version());
        self.head = sealed.batch.head;
        self.next_tick = Instant::now() + TICK;
        metrics::histogram!("sequencer_batch_commands").record(sealed.batch.entries.len() as f64);
        let (journal, inbox, row) = (Arc::clone(&self.journal), Arc::clone(&self.inbox), Arc::clone(&sealed.row));
        self.runtime.spawn(async move { inbox.committed(journal.commit(row).await) });
        self.committing = Some((sealed, Instant::now()));
    }

    /// Gives up waiting for a commit that hangs, as it does while the database has lost its standby (RELIABILITY H8):
    /// nobody can say what becomes of the batch until it ends, and no order is let in behind it.
    fn watch_commit(&mut self) {
        let Some((sealed, since)) = self.committing.as_mut() else { return };
        if sealed.is_stalled() || since.elapsed() < STALL {
            return;
        }
        tracing::error!(seq = sealed.batch.head.seq.0, "A commit is stalled; orders are refused until it ends.");
        self.inbox.answered(sealed.sessions());
        sealed.stall();
        self.set_stalled(true);
    }

    fn set_stalled(&self, is_stalled: bool) {
        self.inbox.refuse_orders(is_stalled);
        self.stalled.send_replace(is_stalled);
        metrics::gauge!("sequencer_stalled").set(if is_stalled { 1.0 } else { 0.0 });
    }

    /// Shows a batch once it is committed. A fence that holds this very row says that it is.
    fn finish_commit(&mut self, result: Result<(), CommitError>) -> Result<(), SequencerEnd> {
        let (sealed, since) = self.committing.take().expect("word of a commit follows on its start");
        if sealed.is_stalled() {
            tracing::warn!(duration_us = since.elapsed().as_micros() as u64, "The stalled commit has ended.");
            self.set_stalled(false);
        }
        match result {
            Ok(()) => {}
            Err(CommitError::Fenced { found }) if found.chain == sealed.row.chain => {}
            Err(CommitError::Fenced { found }) => {
                self.inbox.answered(sealed.sessions());
                sealed.leave_unknown();
                return Err(SequencerEnd::Fenced(found));
            }
            Err(CommitError::Failed(error)) => {
                self.inbox.answered(sealed.sessions());
                sealed.leave_unknown();
                return Err(SequencerEnd::Failed(error));
            }
        }
        metrics::histogram!("sequencer_commit_duration_seconds").record(since.elapsed().as_secs_f64());
        self.show(sealed);
        Ok(())
    }

    /// The committed seq moves first, so that whoever gets an answer finds reads that wait for it.
    fn show(&mut self, sealed: SealedBatch) {
        let head = sealed.batch.head;
        self.view.follow(&sealed.batch);
        self.committed.send_replace(Committed { seq: head.seq, time: head.time });
        metrics::gauge!("sequencer_committed_seq").set(head.seq.0 as f64);
        self.inbox.answered(sealed.sessions());
        let batch = sealed.answer();
        self.feed.publish(Arc::clone(&batch));
        // A full channel holds the sequencer up: the tables may lag only so far. A closed one says that the
        // projector has ended, which its owner deals with.
        let _ = self.projector.blocking_send(batch);
    }

    /// Throws the memory away. What was sent to the store is unknown; everything else was never executed.
    fn give_up(self, end: SequencerEnd) -> SequencerEnd {
        self.inbox.close();
        if let Some(open) = self.open {
            open.give_up();
        }
        self.inbox.drain().into_iter().for_each(|waiting| waiting.reply.send(Err(QueueError::Busy)));
        end
    }
}
