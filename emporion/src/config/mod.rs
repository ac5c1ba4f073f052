//! The config: what an operator may choose, read from the built-in defaults, a file, the environment and flags,
//! and checked as a whole before anything starts.
//!
//! `config.default.toml` is the manual: every key is there with its meaning. What must not live here: opening,
//! connecting or writing anything.

mod limits;
mod orders;
mod parts;
mod problem;
mod sections;
mod sources;

pub(crate) use limits::{AccountLimits, Limits, Profile};
pub(crate) use orders::Orders;
pub(crate) use parts::{Durability, Internal, QueueMode, Redis, Role, Segments, Sqs, Store};
pub(crate) use sections::{
    Demo, Feed, Http, Log, LogFormat, Operator, Projector, Queue, Scrubber, Snapshots, Sockets, Users,
};
pub(crate) use sources::Sources;

use crate::Failure;
pub(crate) use problem::sentence_of_error;
use problem::{Problem, sentence_of_problem};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The built-in defaults, which are also the manual.
pub(crate) const DEFAULTS: &str = include_str!("../../config.default.toml");

/// Where all keys are explained.
const MANUAL: &str = "`emporion config` prints all keys";

/// Everything that can be configured. Units are in the names; ranges are checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) role: Role,
    pub(crate) operator: Operator,
    pub(crate) log: Log,
    pub(crate) store: Store,
    pub(crate) redis: Redis,
    pub(crate) sqs: Sqs,
    pub(crate) internal: Internal,
    pub(crate) http: Http,
    pub(crate) sockets: Sockets,
    pub(crate) limits: Limits,
    pub(crate) orders: Orders,
    pub(crate) queue: Queue,
    pub(crate) feed: Feed,
    pub(crate) projector: Projector,
    pub(crate) snapshots: Snapshots,
    pub(crate) scrubber: Scrubber,
    pub(crate) users: Users,
    pub(crate) demo: Demo,
}

impl Config {
    /// Reads and checks the config.
    ///
    /// # Errors
    /// One sentence: what is wrong, where it stands, and what would be right.
    pub(crate) fn load(sources: Sources) -> Result<Self, Failure> {
        let figment = sources.into_figment()?;
        let config: Self =
            figment.extract().map_err(|error| Failure::usage(sentence_of_error(&figment, &error, MANUAL)))?;
        config.check().map_err(|problem| Failure::usage(sentence_of_problem(&figment, &problem)))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Problem> {
        self.log.check()?;
        self.store.check()?;
        self.redis.check()?;
        self.sqs.check()?;
        self.internal.check()?;
        self.check_role()?;
        self.http.check()?;
        self.sockets.check()?;
        self.limits.check()?;
        self.orders.check()?;
        self.queue.check()?;
        self.feed.check()?;
        self.projector.check()?;
        self.snapshots.check()?;
        self.users.check()?;
        self.demo.check()?;
        // The engine has the last word on its options; the ranges above keep it from saying anything here.
        self.options().check().map_err(|rule| Problem::new("orders", format!("breaks a rule: {rule}")))
    }

    /// A role of its own shares everything with other processes, so it needs all of the shared parts.
    fn check_role(&self) -> Result<(), Problem> {
        if self.role == Role::All {
            return Ok(());
        }
        let missing = |key: &str, what: &str| {
            Problem::new(key, format!("is empty, but role \"{}\" needs {what}", self.role.name()))
        };
        if !self.store.is_shared() {
            return Err(missing("store.url", "the PostgreSQL that all processes of the venue share"));
        }
        if self.redis.url.is_empty() {
            return Err(missing("redis.url", "the Redis that all processes of the venue share"));
        }
        for (key, path) in [
            ("internal.ca", &self.internal.ca),
            ("internal.certificate", &self.internal.certificate),
            ("internal.key", &self.internal.key),
        ] {
            if path.as_os_str().is_empty() {
                return Err(missing(key, "the PEM file for the stream between processes"));
            }
        }
        let takes_orders = matches!(self.role, Role::Order | Role::Sequencer);
        if takes_orders && self.internal.venue_keys()?.is_empty() {
            return Err(missing("internal.venue_keys", "the keys that seal commands between processes"));
        }
        if takes_orders && self.sqs.url.is_empty() {
            return Err(missing("sqs.url", "the FIFO queue behind the direct way"));
        }
        if self.role == Role::Order && self.internal.users.is_empty() {
            return Err(missing("internal.users", "the internal addresses of user processes, which know the API keys"));
        }
        if self.role == Role::User && self.users.master_keys().is_none() {
            return Err(missing(
                "users.master_keys",
                "the keys that API secrets are sealed under, the same in every process",
            ));
        }
        Ok(())
    }

    /// The options of the engine that this config asks for.
    pub(crate) fn options(&self) -> emporion_model::Options {
        self.orders.options(self.limits.order_counts())
    }
}

#[cfg(test)]
mod tests;
