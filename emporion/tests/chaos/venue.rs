//! A cluster to break: how it is started, who trades on it, and what its commands say.

use emporion_api::signing::Signer;
use emporion_cluster::{Cluster, Lanes, Options, Queue};
use emporion_edge::Clock;
use serde_json::Value;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take that is waited for, on a machine that does other things too.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// How many lines of a log are told after a failure.
const LINES_TOLD: usize = 20;

/// A cluster in a folder of its own.
pub(crate) struct Venue {
    pub(crate) cluster: Cluster,
    binary: PathBuf,
    _folder: TempDir,
}

/// Somebody who trades.
pub(crate) struct Account {
    pub(crate) api_key: String,
    pub(crate) signer: Signer,
}

impl Venue {
    /// Starts one whose sequencers have networks that can be cut. `TEST_CHAOS_BINARY` names another build of the venue.
    pub(crate) fn start(queue: Queue, lanes: Lanes) -> Self {
        let binary = std::env::var_os("TEST_CHAOS_BINARY");
        let binary = binary.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_emporion")), PathBuf::from);
        let binary = std::fs::canonicalize(&binary).unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let folder = TempDir::new().unwrap();
        let options = Options::new(folder.path().join("cluster"), &binary);
        let cluster = Cluster::start(&Options { queue, lanes, networks: true, ..options }).unwrap();
        Self { cluster, binary, _folder: folder }
    }

    /// What a command that works says about the cluster.
    #[track_caller]
    pub(crate) fn command(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EMPORION_")) {
            command.env_remove(name);
        }
        command.args(arguments).arg("--json").arg("--config").arg(self.cluster.folder().join("emporion.toml"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Opens an account with enough of everything.
    pub(crate) fn account(&self, name: &str) -> Account {
        let deposits = ["--deposit", "BTC=1000", "--deposit", "USDT=100000000"];
        let made = self.command(&[&["account", "create", "--name", name], &deposits[..]].concat());
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Account { api_key: text("apiKey"), signer: Signer::hmac(&text("secretKey")) }
    }

    /// The audit's report once the tables stand within what it replays: the cluster goes on meanwhile.
    pub(crate) fn audit(&self) -> Value {
        eventually("an audit with tables", || {
            let report = self.command(&["audit"]);
            (report["tablesRebuilt"] == true).then_some(report)
        })
    }
}

/// After a failure the sequencers tell what they did last, as their logs go with the folder.
impl Drop for Venue {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for name in self.cluster.names("sequencer") {
            let metrics = ["sequencer_leads", "sequencer_committed_seq", "standby_seq"];
            let told = metrics.map(|metric| self.cluster.metric(name, metric));
            let log = std::fs::read_to_string(self.cluster.folder().join(format!("log/{name}.log")));
            let log = log.unwrap_or_default();
            let end: Vec<&str> = log.lines().rev().take(LINES_TOLD).collect();
            // Nobody may be listening any more.
            let _ = writeln!(stdout().lock(), "{name}: {metrics:?} are {told:?}; the newest lines first: {end:#?}");
        }
    }
}

/// Looks again and again until there is something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + WAIT_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "it did not happen: {what}");
        pause(Duration::from_millis(20));
    }
}

#[expect(clippy::disallowed_methods, reason = "other processes tell nobody when they are where they are waited for")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Now, in milliseconds, for names that are unlike those of other runs.
pub(crate) fn now_ms() -> u64 {
    Clock::system().now().millis()
}
