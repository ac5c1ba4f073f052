//! The venue's database on the three nodes: its users, and its tables.

use super::plan::Role;
use super::secret;
use crate::trio::Trio;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

const DATABASE: &str = "emporion";

/// Who the processes are to the database: each role a user of its own, none of them a superuser.
#[derive(Clone, Debug)]
pub(super) struct DatabaseUsers {
    superuser: String,
    owner: String,
    sequencer: String,
    user: String,
    order: String,
    market_data: String,
}

/// Makes the database, and passwords for its users.
pub(super) fn create(trio: &Trio) -> Result<DatabaseUsers> {
    trio.sql("postgres", &format!("create database {DATABASE}")).context("the database cannot be made")?;
    Ok(DatabaseUsers {
        superuser: trio.password().to_owned(),
        owner: secret()?,
        sequencer: secret()?,
        user: secret()?,
        order: secret()?,
        market_data: secret()?,
    })
}

/// Makes the users and the tables, as `emporion roles` and `emporion migrate` do.
pub(super) fn set_up(binary: &Path, folder: &Path) -> Result<()> {
    let config = |name: &str| folder.join("config").join(name);
    run(binary, folder, "roles", &config("admin.toml"), Some(&config("passwords.toml")))?;
    run(binary, folder, "migrate", &config("owner.toml"), None)
}

fn run(binary: &Path, folder: &Path, name: &str, config: &Path, passwords: Option<&Path>) -> Result<()> {
    let path = folder.join(format!("log/{name}.log"));
    let log = fs::File::create(&path)?;
    let mut command = Command::new(binary);
    command.arg(name);
    command.arg("--config").arg(config);
    if let Some(passwords) = passwords {
        command.arg("--passwords").arg(passwords);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let status = command.status().with_context(|| format!("{} cannot be run", binary.display()))?;
    let said = || fs::read_to_string(&path).unwrap_or_default();
    ensure!(status.success(), "`emporion {name}` failed: {}", said().trim());
    Ok(())
}

impl DatabaseUsers {
    /// The database's URL for its superuser, who makes the users.
    pub(super) fn admin_url(&self, server: SocketAddr) -> String {
        url("postgres", &self.superuser, server)
    }

    /// The database's URL for its owner.
    pub(super) fn owner_url(&self, server: SocketAddr) -> String {
        url("emporion_owner", &self.owner, server)
    }

    /// The database's URL for a role.
    pub(super) fn url(&self, role: Role, server: SocketAddr) -> String {
        let (name, password) = match role {
            Role::Sequencer => ("emporion_sequencer", &self.sequencer),
            Role::User => ("emporion_user", &self.user),
            Role::Order => ("emporion_order", &self.order),
            Role::MarketData => ("emporion_market_data", &self.market_data),
        };
        url(name, password, server)
    }

    /// The file of passwords that `emporion roles` takes.
    pub(super) fn passwords(&self) -> String {
        let Self { owner, sequencer, user, order, market_data, .. } = self;
        format!(
            "owner = \"{owner}\"\nsequencer = \"{sequencer}\"\nuser = \"{user}\"\norder = \"{order}\"\n\
             market_data = \"{market_data}\"\n"
        )
    }
}

fn url(user: &str, password: &str, server: SocketAddr) -> String {
    format!("postgres://{user}:{password}@{server}/{DATABASE}?sslmode=disable")
}
