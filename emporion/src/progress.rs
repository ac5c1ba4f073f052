//! Progress on standard error for what may take longer than a second: a bar on a terminal, a log line now and
//! then elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Work that is done within this time shows no bar.
const QUIET: Duration = Duration::from_secs(1);
/// Log lines are at least this far apart.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// All bars, so that log lines can make room for themselves.
static BARS: LazyLock<MultiProgress> = LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::hidden()));

/// How far one piece of work is.
pub(crate) struct Progress {
    what: &'static str,
    bar: ProgressBar,
    started: Instant,
    logged: Mutex<Instant>,
}

impl Progress {
    /// Of work that is called `what`, such as "replaying the journal".
    pub(crate) fn of(what: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} % · {eta} left");
        let bar = ProgressBar::hidden().with_message(what);
        bar.set_style(style.expect("a test draws this template"));
        let now = Instant::now();
        Self { what, bar, started: now, logged: Mutex::new(now) }
    }

    /// `done` of `total` is done.
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.started.elapsed() < QUIET {
            return;
        }
        if crate::output::is_watched() {
            if self.bar.is_hidden() {
                BARS.set_draw_target(ProgressDrawTarget::stderr());
                BARS.add(self.bar.clone());
            }
            return;
        }
        let mut logged = self.logged.lock();
        if logged.elapsed() >= LOG_EVERY {
            *logged = Instant::now();
            tracing::info!(done, total, "Still {}.", self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Standard error for log lines, above any bars.
pub(crate) struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_is_quick_shows_nothing() {
        let progress = Progress::of("testing");
        progress.set(1, 10);
        progress.set(10, 10);
        assert!(progress.bar.is_hidden());
    }
}
