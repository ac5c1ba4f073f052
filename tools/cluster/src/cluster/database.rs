//! The venue's database on the three nodes: its users, and its tables.

use super::plan::Role;
use crate::trio::Trio;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

const DATABASE: &str = "emporion";

/// Who the processes are to the database.
#[derive(Clone, Debug)]
pub(super) struct DatabaseUsers {
    owner: (String, String),
}

/// Makes the database and its users.
pub(super) fn create(trio: &Trio) -> Result<DatabaseUsers> {
    trio.sql("postgres", &format!("create database {DATABASE}")).context("the database cannot be made")?;
    Ok(DatabaseUsers { owner: ("postgres".to_owned(), trio.password().to_owned()) })
}

/// Makes the tables, as `emporion migrate` does.
pub(super) fn migrate(binary: &Path, folder: &Path) -> Result<()> {
    let log = fs::File::create(folder.join("log/migrate.log"))?;
    let mut command = Command::new(binary);
    command.args(["migrate", "--config"]).arg(folder.join("config/owner.toml"));
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let status = command.status().with_context(|| format!("{} cannot be run", binary.display()))?;
    let said = || fs::read_to_string(folder.join("log/migrate.log")).unwrap_or_default();
    ensure!(status.success(), "`emporion migrate` failed: {}", said().trim());
    Ok(())
}

impl DatabaseUsers {
    /// The database's URL for its owner.
    pub(super) fn owner_url(&self, server: SocketAddr) -> String {
        url(&self.owner, server)
    }

    /// The database's URL for a role.
    pub(super) fn url(&self, _role: Role, server: SocketAddr) -> String {
        url(&self.owner, server)
    }
}

fn url((user, password): &(String, String), server: SocketAddr) -> String {
    format!("postgres://{user}:{password}@{server}/{DATABASE}?sslmode=disable")
}
