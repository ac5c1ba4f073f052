//! A cluster that loses a node, whose replica is promoted.

use super::journal::Leader;
use super::{connect, feed, soon};
use crate::feed::key_of_tests;
use crate::{Redis, RedisFeedOptions, RedisPrices, RedisSignals};
use emporion_cluster::parts::RedisCluster;
use emporion_model::{AccountId, History, Seq, SymbolId};
use emporion_ports::contract::prices::price;
use emporion_ports::contract::signals::hear;
use emporion_ports::feed::FollowedFeed;
use emporion_ports::prices::PriceCache;
use emporion_ports::signals::{Signal, Signals};
use std::time::Duration;

/// Writes and reads all prices again and again until a whole round succeeded; no price may ever be older than one that
/// was seen before.
async fn round_of_prices(cache: &RedisPrices, seen: &mut [u64], seq: &mut u64) {
    let symbols: Vec<SymbolId> = (0..seen.len() as u16).map(SymbolId).collect();
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    loop {
        pause.tick().await;
        *seq += 1;
        let put = cache.put(symbols.iter().map(|symbol| price(symbol.0, 0, *seq)).collect()).await;
        let Ok(prices) = cache.get(&symbols).await else { continue };
        for (seen, price) in seen.iter_mut().zip(prices) {
            let now = price.map_or(0, |price| price.seq.0);
            assert!(now >= *seen, "seq {now} after {seen}");
            *seen = now;
        }
        if put.is_ok() && seen.iter().all(|seen| seen == seq) {
            return;
        }
    }
}

async fn wait_whole(cluster: &RedisCluster) {
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    soon(async {
        while !cluster.is_whole() {
            pause.tick().await;
        }
    })
    .await;
}

#[tokio::test]
async fn everything_goes_on_when_a_replica_takes_over() {
    let mut cluster = RedisCluster::start(&[]).unwrap();
    let redis: Redis = connect(cluster.address()).await;
    let mut leader = Leader::default();
    let published = feed(&redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    let mut followed = FollowedFeed::new(leader.journal.clone(), &*published, Seq::ZERO);
    let signals = RedisSignals::new(redis.clone());
    let mut listener = signals.listen();
    soon(signals.wait_until_listening()).await;
    let cache = RedisPrices::new(redis.clone());
    let (mut due, mut seen, mut seq) = (1, [0; 40], 0);
    let feed_key = key_of_tests(&redis, History(0));
    for victim in [feed_key, redis.key("prices:3", ""), redis.key("signals", "")] {
        (0..20).for_each(|_| leader.publish(&*published));
        soon(round_of_prices(&cache, &mut seen, &mut seq)).await;
        let node = cluster.master_of(&victim).unwrap();
        cluster.node_mut(node).kill().unwrap();
        for _ in 0..20 {
            leader.publish(&*published);
            soon(async {
                while due <= leader.head.seq.0 {
                    let batch = followed.next().await.unwrap();
                    assert_eq!(batch.first_seq, Seq(due));
                    due = batch.head.seq.0 + 1;
                }
            })
            .await;
        }
        soon(round_of_prices(&cache, &mut seen, &mut seq)).await;
        // A signal may be lost while the cluster changes: it is told until it is heard.
        let signal = Signal::OffLanes(AccountId(seq));
        soon(async {
            while tokio::time::timeout(Duration::from_millis(200), hear(&mut *listener, &signal)).await.is_err() {
                signals.tell(signal.clone());
            }
        })
        .await;
        cluster.node_mut(node).restart().unwrap();
        wait_whole(&cluster).await;
    }
    assert!(redis.is_up());
}
