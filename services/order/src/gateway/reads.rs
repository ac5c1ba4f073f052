//! How fresh a read is: never older than what was committed when it arrived.
//!
//! So a client always sees its own last answered order, and "no such order" is final once the order's
//! deadline is two seconds past. Nothing in the gateway reaches the tables but through here.

use super::PATIENCE;
use emporion_api::{ApiError, Code};
use emporion_edge::Clock;
use emporion_model::time::SECOND_US;
use emporion_model::{Seq, TimeUs};
use emporion_ports::committed::CommittedHead;
use emporion_ports::store::StoreError;
use emporion_ports::tables::{Answer, At, Queries, Waited};
use std::sync::Arc;

/// How far behind the clock a state may be that says that something does not exist.
const FINAL_WITHIN_US: u64 = SECOND_US;

/// The way to the tables.
pub(super) struct Reads {
    committed: Arc<dyn CommittedHead>,
    queries: Arc<dyn Queries>,
    clock: Clock,
}

impl Reads {
    pub(super) fn new(committed: Arc<dyn CommittedHead>, queries: Arc<dyn Queries>, clock: Clock) -> Self {
        Self { committed, queries, clock }
    }

    /// The last seq that is committed now.
    pub(super) async fn committed(&self) -> Result<Seq, ApiError> {
        Ok(self.committed.committed().await.map_err(failed)?.seq)
    }

    /// The tables, holding all that is committed now; -1008 when they do not get there in time.
    pub(super) async fn tables(&self) -> Result<&dyn Queries, ApiError> {
        match self.wait_projected(self.committed().await?).await? {
            Waited::Reached => Ok(&*self.queries),
            Waited::TimedOut => Err(ApiError::busy(1)),
        }
    }

    /// The tables, wherever they are: only for what no client has to find current.
    pub(super) fn tables_of_now(&self) -> &dyn Queries {
        &*self.queries
    }

    /// The tables, holding the outcome of a command that was executed under `seq`. When they do not get
    /// there in time, the client must ask again what became of its command: -1007.
    pub(super) async fn tables_after(&self, seq: Seq) -> Result<&dyn Queries, ApiError> {
        match self.wait_projected(seq).await.map_err(|_| Code::Timeout)? {
            Waited::Reached => Ok(&*self.queries),
            Waited::TimedOut => Err(Code::Timeout.into()),
        }
    }

    /// Asks `question` until it finds something, or finds nothing in a state whose engine time is within a
    /// second of now. Such a nothing is final for every command whose deadline was two seconds past: the engine
    /// refuses it from then on. -1007 when no such state is committed in time.
    pub(super) async fn find<'r, T, Q, F>(&'r self, question: Q) -> Result<Option<T>, ApiError>
    where
        Q: Fn(&'r dyn Queries) -> F,
        F: Future<Output = Answer<Option<T>>>,
    {
        let recent = TimeUs(self.clock.now().0.saturating_sub(FINAL_WITHIN_US));
        let first = answered(question(self.tables().await?).await)?;
        if first.value.is_some() || first.time >= recent {
            return Ok(first.value);
        }
        if self.committed.wait_time(recent, PATIENCE).await.map_err(failed)?.is_none() {
            return Err(Code::Timeout.into());
        }
        Ok(answered(question(self.tables().await?).await)?.value)
    }

    async fn wait_projected(&self, seq: Seq) -> Result<Waited, ApiError> {
        self.queries.wait_projected(seq, PATIENCE).await.map_err(failed)
    }
}

/// The answer of the tables. A store that fails is told to operators; the client may ask again.
pub(super) fn answered<T>(answer: Answer<T>) -> Result<At<T>, ApiError> {
    answer.map_err(failed)
}

fn failed(error: StoreError) -> ApiError {
    tracing::error!(%error, "the tables could not be read");
    Code::Disconnected.into()
}
