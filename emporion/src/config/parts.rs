//! The sections about shared parts: the database, Redis, the lanes and the internal stream between processes.
//!
//! Secrets in addresses are never printed.

use super::problem::{Problem, within};
use emporion_s3::{S3Options, StaticCredentials};
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Which services a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// All of them.
    All,
    /// Gateways: orders and everything about one account.
    Order,
    /// The single writer, or one who waits to be it.
    Sequencer,
    /// Everything that is the same for all.
    MarketData,
    /// People, sessions, keys; the operator's requests.
    User,
}

impl Role {
    /// The word in the config.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Order => "order",
            Self::Sequencer => "sequencer",
            Self::MarketData => "market-data",
            Self::User => "user",
        }
    }
}

/// A text that may hold a password; its `Debug` says nothing.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretText(String);

impl SecretText {
    /// The text, for the one who needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "SecretText(..)" })
    }
}

/// See `[store]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) url: SecretText,
    pub(crate) read_url: SecretText,
    pub(crate) durability: Durability,
    connections_max: u64,
    pub(crate) history_retention_days: u64,
    pub(crate) journal_retention_days: u64,
    segments: String,
    segments_region: String,
    segments_endpoint: String,
    segments_access_key: SecretText,
    segments_secret_key: SecretText,
}

/// Where parts of the journal go.
#[derive(Clone, Debug)]
pub(crate) enum Segments {
    Folder(PathBuf),
    Bucket(S3Options),
}

/// What the start checks of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Durability {
    Single,
    Streaming,
    Managed,
}

impl Store {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("store.connections_max", self.connections_max, 2..=1_000)?;
        within("store.history_retention_days", self.history_retention_days, 0..=36_500)?;
        within("store.journal_retention_days", self.journal_retention_days, 0..=36_500)?;
        let is_postgres = |url: &SecretText| {
            url.is_empty() || url.expose().starts_with("postgres://") || url.expose().starts_with("postgresql://")
        };
        let right = "must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, or empty for the files in data_dir";
        if !is_postgres(&self.url) {
            return Err(Problem::new("store.url", right));
        }
        if !is_postgres(&self.read_url) {
            return Err(Problem::new("store.read_url", right));
        }
        if self.url.is_empty() && !self.read_url.is_empty() {
            return Err(Problem::new("store.read_url", "needs a `store.url` beside it"));
        }
        if self.journal_retention_days > 0 && self.segments.is_empty() {
            let why = "drops old parts of the journal only after their export: say with `store.segments` where to";
            return Err(Problem::new("store.journal_retention_days", why));
        }
        self.segments().map(drop)
    }

    /// Where parts of the journal are exported to, if anywhere.
    pub(crate) fn segments(&self) -> Result<Option<Segments>, Problem> {
        let is_http = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if !self.segments_endpoint.is_empty() && !is_http(&self.segments_endpoint) {
            let why = "must begin with http:// or https://, or be empty for AWS";
            return Err(Problem::new("store.segments_endpoint", why));
        }
        if self.segments_access_key.is_empty() != self.segments_secret_key.is_empty() {
            let why = "and `store.segments_secret_key` belong together: give both or neither";
            return Err(Problem::new("store.segments_access_key", why));
        }
        match self.segments.split_once("://") {
            None if self.segments.is_empty() => Ok(None),
            None => Ok(Some(Segments::Folder(PathBuf::from(&self.segments)))),
            Some(_) => {
                let place = self.segments.parse().map_err(|why: String| Problem::new("store.segments", why))?;
                let key = (!self.segments_access_key.is_empty()).then(|| StaticCredentials {
                    access_key_id: self.segments_access_key.expose().to_owned(),
                    secret_access_key: self.segments_secret_key.expose().to_owned(),
                });
                Ok(Some(Segments::Bucket(S3Options {
                    place,
                    endpoint: Some(self.segments_endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
                    region: self.segments_region.clone(),
                    static_credentials: key,
                })))
            }
        }
    }

    /// Whether everything is in PostgreSQL.
    pub(crate) fn is_shared(&self) -> bool {
        !self.url.is_empty()
    }

    pub(crate) fn connections_max(&self) -> usize {
        usize::try_from(self.connections_max).expect("the range was checked")
    }
}

/// See `[redis]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redis {
    pub(crate) url: SecretText,
    pub(crate) ca: PathBuf,
    pub(crate) stream_length_max: u64,
}

impl Redis {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("redis.stream_length_max", self.stream_length_max, 16..=10_000_000)
    }
}

/// How orders get to the sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum QueueMode {
    Spill,
    Always,
}

/// See `[sqs]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sqs {
    pub(crate) url: String,
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) access_key: SecretText,
    pub(crate) secret_key: SecretText,
    pub(crate) aside_url: String,
    lanes: u64,
    receivers: u64,
    visibility_s: u64,
}

impl Sqs {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("sqs.lanes", self.lanes, 1..=4_096)?;
        within("sqs.receivers", self.receivers, 1..=64)?;
        within("sqs.visibility_s", self.visibility_s, 2..=60)?;
        for (key, url) in [("sqs.url", &self.url), ("sqs.aside_url", &self.aside_url)] {
            let is_fifo = url.is_empty() || (url.starts_with("http") && url.ends_with(".fifo"));
            if !is_fifo {
                return Err(Problem::new(
                    key,
                    format!("is {url:?} but must be the URL of a FIFO queue, which ends with .fifo"),
                ));
            }
        }
        if self.access_key.is_empty() != self.secret_key.is_empty() {
            return Err(Problem::new("sqs.access_key", "and `sqs.secret_key` belong together: give both or neither"));
        }
        Ok(())
    }

    /// How many lanes there are.
    pub(crate) fn lanes(&self) -> u32 {
        u32::try_from(self.lanes).expect("the range was checked")
    }

    /// How many receivers ask at once.
    pub(crate) fn receivers(&self) -> usize {
        usize::try_from(self.receivers).expect("the range was checked")
    }

    /// How long a received message is nobody else's.
    pub(crate) fn visibility(&self) -> Duration {
        Duration::from_secs(self.visibility_s)
    }
}

/// See `[internal]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Internal {
    pub(crate) listen: SocketAddr,
    pub(crate) advertise: String,
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) users: Vec<String>,
    venue_keys: Vec<SecretText>,
}

impl Internal {
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.venue_keys().map(drop)
    }

    /// The numbered keys that seal commands, the one to seal with first.
    pub(crate) fn venue_keys(&self) -> Result<Vec<(u32, [u8; 32])>, Problem> {
        let wrong = |what: &str| {
            Problem::new(
                "internal.venue_keys",
                format!("is not right: {what}; each is \"number:64 hexadecimal digits\""),
            )
        };
        let mut keys: Vec<(u32, [u8; 32])> = Vec::new();
        for text in &self.venue_keys {
            let (id, secret) = text.expose().split_once(':').ok_or_else(|| wrong("a key has no colon"))?;
            let id = id.parse().map_err(|_| wrong("the part before a colon is no number"))?;
            let mut bytes = [0; 32];
            hex::decode_to_slice(secret, &mut bytes).map_err(|_| wrong("a key is not 64 hexadecimal digits"))?;
            if keys.iter().any(|(other, _)| *other == id) {
                return Err(wrong(&format!("number {id} comes twice")));
            }
            keys.push((id, bytes));
        }
        Ok(keys)
    }
}
