//! A standby: an engine that follows the journal row by row, so that a takeover has next to nothing left to replay. It
//! compares every chain and every event on the way, and saves the snapshots.
//!
//! What must not live here: deciding when to lead, and writing to the journal.

use super::recover::{READ_BYTES, newest_start};
use super::{RecoverError, Recovered, Replayer, SnapshotPolicy};
use emporion_engine::Engine;
use emporion_model::Seq;
use emporion_model::journal::Head;
use emporion_ports::store::{Journal, Snapshot, SnapshotMeta, Snapshots, StoreError};
use std::sync::Arc;

/// Why a standby cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandbyError {
    /// The journal cannot be followed. [`RecoverError::Store`] may pass; anything else needs a person.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// A snapshot that another process saved holds another state than this engine: one of them is wrong.
    #[error("the snapshot at seq {} holds another state than a replay gives", seq.0)]
    OtherState {
        /// The snapshot's seq.
        seq: Seq,
    },
}

impl From<StoreError> for StandbyError {
    fn from(error: StoreError) -> Self {
        Self::Recover(error.into())
    }
}

/// An engine on the heels of the journal.
pub struct Standby {
    journal: Arc<dyn Journal>,
    snapshots: Arc<dyn Snapshots>,
    policy: SnapshotPolicy,
    replayer: Replayer,
    from_snapshot: Seq,
    /// The newest snapshot that it knows of.
    snapshot: Seq,
}

impl Standby {
    /// At the newest good snapshot, or before the journal's first row.
    pub async fn begin(
        journal: Arc<dyn Journal>,
        snapshots: Arc<dyn Snapshots>,
        policy: SnapshotPolicy,
        hash_key: u64,
    ) -> Result<Self, StandbyError> {
        let first = journal.first_seq().await?;
        let replayer = newest_start(&*journal, &*snapshots, hash_key).await.map_err(RecoverError::from)?;
        let from_snapshot = replayer.head.seq;
        if let Some(first) = first.filter(|first| *first > from_snapshot.next()) {
            return Err(RecoverError::NoSnapshot { first }.into());
        }
        Ok(Self { journal, snapshots, policy, replayer, from_snapshot, snapshot: from_snapshot })
    }

    /// How far it is.
    pub fn head(&self) -> Head {
        self.replayer.head
    }

    /// Replays some of the rows that it does not have yet; says whether there were any.
    ///
    /// # Errors
    /// After any error but one of the store the standby is worth nothing; after one of the store it stands where it
    /// stood.
    pub async fn follow(&mut self) -> Result<bool, StandbyError> {
        let rows = self.journal.rows_after(self.replayer.head.seq, READ_BYTES).await?;
        if rows.is_empty() {
            return Ok(false);
        }
        let mut replayer = std::mem::replace(&mut self.replayer, Replayer::from_start(0));
        let followed = tokio::task::spawn_blocking(move || {
            let followed = rows.iter().try_for_each(|row| replayer.follow(row));
            (replayer, followed)
        });
        let (replayer, followed) = followed.await.expect("replay does not panic");
        self.replayer = replayer;
        followed.map_err(RecoverError::from)?;
        Ok(true)
    }

    /// Saves a snapshot of where it stands, if one is due. One that another process saved there is compared instead.
    /// Gives the seq of what was saved.
    pub async fn save_if_due(&mut self) -> Result<Option<Seq>, StandbyError> {
        let head = self.replayer.head;
        if head.seq.0.saturating_sub(self.snapshot.0) < self.policy.every_commands {
            return Ok(None);
        }
        let saved = self.snapshots.list().await?;
        if let Some(&newest) = saved.first().filter(|newest| **newest > self.snapshot && **newest < head.seq) {
            // Somebody else saves too; the next one is due so much after his.
            self.snapshot = newest;
            return Ok(None);
        }
        let bytes = self.replayer.engine.snapshot();
        let meta = SnapshotMeta { head, state_hash: Engine::hash_of(&bytes) };
        if saved.contains(&head.seq) {
            let other = self.snapshots.load(head.seq).await?;
            self.snapshot = head.seq;
            return if other.meta == meta { Ok(None) } else { Err(StandbyError::OtherState { seq: head.seq }) };
        }
        self.snapshots.save(Snapshot { meta, bytes }).await?;
        self.snapshot = head.seq;
        tracing::info!(seq = head.seq.0, "A snapshot was saved.");
        Ok(Some(head.seq))
    }

    /// The engine at `head`, which is the journal's after a takeover, ready to lead.
    pub async fn finish(mut self, head: Head) -> Result<Recovered, StandbyError> {
        while self.replayer.head.seq < head.seq {
            if !self.follow().await? {
                return Err(RecoverError::Ends { found: self.replayer.head.seq, head: head.seq }.into());
            }
        }
        let Replayer { engine, head: at } = self.replayer;
        if (at.seq, at.chain) != (head.seq, head.chain) {
            return Err(RecoverError::Ends { found: at.seq, head: head.seq }.into());
        }
        Ok(Recovered { engine, head, from_snapshot: self.from_snapshot })
    }
}
