//! How far the journal is committed, as a read must know it before it may answer.
//!
//! In one process the sequencer's counter tells; between processes the journal's head on the primary database does,
//! never the feed, which may be late. What must not live here: waiting for a copy to get there
//! ([`crate::tables::Projection`]).

use crate::orders::Committed;
use crate::store::StoreError;
use async_trait::async_trait;
use emporion_model::TimeUs;
use std::time::Duration;
use tokio::sync::watch;

/// Tells how far the journal is committed.
#[async_trait]
pub trait CommittedHead: Send + Sync {
    /// How far it was committed at some moment between the call and the answer.
    async fn committed(&self) -> Result<Committed, StoreError>;

    /// Waits until the committed engine time is `time` or later, for at most `patience`. Gives what is committed then;
    /// `None` when it did not get there.
    async fn wait_time(&self, time: TimeUs, patience: Duration) -> Result<Option<Committed>, StoreError>;
}

/// The counter of the sequencer in this process.
#[async_trait]
impl CommittedHead for watch::Receiver<Committed> {
    async fn committed(&self) -> Result<Committed, StoreError> {
        Ok(*self.borrow())
    }

    async fn wait_time(&self, time: TimeUs, patience: Duration) -> Result<Option<Committed>, StoreError> {
        let mut receiver = self.clone();
        let reached = tokio::time::timeout(patience, receiver.wait_for(|committed| committed.time >= time)).await;
        Ok(match reached {
            Ok(Ok(committed)) => Some(*committed),
            Ok(Err(_)) | Err(_) => None,
        })
    }
}

/// Nothing has to be waited for: of a service whose answers may be as old as the feed is late, and say how old.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBarrier;

#[async_trait]
impl CommittedHead for NoBarrier {
    async fn committed(&self) -> Result<Committed, StoreError> {
        Ok(Committed::default())
    }

    async fn wait_time(&self, _: TimeUs, _: Duration) -> Result<Option<Committed>, StoreError> {
        Ok(Some(Committed::default()))
    }
}
