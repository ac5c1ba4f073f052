//! A start: the newest good snapshot, then the journal's tail.

use super::{ReplayError, Replayer, SnapshotterError};
use emporion_engine::{Engine, SnapshotError, check_genesis};
use emporion_model::codec::{CodecError, FORMAT};
use emporion_model::journal::{BatchBuilder, Head};
use emporion_model::{Action, Command, Genesis, Origin, Seq, TimeUs};
use emporion_ports::store::{CommitError, Journal, Snapshot, Snapshots, StoreError};
use std::sync::Arc;

/// How many bytes of journal are read at a time.
pub(super) const READ_BYTES: usize = 4 << 20;

/// The engine at the journal's head, ready to lead.
#[derive(Debug)]
pub struct Recovered {
    /// The engine.
    pub engine: Engine,
    /// The journal's head.
    pub head: Head,
    /// The seq of the snapshot it started from; zero for the journal's start.
    pub from_snapshot: Seq,
}

/// How far a recovery is: the last seq done and the last one there is.
pub type Progress<'a> = &'a (dyn Fn(Seq, Seq) + Send + Sync);

/// Why a venue cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The journal ends elsewhere than its head says.
    #[error("the journal ends at seq {} but its head is at seq {}: a row is missing or damaged", found.0, head.0)]
    Ends {
        /// The last row's last seq.
        found: Seq,
        /// The head's seq.
        head: Seq,
    },
    /// The journal begins after its first seq and no snapshot leads up to it.
    #[error("the journal begins at seq {} and no good snapshot leads up to it: restore a backup", first.0)]
    NoSnapshot {
        /// The first seq the journal holds.
        first: Seq,
    },
    /// The venue has begun already.
    #[error("the journal is not empty: a genesis only begins an empty one")]
    NotEmpty,
    /// The genesis breaks a rule.
    #[error("the genesis cannot be used: {0}")]
    Genesis(String),
    /// Somebody else wrote in between.
    #[error("another process began this journal at the same time")]
    Fenced,
}

impl From<SnapshotterError> for RecoverError {
    fn from(error: SnapshotterError) -> Self {
        match error {
            SnapshotterError::Store(error) => error.into(),
            SnapshotterError::Replay(error) => error.into(),
        }
    }
}

/// Rebuilds the engine at the journal's head. A snapshot that is damaged, or is not of this journal, is put
/// aside and an older start is tried; a damaged journal row is an error.
pub async fn recover(
    journal: &dyn Journal,
    snapshots: &dyn Snapshots,
    hash_key: u64,
    progress: Progress<'_>,
) -> Result<Recovered, RecoverError> {
    let head = journal.head().await?;
    let first = journal.first_seq().await?;
    let mut replayer = newest_start(journal, snapshots, hash_key).await?;
    let from_snapshot = replayer.head.seq;
    if let Some(first) = first.filter(|first| *first > from_snapshot.next()) {
        return Err(RecoverError::NoSnapshot { first });
    }
    while replayer.head.seq < head.seq {
        let rows = journal.rows_after(replayer.head.seq, READ_BYTES).await?;
        if rows.is_empty() {
            return Err(RecoverError::Ends { found: replayer.head.seq, head: head.seq });
        }
        replayer = tokio::task::spawn_blocking(move || {
            rows.iter().try_for_each(|row| replayer.follow(row)).map(|()| replayer)
        })
        .await
        .expect("replay does not panic")?;
        progress(replayer.head.seq, head.seq);
    }
    if (replayer.head.seq, replayer.head.chain) != (head.seq, head.chain) {
        return Err(RecoverError::Ends { found: replayer.head.seq, head: head.seq });
    }
    Ok(Recovered { engine: replayer.engine, head, from_snapshot })
}

/// The newest snapshot that is whole and of this journal, or the journal's start. One of a newer build is none to put
/// aside: that build still needs it.
pub(super) async fn newest_start(
    journal: &dyn Journal,
    snapshots: &dyn Snapshots,
    hash_key: u64,
) -> Result<Replayer, SnapshotterError> {
    for seq in snapshots.list().await? {
        match open_snapshot(journal, snapshots, seq, hash_key).await {
            Ok(Some(replayer)) => return Ok(replayer),
            Ok(None) => tracing::warn!(seq = seq.0, "A snapshot is not of this journal and is put aside."),
            Err(SnapshotterError::Store(error @ StoreError::Damaged(_))) => {
                tracing::warn!(seq = seq.0, %error, "A snapshot is put aside.");
            }
            Err(error) => return Err(error),
        }
        snapshots.quarantine(seq).await?;
    }
    Ok(Replayer::from_start(hash_key))
}

async fn open_snapshot(
    journal: &dyn Journal,
    snapshots: &dyn Snapshots,
    seq: Seq,
    hash_key: u64,
) -> Result<Option<Replayer>, SnapshotterError> {
    let Snapshot { meta, bytes } = snapshots.load(seq).await?;
    let is_of_this_journal = match journal.row_of(meta.head.seq).await? {
        Some(row) => row.last_seq == meta.head.seq && row.chain == meta.head.chain,
        // Its own row may have been dropped with older ones; then the next row's chain decides on replay.
        None => journal.first_seq().await? == Some(meta.head.seq.next()),
    };
    if !is_of_this_journal {
        return Ok(None);
    }
    let damaged = |reason: &str| StoreError::Damaged(format!("the snapshot at seq {}: {reason}", seq.0));
    let restored = tokio::task::spawn_blocking(move || {
        if Engine::hash_of(&bytes) == meta.state_hash { Some(Engine::restore(&bytes, hash_key)) } else { None }
    });
    let restored = restored.await.map_err(|_| damaged("it is senseless"))?;
    let engine = match restored.ok_or_else(|| damaged("its state hash differs"))? {
        Ok(engine) => engine,
        Err(SnapshotError::Rules(found)) => return Err(ReplayError::Rules(found).into()),
        Err(SnapshotError::Codec(CodecError::Format(found))) if found > FORMAT => {
            return Err(ReplayError::Format(found).into());
        }
        Err(error) => return Err(damaged(&error.to_string()).into()),
    };
    if engine.seq() != meta.head.seq {
        return Err(damaged("it is of another seq").into());
    }
    Ok(Some(Replayer { engine, head: meta.head }))
}

/// Begins an empty journal with a genesis, under the leadership that `head` names.
pub async fn begin(
    journal: &dyn Journal,
    recovered: Recovered,
    genesis: Genesis,
    now: TimeUs,
) -> Result<Recovered, RecoverError> {
    let Recovered { mut engine, head, from_snapshot } = recovered;
    if head.seq != Seq::ZERO {
        return Err(RecoverError::NotEmpty);
    }
    check_genesis(&genesis).map_err(RecoverError::Genesis)?;
    let command = Command { origin: Origin::Sequencer, action: Action::Genesis(Box::new(genesis)) };
    let mut events = Vec::new();
    engine.apply(head.seq.next(), now, &command, &mut events);
    let mut batch = BatchBuilder::default();
    batch.push(&command, &events);
    let row = batch.seal(&head, now, engine.rules_version());
    let head = row.head();
    journal.commit(Arc::new(row)).await.map_err(|error| match error {
        CommitError::Fenced { .. } => RecoverError::Fenced,
        CommitError::Failed(error) => error.into(),
    })?;
    Ok(Recovered { engine, head, from_snapshot })
}
