//! How long a command would wait on the lanes, as far as this process can tell.
//!
//! Three things tell it: how long the oldest command of this process has been unanswered there, how long the last one
//! took (a canary's each second, if nothing else), and for how long messages have waited while nobody received any.
//! What must not live here: what follows from it.

use emporion_model::CommandId;
use emporion_ports::lanes::Backlog;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// After so long without a measurement the last one says nothing.
const MEASURED_FOR: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Seen {
    sent: HashMap<CommandId, Instant>,
    by_age: BTreeSet<(Instant, CommandId)>,
    last: Option<(Instant, Duration)>,
    /// Since when messages wait and nobody has received any.
    nobody_since: Option<Instant>,
}

/// The measured backlog of the lanes.
#[derive(Default)]
pub(super) struct MeasuredBacklog(Mutex<Seen>);

impl MeasuredBacklog {
    /// A command was handed to a lane.
    pub(super) fn sent(&self, command_id: CommandId) {
        let (mut seen, now) = (self.0.lock(), Instant::now());
        let since = *seen.sent.entry(command_id).or_insert(now);
        seen.by_age.insert((since, command_id));
    }

    /// A command has its outcome, or is not waited for any more.
    pub(super) fn settled(&self, command_id: CommandId, is_answered: bool) {
        let mut seen = self.0.lock();
        let Some(since) = seen.sent.remove(&command_id) else { return };
        seen.by_age.remove(&(since, command_id));
        if is_answered {
            seen.last = Some((Instant::now(), since.elapsed()));
        }
    }

    /// What the queue itself says.
    pub(super) fn counted(&self, backlog: Backlog) {
        let mut seen = self.0.lock();
        seen.nobody_since = match backlog.waiting > 0 && backlog.in_flight == 0 {
            true => Some(seen.nobody_since.unwrap_or_else(Instant::now)),
            false => None,
        };
    }

    /// How long a command handed to a lane now is expected to wait.
    pub(super) fn wait(&self) -> Duration {
        let seen = self.0.lock();
        let oldest = seen.by_age.first().map(|(since, _)| since.elapsed());
        let last = seen.last.filter(|(at, _)| at.elapsed() < MEASURED_FOR).map(|(_, wait)| wait);
        let nobody = seen.nobody_since.map(|since| since.elapsed());
        oldest.max(last).max(nobody).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn id(number: u8) -> CommandId {
        CommandId([number; 16])
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_unanswered_command_tells() {
        let backlog = MeasuredBacklog::default();
        assert_eq!(backlog.wait(), Duration::ZERO);
        backlog.sent(id(1));
        tokio::time::advance(SECOND).await;
        backlog.sent(id(2));
        backlog.sent(id(1));
        tokio::time::advance(SECOND).await;
        assert_eq!(backlog.wait(), 2 * SECOND);
        backlog.settled(id(1), false);
        assert_eq!(backlog.wait(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_answer_tells_for_a_while() {
        let backlog = MeasuredBacklog::default();
        backlog.sent(id(1));
        tokio::time::advance(SECOND).await;
        backlog.settled(id(1), true);
        assert_eq!(backlog.wait(), SECOND);
        tokio::time::advance(MEASURED_FOR).await;
        assert_eq!(backlog.wait(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn messages_that_nobody_receives_tell() {
        let backlog = MeasuredBacklog::default();
        let counts = |waiting, in_flight| Backlog { waiting, in_flight };
        backlog.counted(counts(5, 0));
        tokio::time::advance(SECOND).await;
        backlog.counted(counts(9, 0));
        assert_eq!(backlog.wait(), SECOND);
        backlog.counted(counts(9, 1));
        assert_eq!(backlog.wait(), Duration::ZERO);
    }
}
