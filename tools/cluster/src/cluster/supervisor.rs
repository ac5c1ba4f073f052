//! Runs processes and starts again what ended by itself, unless somebody holds it.
//!
//! What must not live here: what the processes are.

use crate::parts::{Child, pause};
use anyhow::Result;
use rustix::process::Signal;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at the processes.
const STEP: Duration = Duration::from_millis(20);
/// How long a process that ended is left alone; twice as long each time it ends early again.
const BACK_OFF: Duration = Duration::from_millis(250);
const BACK_OFF_MAX: Duration = Duration::from_secs(4);
/// A process that ran for so long ends anew.
const LONG_RUN: Duration = Duration::from_secs(10);
/// After so many early ends nobody waits for it any more; it is started again all the same.
const EARLY_ENDS_MAX: u32 = 6;

/// A process to run.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) log: PathBuf,
    /// A file that tells of an earlier run.
    pub(super) remove_before: Option<PathBuf>,
}

/// Running processes; [`Self::end`] ends them.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    watcher: Option<JoinHandle<()>>,
}

struct Shared {
    managed: Mutex<Vec<Managed>>,
    is_stopping: AtomicBool,
    /// Whether process ids are told when they change.
    is_public: AtomicBool,
    tell: Tell,
}

type Tell = Box<dyn Fn(&[(String, Option<u32>)]) + Send + Sync>;

struct Managed {
    spec: Spec,
    child: Option<Child>,
    is_held: bool,
    /// How often it ended early, one run after another.
    early_ends: u32,
    started_at: Instant,
    start_at: Instant,
    starts: u64,
    exit_code: Option<i32>,
}

/// One process of a cluster, whichever run of it.
#[derive(Clone, Copy)]
pub struct Process<'a> {
    shared: &'a Shared,
    index: usize,
}

impl Supervisor {
    /// Watches processes, all of which are held at first. `tell` gets every name and process id when one changes.
    pub(super) fn start(
        specs: Vec<Spec>,
        tell: impl Fn(&[(String, Option<u32>)]) + Send + Sync + 'static,
    ) -> Result<Self> {
        let now = Instant::now();
        let managed = specs.into_iter().map(|spec| Managed {
            spec,
            child: None,
            is_held: true,
            early_ends: 0,
            started_at: now,
            start_at: now,
            starts: 0,
            exit_code: None,
        });
        let shared = Arc::new(Shared {
            managed: Mutex::new(managed.collect()),
            is_stopping: AtomicBool::new(false),
            is_public: AtomicBool::new(false),
            tell: Box::new(tell),
        });
        let watched = Arc::clone(&shared);
        let watcher = std::thread::Builder::new().name("supervisor".to_owned()).spawn(move || watched.watch())?;
        Ok(Self { shared, watcher: Some(watcher) })
    }

    /// A process by its name.
    pub(super) fn process(&self, name: &str) -> Process<'_> {
        let index = self.shared.managed().iter().position(|managed| managed.spec.name == name);
        Process { shared: &self.shared, index: index.unwrap_or_else(|| panic!("there is no process {name:?}")) }
    }

    /// Tells the process ids now and whenever one changes.
    pub(super) fn publish(&self) {
        self.shared.is_public.store(true, Ordering::SeqCst);
        self.shared.tell();
    }

    /// Ends one group of processes after the other, each within `limit`, and watches no more.
    pub(super) fn end(&mut self, groups: &[Vec<&str>], limit: Duration) {
        self.shared.is_public.store(false, Ordering::SeqCst);
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        if let Some(watcher) = self.watcher.take() {
            // One that panicked has said so already.
            let _ = watcher.join();
        }
        let mut all = self.shared.managed();
        for group in groups {
            let mut group: Vec<&mut Child> = all
                .iter_mut()
                .filter(|managed| group.contains(&managed.spec.name.as_str()))
                .filter_map(|managed| managed.child.as_mut())
                .collect();
            for child in &group {
                // Signals to a frozen process wait until it goes on.
                child.signal(Signal::CONT);
                child.signal(Signal::TERM);
            }
            let until = Instant::now() + limit;
            while group.iter_mut().any(|child| child.is_running()) && Instant::now() < until {
                pause(STEP);
            }
            for child in group {
                if child.is_running() {
                    child.stop(Signal::KILL);
                }
            }
        }
        all.clear();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.end(&[], Duration::ZERO);
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Supervisor")
    }
}

impl Shared {
    fn managed(&self) -> MutexGuard<'_, Vec<Managed>> {
        self.managed.lock().expect("nobody panics while he holds it")
    }

    fn watch(&self) {
        while !self.is_stopping.load(Ordering::SeqCst) {
            let mut changed = false;
            for managed in self.managed().iter_mut() {
                changed |= managed.step();
            }
            if changed && self.is_public.load(Ordering::SeqCst) {
                self.tell();
            }
            pause(STEP);
        }
    }

    fn tell(&self) {
        let pids: Vec<(String, Option<u32>)> =
            self.managed().iter().map(|managed| (managed.spec.name.clone(), managed.pid())).collect();
        (self.tell)(&pids);
    }
}

impl Managed {
    /// Reaps it when it has ended and starts it when it is time; says whether its process id is another one now.
    fn step(&mut self) -> bool {
        let before = self.pid();
        if let Some(child) = self.child.as_mut().and_then(|child| (!child.is_running()).then_some(child)) {
            self.exit_code = child.exit_code();
            self.child = None;
            self.early_ends = if self.started_at.elapsed() < LONG_RUN { self.early_ends + 1 } else { 0 };
            let back_off = BACK_OFF.saturating_mul(1 << self.early_ends.min(6)).min(BACK_OFF_MAX);
            self.start_at = Instant::now() + back_off;
        }
        if self.child.is_none() && !self.is_held && Instant::now() >= self.start_at {
            // What keeps it from starting, such as a missing program, is seen when it is waited for; it is tried again.
            self.child = self.run().ok();
            self.started_at = Instant::now();
            self.start_at = self.started_at + BACK_OFF_MAX;
            self.starts += 1;
        }
        self.pid() != before
    }

    fn run(&self) -> Result<Child> {
        if let Some(path) = self.spec.remove_before.as_ref().filter(|path| path.exists()) {
            fs::remove_file(path)?;
        }
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.spec.log)?;
        let mut command = Command::new(&self.spec.program);
        command.args(&self.spec.arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Child::start(&mut command)
    }

    fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Process<'_> {
    fn with<T>(&self, act: impl FnOnce(&mut Managed) -> T) -> T {
        act(&mut self.shared.managed()[self.index])
    }

    fn signal(&self, signal: Signal) {
        self.with(|managed| {
            if let Some(child) = &managed.child {
                child.signal(signal);
            }
        });
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.with(|managed| managed.pid())
    }

    /// How often it was started.
    pub fn starts(&self) -> u64 {
        self.with(|managed| managed.starts)
    }

    /// The exit code of its last run that ended; `None` when a signal ended it.
    pub fn exit_code(&self) -> Option<i32> {
        self.with(|managed| managed.exit_code)
    }

    /// Whether it has ended soon after its start again and again.
    pub(super) fn ends_early(&self) -> bool {
        self.with(|managed| managed.early_ends >= EARLY_ENDS_MAX)
    }

    /// Kills it, as when its machine is lost, and waits until it is gone. It is started again unless it is held.
    pub fn kill(&self) {
        self.with(|managed| {
            if let Some(child) = &mut managed.child {
                child.stop(Signal::KILL);
            }
        });
    }

    /// Asks it to stop (SIGTERM). It is started again unless it is held.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Freezes it: it answers nothing and closes no connection.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen one go on.
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// From now on it is not started again when it ends.
    pub fn hold(&self) {
        self.with(|managed| managed.is_held = true);
    }

    /// Starts it at once, if it does not run, and again whenever it ends.
    pub fn release(&self) {
        self.with(|managed| {
            managed.is_held = false;
            managed.early_ends = 0;
            managed.start_at = Instant::now();
        });
    }
}

impl fmt::Debug for Process<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({:?})", self.with(|managed| managed.spec.name.clone()))
    }
}
