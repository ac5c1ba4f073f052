//! The way of clients' commands to the sequencer, and of outcomes back.
//!
//! What must not live here: services' commands ([`crate::commands`]) and anything that judges a command.

use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::codec::{CodecError, Durable, Reader, Writer};
use emporion_model::event::Event;
use emporion_model::journal::{Entry, Head};
use emporion_model::{Action, Command, Reject, Seq, TimeUs};

use crate::feed::CommittedBatch;

/// Whose commands keep their order among themselves: one API key over one protocol, or one FIX session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// What a command caused, as committed.
///
/// A mass cancel may go on in steps, which are commands of their own in the same batch; they belong to the
/// outcome.
#[derive(Clone, Debug)]
pub struct Outcome {
    batch: Arc<CommittedBatch>,
    first: usize,
    last: usize,
}

impl Outcome {
    /// Of the command at place `first` of the batch and its steps up to place `last`.
    pub fn new(batch: Arc<CommittedBatch>, first: usize, last: usize) -> Self {
        assert!(first <= last && last < batch.entries.len(), "an outcome lies within its batch");
        Self { batch, first, last }
    }

    /// Of the command at place `first` of the batch, with the steps that follow it.
    pub fn at(batch: Arc<CommittedBatch>, first: usize) -> Self {
        let steps = batch.entries[first + 1..].iter().take_while(|entry| entry.command.action == Action::Step).count();
        Self::new(batch, first, first + steps)
    }

    /// The command's seq.
    pub fn seq(&self) -> Seq {
        Seq(self.batch.first_seq.0 + self.first as u64)
    }

    /// The engine's time when it was applied.
    pub fn time(&self) -> TimeUs {
        self.batch.head.time
    }

    /// The command as it was applied.
    pub fn command(&self) -> &Command {
        &self.batch.entries[self.first].command
    }

    /// What it caused, in order, its steps included.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.entries().iter().flat_map(|entry| &entry.events)
    }

    /// Why it was refused, if it was.
    pub fn reject(&self) -> Option<Reject> {
        match self.batch.entries[self.first].events.last() {
            Some(Event::Rejected(reject)) => Some(*reject),
            _ => None,
        }
    }

    /// The outcome as it travels to another process: the head of its batch, its seq, and its command with its steps.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_format();
        self.batch.head.encode(&mut writer);
        self.seq().encode(&mut writer);
        writer.unsigned(self.entries().len() as u128);
        self.entries().iter().for_each(|entry| entry.encode(&mut writer));
        writer.into_bytes()
    }

    /// The outcome that [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::with_format(bytes)?;
        let (head, first_seq) = (Head::decode(&mut reader)?, Seq::decode(&mut reader)?);
        let entries = Vec::<Entry>::decode(&mut reader)?;
        reader.finish()?;
        let last = entries.len().checked_sub(1).ok_or(CodecError::Invalid)?;
        Ok(Self::new(Arc::new(CommittedBatch { head, first_seq, entries }), 0, last))
    }

    fn entries(&self) -> &[Entry] {
        &self.batch.entries[self.first..=self.last]
    }
}

/// Why a client's command has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// It was not executed and never will be: the queues are full, or the backlog would have eaten more than
    /// half of its time. The public answer is -1008.
    #[error("not executed: the venue is busy")]
    Busy,
    /// It may or may not be executed, at the latest by its deadline. The public answer is -1007.
    #[error("the outcome is unknown")]
    Unknown,
    /// It came so long after its deadline that it was dropped without a trace; it was not executed.
    #[error("not executed: long past its deadline")]
    Expired,
}

/// Takes clients' commands to the sequencer.
///
/// Commands of one session are applied in the order in which they were submitted, and after every command
/// that was answered before they were submitted. A cancel may overtake the orders of other sessions; it never
/// overtakes an unanswered command of its own.
#[async_trait]
pub trait OrderQueue: Send + Sync {
    /// Submits a command whose origin is [`emporion_model::Origin::Client`] and waits for its outcome, which is
    /// committed. The command is in the queue as soon as the future is first polled; dropping the future
    /// does not take it back.
    async fn submit(&self, session: SessionId, command: Command) -> Result<Outcome, QueueError>;
}

/// How far the journal is committed, as a read needs it: what is at or before this can be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Committed {
    /// The last committed seq.
    pub seq: Seq,
    /// Its engine time.
    pub time: TimeUs,
}
