//! Redis servers of one's own, each alone.

use super::child::{Child, free_port, running, wait_until};
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Where tests find the address of a running server: `redis://host:port`.
pub const REDIS_ENV: &str = "TEST_PARTS_REDIS";

/// A Redis server: one that runs already, or one that ends with this handle.
#[derive(Debug)]
pub struct Redis {
    address: String,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    server: Child,
    port: u16,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Redis {
    /// The server that the environment names, or one of one's own.
    pub fn get() -> Result<Self> {
        match running(REDIS_ENV) {
            Some(address) => Ok(Self { address, own: None }),
            None => Self::start(&[]),
        }
    }

    /// Starts a server with further arguments, such as `["--requirepass", "secret"]`.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let port = free_port()?;
        Self::run("redis", port, &[&["--port", &port.to_string()], arguments].concat())
    }

    /// Starts a server that speaks TLS only, with a certificate for 127.0.0.1 in PEM files.
    pub fn start_tls(certificate: &Path, key: &Path, arguments: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
        let tls = ["--port", "0", "--tls-port", &port.to_string(), "--tls-cert-file", &certificate].map(str::to_owned);
        let tls = tls.iter().map(String::as_str).chain(["--tls-key-file", &key, "--tls-ca-cert-file", &certificate]);
        let all: Vec<&str> = tls.chain(["--tls-auth-clients", "no"]).chain(arguments.iter().copied()).collect();
        Self::run("rediss", port, &all)
    }

    fn run(scheme: &str, port: u16, arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("emporion-redis-").tempdir()?;
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let own = Own { server: server(&folder, &arguments)?, port, arguments, folder };
        own.wait()?;
        Ok(Self { address: format!("{scheme}://127.0.0.1:{port}"), own: Some(own) })
    }

    /// The server's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it listens, for a client of one's own.
    pub fn server(&self) -> Result<SocketAddr> {
        self.address.trim_start_matches("redis://").parse().context("the server's address")
    }

    /// The process of the server; of one's own only.
    pub fn process(&mut self) -> Result<&mut Child> {
        Ok(&mut self.own.as_mut().context("the server belongs to somebody else")?.server)
    }

    /// Kills the server; what it held is lost.
    pub fn kill(&mut self) -> Result<()> {
        self.process()?.stop(rustix::process::Signal::KILL);
        Ok(())
    }

    /// Starts a killed server again, empty, at the same address.
    pub fn restart(&mut self) -> Result<()> {
        let own = self.own.as_mut().context("the server belongs to somebody else")?;
        own.server = server(&own.folder, &own.arguments)?;
        own.wait()
    }
}

impl Own {
    fn wait(&self) -> Result<()> {
        let is_tls = self.arguments.iter().any(|argument| argument == "--tls-port");
        wait_until("Redis", 20, || match is_tls {
            true => TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
            false => answers(self.port).is_ok(),
        })
    }
}

fn server(folder: &TempDir, arguments: &[String]) -> Result<Child> {
    let mut command = Command::new("redis-server");
    // With a title of its own it would write over its environment, by which it is found when its parent has died.
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--set-proc-title", "no"]);
    command.arg("--dir").arg(folder.path()).args(arguments);
    Child::start(command.stdout(Stdio::null()).stderr(Stdio::null()))
}

impl Redis {
    /// What `redis-cli` prints for a command to a server without a password.
    pub fn ask(&self, command: &[&str]) -> Result<String> {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        redis_cli(&[&["-h", "127.0.0.1", "-p", port], command].concat())
    }
}

pub(super) fn redis_cli(arguments: &[&str]) -> Result<String> {
    let output = Command::new("redis-cli").args(arguments).output().context("redis-cli cannot be started")?;
    let (told, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "redis-cli: {} {}", told.trim(), error.trim());
    Ok(told.into_owned())
}

/// Whether anything that speaks the protocol answers, be it that it wants a password.
pub(crate) fn answers(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut first = [0];
    stream.read_exact(&mut first).context("no answer")?;
    ensure!(matches!(first[0], b'+' | b'-'), "another protocol");
    Ok(())
}
