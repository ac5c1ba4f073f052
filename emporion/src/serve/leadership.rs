//! Leading the venue: recover, sequence, project; and after a failure the same again, with new memory.
//!
//! What must not live here: anything that outlives a leadership, [`CurrentSequencer`] excepted, which always
//! leads to the present one.

use crate::Failure;
use crate::progress::Progress;
use async_trait::async_trait;
use emporion_edge::Clock;
use emporion_model::{Action, Asset, AssetCode, AssetId, Command, Genesis, Mode, Seq, SourceId};
use emporion_order::projector::{Projector, ProjectorError};
use emporion_order::replay::{RecoverError, Recovered, begin, recover};
use emporion_order::sequencer::{InboxLimits, Sequencer, SequencerEnd, SequencerHandle};
use emporion_ports::commands::{EngineCommands, ServiceOutcome, SubmitError};
use emporion_ports::feed::Feed;
use emporion_ports::orders::{Committed, OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::store::{Journal, Snapshots, StoreError};
use emporion_ports::tables::Tables;
use parking_lot::RwLock;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// How often the tables are looked at again when somebody else moved them.
const CATCH_UP_TRIES: usize = 3;

/// What one leadership after the other works with.
pub(crate) struct Lead {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) snapshots: Arc<dyn Snapshots>,
    pub(crate) tables: Arc<dyn Tables>,
    pub(crate) feed: Arc<dyn Feed>,
    pub(crate) committed: watch::Sender<Committed>,
    pub(crate) clock: Clock,
    pub(crate) queue: InboxLimits,
    /// Batches that the tables may lag behind.
    pub(crate) lag_batches_max: usize,
    /// Scatters the engine's hashes, so that no client can make them collide.
    pub(crate) hash_key: u64,
}

/// A venue that is led: its sequencer and its projector run.
pub(crate) struct Leadership {
    /// The way to the sequencer.
    pub(crate) sequencer: SequencerHandle,
    /// Whether the money is real.
    pub(crate) mode: Mode,
    end: watch::Receiver<Option<LeadershipEnd>>,
}

/// Why a leadership is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeadershipEnd {
    /// Everything is committed and projected, as it was asked to.
    Stopped,
    /// Somebody else leads.
    Fenced,
    /// The memory is worth nothing any more; the store may be led again.
    Failed(String),
}

/// Why the venue cannot be led, in a sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Recover(#[from] RecoverError),
    #[error(transparent)]
    Project(#[from] ProjectorError),
}

impl From<LeadError> for Failure {
    fn from(error: LeadError) -> Self {
        Self::failed(error.to_string())
    }
}

impl Lead {
    /// Takes the lead: fences whoever led before, rebuilds the engine, brings the tables to the journal's head and
    /// starts. An empty journal begins with `genesis`.
    pub(crate) async fn take(&self, genesis: impl FnOnce() -> Genesis) -> Result<Leadership, LeadError> {
        self.journal.take_over().await?;
        let recovered = self.recover().await?;
        self.start(recovered, genesis).await
    }

    /// Leads from an engine that stands at the journal's head of an epoch that was just begun.
    pub(crate) async fn start(
        &self,
        mut recovered: Recovered,
        genesis: impl FnOnce() -> Genesis,
    ) -> Result<Leadership, LeadError> {
        if recovered.head.seq == Seq::ZERO {
            recovered = begin(&*self.journal, recovered, genesis(), self.clock.now()).await?;
            tracing::info!("The venue begins.");
        }
        let Recovered { engine, head, from_snapshot } = recovered;
        let projector = self.catch_up().await?;
        let mode = engine.mode().expect("a venue that began has a mode");
        tracing::info!(seq = head.seq.0, epoch = head.epoch.0, from_snapshot = from_snapshot.0, "The venue is led.");
        let (batches, waiting) = mpsc::channel(self.lag_batches_max);
        let projector = tokio::spawn(projector.run(waiting));
        let sequencer = Sequencer {
            engine,
            head,
            journal: self.journal.clone(),
            feed: self.feed.clone(),
            projector: batches,
            committed: self.committed.clone(),
            clock: self.clock.clone(),
            limits: self.queue,
        };
        let (sequencer, sequencer_end) = sequencer.start(&Handle::current());
        let (told, end) = watch::channel(None);
        let both = both_ended(sequencer.clone(), sequencer_end, projector);
        tokio::spawn(async move { told.send_replace(Some(both.await)) });
        Ok(Leadership { sequencer, mode, end })
    }

    async fn recover(&self) -> Result<Recovered, LeadError> {
        let progress = Progress::of("replaying the journal");
        let report = |done: Seq, total: Seq| progress.set(done.0, total.0);
        Ok(recover(&*self.journal, &*self.snapshots, self.hash_key, &report).await?)
    }

    /// Whoever led before may still be writing its last batches into the tables. It gets no new ones, so another
    /// look settles it.
    async fn catch_up(&self) -> Result<Projector, LeadError> {
        let progress = Progress::of("bringing the tables up to date");
        let report = |done: Seq, total: Seq| progress.set(done.0, total.0);
        for _ in 1..CATCH_UP_TRIES {
            match Projector::start(self.journal.clone(), self.tables.clone(), &report).await {
                Err(ProjectorError::Moved { .. }) => {}
                started => return Ok(started?),
            }
        }
        Ok(Projector::start(self.journal.clone(), self.tables.clone(), &report).await?)
    }
}

impl Leadership {
    /// Waits until both the sequencer and the projector have ended, and says why they did.
    pub(crate) async fn ended(&self) -> LeadershipEnd {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(end)) => end.clone(),
            _ => LeadershipEnd::Failed("nobody watched the sequencer any more".to_owned()),
        }
    }
}

/// Waits until one of them ends, then lets the other one finish.
async fn both_ended(
    sequencer: SequencerHandle,
    mut sequencer_end: oneshot::Receiver<SequencerEnd>,
    mut projector: JoinHandle<Result<(), ProjectorError>>,
) -> LeadershipEnd {
    let (end, projected) = tokio::select! {
        end = &mut sequencer_end => (end, projector.await),
        projected = &mut projector => {
            // Without tables nobody reads what is committed; the sequencer finishes what it has.
            sequencer.stop();
            (sequencer_end.await, projected)
        }
    };
    match (end, projected) {
        (Ok(SequencerEnd::Stopped), Ok(Ok(()))) => LeadershipEnd::Stopped,
        // Tables that stand elsewhere are no fence: a database that failed over may have lost their newest rows. Whether
        // somebody else leads, the journal alone says.
        (Ok(SequencerEnd::Fenced(_)), _) => LeadershipEnd::Fenced,
        (Ok(SequencerEnd::Stopped), projected) => projector_failed(projected),
        (Ok(SequencerEnd::Failed(error)), _) => LeadershipEnd::Failed(error.to_string()),
        (Err(_), _) => LeadershipEnd::Failed("the sequencer broke one of its own rules".to_owned()),
    }
}

fn projector_failed(projected: Result<Result<(), ProjectorError>, tokio::task::JoinError>) -> LeadershipEnd {
    LeadershipEnd::Failed(match projected {
        Ok(Ok(())) => "the tables' writer ended before the sequencer".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the tables' writer broke one of its own rules".to_owned(),
    })
}

/// The way to whichever sequencer leads now. While none does, nothing is executed and callers are told so.
#[derive(Default)]
pub(crate) struct CurrentSequencer(RwLock<Option<SequencerHandle>>);

impl CurrentSequencer {
    /// Leads to this one from now on, or to none.
    pub(crate) fn set(&self, sequencer: Option<SequencerHandle>) {
        *self.0.write() = sequencer;
    }

    fn get(&self) -> Option<SequencerHandle> {
        self.0.read().clone()
    }

    fn get_or_busy(&self) -> Result<SequencerHandle, SubmitError> {
        self.get().ok_or_else(|| SubmitError::Busy("the venue recovers".to_owned()))
    }
}

#[async_trait]
impl OrderQueue for CurrentSequencer {
    async fn submit(&self, session: SessionId, command: Command) -> Result<Outcome, QueueError> {
        match self.get() {
            Some(sequencer) => OrderQueue::submit(&sequencer, session, command).await,
            None => Err(QueueError::Busy),
        }
    }
}

#[async_trait]
impl EngineCommands for CurrentSequencer {
    async fn submit(&self, source: SourceId, n: u64, action: Action) -> Result<ServiceOutcome, SubmitError> {
        EngineCommands::submit(&self.get_or_busy()?, source, n, action).await
    }

    async fn last_n(&self, source: SourceId) -> Result<u64, SubmitError> {
        self.get_or_busy()?.last_n(source).await
    }

    async fn asset(&self, code: AssetCode) -> Result<Option<(AssetId, Asset)>, SubmitError> {
        self.get_or_busy()?.asset(code).await
    }
}

#[cfg(test)]
mod tests;
