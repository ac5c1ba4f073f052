//! An emulator of SQS and S3 of one's own: MiniStack, a Python package.

use super::child::{Child, free_port, running, wait_until};
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where tests find the address of a running emulator: `http://host:port`.
pub const SQS_ENV: &str = "TEST_PARTS_SQS";

/// The emulator and what it needs. A young project that changes fast: another version is another emulator.
const REQUIREMENTS: &str = include_str!("ministack.txt");

/// An emulator: one that runs already, or one that ends with this handle.
#[derive(Debug)]
pub struct MiniStack {
    endpoint: String,
    _own: Option<Child>,
}

impl MiniStack {
    /// The emulator that the environment names, or one of one's own.
    pub fn get() -> Result<Self> {
        match running(SQS_ENV) {
            Some(endpoint) => Ok(Self { endpoint, _own: None }),
            None => Self::start(),
        }
    }

    /// Starts an emulator that knows nothing but queues and buckets, after installing it if need be.
    pub fn start() -> Result<Self> {
        let program = installed()?;
        let port = free_port()?;
        let mut command = Command::new(program);
        // Its default is to listen on all addresses.
        command.env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "127.0.0.1");
        command.env("GATEWAY_PORT", port.to_string()).env("SERVICES", "sqs,s3");
        let server = Child::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        wait_until("MiniStack", 60, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { endpoint: format!("http://127.0.0.1:{port}"), _own: Some(server) })
    }

    /// Where it listens: `http://host:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// The program, in a Python environment in the cache, which is named after the Python and the requirements. Several may
/// ask at once: one makes it, the others wait.
fn installed() -> Result<PathBuf> {
    let cache = match (running("BUILD_CACHE"), running("XDG_CACHE_HOME"), running("HOME")) {
        (Some(cache), ..) => PathBuf::from(cache),
        (None, Some(caches), _) => PathBuf::from(caches).join("emporion"),
        (None, None, Some(home)) => PathBuf::from(home).join(".cache/emporion"),
        (None, None, None) => anyhow::bail!("no place for the emulator: set BUILD_CACHE"),
    };
    fs::create_dir_all(&cache).with_context(|| format!("the folder {} cannot be made", cache.display()))?;
    let python = Command::new("python3").arg("--version").output().context("python3 cannot be started")?.stdout;
    let id = hex::encode(&Sha256::new().chain_update(python).chain_update(REQUIREMENTS).finalize()[..8]);
    let folder = cache.join(format!("ministack-{id}"));
    let lock = fs::File::create(cache.join(format!("ministack-{id}.lock")))?;
    lock.lock().context("the lock of the emulator's folder")?;
    if !folder.join("complete").exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS)?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]);
        run(pip.arg(requirements))?;
        fs::File::create(folder.join("complete"))?;
    }
    Ok(folder.join("bin/ministack"))
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdout(Stdio::null()).status().with_context(|| format!("{name} cannot be started"))?;
    ensure!(status.success(), "{name} failed: the SQS emulator needs Python 3.11 or newer with venv, and PyPI");
    Ok(())
}
