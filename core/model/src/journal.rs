//! The journal: one row per batch with its commands and the events they caused, chained by SHA-256.
//!
//! The chain of a row covers the row before it and everything in this one, so equal chains mean equal
//! commands *and* equal outcomes.

use crate::codec::{CodecError, Durable, Reader, Writer, durable_struct};
use crate::{Command, Epoch, Event, History, Seq, TimeUs};
use sha2::{Digest, Sha256};
use std::fmt;

/// A running fingerprint of the journal.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Chain(pub [u8; 32]);

crate::codec::durable_newtype!(Chain([u8; 32]));

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}

/// Where the journal ends: the single row that every commit compares and swaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The stretch of the journal.
    pub history: History,
    /// The leadership that may append.
    pub epoch: Epoch,
    /// The last seq.
    pub seq: Seq,
    /// The last row's chain.
    pub chain: Chain,
    /// The last row's time.
    pub time: TimeUs,
    /// The last row's rules.
    pub rules_version: u16,
}

durable_struct!(Head { history, epoch, seq, chain, time, rules_version });

/// One committed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    /// The stretch of the journal.
    pub history: History,
    /// The leadership that wrote it.
    pub epoch: Epoch,
    /// The seq of its first command.
    pub first_seq: Seq,
    /// The seq of its last command.
    pub last_seq: Seq,
    /// The time of all its commands.
    pub time: TimeUs,
    /// The rules in force after it.
    pub rules_version: u16,
    /// The chain of the row before.
    pub prev_chain: Chain,
    /// The chain of this row.
    pub chain: Chain,
    /// The commands and events, in the format of [`BatchBuilder`].
    pub payload: Vec<u8>,
}

/// One command of a batch with what it caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The command.
    pub command: Command,
    /// Its events, in order.
    pub events: Vec<Event>,
}

durable_struct!(Entry { command, events });

/// Why a row cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowError {
    /// Its chain is not that of its contents.
    Chain,
    /// Its payload cannot be decoded.
    Payload(CodecError),
    /// It does not follow the row before it.
    Order,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => f.write_str("its chain is not that of its contents"),
            Self::Payload(error) => write!(f, "its payload cannot be read: {error}"),
            Self::Order => f.write_str("it does not follow the row before it"),
        }
    }
}

impl std::error::Error for RowError {}

/// The SHA-256 of a value's durable form, to tell whether two values are the same.
pub fn digest(value: &impl Durable) -> [u8; 32] {
    let mut writer = Writer::default();
    value.encode(&mut writer);
    hash_bytes(writer.as_bytes())
}

/// The SHA-256 of bytes, for fingerprints of states and files.
pub fn hash_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Collects a batch's commands and events as they are applied.
#[derive(Debug)]
pub struct BatchBuilder {
    writer: Writer,
    count: u64,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self { writer: Writer::with_format(), count: 0 }
    }
}

impl BatchBuilder {
    /// Adds a command and its events.
    pub fn push(&mut self, command: &Command, events: &[Event]) {
        command.encode(&mut self.writer);
        events.len().encode(&mut self.writer);
        for event in events {
            event.encode(&mut self.writer);
        }
        self.count += 1;
    }

    /// How many commands were added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The size of the payload so far.
    pub fn payload_bytes(&self) -> usize {
        self.writer.len()
    }

    /// The row that follows `head`, with at least one command in it.
    pub fn seal(self, head: &Head, time: TimeUs, rules_version: u16) -> JournalRow {
        assert!(self.count > 0, "a journal row holds at least one command");
        let mut row = JournalRow {
            history: head.history,
            epoch: head.epoch,
            first_seq: head.seq.next(),
            last_seq: Seq(head.seq.0 + self.count),
            time,
            rules_version,
            prev_chain: head.chain,
            chain: Chain::default(),
            payload: self.writer.into_bytes(),
        };
        row.chain = row.expected_chain();
        row
    }
}

impl JournalRow {
    /// The head once this row is committed.
    pub fn head(&self) -> Head {
        Head {
            history: self.history,
            epoch: self.epoch,
            seq: self.last_seq,
            chain: self.chain,
            time: self.time,
            rules_version: self.rules_version,
        }
    }

    /// The chain that the row's contents should have.
    pub fn expected_chain(&self) -> Chain {
        let mut hash = Sha256::new();
        hash.update(self.prev_chain.0);
        hash.update(self.history.0.to_le_bytes());
        hash.update(self.epoch.0.to_le_bytes());
        hash.update(self.first_seq.0.to_le_bytes());
        hash.update(self.last_seq.0.to_le_bytes());
        hash.update(self.time.0.to_le_bytes());
        hash.update(self.rules_version.to_le_bytes());
        hash.update((self.payload.len() as u64).to_le_bytes());
        hash.update(&self.payload);
        Chain(hash.finalize().into())
    }

    /// Checks that the row is whole and follows a row (or an empty journal) with this head.
    pub fn verify_after(&self, head: &Head) -> Result<(), RowError> {
        let follows = self.prev_chain == head.chain
            && self.first_seq == head.seq.next()
            && self.last_seq >= self.first_seq
            && self.history == head.history
            && self.epoch >= head.epoch
            && self.time >= head.time;
        if !follows {
            return Err(RowError::Order);
        }
        if self.chain != self.expected_chain() {
            return Err(RowError::Chain);
        }
        Ok(())
    }

    /// The commands with their seqs and events.
    pub fn entries(&self) -> Result<Vec<(Seq, Entry)>, RowError> {
        let mut reader = Reader::with_format(&self.payload).map_err(RowError::Payload)?;
        let mut entries = Vec::new();
        let mut seqs = self.first_seq.0..=self.last_seq.0;
        while !reader.is_empty() {
            let seq = seqs.next().ok_or(RowError::Payload(CodecError::Trailing))?;
            entries.push((Seq(seq), Entry::decode(&mut reader).map_err(RowError::Payload)?));
        }
        if seqs.next().is_some() {
            return Err(RowError::Payload(CodecError::Truncated));
        }
        Ok(entries)
    }
}
