//! Redis servers of one's own: one alone, or a cluster of three shards with a replica each.

use super::child::{Child, free_port, running, wait_until};
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Where tests find the address of a running server: `redis://host:port`.
pub const REDIS_ENV: &str = "TEST_PARTS_REDIS";

/// Where tests find the addresses of a running cluster: `redis://host:port,host:port,…`.
pub const REDIS_CLUSTER_ENV: &str = "TEST_PARTS_REDIS_CLUSTER";

/// How many shards a cluster has; each has one replica.
const SHARDS: usize = 3;

/// How long the nodes of a cluster wait until they take one of them for dead, in milliseconds.
const NODE_TIMEOUT_MS: &str = "1000";

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

/// A Redis Cluster: one that runs already, or one that ends with this handle.
#[derive(Debug)]
pub struct RedisCluster {
    address: String,
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// The cluster that the environment names, or one of one's own.
    pub fn get() -> Result<Self> {
        match running(REDIS_CLUSTER_ENV) {
            Some(address) => Ok(Self { address, nodes: Vec::new() }),
            None => Self::start(&[]),
        }
    }

    /// Starts three shards with a replica each; every node gets the further arguments.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let nodes = (0..2 * SHARDS).map(|_| Self::node(arguments)).collect::<Result<Vec<_>>>()?;
        let hosts: Vec<String> =
            nodes.iter().map(|node| node.address.trim_start_matches("redis://").to_owned()).collect();
        let cluster = Self { address: format!("redis://{}", hosts.join(",")), nodes };
        let mut create = vec!["--cluster", "create"];
        create.extend(hosts.iter().map(String::as_str));
        create.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        redis_cli(&create)?;
        wait_until("the Redis cluster", 60, || cluster.is_whole())?;
        Ok(cluster)
    }

    fn node(arguments: &[&str]) -> Result<Redis> {
        let bus = free_port()?.to_string();
        let own = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", NODE_TIMEOUT_MS];
        Redis::start(&[&own, arguments].concat())
    }

    /// The addresses of all nodes, as one URL.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The number of one's own nodes.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// One of one's own nodes.
    pub fn node_mut(&mut self, index: usize) -> &mut Redis {
        &mut self.nodes[index]
    }

    /// The node that serves `key` now, as a living node knows it.
    pub fn master_of(&self, key: &str) -> Result<usize> {
        for node in &self.nodes {
            let Ok(slot) = node.ask(&["CLUSTER", "KEYSLOT", key]) else { continue };
            let slots = node.ask(&["CLUSTER", "SLOTS"])?;
            return self.owner(slot.trim().parse()?, &slots).context("no node serves this slot");
        }
        anyhow::bail!("no node answers")
    }

    /// Reads the plain output of `CLUSTER SLOTS`: first, last, then host, port and id of the master.
    fn owner(&self, slot: u16, slots: &str) -> Option<usize> {
        let lines: Vec<&str> = slots.lines().collect();
        let range = lines.windows(4).find(|lines| {
            let [first, last] = [lines[0], lines[1]].map(|line| line.parse::<u16>().ok());
            let is_range = lines[2].contains('.') && first.zip(last).is_some_and(|(first, last)| first <= last);
            is_range && (first..=last).contains(&Some(slot))
        })?;
        let address = format!("redis://{}:{}", range[2], range[3]);
        self.nodes.iter().position(|node| node.address == address)
    }

    /// Whether every living node says that all slots are served and every replica follows its master.
    pub fn is_whole(&self) -> bool {
        self.nodes.iter().all(|node| {
            let state = node.ask(&["CLUSTER", "INFO"]).unwrap_or_default();
            let role = node.ask(&["INFO", "replication"]).unwrap_or_default();
            let follows = role.contains("role:slave") && role.contains("master_link_status:up");
            let is_followed = role.contains("role:master") && role.contains("connected_slaves:1");
            let knows_all = state.contains(&format!("cluster_known_nodes:{}", self.nodes.len()));
            state.contains("cluster_state:ok") && knows_all && (follows || is_followed)
        })
    }
}

impl Redis {
    /// What `redis-cli` prints for a command to a server without a password.
    pub fn ask(&self, command: &[&str]) -> Result<String> {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        redis_cli(&[&["-h", "127.0.0.1", "-p", port], command].concat())
    }
}

fn redis_cli(arguments: &[&str]) -> Result<String> {
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
