//! Connections: to a single server or a whole cluster, and why one could not be made.

use crate::RedisOptions;
use redis::aio::{AsyncPushSender, ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError,
    RedisFuture, RedisResult, ServerErrorKind, TlsMode, Value,
};
use std::time::Duration;

/// How long one attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_millis(1_500);

/// How long the library waits for an answer; each caller has a limit of its own, which is shorter.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// What commands go through.
#[derive(Clone)]
pub(crate) enum Link {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        cmd: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(cmd, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(cmd, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        0
    }
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nobody is there now; trying again may help.
    Away(String),
    /// Somebody is there and it is not for us: only other settings help.
    Refused(String),
}

impl Trouble {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Away(text) | Self::Refused(text) => text,
        }
    }
}

/// Connects to what `options` name: a cluster if the first one that answers is part of one.
pub(crate) async fn open(options: &RedisOptions) -> Result<Link, Trouble> {
    let (mut connection, at) = any_node(options).await?;
    let told: String = redis::cmd("INFO")
        .query_async(&mut connection)
        .await
        .map_err(|error| trouble(&format!("Redis at {at} does not say what it is"), &error))?;
    let is_cluster = told.contains("cluster_enabled:1");
    if is_cluster {
        return cluster(options).await;
    }
    if options.nodes.len() > 1 {
        return Err(Trouble::Refused(format!(
            "redis.url names several addresses, but Redis at {at} is not part of a cluster: name one address, or nodes \
             of one cluster"
        )));
    }
    Ok(Link::Single(connection))
}

async fn any_node(options: &RedisOptions) -> Result<(MultiplexedConnection, String), Trouble> {
    let mut last = Trouble::Away("redis.url names no address".into());
    for (host, port) in &options.nodes {
        match server(options, host, *port, None::<fn(_) -> Result<(), ()>>).await {
            Ok(connection) => return Ok((connection, format!("{host}:{port}"))),
            Err(Trouble::Refused(text)) => return Err(Trouble::Refused(text)),
            Err(away) => last = away,
        }
    }
    Err(last)
}

/// A connection to one server. With `pushes` it can subscribe.
pub(crate) async fn server(
    options: &RedisOptions,
    host: &str,
    port: u16,
    pushes: Option<impl AsyncPushSender>,
) -> Result<MultiplexedConnection, Trouble> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_LIMIT))
        .set_response_timeout(Some(ANSWER_LIMIT));
    let (config, protocol) = match pushes {
        Some(pushes) => (config.set_push_sender(pushes), ProtocolVersion::RESP3),
        None => (config, ProtocolVersion::RESP2),
    };
    let what = format!("Redis at {host}:{port} cannot be reached");
    let client = client(options, host, port, protocol).map_err(|error| trouble(&what, &error))?;
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    connecting.await.map_err(|error| trouble(&what, &error))
}

fn client(options: &RedisOptions, host: &str, port: u16, protocol: ProtocolVersion) -> RedisResult<Client> {
    let info = options.server(host, port, protocol)?;
    match options.certificates() {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    }
}

async fn cluster(options: &RedisOptions) -> Result<Link, Trouble> {
    let what = format!("the Redis cluster at {} cannot be reached", options.address());
    let connecting = async {
        let nodes = options.nodes.iter().map(|(host, port)| options.server(host, *port, ProtocolVersion::RESP2));
        let nodes = nodes.map(|node| node.and_then(IntoConnectionInfo::into_connection_info));
        let mut builder = ClusterClientBuilder::new(nodes.collect::<RedisResult<Vec<_>>>()?)
            .connection_timeout(CONNECT_LIMIT)
            .response_timeout(ANSWER_LIMIT)
            .overall_response_timeout(None)
            .retries(3)
            .min_retry_wait(10)
            .max_retry_wait(100);
        if let Some(certificates) = options.certificates() {
            builder = builder.tls(TlsMode::Secure).certs(certificates);
        }
        builder.build()?.get_async_connection().await
    };
    match tokio::time::timeout(2 * CONNECT_LIMIT, connecting).await {
        Ok(Ok(connection)) => Ok(Link::Cluster(connection)),
        Ok(Err(error)) => Err(trouble(&what, &error)),
        Err(_) => Err(Trouble::Away(format!("{what}: no answer in time"))),
    }
}

/// One sentence about `error`, and whether trying again may help.
fn trouble(what: &str, error: &RedisError) -> Trouble {
    let text = error.to_string();
    let is_login = ["WRONGPASS", "NOAUTH", "AUTH called without"].iter().any(|code| text.contains(code));
    match error.kind() {
        ErrorKind::AuthenticationFailed => Trouble::Refused(format!("{what}: user or password are refused: {text}")),
        _ if is_login => Trouble::Refused(format!("{what}: user or password are refused: {text}")),
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            Trouble::Refused(format!("{what}: the user may not do what is needed: {text}"))
        }
        ErrorKind::Parse => Trouble::Refused(format!("{what}: it does not speak Redis's protocol: {text}")),
        ErrorKind::InvalidClientConfig => Trouble::Refused(format!("{what}: {text}")),
        ErrorKind::RESP3NotSupported => Trouble::Refused(format!("{what}: Redis 6 or newer is needed")),
        ErrorKind::Io if is_tls(&text) => Trouble::Refused(format!("{what}: TLS failed: {text}")),
        _ if error.is_connection_dropped() => {
            Trouble::Away(format!("{what}: it closed the connection (rediss:// is for servers with TLS only): {text}"))
        }
        _ => Trouble::Away(format!("{what}: {text}")),
    }
}

fn is_tls(text: &str) -> bool {
    ["certificate", "InvalidContentType", "corrupt message", "received fatal alert"]
        .iter()
        .any(|word| text.contains(word))
}
