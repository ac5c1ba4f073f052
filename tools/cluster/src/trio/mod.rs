//! Three equal PostgreSQL nodes: one writes, a commit waits for one of the two others, and when the writer is lost, the
//! one that has more takes its place.
//!
//! The write address is a switch that leads to the present primary, the read address one that leads to a standby; the
//! addresses of the nodes stay what they are.
//! Promotion loses nothing that was acknowledged: the lost primary is ended with all its processes first, both
//! standbys are asked what they have on disk, and the one with more is promoted; when not both can be asked, the lost
//! primary is started again where it was. What must not live here: databases and roles of the venue.

mod manager;
mod node;
mod sql;

use crate::fault_proxy::FaultProxy;
use anyhow::{Context, Result, bail};
use node::Node;
use sql::Sql;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many nodes there are.
pub const NODES: usize = 3;

/// A running trio; its processes end when it is dropped.
#[derive(Debug)]
pub struct Trio {
    shared: Arc<Shared>,
    manager: Option<JoinHandle<()>>,
}

/// What the manager and the callers share.
#[derive(Debug)]
struct Shared {
    nodes: Mutex<Vec<Node>>,
    view: Mutex<View>,
    changed: Condvar,
    is_stopping: AtomicBool,
    switch: FaultProxy,
    reader: FaultProxy,
    password: String,
}

/// What the manager last saw.
#[derive(Clone, Debug)]
struct View {
    primary: usize,
    /// Whether both others stream from the primary.
    is_healthy: bool,
    failovers: u64,
    report: Vec<String>,
}

impl Trio {
    /// Starts a trio in `folder`, which is made, with `password` for the superuser `postgres`. It is healthy then.
    pub fn start(folder: &Path, password: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = fs::canonicalize(folder)?;
        let nodes = node::make(&folder, password)?;
        let switch = FaultProxy::start(Some(nodes[0].address()))?;
        let reader = FaultProxy::start(Some(nodes[1].address()))?;
        let shared = Arc::new(Shared {
            nodes: Mutex::new(nodes),
            view: Mutex::new(View { primary: 0, is_healthy: false, failovers: 0, report: Vec::new() }),
            changed: Condvar::new(),
            is_stopping: AtomicBool::new(false),
            switch,
            reader,
            password: password.to_owned(),
        });
        let for_manager = Arc::clone(&shared);
        let manager = std::thread::Builder::new().name("trio".to_owned()).spawn(move || manager::run(&for_manager))?;
        let trio = Self { shared, manager: Some(manager) };
        trio.wait_healthy()?;
        Ok(trio)
    }

    /// Where the primary is reached, whichever node it is. Connections are reset when it changes.
    pub fn write_address(&self) -> SocketAddr {
        self.shared.switch.address()
    }

    /// Where reads may go: to a standby, whichever node it is. Connections are reset when it changes; while there is no
    /// standby, it leads to the primary.
    pub fn read_address(&self) -> SocketAddr {
        self.shared.reader.address()
    }

    /// The address of a node itself, whatever it is at the moment.
    pub fn address(&self, node: usize) -> SocketAddr {
        self.shared.nodes()[node].address()
    }

    /// The proxy in front of the primary, for faults between it and everybody.
    pub fn switch(&self) -> &FaultProxy {
        &self.shared.switch
    }

    /// Runs a statement as the superuser in a database, at the write address. Waits for at most a minute.
    pub fn sql(&self, database: &str, statement: &str) -> Result<Vec<Vec<Option<String>>>> {
        self.ask(self.write_address(), database, statement)
    }

    /// The same on one node, from 0 to 2, whatever it is at the moment.
    pub fn sql_at(&self, node: usize, database: &str, statement: &str) -> Result<Vec<Vec<Option<String>>>> {
        self.ask(self.address(node), database, statement)
    }

    fn ask(&self, at: SocketAddr, database: &str, statement: &str) -> Result<Vec<Vec<Option<String>>>> {
        // A thread of its own, so that async callers may ask too.
        let ask = || {
            let sql = Sql::new(&self.shared.password, database)?;
            sql.rows(at, statement, Duration::from_secs(60))
        };
        std::thread::scope(|scope| scope.spawn(ask).join()).unwrap_or_else(|_| bail!("the statement broke its thread"))
    }

    /// The superuser's password.
    pub fn password(&self) -> &str {
        &self.shared.password
    }

    /// Which node is the primary, from 0 to 2.
    pub fn primary(&self) -> usize {
        self.shared.view().primary
    }

    /// The process id of a node's postmaster, while it runs.
    pub fn pid(&self, node: usize) -> Option<u32> {
        self.shared.nodes()[node].pid()
    }

    /// How often a standby has been promoted.
    pub fn failovers(&self) -> u64 {
        self.shared.view().failovers
    }

    /// What the manager has done, one sentence a step.
    pub fn report(&self) -> Vec<String> {
        self.shared.view().report.clone()
    }

    /// Kills the primary with all its processes, as when its machine is lost, and gives the number of failovers before
    /// it. The manager promotes a standby by itself.
    pub fn kill_primary(&self) -> u64 {
        let before = self.shared.view().clone();
        self.shared.nodes()[before.primary].kill();
        self.shared.update(|view| view.is_healthy = false);
        before.failovers
    }

    /// Waits until a standby was promoted after the failover number `before` and the trio is healthy again.
    pub fn wait_failover(&self, before: u64) -> Result<()> {
        self.wait(|view| view.is_healthy && view.failovers > before)
    }

    /// Waits until both standbys stream from the primary.
    pub fn wait_healthy(&self) -> Result<()> {
        self.wait(|view| view.is_healthy)
    }

    /// Freezes a node with all its processes (SIGSTOP): nothing is answered and no connection is closed. A frozen
    /// primary is taken for lost after some seconds.
    pub fn pause(&self, node: usize) {
        self.shared.nodes()[node].pause();
        self.shared.update(|view| view.is_healthy = false);
    }

    /// Lets a frozen node go on.
    pub fn resume(&self, node: usize) {
        self.shared.nodes()[node].resume();
    }

    /// Freezes both standbys: commits wait from now on.
    pub fn pause_standbys(&self) {
        let primary = self.primary();
        (0..NODES).filter(|node| *node != primary).for_each(|node| self.pause(node));
    }

    /// Lets every frozen node go on.
    pub fn resume_all(&self) {
        (0..NODES).for_each(|node| self.resume(node));
    }

    fn wait(&self, is_reached: impl Fn(&View) -> bool) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(120);
        let mut view = self.shared.view();
        while !is_reached(&view) {
            if Instant::now() > until {
                bail!("the PostgreSQL nodes are not what was waited for after 120 s; {}", view.report.join("; "));
            }
            let waited = self.shared.changed.wait_timeout(view, Duration::from_secs(1));
            view = waited.expect("nobody panics while he holds it").0;
        }
        Ok(())
    }
}

impl Drop for Trio {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        if let Some(manager) = self.manager.take() {
            // A manager that panicked has said so already.
            let _ = manager.join();
        }
        // The primary last: a standby that stops before it has nothing to wait for.
        let primary = self.primary();
        let mut nodes = self.shared.nodes();
        for number in (0..NODES).filter(|node| *node != primary).chain([primary]) {
            nodes[number].stop();
        }
    }
}

impl Shared {
    fn nodes(&self) -> MutexGuard<'_, Vec<Node>> {
        self.nodes.lock().expect("nobody panics while he holds it")
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().expect("nobody panics while he holds it")
    }

    fn update(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view());
        self.changed.notify_all();
    }

    fn say(&self, sentence: String) {
        self.update(|view| {
            if view.report.last() != Some(&sentence) {
                view.report.push(sentence);
            }
        });
    }
}

/// A folder that the user of PostgreSQL's processes can reach: `folder` itself or, when somebody's private folder lies
/// above it, a temporary one. Gives the folder and what keeps a temporary one.
pub fn reachable_folder(folder: &Path) -> Result<(PathBuf, Option<tempfile::TempDir>)> {
    fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let folder = fs::canonicalize(folder)?;
    let mut test = crate::parts::as_other_user(Path::new("test"));
    if test.arg("-x").arg(&folder).status().is_ok_and(|status| status.success()) {
        return Ok((folder, None));
    }
    let temporary = tempfile::Builder::new().prefix("emporion-postgres-").tempdir()?;
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755))?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}
