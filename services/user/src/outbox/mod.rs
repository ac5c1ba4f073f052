//! The outbox's way into the engine: its commands, its sender, and what others see of it.

mod actions;
mod sender;

use std::time::Duration;

use emporion_ports::store::StoreError;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

pub(crate) use actions::{credit, open_account};
pub use sender::OutboxSender;

use crate::error::UserError;

/// How long a request waits for the engine before it says "repeat this".
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// Why the sender stopped for good. Each needs a person; nothing is sent or written down until a restart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboxFault {
    /// The engine took commands that the outbox does not have.
    #[error(
        "the engine took commands up to number {engine_n} from the user store, which ends at {table_n}: the user store \
         is older than the journal; restore the one that belongs to it (users.db, or the tables in PostgreSQL)"
    )]
    EngineAhead {
        /// The engine's last number.
        engine_n: u64,
        /// The outbox's last number.
        table_n: u64,
    },
    /// Commands were executed whose outcomes the user store does not have, and only the last one can be asked for.
    #[error(
        "the engine executed the commands {first_n} to {last_n}, but the user store does not have their outcomes: it is \
         older than the journal; restore the one that belongs to it (users.db, or the tables in PostgreSQL)"
    )]
    OutcomesLost {
        /// The first such command.
        first_n: u64,
        /// The last such command.
        last_n: u64,
    },
    /// The engine needs rows that were pruned.
    #[error(
        "the engine's last number is {engine_n}, but the user store keeps commands only after {pruned_n}: the journal \
         is an older one than the user store may go with; restore a newer journal"
    )]
    RowsPruned {
        /// The engine's last number.
        engine_n: u64,
        /// The last pruned row.
        pruned_n: u64,
    },
    /// The engine took another command under a number.
    #[error(
        "the engine took another command under number {n} than the user store has: it and the journal do not belong \
         together; restore them from one backup"
    )]
    OtherCommand {
        /// The number.
        n: u64,
    },
    /// The engine answered otherwise than it did before.
    #[error(
        "the engine answered command {n} with {engine}, but the user store remembers {table}: it and the journal do \
         not belong together; restore them from one backup"
    )]
    OtherAnswer {
        /// The number.
        n: u64,
        /// What the engine says now.
        engine: String,
        /// What the user store has.
        table: String,
    },
    /// A row cannot be decoded or its answer makes no sense.
    #[error("command {n} of the outbox cannot be used: {problem}")]
    BadRow {
        /// The number.
        n: u64,
        /// What is wrong.
        problem: String,
    },
}

/// What the sender is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxState {
    /// It has not compared the outbox with the engine yet.
    Starting,
    /// Rows are sent, by this process or by another; every one up to this number is answered.
    Running {
        /// The number.
        answered_n: u64,
    },
    /// It stopped for good.
    Stopped(OutboxFault),
}

/// The outbox as the rest of the service sees it.
pub struct Outbox {
    state: watch::Sender<OutboxState>,
    written: Notify,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { state: watch::Sender::new(OutboxState::Starting), written: Notify::new() }
    }
}

impl Outbox {
    /// Follows the sender's state.
    pub fn watch(&self) -> watch::Receiver<OutboxState> {
        self.state.subscribe()
    }

    /// Refuses to write commands down before it is known that the user store and the engine belong together: a
    /// number given against a strange journal may be one that the engine took for something else.
    pub(crate) fn require_running(&self) -> Result<(), UserError> {
        match &*self.state.borrow() {
            OutboxState::Running { .. } => Ok(()),
            OutboxState::Starting | OutboxState::Stopped(_) => Err(UserError::Busy),
        }
    }

    /// Tells the sender that there is a new row.
    pub(crate) fn row_written(&self) {
        self.written.notify_one();
    }

    /// To wait for what becomes of a row. Taken before the first look.
    pub(crate) fn settling(&self) -> Settling {
        Settling { progress: self.watch(), deadline: Instant::now() + SETTLE_MAX }
    }

    async fn wait_for_row(&self) {
        self.written.notified().await;
    }

    /// Wakes those who wait only when the state is another one.
    fn set(&self, state: OutboxState) {
        self.state.send_if_modified(|stands| {
            let differs = *stands != state;
            *stands = state;
            differs
        });
    }
}

/// Waits for the sender to move on, up to a deadline.
pub(crate) struct Settling {
    progress: watch::Receiver<OutboxState>,
    deadline: Instant,
}

impl Settling {
    /// Returns when it is worth looking again; [`UserError::UnknownOutcome`] when it will not be in time.
    pub(crate) async fn moved_on(&mut self) -> Result<(), UserError> {
        if matches!(*self.progress.borrow(), OutboxState::Stopped(_)) {
            return Err(UserError::UnknownOutcome);
        }
        match timeout_at(self.deadline, self.progress.changed()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(UserError::UnknownOutcome),
        }
    }
}

/// A step that did not succeed.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// Try again later.
    #[error("{0}")]
    Passing(String),
    /// The number did not fit: compare again.
    #[error("the engine expects another number")]
    OutOfStep,
    /// Another process may send now, or nobody knows who may.
    #[error("another process may have the turn to send")]
    TurnLost,
    /// Stop.
    #[error(transparent)]
    Fault(#[from] OutboxFault),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Passing(error.to_string())
    }
}
