//! The network of one process: everything it connects to, and what others connect to, through proxies of its own, so
//! that it can be cut off while everybody else goes on.
//!
//! It has a loopback address of its own, at which it finds Redis under the same ports; what the nodes of Redis say about
//! one another is translated to it. What must not live here: what a process does when it is cut off.

use super::plan::{Plan, Role};
use crate::fault_proxy::{FaultProxy, Faults};
use crate::parts::RedisCluster;
use crate::trio::Trio;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// The network of one process.
#[derive(Debug)]
pub struct Network {
    host: Ipv4Addr,
    write: FaultProxy,
    read: FaultProxy,
    lanes: FaultProxy,
    internal: FaultProxy,
    redis: BTreeMap<SocketAddr, FaultProxy>,
}

/// Networks for so many processes, to which nothing leads yet.
pub(super) fn start(count: usize, trio: &Trio, redis: &RedisCluster, lanes: &str) -> Result<Vec<Network>> {
    let lanes = lanes.trim_start_matches("http://").parse().context("the queue's address")?;
    let networks = (1..).take(count).map(|number| {
        let mut network = Network {
            // As long as 127.0.0.1.
            host: Ipv4Addr::new(127, 0, number, 1),
            write: FaultProxy::start(Some(trio.write_address()))?,
            read: FaultProxy::start(Some(trio.read_address()))?,
            lanes: FaultProxy::start(Some(lanes))?,
            internal: FaultProxy::start(None)?,
            redis: BTreeMap::new(),
        };
        network.lead_to_redis(redis)?;
        Ok(network)
    });
    networks.collect()
}

/// Leads to the sequencers, each by a network of its own.
pub(super) fn of_sequencers(networks: Vec<Network>, plan: &Plan) -> BTreeMap<String, Network> {
    let named = plan.of(Role::Sequencer).zip(networks).map(|(process, network)| {
        network.internal.switch_to(Some(process.internal));
        (process.name.clone(), network)
    });
    named.collect()
}

impl Network {
    /// Leads to all nodes of Redis, of which some may be new.
    pub(super) fn lead_to_redis(&mut self, redis: &RedisCluster) -> Result<()> {
        for node in redis.servers()? {
            if !self.redis.contains_key(&node) {
                self.redis.insert(node, FaultProxy::start_on(self.host, node)?);
            }
        }
        Ok(())
    }

    pub(super) fn write(&self) -> SocketAddr {
        self.write.address()
    }

    pub(super) fn read(&self) -> SocketAddr {
        self.read.address()
    }

    pub(super) fn internal(&self) -> SocketAddr {
        self.internal.address()
    }

    pub(super) fn lanes(&self) -> String {
        format!("http://{}", self.lanes.address())
    }

    pub(super) fn redis(&self) -> String {
        let nodes: Vec<String> = self.redis.values().map(|proxy| proxy.address().to_string()).collect();
        format!("redis://{}", nodes.join(","))
    }

    fn parts(&self) -> impl Iterator<Item = &FaultProxy> {
        [&self.write, &self.read, &self.lanes].into_iter().chain(self.redis.values())
    }

    /// Resets all connections and refuses new ones, in both directions.
    pub fn cut(&self) {
        for proxy in self.parts().chain([&self.internal]) {
            proxy.set(Faults { refuse: true, ..Faults::default() });
            proxy.reset();
        }
    }

    /// Swallows everything in both directions and closes nothing, as when a cable is out.
    pub fn swallow(&self) {
        self.parts().chain([&self.internal]).for_each(|proxy| proxy.set(Faults::HALF_OPEN));
    }

    /// The same towards the database, Redis and the lanes; other processes still reach this one.
    pub fn swallow_parts(&self) {
        self.parts().for_each(|proxy| proxy.set(Faults::HALF_OPEN));
    }

    /// Gives it back. What was swallowed arrives late.
    pub fn heal(&self) {
        self.parts().chain([&self.internal]).for_each(FaultProxy::heal);
    }
}
