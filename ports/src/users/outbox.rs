//! The outbox: commands for the engine, numbered without a gap in the transaction that records their cause.

use async_trait::async_trait;
use emporion_model::{AccountId, TimeUs};

/// An encoded [`emporion_model::Action`]. The store keeps the bytes and reads nothing from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(pub Vec<u8>);

/// What the engine said to a command of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It opened this account.
    AccountOpened(AccountId),
    /// It did what was asked.
    Done,
    /// It refused; the text is the reject. Refusals are final.
    Refused(String),
}

/// One command of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its number, counted from 1 per source without a gap.
    pub n: u64,
    /// The encoded action.
    pub payload: Payload,
    /// When it was written.
    pub created_at: TimeUs,
    /// The engine's answer, once recorded.
    pub answer: Option<Answer>,
}

/// Where the outbox of one source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxHead {
    /// The last number given; 0 when none was. Survives pruning.
    pub last_n: u64,
    /// The last number whose row was pruned; 0 when none was. Rows `pruned_n + 1 ..= last_n` are kept.
    pub pruned_n: u64,
    /// Every row up to this number has its answer.
    pub answered_n: u64,
}

/// What came of recording an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is written now.
    Now,
    /// The same answer stood there already.
    Before,
    /// Another answer stands there and was left: the engine and the user store tell different histories.
    Differs(Answer),
}

/// The right to send the outbox, which one process has at a time. It ends when this is dropped.
///
/// It keeps processes out of each other's way and no more: what makes two senders harmless is that the engine takes
/// each number once and that a sender records the answer to one row before it submits the next.
#[async_trait]
pub trait OutboxTurn: Send {
    /// Whether the turn is still this process's. Asked before each submission; once `false`, always `false`.
    async fn is_held(&mut self) -> bool;

    /// Returns when it is worth asking for new rows and for the turn again: another process may have written a row,
    /// or some time went by. Waits for ever where only this process writes. May be dropped while it waits.
    async fn wait_for_others(&mut self);
}
