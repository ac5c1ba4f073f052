//! The stream in Redis: its keys, its entries, and the script that keeps it without holes.

use crate::handle::{CallError, Redis, Source};
use emporion_model::{History, Seq};
use emporion_ports::feed::CommittedBatch;
use std::time::Duration;

/// How long adding may take.
const ADD_LIMIT: Duration = Duration::from_secs(2);

/// The field of an entry that holds the batch.
pub(super) const FIELD: &str = "batch";

/// Adds each entry whose predecessor is the last one. Told to begin, it makes an empty stream, or one that ends before
/// the first entry's predecessor, begin with the first entry. Gives the last seq of the stream.
const ADD: &str = "
local history, length_max, begin = ARGV[1], ARGV[2], ARGV[3] == 'begin'
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local last = newest[1] and string.match(newest[1][1], '^%d+')
if begin and ARGV[4] and last and tonumber(last) < tonumber(ARGV[4]) then
  redis.call('DEL', KEYS[1])
  last = false
end
if tonumber(redis.call('GET', KEYS[2]) or '-1') < tonumber(history) then
  redis.call('SET', KEYS[2], history)
end
for i = 4, #ARGV, 3 do
  if last == ARGV[i] or (begin and not last) then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', length_max, ARGV[i + 1] .. '-0', 'batch', ARGV[i + 2])
    last = ARGV[i + 1]
  end
end
return last";

/// Whether a stream may begin with the added entries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Add {
    /// They go behind the last entry.
    Behind,
    /// They are the first ones, unless the stream is as far already.
    Begin,
}

/// One venue's stream.
pub(super) struct Stream {
    redis: Redis,
    add: Source,
    /// About how many entries it holds.
    pub(super) length_max: u32,
}

/// The key of a history's stream.
pub(super) fn key(redis: &Redis, history: History) -> String {
    redis.key("feed", &format!(":h{}", history.0))
}

/// The key that names the newest history.
pub(super) fn history_key(redis: &Redis) -> String {
    redis.key("feed", ":history")
}

impl Stream {
    pub(super) fn new(redis: Redis, length_max: u32) -> Self {
        Self { redis, add: Source::new(ADD), length_max: length_max.max(1) }
    }

    /// Adds batches of one history as far as they follow on what is there, and gives the last seq then.
    pub(super) async fn add<'a>(
        &self,
        history: History,
        add: Add,
        batches: impl Iterator<Item = &'a CommittedBatch>,
    ) -> Result<Option<Seq>, CallError> {
        let (key, history_key) = (key(&self.redis, history), history_key(&self.redis));
        let begin = if add == Add::Begin { "begin" } else { "" };
        let mut arguments = vec![text(history.0), text(self.length_max), begin.as_bytes().to_vec()];
        for batch in batches {
            arguments.extend([text(batch.first_seq.0 - 1), text(batch.head.seq.0), batch.to_bytes()]);
        }
        let keys = [key.as_str(), &history_key];
        let last: Option<u64> = self.redis.run("feed", &self.add, &keys, &arguments, ADD_LIMIT).await?;
        Ok(last.map(Seq))
    }
}

fn text(number: impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}
