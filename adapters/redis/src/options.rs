//! Where Redis is and who we are there, read from `redis.url`.

use crate::ConnectError;
use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, TlsCertificates,
};
use std::fmt;

/// The port of an address that names none.
const PORT: u16 = 6379;

/// The options of a connection.
#[derive(Clone)]
pub struct RedisOptions {
    /// Host and port: of the one server, or of some nodes of a cluster.
    pub(crate) nodes: Vec<(String, u16)>,
    /// The user; `None` is Redis's default user.
    user: Option<String>,
    password: Option<String>,
    /// TLS is spoken; the authorities are those in the PEM text, or without one the system's.
    tls: Option<Option<Vec<u8>>>,
    /// What the name of every key and channel begins with.
    pub(crate) prefix: String,
}

/// Addresses only: neither who we are nor how we show it.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions").field("nodes", &self.nodes).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl RedisOptions {
    /// Reads `redis://user:password@host:port`, or `rediss://…` for TLS; further `host:port` after commas are nodes of
    /// the same cluster. User and password are percent-encoded; a password alone is written `:password@`. With
    /// `?ca=FILE` only the authorities in that PEM file are trusted, without it those of the system.
    pub fn parse(url: &str) -> Result<Self, ConnectError> {
        let bad = |what: &str| {
            ConnectError(format!(
                "redis.url {what}: write redis://user:password@host:port, rediss://… for TLS, and further nodes of a \
                 cluster after commas"
            ))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| bad("has no scheme"))?;
        if !matches!(scheme, "redis" | "rediss") {
            return Err(bad("begins with neither redis:// nor rediss://"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, hosts) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (hosts, database) = hosts.split_once('/').unwrap_or((hosts, ""));
        if !matches!(database, "" | "0") {
            return Err(bad("names a database other than 0"));
        }
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        if password.is_empty() && !user.is_empty() {
            return Err(bad("names a user without a password"));
        }
        let decoded = |text: &str| percent_decoded(text).ok_or_else(|| bad("has a wrong percent sign in its login"));
        let nodes = hosts.split(',').map(|host| node(host).ok_or_else(|| bad("has an address without host or port")));
        Ok(Self {
            nodes: nodes.collect::<Result<_, _>>()?,
            user: Some(decoded(user)?).filter(|user| !user.is_empty()),
            password: Some(decoded(password)?).filter(|password| !password.is_empty()),
            tls: (scheme == "rediss").then(|| authorities(query, &bad)).transpose()?,
            prefix: "emporion".into(),
        })
    }

    /// With other names for all keys and channels, for venues that share a Redis.
    pub fn with_prefix(self, prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..self }
    }

    /// The addresses, for people.
    pub(crate) fn address(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        nodes.join(", ")
    }

    /// How to connect to one server.
    pub(crate) fn server(
        &self,
        host: &str,
        port: u16,
        protocol: ProtocolVersion,
    ) -> redis::RedisResult<ConnectionInfo> {
        let mut login = RedisConnectionInfo::default().set_protocol(protocol);
        if let Some(user) = &self.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        let host = host.to_owned();
        let address = match self.tls {
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        };
        Ok(address.into_connection_info()?.set_redis_settings(login))
    }

    /// The authorities that are trusted, when TLS is spoken.
    pub(crate) fn certificates(&self) -> Option<TlsCertificates> {
        let root_cert = self.tls.clone()?;
        Some(TlsCertificates { client_tls: None, root_cert })
    }
}

fn node(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|&port| port > 0)?,
        None if port.is_empty() => PORT,
        None => return None,
    };
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte));
    is_host.then(|| (host.to_owned(), port))
}

/// The PEM text of the file that `query` names; `None` when it names none.
fn authorities(query: &str, bad: &impl Fn(&str) -> ConnectError) -> Result<Option<Vec<u8>>, ConnectError> {
    if query.is_empty() {
        return Ok(None);
    }
    let file = query.strip_prefix("ca=").ok_or_else(|| bad("has an option other than ca=FILE"))?;
    let pem = std::fs::read(file).map_err(|error| {
        ConnectError(format!("the certificates that redis.url names cannot be read: {file}: {error}"))
    })?;
    Ok(Some(pem))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_nodes_and_logins() {
        let parse = |url: &str| {
            let options = RedisOptions::parse(url).unwrap();
            (options.address(), options.user, options.password, options.tls.is_some())
        };
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            ("redis://localhost", ("localhost:6379", None, None, false)),
            ("redis://127.0.0.1:7000/", ("127.0.0.1:7000", None, None, false)),
            ("rediss://a.example:7000/0", ("a.example:7000", None, None, true)),
            ("redis://a:1,b:2,[::1]:3", ("a:1, b:2, ::1:3", None, None, false)),
            ("redis://:pa%40ss@a", ("a:6379", None, some("pa@ss"), false)),
            ("redis://me:p@ss:w@a:1,b", ("a:1, b:6379", some("me"), some("p@ss:w"), false)),
        ];
        for (url, (address, user, password, is_tls)) in cases {
            assert_eq!(parse(url), (address.to_owned(), user, password, is_tls), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_told_without_its_password() {
        let cases = [
            ("", "no scheme"),
            ("localhost:6379", "no scheme"),
            ("http://a", "neither redis:// nor rediss://"),
            ("redis://", "without host or port"),
            ("redis://a:1,", "without host or port"),
            ("redis://a:x", "without host or port"),
            ("redis://a:0", "without host or port"),
            ("redis://a:70000", "without host or port"),
            ("redis://:secret@a/7", "database other than 0"),
            ("redis://me@a", "user without a password"),
            ("redis://me:sec%ret@a", "percent sign"),
            ("rediss://me:secret@a?insecure", "other than ca=FILE"),
            ("rediss://me:secret@a?ca=/none", "cannot be read: /none"),
        ];
        for (url, expected) in cases {
            let error = RedisOptions::parse(url).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{url}: {error}");
        }
        let options = format!("{:?}", RedisOptions::parse("redis://me:secret@a").unwrap());
        assert!(!options.contains("secret"), "{options}");
    }
}
