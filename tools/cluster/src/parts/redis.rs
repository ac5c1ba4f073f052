//! A Redis server of one's own.

use super::child::{Child, free_port, running, wait_until};
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Where tests find the address of a running server: `redis://host:port`.
pub const REDIS_ENV: &str = "EMPORION_TEST_REDIS";

/// A Redis server: one that runs already, or one that ends with this handle.
#[derive(Debug)]
pub struct Redis {
    address: String,
    _own: Option<(Child, TempDir)>,
}

impl Redis {
    /// The server that the environment names, or one of one's own.
    pub fn get() -> Result<Self> {
        match running(REDIS_ENV) {
            Some(address) => Ok(Self { address, _own: None }),
            None => Self::start(&[]),
        }
    }

    /// Starts a server with further arguments, such as `["--requirepass", "secret"]`.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("emporion-redis-").tempdir()?;
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(folder.path()).args(arguments);
        let server = Child::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let own = Self { address: format!("redis://127.0.0.1:{port}"), _own: Some((server, folder)) };
        wait_until("Redis", 20, || answers(port).is_ok())?;
        Ok(own)
    }

    /// The server's address.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// Whether anything that speaks the protocol answers, be it that it wants a password.
pub(crate) fn answers(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut first = [0];
    stream.read_exact(&mut first).context("no answer")?;
    anyhow::ensure!(matches!(first[0], b'+' | b'-'), "another protocol");
    Ok(())
}
