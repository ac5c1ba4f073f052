//! Signals over pub/sub: sharded on a cluster, plain on a single server.

use crate::handle::{RETRY_PAUSE, Redis, rest};
use crate::metrics;
use async_trait::async_trait;
use emporion_model::codec;
use emporion_ports::signals::{Signal, SignalReceiver, Signals};
use parking_lot::Mutex;
use redis::{PushInfo, PushKind, Value};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How many signals wait for Redis, and for a slow listener; more are lost, and the listener is told.
const WAITING_MAX: usize = 1_024;

/// How long a signal may take to Redis, and Redis to say that it is still there.
const LIMIT: Duration = Duration::from_millis(500);

/// How often the subscription's connection is asked whether it still lives.
const PING_EVERY: Duration = Duration::from_secs(1);

/// Signals between all processes with this Redis.
pub struct RedisSignals {
    redis: Redis,
    tell: mpsc::Sender<Signal>,
    heard: broadcast::Sender<Option<Signal>>,
    is_listening: watch::Sender<bool>,
    /// The task that tells, and once somebody listens the one that listens.
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Drop for RedisSignals {
    fn drop(&mut self) {
        self.tasks.lock().iter().for_each(AbortHandle::abort);
    }
}

impl RedisSignals {
    /// Must be called within a Tokio runtime.
    pub fn new(redis: Redis) -> Self {
        let (tell, waiting) = mpsc::channel(WAITING_MAX);
        let heard = broadcast::Sender::new(WAITING_MAX);
        let teller = tokio::spawn(send(redis.clone(), waiting, heard.clone())).abort_handle();
        Self { redis, tell, heard, is_listening: watch::Sender::default(), tasks: Mutex::new(vec![teller]) }
    }

    /// Waits until what others tell gets here. Somebody must listen.
    pub async fn wait_until_listening(&self) {
        // The sender is our own: it cannot be gone.
        let _ = self.is_listening.subscribe().wait_for(|&is_listening| is_listening).await;
    }
}

impl Signals for RedisSignals {
    fn tell(&self, signal: Signal) {
        if let Err(error) = self.tell.try_send(signal) {
            metrics::signal_lost();
            let _ = self.heard.send(Some(error.into_inner()));
        }
    }

    fn listen(&self) -> Box<dyn SignalReceiver> {
        let mut tasks = self.tasks.lock();
        if tasks.len() < 2 {
            let listener = hear(self.redis.clone(), self.heard.clone(), self.is_listening.clone());
            tasks.push(tokio::spawn(listener).abort_handle());
        }
        Box::new(Listening(self.heard.subscribe()))
    }
}

struct Listening(broadcast::Receiver<Option<Signal>>);

#[async_trait]
impl SignalReceiver for Listening {
    async fn next(&mut self) -> Option<Signal> {
        match self.0.recv().await {
            Ok(heard) => heard,
            Err(broadcast::error::RecvError::Lagged(_)) => None,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn channel(redis: &Redis) -> String {
    redis.key("signals", "")
}

/// Sends what is told. What does not get to Redis is at least heard in this process.
async fn send(redis: Redis, mut waiting: mpsc::Receiver<Signal>, heard: broadcast::Sender<Option<Signal>>) {
    let channel = channel(&redis);
    while let Some(signal) = waiting.recv().await {
        let publish = if redis.is_cluster() == Some(true) { "SPUBLISH" } else { "PUBLISH" };
        let mut command = redis::cmd(publish);
        command.arg(&channel).arg(codec::to_bytes(&signal));
        if redis.call::<Value>("signals", &command, LIMIT).await.is_err() {
            metrics::signal_lost();
            let _ = heard.send(Some(signal));
        }
    }
}

/// Hears what others tell, as long as somebody may listen. Every interruption is told.
async fn hear(redis: Redis, heard: broadcast::Sender<Option<Signal>>, is_listening: watch::Sender<bool>) {
    loop {
        if let Err(error) = subscribe(&redis, &heard, &is_listening).await {
            tracing::debug!(%error, "the subscription to signals was interrupted");
        }
        if is_listening.send_replace(false) {
            let _ = heard.send(None);
        }
        rest(RETRY_PAUSE).await;
    }
}

/// One subscription, until it ends.
async fn subscribe(
    redis: &Redis,
    heard: &broadcast::Sender<Option<Signal>>,
    is_listening: &watch::Sender<bool>,
) -> Result<(), String> {
    let channel = channel(redis);
    let (over, mut is_over) = watch::channel(false);
    let ring = heard.clone();
    let pushes = move |push: PushInfo| -> Result<(), ()> {
        match push.kind {
            PushKind::Message | PushKind::SMessage => {
                // A signal of a newer build is one that was missed.
                let _ = ring.send(read(&push.data));
            }
            PushKind::Disconnection | PushKind::Unsubscribe | PushKind::SUnsubscribe => {
                let _ = over.send(true);
            }
            _ => {}
        }
        Ok(())
    };
    let mut connection = redis.connect_to(&channel, Some(pushes)).await?;
    let subscribe = if redis.is_cluster() == Some(true) { "SSUBSCRIBE" } else { "SUBSCRIBE" };
    let told: Value =
        redis::cmd(subscribe).arg(&channel).query_async(&mut connection).await.map_err(|error| error.to_string())?;
    if !matches!(told, Value::Push { .. }) {
        return Err("Redis did not confirm the subscription".into());
    }
    // Who listened before this moment may have missed something.
    let _ = heard.send(None);
    is_listening.send_replace(true);
    loop {
        if timeout(PING_EVERY, is_over.wait_for(|&is_over| is_over)).await.is_ok() {
            return Err("Redis ended the subscription".into());
        }
        let pong = timeout(LIMIT, redis::cmd("PING").query_async::<Value>(&mut connection)).await;
        pong.map_err(|_| "Redis does not answer")?.map_err(|error| error.to_string())?;
    }
}

/// The signal in the data of a message: the channel, then the bytes.
fn read(data: &[Value]) -> Option<Signal> {
    let [_, Value::BulkString(bytes)] = data else { return None };
    codec::from_bytes(bytes).ok()
}
