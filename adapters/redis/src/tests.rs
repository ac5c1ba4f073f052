//! The contract suites on a single server and on a cluster, and what happens when either fails.

mod contract;
mod faults;
mod journal;
mod settings;
mod shards;

use crate::{Redis, RedisFeed, RedisFeedOptions, RedisOptions};
use emporion_cluster::parts;
use emporion_ports::feed::Feed;
use emporion_ports::store::Journal;
use rand::{RngCore, SeedableRng};
use std::sync::Arc;
use std::time::Duration;

/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must happen.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("this takes too long")
}

/// Connects, with names of its own, so that tests share a server.
pub(crate) async fn connect(address: &str) -> Redis {
    let own = rand::rngs::StdRng::from_os_rng().next_u64();
    let options = RedisOptions::parse(address).unwrap().with_prefix(&format!("test{own:016x}"));
    Redis::connect(options).await.unwrap()
}

/// A server and a connection to it.
pub(crate) async fn single() -> (parts::Redis, Redis) {
    let server = parts::Redis::start(&[]).unwrap();
    let redis = connect(server.address()).await;
    (server, redis)
}

/// A feed that somebody follows already, as in a venue that runs.
pub(crate) async fn feed(redis: &Redis, journal: Arc<dyn Journal>, options: RedisFeedOptions) -> Arc<RedisFeed> {
    let feed = Arc::new(RedisFeed::new(redis.clone(), journal, options));
    drop(feed.subscribe());
    soon(feed.wait_until_following()).await;
    feed
}

/// Waits until Redis is as wanted.
pub(crate) async fn wait_up(redis: &Redis, is_up: bool) {
    soon(async {
        let mut health = redis.health();
        health.wait_for(|health| health.up == is_up).await.unwrap();
    })
    .await;
}
