//! The journal and its snapshots: what is durable and what a start recovers from.
//!
//! The journal is the truth. Its head is one row that every commit compares and swaps, so that it is fence,
//! gap detector and order guard at once. What must not live here: tables, which follow the journal and can be
//! built from it again ([`crate::tables`]), and anything that decides what a command does.

use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_model::codec::durable_struct;
use emporion_model::journal::{Head, JournalRow};

/// Why the store could not do what it was asked. The text is one sentence for operators, never for clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be used as it is, and nothing of it was changed: a newer schema, another
    /// application's file, a folder that cannot be read, a lock that somebody else holds.
    #[error("{0}")]
    Unusable(String),
    /// What was read is not what was written.
    #[error("{0}")]
    Damaged(String),
    /// The storage failed under the call. Whether a write happened is not known.
    #[error("{0}")]
    Failed(String),
}

/// Why a batch was not committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The head is not the one that the row follows, and nothing was written. `found.chain` equal to the
    /// row's own chain says that this very row is committed; anything else, that somebody else writes.
    #[error("the journal's head is at epoch {}, seq {}, not where the batch begins", found.epoch, found.seq)]
    Fenced {
        /// The head that was found.
        found: Head,
    },
    /// The storage failed. The row may or may not be durable; only a new start tells.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// The journal and its head.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The head as committed. An empty journal has [`Head::default`].
    async fn head(&self) -> Result<Head, StoreError>;

    /// Appends `row` and moves the head to it, in one transaction, if history, epoch, seq and chain of the head
    /// are the ones that the row follows. After `Ok` the row is durable. After [`CommitError::Failed`] every
    /// later commit through this journal fails: whoever writes throws its memory away and starts again.
    async fn commit(&self, row: Arc<JournalRow>) -> Result<(), CommitError>;

    /// Raises the head's epoch by one, durably, and returns the new head. Commits of earlier epochs are fenced
    /// from then on.
    async fn take_over(&self) -> Result<Head, StoreError>;

    /// The rows after `seq` in order: at least one if there is one, and no further ones once their payloads
    /// together reach `bytes_max`. `seq` is the last one of a row, or zero. Neither payloads nor chains are
    /// checked.
    async fn rows_after(&self, seq: Seq, bytes_max: usize) -> Result<Vec<JournalRow>, StoreError>;

    /// The row that contains `seq`.
    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError>;

    /// The first seq that the journal still holds; `None` when it is empty.
    async fn first_seq(&self) -> Result<Option<Seq>, StoreError>;
}

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The journal's head that the state follows from.
    pub head: Head,
    /// The state's hash.
    pub state_hash: [u8; 32],
}

durable_struct!(SnapshotMeta { head, state_hash });

/// A snapshot as it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What it is of.
    pub meta: SnapshotMeta,
    /// The state, in the engine's format.
    pub bytes: Vec<u8>,
}

/// Saved states of the engine, named by the seq of their head.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Saves a snapshot; a reader finds all of it or nothing. Older ones than the last [`SNAPSHOTS_KEPT`] are
    /// then removed.
    async fn save(&self, snapshot: Snapshot) -> Result<(), StoreError>;

    /// The seqs of the snapshots, newest first, without those in quarantine. Nothing is said of their contents.
    async fn list(&self) -> Result<Vec<Seq>, StoreError>;

    /// The snapshot at `seq`, its checksum compared: [`StoreError::Damaged`] when it differs.
    async fn load(&self, seq: Seq) -> Result<Snapshot, StoreError>;

    /// Puts the snapshot at `seq` aside for people to look at: it is never listed or loaded again.
    async fn quarantine(&self, seq: Seq) -> Result<(), StoreError>;
}

/// How many snapshots are kept: the newest, and one more in case it is damaged.
pub const SNAPSHOTS_KEPT: usize = 2;
