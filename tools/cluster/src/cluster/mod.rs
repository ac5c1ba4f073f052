//! The venue as services on one machine: three PostgreSQL nodes, a Redis cluster, an SQS emulator, two processes of each
//! role, and haproxy before them.
//!
//! Everything is in one folder. What must not live here: how a part is started, and what a role does.

mod configs;
mod database;
mod folder;
pub mod http;
mod network;
mod options;
mod plan;
mod queues;
mod supervisor;

pub use folder::down;
pub use network::Network;
pub use options::{Lanes, Options, Queue, RateLimits};
pub use supervisor::Process;

use crate::parts::{MiniStack, RedisCluster};
use crate::trio::{Trio, reachable_folder};
use crate::{certificates, haproxy};
use anyhow::{Context, Result, ensure};
use configs::Shared;
use emporion_ports::lanes::InProcessLanes;
use folder::Folder;
use plan::{Plan, Role};
use rand::TryRngCore;
use rand::rngs::OsRng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use supervisor::{Spec, Supervisor};
use tempfile::TempDir;

/// How long a process may take from its start until it answers.
const READY_S: u64 = 120;
/// The load balancer's name among the processes.
const BALANCER: &str = "haproxy";

/// A running cluster; everything ends when this is dropped, in order.
#[derive(Debug)]
pub struct Cluster {
    plan: Plan,
    supervisor: Supervisor,
    networks: BTreeMap<String, Network>,
    queues: queues::Server,
    redis: RedisCluster,
    trio: Trio,
    operator_token: String,
    database_url: String,
    folder: Arc<Folder>,
    /// Where PostgreSQL is when it cannot reach the cluster's folder.
    _elsewhere: Option<TempDir>,
}

impl Cluster {
    /// Starts a cluster in a folder that is empty, or that a cluster has left. Blocks until all of it answers.
    ///
    /// # Errors
    /// What could not be started; everything that was is stopped again.
    pub fn start(options: &Options) -> Result<Self> {
        let folder = Arc::new(Folder::take(&options.dir)?);
        let (reachable, elsewhere) = reachable_folder(folder.path())?;
        let trio = Trio::start(&reachable.join("postgres"), &secret()?).context("PostgreSQL")?;
        let redis = RedisCluster::start(&[]).context("Redis")?;
        let (queues, addresses) = queues::start(options, &folder.log_file("lanes")).context("the queue")?;
        // They listen before ports are chosen for processes that do not listen yet.
        let count = if options.networks { plan::EACH } else { 0 };
        let networks = network::start(count, &trio, &redis, &addresses.endpoint)?;
        let plan = Plan::new()?;
        let networks = network::of_sequencers(networks, &plan);
        let names: Vec<&str> = plan.processes.iter().map(|process| process.name.as_str()).collect();
        certificates::make(&folder.path().join("certificates"), &names)?;
        let users = database::create(&trio)?;
        let operator_token = secret()?;
        folder.write_secret("operator-token", &operator_token)?;
        let shared = Shared {
            folder: folder.path(),
            queue: options.queue,
            rate_limits: options.rate_limits,
            write: trio.write_address(),
            read: trio.read_address(),
            users: &users,
            redis: redis.address(),
            queues: &addresses,
            user_processes: plan.of(Role::User).map(|process| process.internal).collect(),
            venue_key: secret()?,
            master_key: secret()?,
            networks: &networks,
        };
        folder.write_secret("emporion.toml", &shared.for_commands())?;
        for process in &plan.processes {
            folder.write_secret(&format!("config/{}.toml", process.name), &shared.of_process(process))?;
        }
        folder.write_secret("config/owner.toml", &shared.for_owner())?;
        folder.write_secret("config/admin.toml", &shared.for_admin())?;
        folder.write_secret("config/passwords.toml", &users.passwords())?;
        database::set_up(&options.binary, folder.path())?;
        let supervisor = Supervisor::start(specs(&plan, options, &folder), {
            let (plan, folder) = (plan.clone(), Arc::clone(&folder));
            move |pids| folder.write_ready(&plan, pids)
        })?;
        let database_url = users.owner_url(trio.write_address());
        let cluster = Self {
            plan,
            supervisor,
            networks,
            queues,
            redis,
            trio,
            operator_token,
            database_url,
            folder,
            _elsewhere: elsewhere,
        };
        cluster.begin()?;
        Ok(cluster)
    }

    /// Starts the venue: the first sequencer alone, which begins the journal, then everybody else.
    fn begin(&self) -> Result<()> {
        let sequencers = self.plan.of(Role::Sequencer);
        let first = sequencers.map(|process| process.name.as_str()).next().context("there are sequencers")?;
        self.supervisor.process(first).release();
        self.wait_ready(first)?;
        let others = || self.plan.processes.iter().map(|process| process.name.as_str()).filter(|name| *name != first);
        others().for_each(|name| self.supervisor.process(name).release());
        others().try_for_each(|name| self.wait_ready(name))?;
        for process in self.plan.of(Role::Order) {
            crate::parts::wait_until("the way to the sequencer", READY_S, || {
                http::get(process.listen, "/readyz").is_ok_and(|answer| !answer.body.contains("sequencer"))
            })?;
        }
        self.write_balancer_config()?;
        self.supervisor.process(BALANCER).release();
        crate::parts::wait_until("the load balancer", READY_S, || {
            ["/api/v3/ping", "/api/v3/account", "/v1/me"].iter().all(|path| {
                let answer = http::get(self.plan.balancer.public, path);
                answer.is_ok_and(|answer| !(502..=504).contains(&answer.status))
            })
        })?;
        self.folder.write_address(&self.plan)?;
        self.supervisor.publish();
        Ok(())
    }

    fn write_balancer_config(&self) -> Result<()> {
        let servers: Vec<haproxy::Server> = self.plan.servers();
        let path = self.folder.path().join("config/haproxy.cfg");
        let socket = self.folder.path().join("run/haproxy.sock");
        std::fs::write(&path, haproxy::config(self.plan.balancer, &socket, &haproxy::public_rows(), &servers))?;
        haproxy::check(&path)
    }

    /// Waits until a process has written its ready file.
    ///
    /// # Errors
    /// It was not ready in time: with the last lines of its log.
    pub fn wait_ready(&self, name: &str) -> Result<()> {
        let process = self.supervisor.process(name);
        let is_ready = || {
            let written = self.folder.pid_of_ready_file(name);
            written.is_some() && written == process.pid()
        };
        let waited = crate::parts::wait_until(name, READY_S, || is_ready() || process.ends_early());
        let ready = waited.and_then(|()| {
            ensure!(is_ready() || !process.ends_early(), "{name} ends again and again");
            Ok(())
        });
        ready.with_context(|| format!("the end of its log:\n{}", self.folder.log_end(name)))
    }

    /// A process by its name, such as `sequencer-1`; see [`Self::names`].
    ///
    /// # Panics
    /// There is no process of this name.
    pub fn process(&self, name: &str) -> Process<'_> {
        self.supervisor.process(name)
    }

    /// The names of all processes of a role: `order`, `sequencer`, `market-data` or `user`.
    pub fn names(&self, role: &str) -> Vec<&str> {
        let of_role = self.plan.processes.iter().filter(|process| process.role.name() == role);
        of_role.map(|process| process.name.as_str()).collect()
    }

    /// The public address of a process itself, without the load balancer; of a sequencer, where it tells its health.
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.plan.processes.iter().find(|process| process.name == name).map(|process| process.listen)
    }

    /// The sequencer that leads now, if one says so. One that is cut off may say so as well: see [`Self::leads`].
    pub fn leader(&self) -> Option<&str> {
        self.names("sequencer").into_iter().find(|name| self.leads(name))
    }

    /// Whether a sequencer says that it leads.
    pub fn leads(&self, sequencer: &str) -> bool {
        self.metric(sequencer, "sequencer_leads") == Some(1.0)
    }

    /// A metric without labels that a process tells.
    pub fn metric(&self, process: &str, metric: &str) -> Option<f64> {
        let metrics = http::get(self.address(process)?, "/metrics").ok()?;
        let told = metrics.body.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '))?;
        told.parse().ok()
    }

    /// The network of a sequencer.
    ///
    /// # Panics
    /// There is no sequencer of this name, or it has no network of its own: see [`Options::networks`].
    pub fn network(&self, sequencer: &str) -> &Network {
        self.networks.get(sequencer).unwrap_or_else(|| panic!("{sequencer:?} has no network of its own"))
    }

    /// Adds a shard with a replica to Redis, which gets its share of the slots, and first of all those of `keys`.
    ///
    /// # Errors
    /// What Redis says.
    pub fn add_redis_shard(&mut self, keys: &[&str]) -> Result<()> {
        let shard = self.redis.start_shard()?;
        self.networks.values_mut().try_for_each(|network| network.lead_to_redis(&self.redis))?;
        self.redis.join_shard(shard, keys)
    }

    /// The PostgreSQL nodes.
    pub fn trio(&self) -> &Trio {
        &self.trio
    }

    /// The Redis cluster.
    pub fn redis(&mut self) -> &mut RedisCluster {
        &mut self.redis
    }

    /// The SQS emulator, if it is MiniStack.
    pub fn ministack(&self) -> Option<&MiniStack> {
        match &self.queues {
            queues::Server::MiniStack(server) => Some(server),
            queues::Server::Twin { .. } | queues::Server::Within { .. } => None,
        }
    }

    /// The orders' queue, if it is [`Lanes::Within`]: to make it misbehave.
    pub fn lanes(&self) -> Option<Arc<InProcessLanes>> {
        self.queues.lanes()
    }

    /// Where the load balancer listens.
    pub fn public(&self) -> SocketAddr {
        self.plan.balancer.public
    }

    /// The base URL of the public API, at the load balancer.
    pub fn rest(&self) -> String {
        format!("http://{}", self.plan.balancer.public)
    }

    /// What lets an operator in.
    pub fn operator_token(&self) -> &str {
        &self.operator_token
    }

    /// The database at the write address, as its owner.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The cluster's folder, with `emporion.toml` for commands, `log/` and `config/`.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.folder.unpublish();
        // Whoever takes requests first, then whoever they ask; PostgreSQL, Redis and the queue end behind them.
        let of = |role| self.plan.of(role).map(|process| process.name.as_str());
        let edges = [Role::Order, Role::MarketData, Role::User].into_iter().flat_map(of).collect();
        let groups: [Vec<&str>; 3] = [vec![BALANCER], edges, of(Role::Sequencer).collect()];
        self.supervisor.end(&groups, Duration::from_secs(configs::DRAIN_S + 15));
    }
}

/// What is run, in the order of the plan; nothing runs before it is released.
fn specs(plan: &Plan, options: &Options, folder: &Folder) -> Vec<Spec> {
    let mut specs: Vec<Spec> = Vec::new();
    for process in &plan.processes {
        let name = &process.name;
        let ready = folder.ready_file(name);
        specs.push(Spec {
            name: name.clone(),
            program: options.binary.clone(),
            arguments: vec![
                "serve".into(),
                "--config".into(),
                folder.path().join(format!("config/{name}.toml")).into(),
                "--ready-file".into(),
                ready.clone().into(),
            ],
            log: folder.log_file(name),
            remove_before: Some(ready),
        });
    }
    let config = folder.path().join("config/haproxy.cfg");
    specs.push(Spec {
        name: BALANCER.to_owned(),
        program: BALANCER.into(),
        arguments: vec!["-db".into(), "-f".into(), config.into()],
        log: folder.log_file(BALANCER),
        remove_before: None,
    });
    specs
}

/// 256 bits that nobody can guess, in hexadecimal digits.
fn secret() -> Result<String> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).context("the operating system gives no random numbers")?;
    Ok(hex::encode(bytes))
}
