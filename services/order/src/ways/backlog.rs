//! How long a command would wait on a lane, as far as this process can tell.
//!
//! Three things tell it: how long the oldest command of this process has been unanswered on that lane, how long the last
//! ones took on any (a canary's each second, if nothing else), and for how long messages have waited while nobody
//! received any. One lane that is locked, because its receiver died with it, says nothing of the others.
//! What must not live here: what follows from it.

use emporion_model::CommandId;
use emporion_ports::lanes::Backlog;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// After so long without a measurement the last ones say nothing.
const MEASURED_FOR: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Seen {
    sent: HashMap<CommandId, (u32, Instant)>,
    by_age: BTreeMap<u32, BTreeSet<(Instant, CommandId)>>,
    /// The answers of late, the last one first: when it came and how long it took. Two, as a single one may be that of
    /// a lane that was locked.
    last: [Option<(Instant, Duration)>; 2],
    /// Since when messages wait and nobody has received any.
    nobody_since: Option<Instant>,
}

impl Seen {
    fn oldest(&self, lane: u32) -> Option<Duration> {
        self.by_age.get(&lane)?.first().map(|(since, _)| since.elapsed())
    }

    /// What is known of all lanes.
    fn general(&self) -> Option<Duration> {
        let fresh = self.last.iter().flatten().filter(|(at, _)| at.elapsed() < MEASURED_FOR);
        fresh.map(|(_, wait)| *wait).min().max(self.nobody_since.map(|since| since.elapsed()))
    }
}

/// The measured backlog of the lanes.
#[derive(Default)]
pub(super) struct MeasuredBacklog(Mutex<Seen>);

impl MeasuredBacklog {
    /// A command was handed to this lane.
    pub(super) fn sent(&self, lane: u32, command_id: CommandId) {
        let (mut seen, now) = (self.0.lock(), Instant::now());
        let (lane, since) = *seen.sent.entry(command_id).or_insert((lane, now));
        seen.by_age.entry(lane).or_default().insert((since, command_id));
    }

    /// A command has its outcome, or is not waited for any more.
    pub(super) fn settled(&self, command_id: CommandId, is_answered: bool) {
        let mut seen = self.0.lock();
        let Some((lane, since)) = seen.sent.remove(&command_id) else { return };
        if let Some(waiting) = seen.by_age.get_mut(&lane) {
            waiting.remove(&(since, command_id));
            if waiting.is_empty() {
                seen.by_age.remove(&lane);
            }
        }
        if is_answered {
            seen.last = [Some((Instant::now(), since.elapsed())), seen.last[0]];
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

    /// How long a command handed to this lane now is expected to wait.
    pub(super) fn wait_on(&self, lane: u32) -> Duration {
        let seen = self.0.lock();
        seen.oldest(lane).max(seen.general()).unwrap_or_default()
    }

    /// How long a command handed to the slowest lane now is expected to wait.
    pub(super) fn wait(&self) -> Duration {
        let seen = self.0.lock();
        let slowest = seen.by_age.keys().filter_map(|lane| seen.oldest(*lane)).max();
        slowest.max(seen.general()).unwrap_or_default()
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
        backlog.sent(7, id(1));
        tokio::time::advance(SECOND).await;
        backlog.sent(7, id(2));
        backlog.sent(7, id(1));
        tokio::time::advance(SECOND).await;
        assert_eq!(backlog.wait_on(7), 2 * SECOND);
        backlog.settled(id(1), false);
        assert_eq!(backlog.wait_on(7), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_locked_lane_says_nothing_of_the_others() {
        let backlog = MeasuredBacklog::default();
        backlog.sent(7, id(1));
        tokio::time::advance(3 * SECOND).await;
        assert_eq!(backlog.wait_on(8), Duration::ZERO);
        assert_eq!((backlog.wait_on(7), backlog.wait()), (3 * SECOND, 3 * SECOND));
        backlog.sent(8, id(2));
        backlog.settled(id(2), true);
        backlog.settled(id(1), true);
        assert_eq!((backlog.wait_on(7), backlog.wait()), (Duration::ZERO, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_answer_tells_for_a_while() {
        let backlog = MeasuredBacklog::default();
        for number in [1, 2] {
            backlog.sent(number.into(), id(number));
        }
        tokio::time::advance(SECOND).await;
        backlog.settled(id(1), true);
        assert_eq!(backlog.wait_on(3), SECOND);
        tokio::time::advance(SECOND).await;
        backlog.settled(id(2), true);
        assert_eq!(backlog.wait_on(3), SECOND);
        tokio::time::advance(MEASURED_FOR).await;
        assert_eq!(backlog.wait_on(3), Duration::ZERO);
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
