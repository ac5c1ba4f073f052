//! What the operator says of the database, and its address in parts.
//!
//! An address may hold a password: nothing here shows one.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use emporion_ports::store::StoreError;
use tokio_postgres::config::{Config, Host, SslMode};

/// How the database keeps what it says it has, which decides what a start checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// One server with its disk: `fsync` and `full_page_writes`.
    #[default]
    Single,
    /// Servers of one's own with synchronous replication: also `synchronous_standby_names`.
    Streaming,
    /// A managed database that replicates below PostgreSQL (RDS, Aurora): what it shows, on every connection.
    Managed,
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "single" => Ok(Self::Single),
            "streaming" => Ok(Self::Streaming),
            "managed" => Ok(Self::Managed),
            _ => Err(format!("{text:?} is not one of \"single\", \"streaming\" and \"managed\"")),
        }
    }
}

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct PostgresOptions {
    /// The primary: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…&sslrootcert=FILE`.
    ///
    /// `sslmode` is `disable`, `require` (encrypted, to whoever answers, unless `sslrootcert` is given), `verify-ca`
    /// or `verify-full`; without it, `disable` on this machine and `verify-full` elsewhere. Without `sslrootcert`
    /// the system's certificates are trusted.
    pub url: String,
    /// A replica for reads that may wait for it, in the same form.
    pub read_url: Option<String>,
    /// How the database keeps what it says it has.
    pub durability: Durability,
    /// The most connections of each pool; the few connections of its own that a part has are not counted.
    pub connections_max: usize,
    /// The name under which the connections are seen in the database.
    pub application_name: String,
    /// A commit that has no answer for so long is in doubt and asked of the primary as it is then.
    pub answer_patience: Duration,
    /// A commit or takeover that is in doubt for so long has failed. Longer than a failover of the database takes.
    pub commit_patience: Duration,
    /// A snapshot is written no faster than so many bytes a second.
    pub snapshot_bytes_per_second: u32,
}

impl PostgresOptions {
    /// The defaults for a database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            read_url: None,
            durability: Durability::default(),
            connections_max: 16,
            application_name: "emporion".to_owned(),
            answer_patience: Duration::from_secs(5),
            commit_patience: Duration::from_secs(60),
            snapshot_bytes_per_second: 16 << 20,
        }
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("durability", &self.durability)
            .field("connections_max", &self.connections_max)
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}

/// How far whoever answers is believed to be the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Plain text.
    Plain,
    /// Encrypted, to whoever answers.
    Anyone,
    /// Its certificate is signed by one of the roots.
    Authority(Option<PathBuf>),
    /// And is made out to the host's name.
    Name(Option<PathBuf>),
}

/// An address in parts.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) trust: Trust,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Unanswered bytes for so long mean that the other side is gone.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(2);

/// The server ends what a vanished client left behind: its statement, and a transaction that it sits in.
const SESSION: &str = "-c tcp_user_timeout=5s -c tcp_keepalives_idle=2 -c tcp_keepalives_interval=2 \
    -c tcp_keepalives_count=3 -c client_connection_check_interval=1s -c idle_in_transaction_session_timeout=10s";

impl Address {
    /// Parses a URL; `settings` are further settings of each session, such as `-c statement_timeout=0`.
    pub(crate) fn parse(url: &str, application_name: &str, settings: &str) -> Result<Self, StoreError> {
        let unusable = |reason: &str| StoreError::Unusable(format!("the database's URL cannot be used: {reason}"));
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(unusable("it begins with \"postgres://\""));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root, mut rest) = (None, None, Vec::new());
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => {
                    root = Some(PathBuf::from(decode(value).ok_or_else(|| unusable("sslrootcert is not UTF-8"))?));
                }
                _ => rest.push(part),
            }
        }
        let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let mut config = Config::from_str(&plain).map_err(|error| {
            // The reason is in the source; neither repeats the URL.
            let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            unusable(&reason)
        })?;
        if config.get_hosts().is_empty() {
            return Err(unusable("it names no host"));
        }
        if config.get_dbname().is_none() {
            return Err(unusable("it names no database, as in postgres://USER@HOST:PORT/DATABASE"));
        }
        let trust = match mode {
            None if is_local(&config) => Trust::Plain,
            None | Some("verify-full") => Trust::Name(root),
            Some("disable") => Trust::Plain,
            Some("require") if root.is_none() => Trust::Anyone,
            Some("require" | "verify-ca") => Trust::Authority(root),
            Some(_) => return Err(unusable("sslmode is not one of disable, require, verify-ca and verify-full")),
        };
        config
            .ssl_mode(if trust == Trust::Plain { SslMode::Disable } else { SslMode::Require })
            .application_name(application_name)
            .options(format!("{SESSION} {settings}"))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .keepalives_idle(KEEPALIVE)
            .keepalives_interval(KEEPALIVE)
            .keepalives_retries(3);
        Ok(Self { config, trust })
    }
}

/// Whether every host is this machine.
fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
    })
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = if *first == b'%' { tail.get(..2) } else { None };
        match pair {
            Some(pair) => {
                bytes.push(*hex::decode(pair).ok()?.first()?);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<Trust, &str>) {
        let found = Address::parse(url, "test", "");
        match (found, expected) {
            (Ok(address), Ok(trust)) => assert_eq!(address.trust, trust, "{url}"),
            (Err(error), Err(text)) => {
                assert!(error.to_string().contains(text), "{url}: {error}");
                assert!(!error.to_string().contains("secret"), "{url}: {error}");
            }
            (found, expected) => panic!("{url}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn an_address_says_whom_to_trust() {
        let file = || Some(PathBuf::from("/etc/ca file.pem"));
        check("postgres://u:secret@127.0.0.1:1/d", Ok(Trust::Plain));
        check("postgresql://u:secret@localhost/d", Ok(Trust::Plain));
        check("postgres://u:secret@db.example/d", Ok(Trust::Name(None)));
        check("postgres://u:secret@db.example/d?sslmode=disable", Ok(Trust::Plain));
        check("postgres://u:secret@db.example/d?sslmode=require", Ok(Trust::Anyone));
        let root = "sslrootcert=/etc/ca%20file.pem";
        check(&format!("postgres://u:secret@h/d?sslmode=require&{root}"), Ok(Trust::Authority(file())));
        check(&format!("postgres://u:secret@h/d?{root}&sslmode=verify-ca"), Ok(Trust::Authority(file())));
        check(&format!("postgres://u:secret@h/d?{root}"), Ok(Trust::Name(file())));
    }

    #[test]
    fn an_address_that_cannot_be_used_is_named_without_its_password() {
        check("mysql://u:secret@h/d", Err("begins with"));
        check("postgres://u:secret@h", Err("names no database"));
        check("postgres:///d", Err("names no host"));
        check("postgres://u:secret@h/d?sslmode=prefer", Err("sslmode"));
        check("postgres://u:secret@h/d?sslrootcert=%ff", Err("UTF-8"));
        check("postgres://u:secret@h:port/d", Err("cannot be used"));
        check("postgres://u:secret@h/d?color=red", Err("color"));
    }
}
