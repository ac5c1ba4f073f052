//! Feed, live prices, signals and request counts in Redis or Valkey, on a single server or a cluster.
//!
//! Nothing here is the truth: whatever is lost with a Redis is in the journal, comes again with the next second, or is
//! counted by each process for itself meanwhile. No call waits longer than a fixed time for a Redis that hangs. What
//! must not live here: anything that would be missed after `FLUSHALL`.

mod connect;
mod counts;
mod feed;
mod handle;
mod health;
mod metrics;
mod options;
mod prices;
mod signals;
#[cfg(test)]
mod tests;

pub use self::counts::RedisCounts;
pub use self::feed::{RedisFeed, RedisFeedOptions};
pub use self::handle::{ConnectError, Redis};
pub use self::health::Health;
pub use self::metrics::describe;
pub use self::options::RedisOptions;
pub use self::prices::RedisPrices;
pub use self::signals::RedisSignals;
