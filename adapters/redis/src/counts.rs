//! Request counts: a few numbers per network, each add one script call.

use crate::handle::{Redis, Source};
use async_trait::async_trait;
use emporion_ports::counts::{CountError, RequestCounts, Use, Used};
use std::time::Duration;

/// A request waits this long at most for its counts.
const LIMIT: Duration = Duration::from_millis(50);

/// Adds, and gives what there is then. A count expires, in seconds after its last use, later than its window ends.
const ADD: &str = "
local function add(key, field, more, seconds)
  local count = tonumber(redis.call('HGET', key, field) or '0')
  if tonumber(more) > 0 then
    count = math.min(count + tonumber(more), 4294967295)
    redis.call('HSET', key, field, string.format('%.0f', count))
    redis.call('EXPIRE', key, seconds)
  end
  return count
end
local now = tonumber(ARGV[1])
local ban = redis.call('HMGET', KEYS[3], 'bans', 'until', 'forget_at')
local bans, banned_until = tonumber(ban[1] or '0'), tonumber(ban[2] or '0')
local forget_at = tonumber(ban[3] or '0')
if forget_at <= now then bans = 0 end
if math.min(banned_until, forget_at) <= now then banned_until = 0 end
if forget_at > 0 and forget_at <= now then redis.call('DEL', KEYS[3]) end
return {
  add(KEYS[1], 'weight', ARGV[2], 150),
  add(KEYS[2], 'requests', ARGV[3], 600),
  add(KEYS[2], 'connections', ARGV[4], 600),
  add(KEYS[1], 'refusals', ARGV[5], 150),
  bans,
  banned_until,
}";

/// Keeps the larger numbers. The key outlives the ban by the server's clock, in case the clocks differ.
const BAN: &str = "
local kept = redis.call('HMGET', KEYS[1], 'bans', 'until', 'forget_at')
local forget_at = 0
for i, field in ipairs({'bans', 'until', 'forget_at'}) do
  local number = math.max(tonumber(kept[i] or '0'), tonumber(ARGV[i]))
  redis.call('HSET', KEYS[1], field, string.format('%.0f', number))
  forget_at = number
end
local left = forget_at - tonumber(redis.call('TIME')[1])
redis.call('EXPIRE', KEYS[1], string.format('%.0f', math.min(math.max(left, 0) + 3600, 31536000)))
return 0";

/// The counts of all networks, in Redis.
pub struct RedisCounts {
    redis: Redis,
    add: Source,
    ban: Source,
}

impl RedisCounts {
    /// Counts that all processes with this Redis share.
    pub fn new(redis: Redis) -> Self {
        Self { redis, add: Source::new(ADD), ban: Source::new(BAN) }
    }

    /// The key of a network's numbers. Networks are written in hexadecimal, so that no text can end the slot's tag.
    fn key(&self, network: &str, rest: &str) -> String {
        self.redis.key(&format!("counts:{}", hex::encode(network)), rest)
    }
}

#[async_trait]
impl RequestCounts for RedisCounts {
    async fn add(&self, network: &str, used: Use) -> Result<Used, CountError> {
        let minute = self.key(network, &format!(":m{}", used.minute));
        let five_minutes = self.key(network, &format!(":f{}", used.five_minutes));
        let ban = self.key(network, ":ban");
        let now_s = used.minute.saturating_mul(60);
        let more = [used.weight, used.requests, used.connections, used.refusals].map(|count| text(u64::from(count)));
        let arguments = [[text(now_s)].as_slice(), &more].concat();
        let keys = [minute.as_str(), &five_minutes, &ban];
        let run = self.redis.run("counts", &self.add, &keys, &arguments, LIMIT);
        let (weight, requests, connections, refusals, bans, banned_until_s) =
            run.await.map_err(|error| CountError(error.to_string()))?;
        Ok(Used { weight, requests, connections, refusals, bans, banned_until_s })
    }

    async fn ban(&self, network: &str, bans: u32, until_s: u64, forget_at_s: u64) -> Result<(), CountError> {
        let key = self.key(network, ":ban");
        let arguments = [u64::from(bans), until_s, forget_at_s].map(text);
        let keys = [key.as_str()];
        let run = self.redis.run("counts", &self.ban, &keys, &arguments, LIMIT);
        run.await.map(|_: u8| ()).map_err(|error| CountError(error.to_string()))
    }
}

fn text(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}
