//! A Redis Cluster: three shards with a replica each, to which a shard can be added and taken away again.

use super::child::{free_port, running, wait_until};
use super::redis::{Redis, redis_cli};
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;

/// Where tests find the addresses of a running cluster: `redis://host:port,host:port,…`.
pub const REDIS_CLUSTER_ENV: &str = "TEST_PARTS_REDIS_CLUSTER";

/// How many shards a cluster has at first; each has one replica.
const SHARDS: usize = 3;

/// How long the nodes of a cluster wait until they take one of them for dead, in milliseconds.
const NODE_TIMEOUT_MS: &str = "1000";

/// How long all nodes may take to agree, in seconds.
const AGREE_S: u64 = 60;

/// Two servers that belong to no shard yet.
#[derive(Clone, Copy, Debug)]
pub struct NewShard {
    first: usize,
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
            nodes.iter().map(|node| node.address().trim_start_matches("redis://").to_owned()).collect();
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

    /// Starts the servers of another shard; see [`Self::join_shard`].
    ///
    /// # Errors
    /// They do not start, or the cluster is somebody else's.
    pub fn start_shard(&mut self) -> Result<NewShard> {
        ensure!(!self.nodes.is_empty(), "the cluster belongs to somebody else");
        let first = self.nodes.len();
        for _ in 0..2 {
            let node = Self::node(&[])?;
            self.nodes.push(node);
        }
        Ok(NewShard { first })
    }

    /// Makes a master and a replica of the new servers, moves the slots of `keys` to it, and then as many more as the
    /// other shards have.
    ///
    /// # Errors
    /// What Redis says.
    pub fn join_shard(&self, NewShard { first }: NewShard, keys: &[&str]) -> Result<()> {
        let id = self.id(first)?;
        let [port, bus] = self.ports(first)?;
        for node in [0, first + 1] {
            self.nodes[node].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        }
        wait_until("the new master", AGREE_S, || self.all_know(&id))?;
        wait_until("the new replica", AGREE_S, || {
            self.nodes[first + 1].ask(&["CLUSTER", "REPLICATE", &id]).is_ok_and(|told| told.trim() == "OK")
        })?;
        wait_until("the new shard", AGREE_S, || self.is_whole())?;
        for key in keys {
            self.move_slot_of(key, first)?;
        }
        let old = self.nodes[0].server()?.to_string();
        self.agreed(&["--cluster", "rebalance", &old, "--cluster-use-empty-masters"])
    }

    /// Gives the slots of the shard that was added last to the others, and ends its servers.
    ///
    /// # Errors
    /// What Redis says; there is no such shard.
    pub fn remove_shard(&mut self) -> Result<()> {
        ensure!(self.nodes.len() > 2 * SHARDS, "no shard was added");
        let first = self.nodes.len() - 2;
        let old = self.nodes[0].server()?.to_string();
        let ids = [self.id(first)?, self.id(first + 1)?];
        let master = if self.is_master(first) { &ids[0] } else { &ids[1] };
        self.agreed(&["--cluster", "rebalance", &old, "--cluster-weight", &format!("{master}=0")])?;
        wait_until("the others", AGREE_S, || !self.serves(first) && !self.serves(first + 1))?;
        self.nodes.truncate(first);
        for (node, id) in self.nodes.iter().flat_map(|node| ids.iter().map(move |id| (node, id))) {
            node.ask(&["CLUSTER", "FORGET", id])?;
        }
        wait_until("the remaining shards", AGREE_S, || self.is_whole())
    }

    /// Moves the slot of a key to the master `to`, while everybody uses it.
    fn move_slot_of(&self, key: &str, to: usize) -> Result<()> {
        let from = self.master_of(key)?;
        let slot = self.nodes[from].ask(&["CLUSTER", "KEYSLOT", key])?.trim().to_owned();
        let (from_id, to_id) = (self.id(from)?, self.id(to)?);
        let port = self.nodes[to].server()?.port().to_string();
        if from == to {
            return Ok(());
        }
        let set = |node: usize, words: &[&str]| {
            let told = self.nodes[node].ask(&[&["CLUSTER", "SETSLOT", &slot], words].concat())?;
            ensure!(told.trim() == "OK", "slot {slot}: {}", told.trim());
            Ok(())
        };
        set(to, &["IMPORTING", &from_id])?;
        set(from, &["MIGRATING", &to_id])?;
        loop {
            let keys = self.nodes[from].ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"])?;
            let keys: Vec<&str> = keys.lines().filter(|key| !key.is_empty()).collect();
            if keys.is_empty() {
                break;
            }
            let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            let told = self.nodes[from].ask(&[&migrate, &keys[..]].concat())?;
            ensure!(["OK", "NOKEY"].contains(&told.trim()), "slot {slot}: {}", told.trim());
        }
        let others = (0..self.nodes.len()).filter(|node| *node != from && *node != to && self.is_master(*node));
        [to, from].into_iter().chain(others).try_for_each(|node| set(node, &["NODE", &to_id]))
    }

    /// Runs a command that is refused until all nodes agree about the slots.
    fn agreed(&self, command: &[&str]) -> Result<()> {
        let mut said = Ok(String::new());
        wait_until("the agreement of the Redis nodes", AGREE_S, || {
            said = redis_cli(command);
            said.is_ok()
        })
        .with_context(|| format!("{said:?}"))
    }

    /// Where a node listens for clients and for other nodes.
    fn ports(&self, node: usize) -> Result<[String; 2]> {
        let nodes = self.nodes[node].ask(&["CLUSTER", "NODES"])?;
        let own = nodes.lines().find(|line| line.contains("myself")).and_then(|line| line.split(' ').nth(1));
        let address = own.and_then(|own| own.rsplit_once(':')?.1.split_once('@'));
        let (port, bus) = address.context("a node says nothing of itself")?;
        Ok([port.to_owned(), bus.split(',').next().unwrap_or(bus).to_owned()])
    }

    fn id(&self, node: usize) -> Result<String> {
        Ok(self.nodes[node].ask(&["CLUSTER", "MYID"])?.trim().to_owned())
    }

    fn is_master(&self, node: usize) -> bool {
        self.nodes[node].ask(&["INFO", "replication"]).is_ok_and(|role| role.contains("role:master"))
    }

    /// Whether some node thinks that this one has slots.
    fn serves(&self, node: usize) -> bool {
        let Ok(id) = self.id(node) else { return true };
        self.nodes.iter().any(|other| {
            let nodes = other.ask(&["CLUSTER", "NODES"]).unwrap_or_default();
            // Behind eight words come the slots.
            nodes.lines().any(|line| line.starts_with(&id) && line.split(' ').count() > 8)
        })
    }

    fn all_know(&self, id: &str) -> bool {
        let knows = |node: &Redis| node.ask(&["CLUSTER", "NODES"]).is_ok_and(|nodes| nodes.contains(id));
        self.nodes.iter().all(knows)
    }

    /// Where one's own servers listen.
    pub fn servers(&self) -> Result<Vec<SocketAddr>> {
        self.nodes.iter().map(Redis::server).collect()
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
        self.nodes.iter().position(|node| node.address() == address)
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
