//! Child processes that end with their handles.

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child as Process, Command};
use std::thread;
use std::time::Duration;

/// A child process; it gets a SIGTERM when this is dropped, a SIGKILL when it does not heed it, and is reaped.
#[derive(Debug)]
pub struct Child(Process);

/// How long a child may take to stop.
const STOP_TRIES: u32 = 500;
const STOP_PAUSE: Duration = Duration::from_millis(10);

impl Child {
    /// Starts `command` in a process group of its own, so that a terminal's Ctrl-C does not reach it.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.env(super::family::PARENT_ENV, super::family::mark(std::process::id()));
        Ok(Self(
            command.process_group(0).spawn().with_context(|| format!("{name} cannot be started: is it installed?"))?,
        ))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// The exit code of one that has ended; `None` also when a signal ended it.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.0.try_wait().ok().flatten()?.code()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            // A child that has ended already needs no signal.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Ends it with `signal` and waits until it has ended.
    pub fn stop(&mut self, signal: rustix::process::Signal) {
        self.signal(signal);
        for _ in 0..STOP_TRIES {
            if !self.is_running() {
                return;
            }
            pause(STOP_PAUSE);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.is_running() {
            self.stop(rustix::process::Signal::TERM);
        }
    }
}

/// A port on 127.0.0.1 that nobody used a moment ago; below those that the system gives to outgoing connections, so
/// that none of these takes it before its server listens, or while the server is started again.
pub fn free_port() -> Result<u16> {
    let mut random = StdRng::from_os_rng();
    let mut tries = (0..1_000).map(|_| random.random_range(12_000..32_000));
    tries.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).context("there is no free port")
}

/// The address of a server that the environment names under `variable`.
#[expect(clippy::disallowed_methods, reason = "only tests look here, and the test command tells them this way")]
pub(crate) fn running(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|address| !address.is_empty())
}

/// Asks `is_ready` again and again, for at most `seconds`.
pub(crate) fn wait_until(what: &str, seconds: u64, mut is_ready: impl FnMut() -> bool) -> Result<()> {
    for _ in 0..seconds * 20 {
        if is_ready() {
            return Ok(());
        }
        pause(Duration::from_millis(50));
    }
    anyhow::bail!("{what} was not ready within {seconds} s")
}

#[expect(clippy::disallowed_methods, reason = "this waits for other processes, which tell nobody when they are there")]
pub(crate) fn pause(duration: Duration) {
    thread::sleep(duration);
}
