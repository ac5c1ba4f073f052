//! An SQS emulator of one's own: MiniStack, a Python package.

use super::child::{Child, free_port, running, wait_until};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where tests find the address of a running emulator: `http://host:port`.
pub const SQS_ENV: &str = "EMPORION_TEST_SQS";

/// A young project that changes fast: another version is another emulator.
const VERSION: &str = "1.5.33";

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

    /// Starts an emulator that knows nothing but queues, after installing it if need be.
    pub fn start() -> Result<Self> {
        let program = installed()?;
        let port = free_port()?;
        let mut command = Command::new(program);
        // Its default is to listen on all addresses.
        command.env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "127.0.0.1");
        command.env("GATEWAY_PORT", port.to_string()).env("SERVICES", "sqs");
        let server = Child::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        wait_until("MiniStack", 60, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { endpoint: format!("http://127.0.0.1:{port}"), _own: Some(server) })
    }

    /// Where it listens: `http://host:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// The program, in a Python environment in the cache. Several may ask at once: one installs, the others wait.
fn installed() -> Result<PathBuf> {
    let cache = match (running("BUILD_CACHE"), running("XDG_CACHE_HOME"), running("HOME")) {
        (Some(cache), ..) => PathBuf::from(cache),
        (None, Some(caches), _) => PathBuf::from(caches).join("emporion"),
        (None, None, Some(home)) => PathBuf::from(home).join(".cache/emporion"),
        (None, None, None) => anyhow::bail!("no place for the emulator: set BUILD_CACHE"),
    };
    fs::create_dir_all(&cache)?;
    let folder = cache.join(format!("ministack-{VERSION}"));
    let lock = fs::File::create(cache.join(format!("ministack-{VERSION}.lock")))?;
    lock.lock().context("the lock of the emulator's folder")?;
    let program = folder.join("bin/ministack");
    if !folder.join("complete").exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(folder.join("bin/pip"));
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", &format!("ministack=={VERSION}")]))?;
        fs::File::create(folder.join("complete"))?;
    }
    Ok(program)
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdout(Stdio::null()).status().with_context(|| format!("{name} cannot be started"))?;
    ensure!(status.success(), "{name} failed: MiniStack {VERSION} needs Python 3.11 with venv, and PyPI");
    Ok(())
}
