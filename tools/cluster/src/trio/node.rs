//! One PostgreSQL node: its files and its processes.

use crate::parts::{Child, as_other_user, bin, free_port, give_away};
use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Who streams from a primary.
const REPLICATOR: &str = "replicator";

/// A node. Its folder holds `data`, its own config and its log.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    folder: PathBuf,
    port: u16,
    server: Option<Child>,
}

/// Makes three nodes out of one `initdb` and starts them, the first as the primary.
pub(super) fn make(folder: &Path, password: &str) -> Result<Vec<Node>> {
    let names = ["a", "b", "c"];
    give_away(folder)?;
    let mut nodes = Vec::new();
    for name in names {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        give_away(&folder)?;
        nodes.push(Node { name: name.to_owned(), folder, port: free_port()?, server: None });
    }
    nodes[0].initdb(password)?;
    nodes[0].write_access()?;
    for node in &nodes[1..] {
        nodes[0].copy_data_to(node)?;
    }
    let primary = nodes[0].address();
    for (number, node) in nodes.iter_mut().enumerate() {
        node.follow((number > 0).then_some(primary), password)?;
    }
    nodes[0].start()?;
    Ok(nodes)
}

impl Node {
    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    /// A slot in which a primary notes how far this node is.
    pub(super) fn slot(&self) -> String {
        format!(
            "select pg_create_physical_replication_slot('{0}', true) where not exists \
             (select from pg_replication_slots where slot_name = '{0}')",
            self.name
        )
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn initdb(&self, password: &str) -> Result<()> {
        let file = self.folder.join("password");
        self.write(&file, password)?;
        let mut command = as_other_user(&bin("initdb"));
        command.args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-sync"]);
        command.args(["--auth=scram-sha-256"]).arg("--pwfile").arg(&file);
        run(command.arg("--pgdata").arg(self.data()), "initdb")?;
        Ok(fs::remove_file(file)?)
    }

    fn write_access(&self) -> Result<()> {
        let rules = "host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n";
        self.write(&self.data().join("pg_hba.conf"), rules)
    }

    fn copy_data_to(&self, other: &Self) -> Result<()> {
        let mut command = as_other_user(Path::new("cp"));
        run(command.arg("-a").arg(self.data()).arg(other.data()), "cp")
    }

    /// Writes the config of a standby of `primary`, or of a primary. A running node heeds it after [`Self::reload`].
    pub(super) fn follow(&self, primary: Option<SocketAddr>, password: &str) -> Result<()> {
        let following = match primary {
            Some(primary) => format!(
                "primary_conninfo = 'host={} port={} user={REPLICATOR} password={password} application_name={} \
                 connect_timeout=2'\nprimary_slot_name = '{}'\n",
                primary.ip(),
                primary.port(),
                self.name,
                self.name
            ),
            None => String::new(),
        };
        let settings = include_str!("node.conf");
        let own = format!("port = {}\n", self.port);
        self.write(&self.folder.join("postgresql.conf"), &format!("{settings}{own}{following}"))?;
        if primary.is_some() {
            self.write(&self.data().join("standby.signal"), "")?;
        }
        Ok(())
    }

    /// Writes a file that PostgreSQL's user alone may read.
    fn write(&self, path: &Path, text: &str) -> Result<()> {
        fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        give_away(path)
    }

    pub(super) fn start(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = as_other_user(&bin("postgres"));
        command.arg("-D").arg(self.data());
        command.arg("-c").arg(format!("config_file={}", self.folder.join("postgresql.conf").display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.server = Some(Child::start(&mut command)?);
        Ok(())
    }

    /// Whether the postmaster runs; one that has ended is reaped.
    pub(super) fn is_running(&mut self) -> bool {
        self.server.as_mut().is_some_and(Child::is_running)
    }

    pub(super) fn reload(&self) {
        if let Some(server) = &self.server {
            server.signal(Signal::HUP);
        }
    }

    /// Ends all its processes at once and reaps the postmaster.
    pub(super) fn kill(&mut self) {
        if let Some(server) = &self.server {
            // Frozen first, so that it starts no process that is not seen below.
            server.signal(Signal::STOP);
        }
        loop {
            let processes = self.processes();
            processes.iter().for_each(|pid| send(*pid, Signal::KILL));
            if !self.is_running() && processes.is_empty() {
                break;
            }
            crate::parts::pause(std::time::Duration::from_millis(2));
        }
        self.server = None;
    }

    pub(super) fn pause(&self) {
        if let Some(server) = &self.server {
            server.signal(Signal::STOP);
        }
        self.processes().into_iter().for_each(|pid| send(pid, Signal::STOP));
    }

    pub(super) fn resume(&self) {
        self.processes().into_iter().for_each(|pid| send(pid, Signal::CONT));
    }

    /// Ends it in order: connections are closed, and what is in memory is written.
    pub(super) fn stop(&mut self) {
        self.resume();
        if let Some(mut server) = self.server.take() {
            server.stop(Signal::INT);
        }
        self.kill();
    }

    /// The postmaster and its children: whoever works in the data folder. A lost postmaster's children are among them,
    /// and must be, as one of them may still acknowledge a commit.
    fn processes(&self) -> Vec<Pid> {
        let Ok(data) = fs::canonicalize(self.data()) else { return Vec::new() };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let works_here = entries.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == data));
        works_here.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).collect()
    }

    /// Makes the data of a node that was the primary those of a standby of `primary`: by going back to where they
    /// parted or, where that is impossible, by a copy.
    pub(super) fn rebuild(&mut self, primary: SocketAddr, password: &str) -> Result<&'static str> {
        self.kill();
        let source = format!("host={} port={} user=postgres dbname=postgres", primary.ip(), primary.port());
        let mut rewind = as_other_user(&bin("pg_rewind"));
        rewind.env("PGPASSWORD", password).arg("--target-pgdata").arg(self.data());
        rewind.arg(format!("--source-server={source}")).arg("--no-sync");
        let log = self.folder.join("rebuild.log");
        if run_logged(&mut rewind, &log).is_err() {
            return self.copy(primary, password);
        }
        // Its slots tell what others had when it was the primary.
        for slot in fs::read_dir(self.data().join("pg_replslot"))? {
            fs::remove_dir_all(slot?.path())?;
        }
        self.follow(Some(primary), password)?;
        self.start()?;
        Ok("rewound")
    }

    /// Makes its data a copy of those of `primary`, and starts it as a standby.
    pub(super) fn copy(&mut self, primary: SocketAddr, password: &str) -> Result<&'static str> {
        self.kill();
        if self.data().exists() {
            fs::remove_dir_all(self.data())?;
        }
        let source = format!("host={} port={} user=postgres dbname=postgres", primary.ip(), primary.port());
        let mut copy = as_other_user(&bin("pg_basebackup"));
        copy.env("PGPASSWORD", password).arg("-D").arg(self.data()).arg(format!("--dbname={source}"));
        let log = self.folder.join("rebuild.log");
        run_logged(copy.args(["--checkpoint=fast", "--wal-method=stream", "--no-sync"]), &log)?;
        self.follow(Some(primary), password)?;
        self.start()?;
        Ok("copied")
    }
}

/// What a primary must hold before others can follow it: who may stream.
pub(super) fn roles(password: &str) -> String {
    format!("set synchronous_commit = local; create role {REPLICATOR} login replication password '{password}'")
}

fn send(pid: Pid, signal: Signal) {
    // A process that has ended already needs no signal.
    let _ = kill_process(pid, signal);
}

fn run(command: &mut Command, name: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{name} cannot be started: is PostgreSQL installed?"))?;
    ensure!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
    let status = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).status()?;
    ensure!(status.success(), "{} failed", command.get_program().to_string_lossy());
    Ok(())
}
