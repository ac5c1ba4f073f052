//! A cluster's folder: who holds it, and the files by which scripts and commands find the venue.

use super::plan::{Plan, Planned, Role};
use crate::certificates;
use crate::parts::family;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the mark of the process that runs the cluster stands; it also says that the folder is a cluster's.
const SUPERVISOR_FILE: &str = "run/supervisor.json";
/// What says that a venue answers here.
const PUBLISHED: [&str; 3] = ["ready.json", "address.json", "operator-token"];
/// What a cluster leaves for people to read, and the next one removes.
const LEFT: [&str; 7] = ["certificates", "config", "data", "log", "postgres", "run", "emporion.toml"];
/// How long a cluster may take to stop.
const DOWN_MAX: Duration = Duration::from_secs(90);

/// The folder of a cluster that this process runs.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Takes a folder that is empty, or that a cluster has left: what it left is removed.
    pub(super) fn take(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("the folder {} cannot be made", path.display()))?;
        let path = fs::canonicalize(path)?;
        if let Some(mark) = holder(&path) {
            let path = path.display();
            ensure!(!family::is_running(&mark), "a cluster runs in {path} already: stop it with `make cluster-down`");
            family::end_children(&mark);
        }
        let foreign = fs::read_dir(&path)?.flatten().find(|entry| !is_ours(&entry.file_name().to_string_lossy()));
        if let Some(entry) = foreign {
            bail!("{} holds {:?}, which no cluster made: give an empty folder", path.display(), entry.file_name());
        }
        for name in LEFT.iter().chain(&PUBLISHED) {
            remove(&path.join(name))?;
        }
        for name in ["run", "log", "config", "data"] {
            fs::create_dir(path.join(name))?;
        }
        let mark = family::mark(std::process::id());
        fs::write(path.join(SUPERVISOR_FILE), json!({ "process": mark }).to_string())?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn log_file(&self, name: &str) -> PathBuf {
        self.path.join(format!("log/{name}.log"))
    }

    /// The last lines of a process's log.
    pub(super) fn log_end(&self, name: &str) -> String {
        let text = fs::read_to_string(self.log_file(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    pub(super) fn ready_file(&self, name: &str) -> PathBuf {
        self.path.join(format!("run/{name}.json"))
    }

    /// Whose ready file it is that a process wrote.
    pub(super) fn pid_of_ready_file(&self, name: &str) -> Option<u32> {
        let ready: Value = serde_json::from_str(&fs::read_to_string(self.ready_file(name)).ok()?).ok()?;
        ready["processes"][0]["pid"].as_u64()?.try_into().ok()
    }

    /// Writes a file that its owner alone may read.
    pub(super) fn write_secret(&self, name: &str, text: &str) -> Result<()> {
        certificates::write_secret(&self.path.join(name), text)
    }

    /// Says where everything is, as a venue's ready file does.
    pub(super) fn write_ready(&self, plan: &Plan, pids: &[(String, Option<u32>)]) {
        let pid_of = |name: &str| pids.iter().find(|(own, _)| own == name).and_then(|(_, pid)| *pid);
        let processes: Vec<Value> =
            plan.processes.iter().map(|process| described(process, pid_of(&process.name))).collect();
        let at = plan.balancer.public;
        let ready = json!({
            "rest": format!("http://{at}"),
            "ws": format!("ws://{at}"),
            "wsApi": format!("ws://{at}/ws-api/v3"),
            "dataDir": self.path,
            "processes": processes,
            "accounts": [],
        });
        // A folder that is gone or full is somebody else's doing; the processes go on.
        let _ = self.write_whole("ready.json", &format!("{ready:#}\n"));
    }

    /// Says where commands find the venue.
    pub(super) fn write_address(&self, plan: &Plan) -> Result<()> {
        let address = json!({
            "rest": format!("http://{}", plan.balancer.public),
            "operator": format!("http://{}", plan.balancer.operator),
            "pid": std::process::id(),
        });
        self.write_whole("address.json", &format!("{address:#}\n"))
    }

    /// Says that no venue answers here any more.
    pub(super) fn unpublish(&self) {
        // What is gone already is as it should be.
        PUBLISHED.iter().for_each(|name| drop(fs::remove_file(self.path.join(name))));
    }

    /// Nobody who reads it sees half of it.
    fn write_whole(&self, name: &str, text: &str) -> Result<()> {
        let new = self.path.join(format!("run/{name}.new"));
        certificates::write_secret(&new, text)?;
        Ok(fs::rename(new, self.path.join(name))?)
    }
}

fn described(process: &Planned, pid: Option<u32>) -> Value {
    let mut described = json!({
        "role": process.role.name(),
        "name": process.name,
        "pid": pid,
        "address": process.listen.to_string(),
    });
    if process.role.is_internal() {
        described["internal"] = json!(process.internal.to_string());
    }
    if process.role == Role::User {
        described["operator"] = json!(format!("http://{}", process.operator));
    }
    described
}

/// Stops the cluster in `folder`, whoever runs it, and what a dead one has left.
///
/// # Errors
/// There is no cluster, or it does not stop.
pub fn down(folder: &Path) -> Result<()> {
    let mark = holder(folder).with_context(|| format!("no cluster runs in {}", folder.display()))?;
    family::signal(&mark, Signal::TERM);
    if !family::wait_ended(&mark, DOWN_MAX) {
        family::signal(&mark, Signal::KILL);
        family::wait_ended(&mark, DOWN_MAX);
    }
    family::end_children(&mark);
    ensure!(!family::is_running(&mark), "the cluster's process {mark} does not end");
    for name in PUBLISHED {
        remove(&folder.join(name))?;
    }
    remove(&folder.join(SUPERVISOR_FILE))
}

fn holder(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(SUPERVISOR_FILE)).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    Some(value["process"].as_str()?.to_owned())
}

fn is_ours(name: &str) -> bool {
    LEFT.contains(&name) || PUBLISHED.contains(&name)
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}
