//! The way from a service's outbox into the engine.
//!
//! What must not live here: client commands, which have deadlines and a command id instead of `(source, n)`.

use async_trait::async_trait;
use emporion_model::{AccountId, Action, Asset, AssetCode, AssetId, Reject, SourceId};

/// What the engine did with a service's command. Returned only after its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceOutcome {
    /// It did what was asked.
    Done,
    /// It opened this account.
    AccountOpened(AccountId),
    /// It refused; final, and the number is used up.
    Rejected(Reject),
}

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Nobody knows whether it was executed. Sending the same action under the same `n` again is safe and tells.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// It was not executed: the way in is full, closed or not yet open. Send it again later.
    #[error("not executed: {0}")]
    Busy(String),
    /// The engine took another action under this `n` before. It never takes this one.
    #[error("the engine took another command under this number")]
    OtherAction,
    /// The number is neither the engine's last nor the one after it.
    #[error("out of order: the engine's last number is {last_n}")]
    OutOfOrder {
        /// The last number the engine took from this source; 0 when none.
        last_n: u64,
    },
}

/// Submits the commands of services and answers what a service must know to build them. Implemented by the
/// Order Service.
#[async_trait]
pub trait EngineCommands: Send + Sync {
    /// Submits `action` as command `n` of `source` and waits for its committed outcome. Executed exactly once
    /// however often it is called: `n` the engine's last number with the same action repeats its outcome.
    /// The engine takes `n = last + 1` only.
    async fn submit(&self, source: SourceId, n: u64, action: Action) -> Result<ServiceOutcome, SubmitError>;

    /// The last number that the engine took from `source`, committed; 0 when none.
    async fn last_n(&self, source: SourceId) -> Result<u64, SubmitError>;

    /// The asset with this code, as committed.
    async fn asset(&self, code: AssetCode) -> Result<Option<(AssetId, Asset)>, SubmitError>;
}
