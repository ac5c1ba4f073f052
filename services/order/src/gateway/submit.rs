//! A client's command on its way to the sequencer, and what its failures mean for the client.

use super::{Gateway, ids};
use emporion_api::{ApiError, Code, Refused};
use emporion_edge::Caller;
use emporion_model::{Action, Command, Origin};
use emporion_ports::orders::{Outcome, QueueError};
use std::time::Duration;

/// How long a client waits at most for an outcome before it is told that it is unknown, as documented.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long it waits at least: a deadline says until when a command may be executed, and one just before it still has to
/// be committed.
const ANSWER_TIME_MIN: Duration = Duration::from_secs(1);

impl Gateway {
    /// Submits `action` for the caller and gives its committed outcome, which is not a reject. `refused` is
    /// what a reject would refuse.
    pub(super) async fn submit(&self, caller: &Caller, action: Action, refused: Refused) -> Result<Outcome, ApiError> {
        let now = self.0.clock.now();
        if now > caller.deadline {
            return Err(Code::InvalidTimestamp.into());
        }
        let command = Command { origin: Origin::Client(ids::command_id(), caller.deadline), action };
        let submitted = self.0.queue.submit(ids::session_of(&caller.key), command);
        let left = Duration::from_micros(caller.deadline.since(now)).clamp(ANSWER_TIME_MIN, ANSWER_TIMEOUT);
        let outcome = match tokio::time::timeout(left, submitted).await {
            Ok(outcome) => outcome.map_err(no_outcome)?,
            Err(_) => return Err(Code::Timeout.into()),
        };
        match outcome.reject() {
            Some(reject) => Err(ApiError::rejected(refused, reject, outcome.time())),
            None => Ok(outcome),
        }
    }
}

fn no_outcome(error: QueueError) -> ApiError {
    match error {
        QueueError::Busy => ApiError::busy(1),
        QueueError::Unknown => Code::Timeout.into(),
        QueueError::Expired => Code::InvalidTimestamp.into(),
    }
}

/// An answer to a command that was executed but whose outcome is not what it must be: a bug, told to
/// operators. What the client knows is that the execution status is unknown.
pub(super) fn odd_outcome(outcome: &Outcome) -> ApiError {
    tracing::error!(seq = outcome.seq().0, "an outcome lacks what its command must cause");
    Code::UnexpectedResponse.into()
}
