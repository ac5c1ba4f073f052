//! Where an outcome goes once it is committed, and what is said when there will be none.

use emporion_ports::orders::{Outcome, QueueError};
use tokio::sync::oneshot;

/// The end of a command that somebody waits for.
pub(super) enum Reply {
    /// A gateway.
    Client(oneshot::Sender<Result<Outcome, QueueError>>),
    /// A service.
    Service(oneshot::Sender<Result<Outcome, QueueError>>),
}

impl Reply {
    /// Whoever waits may have gone away; then nobody is told.
    pub(super) fn send(self, answer: Result<Outcome, QueueError>) {
        match self {
            Self::Client(sender) | Self::Service(sender) => drop(sender.send(answer)),
        }
    }
}
