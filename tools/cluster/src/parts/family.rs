//! Which processes a process has started, found again after it has died.
//!
//! Every child carries the mark of who started it in its environment: the process id and when that process began, so
//! that a process id which the system gave to somebody else in the meantime means nobody.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Where a child says who started it.
pub(crate) const PARENT_ENV: &str = "CLUSTER_CHILD_OF";

const STOP_TRIES: u32 = 1_000;
const STOP_PAUSE: Duration = Duration::from_millis(10);

/// The mark of a process: its id and the time of its beginning, as the system tells them.
pub fn mark(pid: u32) -> String {
    format!("{pid}:{}", began(pid).unwrap_or(0))
}

/// Whether the process of this mark still runs; one that only waits to be reaped does not.
pub fn is_running(mark: &str) -> bool {
    let pid = mark.split(':').next().and_then(|pid| pid.parse().ok());
    pid.is_some_and(|pid| self::mark(pid) == mark && state(pid).is_some_and(|state| state != 'Z'))
}

/// Sends a signal to the process of this mark, if it still runs.
pub fn signal(mark: &str, signal: Signal) {
    if is_running(mark) {
        let pid = mark.split(':').next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        // One that ends at this moment needs no signal.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
}

/// Waits until the process of this mark has ended, for at most `limit`; says whether it has.
pub fn wait_ended(mark: &str, limit: Duration) -> bool {
    let tries = limit.as_millis() / STOP_PAUSE.as_millis();
    for _ in 0..tries {
        if !is_running(mark) {
            return true;
        }
        super::pause(STOP_PAUSE);
    }
    !is_running(mark)
}

/// The marks of the processes that the process of this mark started and that still run.
pub fn children(mark: &str) -> Vec<String> {
    let wanted = format!("{PARENT_ENV}={mark}");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ours = ids.filter(|pid| {
        let environment = fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    });
    ours.map(self::mark).filter(|mark| is_running(mark)).collect()
}

/// Ends everything that the process of this mark has left: asks first, then kills. Gives how many there were.
pub fn end_children(mark: &str) -> usize {
    let left = children(mark);
    for signal in [Signal::CONT, Signal::INT] {
        left.iter().for_each(|child| self::signal(child, signal));
    }
    for _ in 0..STOP_TRIES {
        if children(mark).is_empty() {
            return left.len();
        }
        super::pause(STOP_PAUSE);
    }
    children(mark).iter().for_each(|child| self::signal(child, Signal::KILL));
    left.len()
}

/// When a process began, in the system's ticks since it booted.
fn began(pid: u32) -> Option<u64> {
    after_name(pid)?.split(' ').nth(19)?.parse().ok()
}

fn state(pid: u32) -> Option<char> {
    after_name(pid)?.chars().next()
}

/// What `/proc` says behind a process's name, which may hold anything.
fn after_name(pid: u32) -> Option<String> {
    let line = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    line.rsplit_once(") ").map(|(_, rest)| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Child;
    use std::process::Command;

    #[test]
    fn what_a_process_started_is_found_and_ended() {
        let me = mark(std::process::id());
        assert!(is_running(&me));
        let mut child = Child::start(Command::new("sleep").arg("600")).unwrap();
        let its = mark(child.id());
        assert!(children(&me).contains(&its));
        assert!(!children("1:1").contains(&its));
        signal("1:1", Signal::KILL);
        signal(&its, Signal::KILL);
        assert!(wait_ended(&its, Duration::from_secs(20)));
        assert!(!children(&me).contains(&its));
        assert!(!child.is_running());
    }
}
