//! The sections of the config that are plain numbers and words.

use super::limits::Addresses;
use super::parts::QueueMode;
use super::problem::{Problem, within};
use emporion_edge::socket::{OutboxLimits, SocketOptions};
use emporion_edge::{EdgeOptions, LimitsOptions, ServeOptions};
use emporion_order::sequencer::InboxLimits;
use emporion_ports::keys::Secret;
use emporion_user::seal::{MasterKeys, SealError};
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tracing_subscriber::filter::LevelFilter;

/// See `[operator]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operator {
    pub(crate) listen: SocketAddr,
    pub(crate) token_file: std::path::PathBuf,
}

/// See `[log]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// JSON.
    Json,
}

impl Log {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.level.split(',').all(is_directive) {
            return Ok(());
        }
        let right = "off, error, warn, info, debug or trace, or a list such as \"info,emporion_order=debug\"";
        Err(Problem::new("log.level", format!("is {:?} but must be {right}", self.level)))
    }
}

/// A level, or a target with its level. A word that is neither would silence everything without a word about it.
fn is_directive(text: &str) -> bool {
    let (target, level) = text.split_once('=').unwrap_or(("all", text));
    let is_target =
        !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
    is_target && level.parse::<LevelFilter>().is_ok()
}

/// See `[http]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    trusted_proxies: Vec<Addresses>,
    connections_max: u64,
    connections_per_network_max: u64,
    body_bytes_max: u64,
    drain_timeout_s: u64,
}

impl Http {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("http.connections_max", self.connections_max, 1..=1_000_000)?;
        within("http.connections_per_network_max", self.connections_per_network_max, 0..=1_000_000)?;
        within("http.body_bytes_max", self.body_bytes_max, 1_024..=16_777_216)?;
        within("http.drain_timeout_s", self.drain_timeout_s, 0..=3_600)
    }

    /// How requests are treated.
    pub(crate) fn edge(&self, limits: LimitsOptions) -> EdgeOptions {
        EdgeOptions {
            limits,
            trusted_proxies: self.trusted_proxies.iter().map(|addresses| addresses.0).collect(),
            body_bytes_max: checked(self.body_bytes_max),
            ..EdgeOptions::default()
        }
    }

    /// How connections are treated.
    pub(crate) fn serve(&self, socket: SocketOptions) -> ServeOptions {
        ServeOptions {
            socket,
            connections_max: checked(self.connections_max),
            connections_per_network_max: Some(checked(self.connections_per_network_max)).filter(|max| *max > 0),
            drain_timeout: Duration::from_secs(self.drain_timeout_s),
            ..ServeOptions::default()
        }
    }
}

/// See `[sockets]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sockets {
    waiting_messages_max: u64,
    waiting_bytes_max: u64,
    ping_interval_s: u64,
    pong_timeout_s: u64,
    lifetime_s: u64,
}

impl Sockets {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("sockets.waiting_messages_max", self.waiting_messages_max, 1_024..=1_000_000)?;
        within("sockets.waiting_bytes_max", self.waiting_bytes_max, 65_536..=1_073_741_824)?;
        within("sockets.ping_interval_s", self.ping_interval_s, 1..=3_600)?;
        within("sockets.pong_timeout_s", self.pong_timeout_s, 1..=3_600)?;
        within("sockets.lifetime_s", self.lifetime_s, 60..=31_536_000)
    }

    /// What may wait for the client of a market stream.
    pub(crate) fn outbox(&self) -> OutboxLimits {
        OutboxLimits { messages_max: checked(self.waiting_messages_max), bytes_max: checked(self.waiting_bytes_max) }
    }

    /// How sockets live.
    pub(crate) fn options(&self) -> SocketOptions {
        SocketOptions {
            ping_interval: Duration::from_secs(self.ping_interval_s),
            pong_timeout: Duration::from_secs(self.pong_timeout_s),
            lifetime: Duration::from_secs(self.lifetime_s),
            ..SocketOptions::default()
        }
    }
}

/// See `[queue]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Queue {
    pub(crate) mode: QueueMode,
    orders_max: u64,
    cancels_max: u64,
    services_max: u64,
    session_max: u64,
}

impl Queue {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("queue.orders_max", self.orders_max, 1..=10_000_000)?;
        within("queue.cancels_max", self.cancels_max, 1..=10_000_000)?;
        within("queue.services_max", self.services_max, 1..=1_000_000)?;
        within("queue.session_max", self.session_max, 1..=10_000_000)
    }

    /// The sequencer's bounds.
    pub(crate) fn limits(&self) -> InboxLimits {
        InboxLimits {
            orders_max: checked(self.orders_max),
            cancels_max: checked(self.cancels_max),
            services_max: checked(self.services_max),
            session_max: u32::try_from(self.session_max).expect("the range was checked"),
        }
    }
}

/// See `[feed]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Feed {
    batches_max: u64,
}

impl Feed {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("feed.batches_max", self.batches_max, 16..=1_000_000)
    }

    /// The ring's length.
    pub(crate) fn batches_max(&self) -> usize {
        checked(self.batches_max)
    }
}

/// See `[projector]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Projector {
    lag_batches_max: u64,
}

impl Projector {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("projector.lag_batches_max", self.lag_batches_max, 1..=1_000_000)
    }

    /// How many batches may wait for the projector.
    pub(crate) fn lag_batches_max(&self) -> usize {
        checked(self.lag_batches_max)
    }
}

/// See `[snapshots]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshots {
    pub(crate) every_commands: u64,
}

impl Snapshots {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("snapshots.every_commands", self.every_commands, 1_000..=1_000_000_000)
    }
}

/// See `[scrubber]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scrubber {
    /// 0 is off.
    pub(crate) bytes_per_second: u64,
}

/// See `[users]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Users {
    master_keys: Vec<MasterKeyText>,
    outbox_retention_days: u64,
}

/// `id:hexadecimal digits`. Never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
struct MasterKeyText(String);

impl fmt::Debug for MasterKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeyText(..)")
    }
}

impl Users {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("users.outbox_retention_days", self.outbox_retention_days, 1..=36_500)?;
        match self.master_keys() {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Problem::new("users.master_keys", format!("is not right: {error}"))),
        }
    }

    /// The configured master keys; `None` when none are.
    pub(crate) fn master_keys(&self) -> Option<Result<MasterKeys, SealError>> {
        let pair = |MasterKeyText(text): &MasterKeyText| {
            let (id, key) = text.split_once(':').unwrap_or((text, ""));
            // Without a colon nobody knows which part is secret, so the sentence names neither.
            let id = if text.contains(':') { id } else { "" };
            (id.to_owned(), Secret::new(key))
        };
        let pairs: Vec<_> = self.master_keys.iter().map(pair).collect();
        (!pairs.is_empty()).then(|| MasterKeys::new(&pairs))
    }

    /// How long answered commands are kept.
    pub(crate) fn outbox_retention(&self) -> Duration {
        Duration::from_secs(self.outbox_retention_days * 86_400)
    }
}

/// See `[demo]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    pub(crate) seed: u64,
    pub(crate) history: bool,
    pub(crate) orders_per_second: u64,
    pub(crate) makers: u64,
    pub(crate) levels: u64,
    pub(crate) spread_bps: u64,
    pub(crate) volatility_bps: u64,
    pub(crate) takers: u64,
    pub(crate) momentum: u64,
    pub(crate) reverters: u64,
}

impl Demo {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("demo.orders_per_second", self.orders_per_second, 1..=10_000)?;
        within("demo.makers", self.makers, 1..=8)?;
        within("demo.levels", self.levels, 1..=50)?;
        within("demo.spread_bps", self.spread_bps, 1..=200)?;
        within("demo.volatility_bps", self.volatility_bps, 0..=500)?;
        within("demo.takers", self.takers, 1..=100)?;
        within("demo.momentum", self.momentum, 0..=100)?;
        within("demo.reverters", self.reverters, 0..=100)
    }

    /// How many makers quote each symbol.
    pub(crate) fn makers(&self) -> usize {
        checked(self.makers)
    }

    /// On how many levels of a side each maker quotes.
    pub(crate) fn levels(&self) -> usize {
        checked(self.levels)
    }
}

fn checked(value: u64) -> usize {
    usize::try_from(value).expect("the range was checked")
}
