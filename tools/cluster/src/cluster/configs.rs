//! The config of each process, and of commands.

use super::database::DatabaseUsers;
use super::network::Network;
use super::plan::{Planned, Role};
use super::queues::Queues;
use super::{Queue, RateLimits};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// How long begun requests may take when a process is told to stop, in seconds.
pub(super) const DRAIN_S: u64 = 5;

/// What is the same for all processes.
pub(super) struct Shared<'a> {
    pub(super) folder: &'a Path,
    pub(super) queue: Queue,
    pub(super) rate_limits: RateLimits,
    pub(super) write: SocketAddr,
    pub(super) read: SocketAddr,
    pub(super) users: &'a DatabaseUsers,
    pub(super) redis: &'a str,
    pub(super) queues: &'a Queues,
    pub(super) user_processes: Vec<SocketAddr>,
    pub(super) venue_key: String,
    pub(super) master_key: String,
    /// Of the processes that have one of their own.
    pub(super) networks: &'a BTreeMap<String, Network>,
}

impl Shared<'_> {
    /// For a process of one role.
    pub(super) fn of_process(&self, process: &Planned) -> String {
        let certificates = self.folder.join("certificates");
        let name = &process.name;
        let mut text = format!(
            "role = \"{}\"\nlisten = \"{}\"\ndata_dir = {}\n\n[log]\nformat = \"json\"\n",
            process.role.name(),
            process.listen,
            path(&self.folder.join("data").join(name)),
        );
        if process.role == Role::User {
            let token = path(&self.folder.join("operator-token"));
            let _ = write!(text, "\n[operator]\nlisten = \"{}\"\ntoken_file = {token}\n", process.operator);
            let _ = write!(text, "\n[users]\nmaster_keys = [\"cluster:{}\"]\n", self.master_key);
        }
        let network = self.networks.get(name);
        let (write, read) = network.map_or((self.write, self.read), |network| (network.write(), network.read()));
        text += &self.store(&self.users.url(process.role, write), &self.users.url(process.role, read));
        text += &match network {
            Some(network) => self.parts(&network.redis(), &network.lanes()),
            None => self.parts(self.redis, &self.queues.endpoint),
        };
        let users: Vec<String> = self.user_processes.iter().map(|address| format!("\"{address}\"")).collect();
        let _ = write!(
            text,
            "\n[internal]\nca = {}\ncertificate = {}\nkey = {}\nusers = [{}]\nvenue_keys = [\"1:{}\"]\n",
            path(&certificates.join("ca.pem")),
            path(&certificates.join(format!("{name}.pem"))),
            path(&certificates.join(format!("{name}.key"))),
            users.join(", "),
            self.venue_key,
        );
        if process.role.is_internal() {
            let _ = writeln!(text, "listen = \"{}\"", process.internal);
        }
        if let Some(network) = network {
            let _ = writeln!(text, "advertise = \"{}\"", network.internal());
        }
        text
    }

    /// For commands: they find the venue through the cluster's folder.
    pub(super) fn for_commands(&self) -> String {
        // An audit reads all of the journal and the tables, and builds others beside them.
        let write = self.users.url(Role::Sequencer, self.write);
        format!(
            "data_dir = {}\n{}{}",
            path(self.folder),
            self.store(&write, ""),
            self.parts(self.redis, &self.queues.endpoint)
        )
    }

    /// For making the users.
    pub(super) fn for_admin(&self) -> String {
        let write = self.users.admin_url(self.write);
        format!("data_dir = {}\n{}", path(self.folder), self.store(&write, ""))
    }

    /// For making the tables.
    pub(super) fn for_owner(&self) -> String {
        let write = self.users.owner_url(self.write);
        format!("data_dir = {}\n{}", path(self.folder), self.store(&write, ""))
    }

    fn store(&self, write: &str, read: &str) -> String {
        format!("\n[store]\nurl = \"{write}\"\nread_url = \"{read}\"\ndurability = \"streaming\"\n")
    }

    fn parts(&self, redis: &str, lanes: &str) -> String {
        format!(
            "\n[redis]\nurl = \"{}\"\n\n[sqs]\nurl = \"{}\"\naside_url = \"{}\"\nendpoint = \"{}\"\n\
             access_key = \"test\"\nsecret_key = \"test\"\n\n[queue]\nmode = \"{}\"\n\n[limits]\nprofile = \"{}\"\n\n\
             [http]\ntrusted_proxies = [\"127.0.0.1\"]\nconnections_per_network_max = 0\ndrain_timeout_s = {DRAIN_S}\n",
            redis,
            self.queues.orders,
            self.queues.aside,
            lanes,
            self.queue.name(),
            self.rate_limits.name(),
        )
    }
}

/// A path as TOML writes it.
fn path(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}
