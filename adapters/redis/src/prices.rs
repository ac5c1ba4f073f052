//! Live prices: hashes from symbols to states, written only by what is newer.

use crate::handle::{CallError, Redis, Source};
use async_trait::async_trait;
use emporion_model::{History, Seq, SymbolId, codec};
use emporion_ports::prices::{CacheError, LivePrice, PriceCache};
use futures_util::future::{join_all, try_join_all};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// A request waits this long at most for prices; a batch of prices, for being kept.
const LIMIT: Duration = Duration::from_millis(250);

/// How many slots the symbols are spread over: all shards take part, and one call still brings many prices.
const BUCKETS: u16 = 16;

/// The version at the front of a kept state: history and seq in decimal digits, so that texts compare as they do.
const VERSION_BYTES: usize = 30;

const PUT: &str = "
for i = 1, #ARGV, 3 do
  local kept = redis.call('HGET', KEYS[1], ARGV[i])
  if not kept or string.sub(kept, 1, 30) < ARGV[i + 1] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ARGV[i + 2])
  end
end
return 0";

/// Live prices in Redis.
///
/// A replica that takes over may hold older states than its primary did. What this process has seen once it never takes
/// back: it shows the newer one of that and what is kept.
pub struct RedisPrices {
    redis: Redis,
    put: Source,
    seen: Mutex<BTreeMap<SymbolId, LivePrice>>,
}

impl RedisPrices {
    /// The prices that all processes with this Redis share.
    pub fn new(redis: Redis) -> Self {
        Self { redis, put: Source::new(PUT), seen: Mutex::default() }
    }

    fn key(&self, bucket: u16) -> String {
        self.redis.key(&format!("prices:{bucket}"), "")
    }

    async fn put_bucket(&self, bucket: u16, arguments: Vec<Vec<u8>>) -> Result<(), CallError> {
        self.redis.run("prices", &self.put, &[&self.key(bucket)], &arguments, LIMIT).await.map(|_: u8| ())
    }

    async fn get_bucket(&self, bucket: u16, symbols: Vec<SymbolId>) -> Result<Vec<LivePrice>, CacheError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.key(bucket)).arg(symbols.iter().map(|symbol| symbol.0).collect::<Vec<u16>>());
        let kept: Vec<Option<Vec<u8>>> = self.redis.call("prices", &command, LIMIT).await.map_err(failed)?;
        let decode = |(symbol, kept): (SymbolId, Vec<u8>)| {
            let state = kept.get(VERSION_BYTES..).unwrap_or_default();
            let price = codec::from_bytes::<LivePrice>(state).ok().filter(|price| price.symbol == symbol);
            price.ok_or_else(|| CacheError(format!("what is kept as the price of symbol {symbol} is no price")))
        };
        let kept = symbols.into_iter().zip(kept).filter_map(|(symbol, kept)| Some((symbol, kept?)));
        kept.map(decode).collect()
    }
}

#[async_trait]
impl PriceCache for RedisPrices {
    async fn put(&self, prices: Vec<LivePrice>) -> Result<(), CacheError> {
        let mut buckets: BTreeMap<u16, Vec<Vec<u8>>> = BTreeMap::new();
        for price in &prices {
            let arguments = buckets.entry(price.symbol.0 % BUCKETS).or_default();
            arguments.push(price.symbol.0.to_string().into_bytes());
            arguments.push(version(price.version()));
            arguments.push(codec::to_bytes(price));
        }
        let puts = buckets.into_iter().map(|(bucket, arguments)| self.put_bucket(bucket, arguments));
        // One shard that is away keeps nothing from the others.
        join_all(puts).await.into_iter().collect::<Result<(), CallError>>().map_err(failed)
    }

    async fn get(&self, symbols: &[SymbolId]) -> Result<Vec<Option<LivePrice>>, CacheError> {
        let mut buckets: BTreeMap<u16, Vec<SymbolId>> = BTreeMap::new();
        for &symbol in symbols {
            buckets.entry(symbol.0 % BUCKETS).or_default().push(symbol);
        }
        let gets = buckets.into_iter().map(|(bucket, symbols)| self.get_bucket(bucket, symbols));
        let kept = try_join_all(gets).await?;
        let mut seen = self.seen.lock();
        for price in kept.into_iter().flatten() {
            if seen.get(&price.symbol).is_none_or(|seen| seen.version() < price.version()) {
                seen.insert(price.symbol, price);
            }
        }
        Ok(symbols.iter().map(|symbol| seen.get(symbol).cloned()).collect())
    }
}

fn version((History(history), Seq(seq)): (History, Seq)) -> Vec<u8> {
    format!("{history:010}{seq:020}").into_bytes()
}

fn failed(error: CallError) -> CacheError {
    CacheError(error.to_string())
}
