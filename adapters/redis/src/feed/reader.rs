//! The reader: one per process, which follows the stream for all its subscribers.

use super::stream::{self, FIELD};
use crate::handle::{RETRY_PAUSE, Redis, rest};
use crate::metrics;
use emporion_model::{History, Seq};
use emporion_ports::feed::{CommittedBatch, Received};
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{Cmd, FromRedisValue, PushInfo};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout};

/// How long one call waits for entries, in milliseconds, and how long any call may take.
const BLOCK_MS: u64 = 500;
const LIMIT: Duration = Duration::from_millis(1_500);

/// How many entries one call brings at most.
const TOGETHER_MAX: usize = 64;

/// How often it is asked which history is the newest.
const HISTORY_EVERY: Duration = Duration::from_secs(1);

/// A venue commits something every second. When nothing came for so long, subscribers look into the journal.
const QUIET_MAX: Duration = Duration::from_secs(2);

pub(super) struct Reader {
    redis: Redis,
    ring: broadcast::Sender<Received>,
    is_following: watch::Sender<bool>,
    /// The last entry that was read, or the place where reading began: it is good in any state of the stream, because
    /// ids are seqs.
    position: Option<(History, Seq)>,
}

impl Reader {
    pub(super) fn new(redis: Redis, ring: broadcast::Sender<Received>, is_following: watch::Sender<bool>) -> Self {
        Self { redis, ring, is_following, position: None }
    }

    /// Reads for ever.
    pub(super) async fn run(mut self) {
        loop {
            if let Err(error) = self.follow().await {
                tracing::debug!(%error, "the reader of the feed was interrupted");
            }
            if self.is_following.send_replace(false) {
                metrics::read_interrupted();
            }
            self.say(Received::Gap);
            rest(RETRY_PAUSE).await;
        }
    }

    /// Reads through one connection, until it breaks.
    async fn follow(&mut self) -> Result<(), String> {
        let key = stream::history_key(&self.redis);
        let mut connection = self.redis.connect_to(&key, None::<fn(PushInfo) -> Result<(), ()>>).await?;
        self.find_position(&mut connection).await?;
        // What was published while there was no connection is not in the ring.
        self.say(Received::Gap);
        self.is_following.send_replace(true);
        let (mut asked_history, mut heard) = (Instant::now(), Instant::now());
        loop {
            if self.read(&mut connection).await? {
                heard = Instant::now();
            }
            if heard.elapsed() >= QUIET_MAX {
                heard = Instant::now();
                self.say(Received::Gap);
            }
            if asked_history.elapsed() >= HISTORY_EVERY {
                asked_history = Instant::now();
                self.follow_history(&mut connection).await?;
            }
        }
    }

    /// Begins at the end of the newest history's stream, or goes on where reading ended.
    async fn find_position(&mut self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        if self.position.is_some() {
            return self.follow_history(connection).await;
        }
        let history = self.newest_history(connection).await?.unwrap_or_default();
        let mut newest = redis::cmd("XREVRANGE");
        newest.arg(stream::key(&self.redis, history)).arg("+").arg("-").arg("COUNT").arg(1);
        let newest: StreamRangeReply = ask(connection, &newest).await?;
        let seq = newest.ids.first().and_then(seq_of).unwrap_or(Seq::ZERO);
        self.position = Some((history, seq));
        Ok(())
    }

    /// Goes over to a newer history, from its beginning.
    async fn follow_history(&mut self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        let newest = self.newest_history(connection).await?;
        if let Some(history) = newest.filter(|&history| self.position.is_none_or(|position| position.0 < history)) {
            self.position = Some((history, Seq::ZERO));
            self.say(Received::Gap);
        }
        Ok(())
    }

    async fn newest_history(&self, connection: &mut MultiplexedConnection) -> Result<Option<History>, String> {
        let history: Option<u32> = ask(connection, redis::cmd("GET").arg(stream::history_key(&self.redis))).await?;
        Ok(history.map(History))
    }

    /// Waits for entries and passes them on. Gives whether any came.
    async fn read(&mut self, connection: &mut MultiplexedConnection) -> Result<bool, String> {
        let Some((history, after)) = self.position else { return Ok(false) };
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(TOGETHER_MAX).arg("BLOCK").arg(BLOCK_MS);
        command.arg("STREAMS").arg(stream::key(&self.redis, history)).arg(format!("{}-0", after.0));
        let reply: Option<StreamReadReply> = ask(connection, &command).await?;
        let entries: Vec<StreamId> = reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect();
        for entry in &entries {
            let seq = seq_of(entry).ok_or_else(|| format!("the feed has an entry {} that is no seq", entry.id))?;
            self.position = Some((history, seq));
            match batch_of(entry).filter(|batch| super::version(batch) == (history, seq)) {
                Some(batch) => self.say(Received::Batch(Arc::new(batch))),
                // It may be of a newer build, whose rows only a newer build can read.
                None => self.say(Received::Gap),
            }
        }
        Ok(!entries.is_empty())
    }

    fn say(&self, received: Received) {
        // An error only says that nobody is subscribed.
        let _ = self.ring.send(received);
    }
}

async fn ask<T: FromRedisValue>(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<T, String> {
    match timeout(LIMIT, command.query_async(connection)).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("Redis does not answer".into()),
    }
}

fn seq_of(entry: &StreamId) -> Option<Seq> {
    entry.id.split('-').next()?.parse().ok().map(Seq)
}

fn batch_of(entry: &StreamId) -> Option<CommittedBatch> {
    let bytes: Vec<u8> = entry.get(FIELD)?;
    CommittedBatch::from_bytes(&bytes).ok()
}
