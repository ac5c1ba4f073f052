//! A PostgreSQL server of one's own.

use super::child::{Child, free_port, running, wait_until};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Where tests find the address of a running server: `postgres://user@host:port`.
pub const POSTGRES_ENV: &str = "TEST_PARTS_POSTGRES";

/// A PostgreSQL server: one that runs already, or one that ends with this handle.
#[derive(Debug)]
pub struct Postgres {
    address: String,
    _own: Option<(Child, TempDir)>,
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Postgres {
    /// The server that the environment names, or one of one's own.
    pub fn get() -> Result<Self> {
        match running(POSTGRES_ENV) {
            Some(address) => Ok(Self { address, _own: None }),
            None => Self::start(),
        }
    }

    /// Starts a server with one superuser, `postgres`, who needs no password.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("emporion-pg-").tempdir()?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        give_away(folder.path())?;
        give_away(&data)?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let initdb = as_other_user(&bin("initdb"))
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "--data-checksums",
                "--no-sync",
            ])
            .arg("--pgdata")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .status()
            .context("initdb cannot be started: is PostgreSQL installed?")?;
        ensure!(initdb.success(), "initdb failed");
        let port = free_port()?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut command = as_other_user(&bin("postgres"));
        command.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        command.arg("-k").arg(folder.path()).args(["-c", "max_connections=400"]);
        let server = Child::start(command.stdout(Stdio::null()).stderr(log))?;
        let own = Self { address: format!("postgres://postgres@127.0.0.1:{port}"), _own: Some((server, folder)) };
        wait_until("PostgreSQL", 60, || own.sql("postgres", "select 1").is_ok())?;
        Ok(own)
    }

    /// The server's address, without a database.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A new empty database; gives its URL for the superuser.
    pub fn database(&self) -> Result<String> {
        let name = format!("t{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name}"))?;
        Ok(format!("{}/{name}", self.address))
    }

    /// Runs a statement as the superuser and gives what psql prints, without headers.
    pub fn sql(&self, database: &str, statement: &str) -> Result<String> {
        let output = Command::new(bin("psql"))
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .arg(format!("{}/{database}", self.address))
            .output()
            .context("psql cannot be started")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// A PostgreSQL program: Debian keeps servers out of the search path.
pub(crate) fn bin(name: &str) -> PathBuf {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name))).collect())
        .unwrap_or_default();
    versions.retain(|path| path.exists());
    versions.sort();
    versions.pop().unwrap_or_else(|| PathBuf::from(name))
}

/// PostgreSQL refuses to run as root: then it runs as the user `postgres`, or `nobody`.
pub(crate) fn as_other_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    command
}

/// Makes a file or folder belong to that user.
pub(crate) fn give_away(path: &Path) -> Result<()> {
    if let Some((user, group)) = other_user() {
        chown(path, Some(user), Some(group))?;
    }
    Ok(())
}

fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map_while(|field| field.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    find("postgres").or_else(|| find("nobody"))
}
