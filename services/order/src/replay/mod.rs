//! Replay: the engine rebuilt from committed rows through the same lines of code that wrote them.
//!
//! Every row's chain is compared, and every event with the one that replay gives, so a replay that ends is a
//! proof. What must not live here: writing to the journal ([`begin`] excepted, which writes its first row).

mod recover;
mod snapshotter;
mod standby;
#[cfg(test)]
mod standby_tests;
#[cfg(test)]
mod tests;

pub use recover::{Progress, RecoverError, Recovered, begin, recover};
pub use snapshotter::{ScrubReport, SnapshotPolicy, Snapshotter, SnapshotterError, scrub};
pub use standby::{Standby, StandbyError};

use emporion_engine::Engine;
use emporion_model::Seq;
use emporion_model::codec::{CodecError, FORMAT};
use emporion_model::journal::{Head, JournalRow, RowError};

/// Why a row cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The row itself cannot be trusted.
    #[error("the journal row of seq {} to {} is damaged: {error}", first.0, last.0)]
    Row {
        /// The row's first seq.
        first: Seq,
        /// The row's last seq.
        last: Seq,
        /// What is wrong with it.
        error: RowError,
    },
    /// The engine gives other events than the journal holds.
    #[error("replay gives other events for seq {} than the journal holds", seq.0)]
    Diverged {
        /// The command's seq.
        seq: Seq,
    },
    /// The row is under rules that this build does not know.
    #[error("the journal is under rules {0}, which this build does not know: run a newer build")]
    Rules(u16),
    /// The row is in a format of a newer build.
    #[error("the journal is in format {0}, which this build does not know: run a newer build")]
    Format(u16),
}

/// An engine that follows the journal row by row.
#[derive(Debug)]
pub struct Replayer {
    /// The engine, at `head`.
    pub engine: Engine,
    /// The head of the last row.
    pub head: Head,
}

impl Replayer {
    /// An engine before the first row.
    pub fn from_start(hash_key: u64) -> Self {
        Self { engine: Engine::new(hash_key), head: Head::default() }
    }

    /// Applies the next row, all of it compared. After an error the engine is worth nothing.
    pub fn follow(&mut self, row: &JournalRow) -> Result<(), ReplayError> {
        let damaged = |error| match error {
            RowError::Payload(CodecError::Format(found)) if found > FORMAT => ReplayError::Format(found),
            error => ReplayError::Row { first: row.first_seq, last: row.last_seq, error },
        };
        if !emporion_engine::RULES_VERSIONS.contains(&row.rules_version) {
            return Err(ReplayError::Rules(row.rules_version));
        }
        row.verify_after(&self.head).map_err(damaged)?;
        let mut events = Vec::new();
        for (seq, entry) in row.entries().map_err(damaged)? {
            events.clear();
            self.engine.apply(seq, row.time, &entry.command, &mut events);
            if events != entry.events {
                return Err(ReplayError::Diverged { seq });
            }
        }
        self.head = row.head();
        Ok(())
    }
}
