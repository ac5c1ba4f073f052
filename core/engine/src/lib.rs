//! The pure venue: books, matching, holds, fees, ledger, snapshot and state hash.
//!
//! A state machine without I/O, clock, randomness, floats or `unsafe`: the same commands give the same
//! bytes, always. Time and ids come in with the command; effects go out as events. Every command runs in two
//! stages: `validate`, which only reads, then `apply`, which cannot fail. Nothing here knows the wire, the
//! store or other processes.

mod accounts;
mod admin;
pub mod book;
mod cancel;
mod dedup;
mod execute;
pub mod filters;
mod inspect;
mod matching;
mod orders;
mod place;
mod rounding;
mod series;
mod snapshot;
mod state;

pub use admin::check_genesis;
pub use inspect::{AssetSum, BookLevel, OpenOrder};
pub use snapshot::SnapshotError;
pub use state::RULES_VERSIONS;

use dedup::REMEMBERED_US;
use emporion_model::event::Event;
use emporion_model::journal::digest;
use emporion_model::{Command, Origin, Reject, Seq, SourceId, TimeUs};
use matching::Step;
use state::State;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The venue. One per process that leads or follows.
#[derive(Debug)]
pub struct Engine {
    state: State,
    /// What the present taker meets; one buffer for all commands.
    steps: Vec<Step>,
}

/// What to do with a command that has come in, before it takes a seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is new: apply it under the next seq.
    New,
    /// It was applied under this seq: repeat that outcome once it is committed.
    Duplicate(Seq),
    /// It is past its deadline by so much that nobody waits any more: no seq, no event.
    Drop,
}

impl Engine {
    /// The venue before genesis. `hash_key` should be unpredictable where clients are not trusted; it changes
    /// no outcome.
    pub fn new(hash_key: u64) -> Self {
        Self { state: State::empty(hash_key), steps: Vec::new() }
    }

    /// Judges a command that would be applied at `time`.
    pub fn admit(&self, time: TimeUs, command: &Command) -> Admission {
        let first = match command.origin {
            Origin::Client(_, deadline) if time > deadline.plus_us(REMEMBERED_US) => return Admission::Drop,
            Origin::Client(command_id, _) => self.state.dedup.seq_of(command_id),
            Origin::Service(source, n) => {
                let known = self.state.dedup.sources.get(&source).filter(|known| known.n == n);
                known.filter(|known| known.digest == digest(&command.action)).map(|known| known.seq)
            }
            Origin::Sequencer => None,
        };
        first.map_or(Admission::New, Admission::Duplicate)
    }

    /// Applies a command under `seq`, the one after the last, at `time`, not before the last one's. What
    /// changed is appended to `events`; the command was refused when the last of them is
    /// [`Event::Rejected`].
    ///
    /// A panic in validation, which only reads, becomes [`Reject::Internal`] on every replay alike.
    pub fn apply(&mut self, seq: Seq, time: TimeUs, command: &Command, events: &mut Vec<Event>) {
        self.state.advance(seq, time, events);
        self.steps.clear();
        let (state, steps) = (&self.state, &mut self.steps);
        let verdict = catch_unwind(AssertUnwindSafe(|| execute::validate(state, command, steps)));
        let outcome = match verdict.unwrap_or(Err(Reject::Internal)) {
            Ok(plan) => {
                execute::apply(&mut self.state, command, plan, &self.steps, events);
                None
            }
            Err(reject) => {
                events.push(Event::Rejected(reject));
                Some(reject)
            }
        };
        execute::remember(&mut self.state, command, outcome);
    }

    /// Whether work waits that must go on, by [`emporion_model::Action::Step`], before any other command.
    pub fn has_work(&self) -> bool {
        !self.state.follow_ups.is_empty()
    }

    /// The last number that this source has used; 0 before its first.
    pub fn source_n(&self, source: SourceId) -> u64 {
        self.state.dedup.sources.get(&source).map_or(0, |known| known.n)
    }
}
