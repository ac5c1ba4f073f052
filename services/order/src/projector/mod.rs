//! The projector: keeps the tables at the journal's heels.
//!
//! It writes all batches that wait in one transaction, each changed row once. The tables are therefore always
//! the state at one seq; how far they lag is bounded by the channel, which holds the sequencer up when it is
//! full. What must not live here: answers to anybody, and anything that is not in the journal.

mod fold;
mod start;
#[cfg(test)]
pub(crate) mod tests;

pub use fold::TableFold;

use std::sync::Arc;
use std::time::Instant;

use emporion_model::Seq;
use emporion_model::journal::RowError;
use emporion_ports::feed::CommittedBatch;
use emporion_ports::store::{Journal, StoreError};
use emporion_ports::tables::{ProjectError, ProjectedHead, TableChanges, Tables};
use tokio::sync::{mpsc, watch};
use tracing::warn;

/// Batches that one transaction takes at most.
const BATCHES_MAX: usize = 1_024;

/// Why projecting ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectorError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else projects into these tables.
    #[error("the tables moved to seq {} by another hand", found.seq)]
    Moved {
        /// Where they are.
        found: ProjectedHead,
    },
    /// A journal row cannot be read, or does not follow on the one before.
    #[error("the journal row of seq {} is damaged: {error}", first.0)]
    Row {
        /// The row's first seq.
        first: Seq,
        /// What is wrong with it.
        error: RowError,
    },
    /// The journal ends before the seq that its head has.
    #[error("the journal ends at seq {} but its head is at seq {}", found.0, head.0)]
    Ends {
        /// The last row's last seq.
        found: Seq,
        /// The head's seq.
        head: Seq,
    },
    /// The tables must be built again, and the journal does not hold its beginning any more.
    #[error("the tables must be built again, but the journal begins at seq {}: restore a backup", first.0)]
    NoBeginning {
        /// The first seq that the journal holds.
        first: Seq,
    },
}

/// How far catching up is: the last seq done and the last one there is.
pub type Progress<'a> = &'a (dyn Fn(Seq, Seq) + Send + Sync);

/// What writes the tables.
pub struct Projector {
    journal: Arc<dyn Journal>,
    tables: Arc<dyn Tables>,
    projected: watch::Sender<ProjectedHead>,
}

impl Projector {
    /// A projector whose tables are at the journal's head as it is now. Tables that lag are brought there; ones that
    /// are damaged, or are not of this journal, are built again from its beginning.
    pub async fn start(
        journal: Arc<dyn Journal>,
        tables: Arc<dyn Tables>,
        progress: Progress<'_>,
    ) -> Result<Self, ProjectorError> {
        let mut projector = Self { journal, tables, projected: watch::Sender::new(ProjectedHead::default()) };
        projector.find_start().await?;
        match projector.catch_up(progress).await {
            Err(ProjectorError::Store(StoreError::Damaged(reason))) => {
                projector.begin_again(&reason).await?;
                projector.catch_up(progress).await?;
            }
            caught_up => caught_up?,
        }
        Ok(projector)
    }

    /// How far the tables are.
    pub fn projected(&self) -> watch::Receiver<ProjectedHead> {
        self.projected.subscribe()
    }

    /// Projects what comes, until nothing can come any more and all that came is written.
    pub async fn run(mut self, mut batches: mpsc::Receiver<Arc<CommittedBatch>>) -> Result<(), ProjectorError> {
        let mut waiting = Vec::new();
        while batches.recv_many(&mut waiting, BATCHES_MAX).await > 0 {
            match self.take(std::mem::take(&mut waiting)).await {
                Err(ProjectorError::Store(StoreError::Damaged(reason))) => {
                    self.begin_again(&reason).await?;
                    self.catch_up(&|_, _| {}).await?;
                }
                taken => taken?,
            }
        }
        Ok(())
    }

    /// Writes batches that follow on each other. What the tables have already is left out; what is missing in
    /// front of them is read from the journal, which then holds these batches as well.
    async fn take(&mut self, mut batches: Vec<Arc<CommittedBatch>>) -> Result<(), ProjectorError> {
        let at = self.at();
        batches.retain(|batch| batch.head.seq > at.seq);
        match batches.first() {
            None => Ok(()),
            Some(first) if first.first_seq == at.seq.next() => self.project(batches).await,
            Some(_) => self.catch_up(&|_, _| {}).await,
        }
    }

    /// Folds off the async threads: a full channel is a lot of events.
    async fn project(&mut self, batches: Vec<Arc<CommittedBatch>>) -> Result<(), ProjectorError> {
        let fold = move || TableFold::of(batches.iter().map(|batch| &**batch));
        let changes = tokio::task::spawn_blocking(fold).await.expect("folding does not panic");
        self.write(changes).await
    }

    async fn write(&mut self, changes: TableChanges) -> Result<(), ProjectorError> {
        let (from, to, since) = (self.at(), changes.head, Instant::now());
        self.tables.project(&from, changes).await.map_err(|error| match error {
            ProjectError::Moved { found } => ProjectorError::Moved { found },
            ProjectError::Failed(error) => ProjectorError::Store(error),
        })?;
        metrics::histogram!("projector_write_duration_seconds").record(since.elapsed().as_secs_f64());
        metrics::histogram!("projector_write_commands").record((to.seq.0 - from.seq.0) as f64);
        self.stand_at(to);
        Ok(())
    }

    /// Throws the tables away.
    async fn begin_again(&mut self, reason: &str) -> Result<(), ProjectorError> {
        warn!(reason, "The tables are built again from the journal.");
        if let Some(first) = self.journal.first_seq().await?.filter(|first| *first > Seq::ZERO.next()) {
            return Err(ProjectorError::NoBeginning { first });
        }
        self.tables.clear().await?;
        self.stand_at(ProjectedHead::default());
        Ok(())
    }

    fn at(&self) -> ProjectedHead {
        *self.projected.borrow()
    }

    fn stand_at(&mut self, head: ProjectedHead) {
        metrics::gauge!("projector_projected_seq").set(head.seq.0 as f64);
        self.projected.send_replace(head);
    }
}
