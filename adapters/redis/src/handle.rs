//! The handle to Redis: one connection that is watched and made again, and calls that end in time.

use crate::connect::{self, Link, Trouble};
use crate::{Health, RedisOptions, health, metrics};
use parking_lot::RwLock;
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, Script, ServerErrorKind, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How often Redis is asked how it is, and how long it may take to answer that.
const CHECK_EVERY: Duration = Duration::from_secs(1);
const CHECK_LIMIT: Duration = Duration::from_secs(1);

/// The pause between attempts to connect.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// How long the first attempt may take before serving begins without Redis.
const FIRST_LIMIT: Duration = Duration::from_secs(5);

/// Why Redis cannot be used with these settings: one sentence for operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnectError(pub String);

/// A Redis, single or a cluster. Clones share one connection, which ends with the last of them.
#[derive(Clone)]
pub struct Redis(Arc<Watched>);

struct Watched {
    shared: Arc<Shared>,
    watcher: AbortHandle,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

struct Shared {
    options: RedisOptions,
    link: RwLock<Option<Link>>,
    health: watch::Sender<Health>,
    /// A call failed: look at the connection now.
    suspicion: Notify,
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum CallError {
    Away,
    Late(Duration),
    Redis(RedisError),
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Away => f.write_str("Redis cannot be reached"),
            Self::Late(limit) => write!(f, "Redis gave no answer within {} ms", limit.as_millis()),
            Self::Redis(error) => write!(f, "Redis: {error}"),
        }
    }
}

impl Redis {
    /// Connects. A Redis that is not there is no error: it is tried again and again, and [`Redis::health`] says so.
    /// One that is there and refuses us, speaks another protocol or has a certificate that is not trusted is an error.
    /// Must be called within a Tokio runtime.
    pub async fn connect(options: RedisOptions) -> Result<Self, ConnectError> {
        // An error says that the process has chosen its provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let first = match timeout(FIRST_LIMIT, connect::open(&options)).await {
            Ok(Err(Trouble::Refused(text))) => return Err(ConnectError(text)),
            Ok(opened) => opened,
            Err(_) => Err(Trouble::Away(format!("Redis at {} does not answer", options.address()))),
        };
        let shared = Arc::new(Shared {
            options,
            link: RwLock::default(),
            health: watch::Sender::default(),
            suspicion: Notify::new(),
        });
        shared.tell(first).await;
        let watcher = tokio::spawn(shared.clone().watch()).abort_handle();
        Ok(Self(Arc::new(Watched { shared, watcher })))
    }

    /// Whether Redis answered when it was last asked.
    pub fn is_up(&self) -> bool {
        self.0.shared.health.borrow().up
    }

    /// How Redis is, asked every second.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.shared.health.subscribe()
    }

    /// What is wrong with Redis now, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        self.0.shared.health.borrow().problems.clone()
    }

    #[cfg(test)]
    pub(crate) fn prefix_of_tests(&self) -> &str {
        &self.0.shared.options.prefix
    }

    /// A name that begins as all of ours do, in the slot of `tag`.
    pub(crate) fn key(&self, tag: &str, rest: &str) -> String {
        format!("{{{}:{tag}}}{rest}", self.0.shared.options.prefix)
    }

    /// Runs a command; `what` is what it is for.
    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        what: &'static str,
        command: &Cmd,
        limit: Duration,
    ) -> Result<T, CallError> {
        let link = self.0.shared.link.read().clone();
        let result = match link {
            None => Err(CallError::Away),
            Some(mut link) => match timeout(limit, command.query_async(&mut link)).await {
                Ok(result) => result.map_err(CallError::Redis),
                Err(_) => Err(CallError::Late(limit)),
            },
        };
        if let Err(error) = &result {
            let is_missing_script = matches!(error, CallError::Redis(error) if is_missing_script(error));
            if !is_missing_script {
                metrics::failed(what);
                self.0.shared.suspicion.notify_one();
            }
        }
        result
    }

    /// Runs a script on keys of one slot.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        what: &'static str,
        script: &Source,
        keys: &[&str],
        arguments: &[Vec<u8>],
        limit: Duration,
    ) -> Result<T, CallError> {
        let command = |name: &str, source: &str| {
            let mut command = redis::cmd(name);
            command.arg(source).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match self.call(what, &command("EVALSHA", script.compiled.get_hash()), limit).await {
            Err(CallError::Redis(error)) if is_missing_script(&error) => {
                self.call(what, &command("EVAL", script.text), limit).await
            }
            result => result,
        }
    }

    /// Whether commands go to a cluster; `None` while they go nowhere.
    pub(crate) fn is_cluster(&self) -> Option<bool> {
        self.0.shared.link.read().as_ref().map(Link::is_cluster)
    }

    /// A new connection to the server that serves `key`, for calls that wait there. With `pushes` it can subscribe.
    pub(crate) async fn connect_to(
        &self,
        key: &str,
        pushes: Option<impl AsyncPushSender>,
    ) -> Result<MultiplexedConnection, String> {
        let (host, port) = match self.is_cluster() {
            None => return Err(CallError::Away.to_string()),
            Some(true) => self.server_of(key).await?,
            Some(false) => self.0.shared.options.nodes.first().cloned().ok_or("redis.url names no address")?,
        };
        let connecting = connect::server(&self.0.shared.options, &host, port, pushes);
        connecting.await.map_err(|trouble| trouble.text().to_owned())
    }

    async fn server_of(&self, key: &str) -> Result<(String, u16), String> {
        let ask = |words: &[&str]| {
            let mut command = redis::cmd("CLUSTER");
            command.arg(words);
            command
        };
        let failed = |error: CallError| error.to_string();
        let slot: i64 = self.call("slots", &ask(&["KEYSLOT", key]), CHECK_LIMIT).await.map_err(failed)?;
        let slots: Value = self.call("slots", &ask(&["SLOTS"]), CHECK_LIMIT).await.map_err(failed)?;
        owner(&slots, slot).ok_or_else(|| format!("no node of the Redis cluster serves slot {slot}"))
    }
}

/// The master of a slot in the answer to `CLUSTER SLOTS`.
fn owner(slots: &Value, slot: i64) -> Option<(String, u16)> {
    let Value::Array(ranges) = slots else { return None };
    ranges.iter().find_map(|range| {
        let Value::Array(range) = range else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = range.as_slice() else { return None };
        let [Value::BulkString(host), Value::Int(port), ..] = master.as_slice() else { return None };
        let host = (first..=last).contains(&&slot).then(|| String::from_utf8(host.clone()).ok())??;
        Some((host, u16::try_from(*port).ok()?)).filter(|(host, _)| !host.is_empty())
    })
}

fn is_missing_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

impl Shared {
    /// Looks after the connection for as long as there are handles.
    async fn watch(self: Arc<Self>) {
        loop {
            let link = self.link.read().clone();
            let pause = if link.is_some() { CHECK_EVERY } else { RETRY_PAUSE };
            // An error says that nobody suspects anything.
            let _ = timeout(pause, self.suspicion.notified()).await;
            let checked = match link {
                Some(link) => check(link).await.ok(),
                None => None,
            };
            match checked {
                Some(problems) => self.show(Health { up: true, problems }),
                None => self.tell(connect::open(&self.options).await).await,
            }
            rest(Duration::from_millis(100)).await;
        }
    }

    /// Takes a new connection, or none.
    async fn tell(&self, opened: Result<Link, Trouble>) {
        let (link, health) = match opened {
            Ok(link) => {
                let problems = check(link.clone()).await.unwrap_or_default();
                (Some(link), Health { up: true, problems })
            }
            Err(trouble) => (None, Health { up: false, problems: vec![trouble.text().to_owned()] }),
        };
        *self.link.write() = link;
        self.show(health);
    }

    fn show(&self, health: Health) {
        metrics::up(health.up);
        self.health.send_if_modified(|shown| {
            let is_news = *shown != health;
            if is_news && shown.up && !health.up {
                tracing::warn!(problems = ?health.problems, "Redis is lost");
            } else if is_news {
                tracing::info!(up = health.up, problems = ?health.problems, "Redis was asked how it is");
            }
            *shown = health;
            is_news
        });
    }
}

/// What Redis says of itself; an error when it says nothing.
async fn check(mut link: Link) -> Result<Vec<String>, ()> {
    let is_cluster = link.is_cluster();
    let mut ask = async |command: &Cmd| match timeout(CHECK_LIMIT, command.query_async::<Value>(&mut link)).await {
        Ok(Ok(value)) => Ok(health::texts(value)),
        _ => Err(()),
    };
    if !is_cluster {
        return Ok(health::problems(&ask(&redis::cmd("INFO")).await?, None));
    }
    let cluster = ask(redis::cmd("CLUSTER").arg("INFO")).await?.concat();
    let infos = ask(&redis::cmd("INFO")).await;
    let mut problems = health::problems(infos.as_deref().unwrap_or_default(), Some(&cluster));
    if infos.is_err() {
        problems.push("a part of the Redis cluster does not answer".into());
    }
    Ok(problems)
}

/// A script for the server.
pub(crate) struct Source {
    text: &'static str,
    compiled: Script,
}

impl Source {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, compiled: Script::new(text) }
    }
}

/// A pause in the attempts of a loop, which must not keep a processor busy while Redis is away.
#[expect(clippy::disallowed_methods, reason = "a server that is away tells nobody when it is back: it must be tried")]
pub(crate) async fn rest(duration: Duration) {
    tokio::time::sleep(duration).await;
}
