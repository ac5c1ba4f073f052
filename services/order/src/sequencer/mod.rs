//! The sequencer: the queue's consumer and the venue's single writer.
//!
//! [`Sequencer::start`] puts the engine on a thread of its own; everybody else holds a [`SequencerHandle`].
//! What must not live here: queries (they read tables or folds), and anything that would show a command's
//! outcome before its commit.

mod batch;
mod clock;
mod inbox;
mod leader;
mod reply;
#[cfg(test)]
mod tests;
mod view;

pub use inbox::InboxLimits;

use async_trait::async_trait;
use clock::EngineClock;
use emporion_edge::Clock;
use emporion_engine::Engine;
use emporion_model::event::Event;
use emporion_model::journal::Head;
use emporion_model::{Action, Asset, AssetCode, AssetId, Command, Origin, Reject, SourceId};
use emporion_ports::commands::{EngineCommands, ServiceOutcome, SubmitError};
use emporion_ports::feed::{CommittedBatch, Feed};
use emporion_ports::orders::{Committed, OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::store::{Journal, StoreError};
use inbox::{Inbox, Waiting};
use leader::Leader;
use reply::Reply;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use view::CommittedView;

/// Why the sequencer ended. After the last two its memory is worth nothing: recover from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequencerEnd {
    /// It was asked to stop, and everything that waited is committed.
    Stopped,
    /// Somebody else leads.
    Fenced(Head),
    /// A commit failed; whether it happened is not known.
    Failed(StoreError),
}

/// What a sequencer works with.
pub struct Sequencer {
    /// The engine at the journal's head.
    pub engine: Engine,
    /// The journal's head, of the epoch that this process leads.
    pub head: Head,
    /// Where batches are committed.
    pub journal: Arc<dyn Journal>,
    /// Where committed batches are published.
    pub feed: Arc<dyn Feed>,
    /// Where committed batches go to be projected; when it is full, the sequencer waits.
    pub projector: mpsc::Sender<Arc<CommittedBatch>>,
    /// Where it says how far the journal is committed. Whoever starts sequencers one after the other hands each
    /// the same one, so that readers need not know.
    pub committed: watch::Sender<Committed>,
    /// The wall clock.
    pub clock: Clock,
    /// How much may wait.
    pub limits: InboxLimits,
}

/// The way to a running sequencer. Cheap to clone.
#[derive(Clone)]
pub struct SequencerHandle {
    inbox: Arc<Inbox>,
    clock: Clock,
    view: Arc<CommittedView>,
    committed: watch::Receiver<Committed>,
    stalled: watch::Receiver<bool>,
}

impl Sequencer {
    /// Starts the sequencer's thread; commits run on `runtime`. The receiver tells why it ended.
    pub fn start(self, runtime: &Handle) -> (SequencerHandle, oneshot::Receiver<SequencerEnd>) {
        let inbox = Arc::new(Inbox::new(self.limits));
        let view = Arc::new(CommittedView::of(&self.engine));
        self.committed.send_replace(Committed { seq: self.engine.seq(), time: self.engine.time() });
        let stalled = watch::Sender::new(false);
        let handle = SequencerHandle {
            inbox: Arc::clone(&inbox),
            clock: self.clock.clone(),
            view: Arc::clone(&view),
            committed: self.committed.subscribe(),
            stalled: stalled.subscribe(),
        };
        let leader = Leader {
            clock: EngineClock::start(self.clock, self.engine.time()),
            engine: self.engine,
            head: self.head,
            inbox,
            journal: self.journal,
            feed: self.feed,
            projector: self.projector,
            committed: self.committed,
            view,
            runtime: runtime.clone(),
            open: None,
            committing: None,
            next_tick: Instant::now(),
            stalled,
        };
        let (end_sender, end) = oneshot::channel();
        std::thread::Builder::new()
            .name("sequencer".to_owned())
            .spawn(move || drop(end_sender.send(leader.run())))
            .expect("a process that starts can start a thread");
        (handle, end)
    }
}

impl SequencerHandle {
    /// How far the journal is committed.
    pub fn committed(&self) -> watch::Receiver<Committed> {
        self.committed.clone()
    }

    /// Whether a commit hangs: orders are refused, and cancels wait, until it ends by itself.
    pub fn stalled(&self) -> watch::Receiver<bool> {
        self.stalled.clone()
    }

    /// Lets nothing more in; the sequencer ends once all that waits is committed.
    pub fn stop(&self) {
        self.inbox.close();
    }

    async fn send(
        &self,
        session: Option<SessionId>,
        command: Command,
        reply: impl FnOnce(oneshot::Sender<Result<Outcome, QueueError>>) -> Reply,
    ) -> Result<Outcome, QueueError> {
        let (sender, receiver) = oneshot::channel();
        let waiting = Waiting { command, session, since: Instant::now(), reply: reply(sender) };
        self.inbox.push(waiting, self.clock.now()).map_err(|_| QueueError::Busy)?;
        // The sequencer drops a reply unanswered only when its thread dies, and then nobody knows.
        receiver.await.unwrap_or(Err(QueueError::Unknown))
    }
}

#[async_trait]
impl OrderQueue for SequencerHandle {
    async fn submit(&self, session: SessionId, command: Command) -> Result<Outcome, QueueError> {
        self.send(Some(session), command, Reply::Client).await
    }
}

#[async_trait]
impl EngineCommands for SequencerHandle {
    async fn submit(&self, source: SourceId, n: u64, action: Action) -> Result<ServiceOutcome, SubmitError> {
        let command = Command { origin: Origin::Service(source, n), action };
        let outcome = self.send(None, command, Reply::Service).await.map_err(|error| match error {
            QueueError::Busy | QueueError::Expired => SubmitError::Busy("the sequencer takes no commands now".into()),
            QueueError::Unknown => SubmitError::Unknown("the commit failed or was not answered".into()),
        })?;
        match outcome.reject() {
            None => Ok(service_outcome(&outcome)),
            Some(Reject::SourceGap) => Err(SubmitError::OutOfOrder { last_n: self.view.last_n(source) }),
            Some(Reject::SourceConflict) if self.view.last_n(source) == n => Err(SubmitError::OtherAction),
            Some(Reject::SourceConflict) => Err(SubmitError::OutOfOrder { last_n: self.view.last_n(source) }),
            Some(reject) => Ok(ServiceOutcome::Rejected(reject)),
        }
    }

    async fn last_n(&self, source: SourceId) -> Result<u64, SubmitError> {
        Ok(self.view.last_n(source))
    }

    async fn asset(&self, code: AssetCode) -> Result<Option<(AssetId, Asset)>, SubmitError> {
        Ok(self.view.asset(code))
    }
}

fn service_outcome(outcome: &Outcome) -> ServiceOutcome {
    let opened = outcome.events().find_map(|event| match event {
        Event::AccountCreated(account, _) => Some(ServiceOutcome::AccountOpened(*account)),
        _ => None,
    });
    opened.unwrap_or(ServiceOutcome::Done)
}
