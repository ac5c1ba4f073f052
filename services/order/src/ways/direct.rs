//! The direct way: what the gateway needs of the stream to the sequencer that leads.
//!
//! What must not live here: how the stream is made; an adapter does that.

use async_trait::async_trait;
use emporion_ports::orders::Outcome;
use emporion_ports::sealed::SealedCommand;
use tokio::sync::watch;

/// Why the direct way has no outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectError {
    /// This attempt did not execute it and never will: nothing left this process, or the sequencer answered that it is
    /// busy or does not lead.
    #[error("not taken by the direct way")]
    NotSent,
    /// Some of it may have left this process, and nobody has said what became of it.
    #[error("the outcome on the direct way is unknown")]
    Unknown,
    /// The sequencer dropped it, so long is its deadline over; it was not executed.
    #[error("not executed: long past its deadline")]
    Expired,
}

/// A stream to the sequencer that leads.
#[async_trait]
pub trait Direct: Send + Sync {
    /// Sends a command and waits for its committed outcome. What is submitted in an order, by first polls, goes out and
    /// is taken in that order: once one is lost with its connection, none behind it is taken, and all of them are answered
    /// [`DirectError::Unknown`], before another connection takes any. Dropping the future does not take the command back. Never waits for a connection: without
    /// one the answer is [`DirectError::NotSent`] at once.
    async fn submit(&self, sealed: SealedCommand) -> Result<Outcome, DirectError>;

    /// Whether it is connected to a sequencer that leads.
    fn connected(&self) -> watch::Receiver<bool>;
}
