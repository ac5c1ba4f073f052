//! Which processes there are and where they listen: chosen before anything starts, so that a process that is started
//! again is where it was.

use crate::haproxy::{Backend, Listen, Server};
use crate::parts::free_port;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

/// How many processes of each role there are.
pub(super) const EACH: usize = 2;

/// What a process of the venue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Sequencer,
    User,
    Order,
    MarketData,
}

impl Role {
    const ALL: [Self; 4] = [Self::Sequencer, Self::User, Self::Order, Self::MarketData];

    /// Its name in the venue's config.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sequencer => "sequencer",
            Self::User => "user",
            Self::Order => "order",
            Self::MarketData => "market-data",
        }
    }

    /// Whether it answers other processes.
    pub(super) const fn is_internal(self) -> bool {
        matches!(self, Self::Sequencer | Self::User)
    }
}

/// A process of the venue.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) listen: SocketAddr,
    pub(super) internal: SocketAddr,
    pub(super) operator: SocketAddr,
}

/// All processes, and where the load balancer listens.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) processes: Vec<Planned>,
    pub(super) balancer: Listen,
}

impl Plan {
    pub(super) fn new() -> Result<Self> {
        let mut ports = Ports::default();
        let mut processes = Vec::new();
        for role in Role::ALL {
            for number in 1..=EACH {
                let name = format!("{}-{number}", role.name());
                let (listen, internal, operator) = (ports.next()?, ports.next()?, ports.next()?);
                processes.push(Planned { name, role, listen, internal, operator });
            }
        }
        Ok(Self { processes, balancer: Listen { public: ports.next()?, operator: ports.next()? } })
    }

    /// The processes of a role.
    pub(super) fn of(&self, role: Role) -> impl Iterator<Item = &Planned> {
        self.processes.iter().filter(move |process| process.role == role)
    }

    /// Those that stand behind the load balancer.
    pub(super) fn servers(&self) -> Vec<Server> {
        let servers = self.processes.iter().filter_map(|process| {
            let backend = match process.role {
                Role::Sequencer => return None,
                Role::User => Backend::User,
                Role::Order => Backend::Order,
                Role::MarketData => Backend::MarketData,
            };
            let operator = (process.role == Role::User).then_some(process.operator);
            Some(Server { name: process.name.clone(), address: process.listen, backend, operator })
        });
        servers.collect()
    }
}

/// Free ports, each given once.
#[derive(Default)]
struct Ports(BTreeSet<u16>);

impl Ports {
    fn next(&mut self) -> Result<SocketAddr> {
        for _ in 0..1_000 {
            let port = free_port()?;
            if self.0.insert(port) {
                return Ok((Ipv4Addr::LOCALHOST, port).into());
            }
        }
        None.context("there are no free ports")
    }
}
