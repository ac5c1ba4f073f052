//! A single server that dies, hangs, loses what it had, and writers that are late.

use super::journal::{Leader, Rows};
use super::{connect, feed, single, soon, wait_up};
use crate::feed::key_of_tests;
use crate::{Redis, RedisCounts, RedisFeedOptions, RedisPrices, RedisSignals};
use emporion_cluster::parts;
use emporion_model::journal::Head;
use emporion_model::{AccountId, History, Seq, SymbolId};
use emporion_ports::contract::signals::hear;
use emporion_ports::contract::{counts, prices};
use emporion_ports::counts::RequestCounts;
use emporion_ports::feed::{Feed, FollowedFeed, Received};
use emporion_ports::prices::PriceCache;
use emporion_ports::signals::{Signal, Signals};
use std::sync::Arc;

/// The seqs of all entries of a history's stream.
fn entries(server: &parts::Redis, redis: &Redis, history: u32) -> Vec<u64> {
    let told = server.ask(&["--json", "XRANGE", &key_of_tests(redis, History(history)), "-", "+"]).unwrap();
    let ids = told.split('"').filter_map(|word| word.strip_suffix("-0")?.parse().ok());
    ids.collect()
}

/// Waits until the stream of the first history holds the batches of two commands from one seq to another, without any
/// hole.
async fn wait_entries(server: &parts::Redis, redis: &Redis, first: u64, last: u64) {
    let expected: Vec<u64> = (first..=last).step_by(2).collect();
    let mut second = tokio::time::interval(std::time::Duration::from_millis(50));
    soon(async {
        while entries(server, redis, 0) != expected {
            second.tick().await;
        }
    })
    .await;
}

/// Every batch comes once and in order.
async fn expect(followed: &mut FollowedFeed, due: &mut u64, last: Seq) {
    soon(async {
        while *due <= last.0 {
            let batch = followed.next().await.unwrap();
            assert_eq!(batch.first_seq, Seq(*due));
            *due = batch.head.seq.0 + 1;
        }
    })
    .await;
}

#[tokio::test]
async fn every_batch_comes_once_through_restarts_of_an_empty_redis() {
    let (mut server, redis) = single().await;
    let mut leader = Leader::default();
    let publisher = feed(&redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    let other = connect_as(&redis, &server).await;
    let subscriber = feed(&other, leader.journal.clone(), RedisFeedOptions::default()).await;
    let mut followed = FollowedFeed::new(leader.journal.clone(), &*subscriber, Seq::ZERO);
    let mut due = 1;
    for _ in 0..3 {
        (0..20).for_each(|_| leader.publish(&*publisher));
        expect(&mut followed, &mut due, leader.head.seq).await;
        server.kill().unwrap();
        (0..20).for_each(|_| leader.publish(&*publisher));
        expect(&mut followed, &mut due, leader.head.seq).await;
        server.restart().unwrap();
        (0..20).for_each(|_| leader.publish(&*publisher));
        expect(&mut followed, &mut due, leader.head.seq).await;
        wait_entries(&server, &redis, 2, leader.head.seq.0).await;
    }
}

/// A second process with the same names.
async fn connect_as(redis: &Redis, server: &parts::Redis) -> Redis {
    let options = crate::RedisOptions::parse(server.address()).unwrap().with_prefix(redis.prefix_of_tests());
    Redis::connect(options).await.unwrap()
}

#[tokio::test]
async fn a_stream_that_lost_its_end_is_filled_without_a_hole() {
    let (server, redis) = single().await;
    let mut leader = Leader::default();
    let feed = feed(&redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    (0..10).for_each(|_| leader.publish(&*feed));
    wait_entries(&server, &redis, 2, 20).await;
    let key = key_of_tests(&redis, History(0));
    for lost in ["18-0", "20-0"] {
        server.ask(&["XDEL", &key, lost]).unwrap();
    }
    server.ask(&["XSETID", &key, "16-0"]).unwrap();
    wait_entries(&server, &redis, 2, 20).await;
}

#[tokio::test]
async fn a_new_publisher_goes_on_where_the_stream_ends_and_a_late_one_changes_nothing() {
    let (server, redis) = single().await;
    let mut leader = Leader::default();
    let first = feed(&redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    (0..5).for_each(|_| leader.publish(&*first));
    wait_entries(&server, &redis, 2, 10).await;
    let late = leader.journal.0.lock()[2].clone();
    (0..5).for_each(|_| drop(leader.commit()));
    let second = feed(&redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    leader.publish(&*second);
    wait_entries(&server, &redis, 2, 22).await;
    first.publish(Arc::new(emporion_ports::feed::CommittedBatch::from_row(&late).unwrap()));
    leader.publish(&*second);
    wait_entries(&server, &redis, 2, 24).await;
}

#[tokio::test]
async fn a_stream_is_bounded_and_begins_anew_when_it_is_too_far_behind() {
    let (server, redis) = single().await;
    let mut leader = Leader::default();
    let options = RedisFeedOptions { length_max: 100, ..RedisFeedOptions::default() };
    let feed = feed(&redis, leader.journal.clone(), options).await;
    leader.publish(&*feed);
    wait_entries(&server, &redis, 2, 2).await;
    (0..500).for_each(|_| drop(leader.commit()));
    leader.publish(&*feed);
    wait_entries(&server, &redis, 906, 1_004).await;
    (0..500).for_each(|_| leader.publish(&*feed));
    soon(async {
        let mut pause = tokio::time::interval(std::time::Duration::from_millis(50));
        while entries(&server, &redis, 0).last() != Some(&leader.head.seq.0) {
            pause.tick().await;
        }
    })
    .await;
    let held = entries(&server, &redis, 0);
    assert!(held.len() <= 300, "{} entries", held.len());
    assert!(held.windows(2).all(|pair| pair[1] == pair[0] + 2), "{held:?}");
}

#[tokio::test]
async fn readers_follow_to_a_new_history() {
    let (server, redis) = single().await;
    let mut leader = Leader::default();
    let feed = feed(&redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    let mut receiver = feed.subscribe();
    leader.publish(&*feed);
    wait_entries(&server, &redis, 2, 2).await;
    leader.head = Head { history: History(1), seq: Seq(1_000_000_002), ..leader.head };
    leader.publish(&*feed);
    soon(async {
        loop {
            match receiver.next().await {
                Received::Batch(batch) if batch.head.history == History(1) => break,
                Received::Batch(_) | Received::Gap => {}
                Received::Closed => panic!("the feed is closed"),
            }
        }
    })
    .await;
    assert_eq!(entries(&server, &redis, 1), [1_000_000_004]);
    assert_eq!(entries(&server, &redis, 0), [2]);
}

#[tokio::test]
async fn batches_that_find_no_room_come_out_of_the_journal() {
    let (server, redis) = single().await;
    let mut leader = Leader::default();
    let options = RedisFeedOptions { handed_max: 1, ..RedisFeedOptions::default() };
    let feed = feed(&redis, leader.journal.clone(), options).await;
    (0..50).for_each(|_| leader.publish(&*feed));
    wait_entries(&server, &redis, 2, 100).await;
}

#[tokio::test]
async fn garbage_in_the_stream_sends_subscribers_to_the_journal() {
    let (server, redis) = single().await;
    let leader = Leader::default();
    let feed = feed(&redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    let mut receiver = feed.subscribe();
    server.ask(&["XADD", &key_of_tests(&redis, History(0)), "7-0", "other", "nonsense"]).unwrap();
    assert_eq!(soon(receiver.next()).await, Received::Gap);
}

#[tokio::test]
async fn a_redis_that_hangs_holds_up_nobody() {
    let (mut server, redis) = single().await;
    let mut leader = Leader::default();
    let publisher = feed(&redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    let (cache, shared) = (RedisPrices::new(redis.clone()), RedisCounts::new(redis.clone()));
    let mut followed = FollowedFeed::new(leader.journal.clone(), &*publisher, Seq::ZERO);
    let mut due = 1;
    server.process().unwrap().signal(rustix::process::Signal::STOP);
    (0..2_000).for_each(|_| leader.publish(&*publisher));
    assert!(soon(cache.get(&[SymbolId(1)])).await.is_err());
    assert!(soon(cache.put(vec![prices::price(1, 0, 1)])).await.is_err());
    assert!(soon(shared.add("a", counts::one(1))).await.is_err());
    wait_up(&redis, false).await;
    expect(&mut followed, &mut due, leader.head.seq).await;
    server.process().unwrap().signal(rustix::process::Signal::CONT);
    wait_up(&redis, true).await;
    wait_entries(&server, &redis, 2, leader.head.seq.0).await;
    cache.put(vec![prices::price(1, 0, 1)]).await.unwrap();
    assert_eq!(cache.get(&[SymbolId(1)]).await.unwrap(), [Some(prices::price(1, 0, 1))]);
}

#[tokio::test]
async fn a_price_that_was_seen_is_never_taken_back() {
    let (server, redis) = single().await;
    let cache = RedisPrices::new(redis.clone());
    cache.put(vec![prices::price(1, 0, 9)]).await.unwrap();
    assert_eq!(cache.get(&[SymbolId(1)]).await.unwrap(), [Some(prices::price(1, 0, 9))]);
    server.ask(&["FLUSHALL"]).unwrap();
    RedisPrices::new(redis.clone()).put(vec![prices::price(1, 0, 7)]).await.unwrap();
    assert_eq!(cache.get(&[SymbolId(1)]).await.unwrap(), [Some(prices::price(1, 0, 9))]);
    assert_eq!(RedisPrices::new(redis).get(&[SymbolId(1)]).await.unwrap(), [Some(prices::price(1, 0, 7))]);
}

#[tokio::test]
async fn listeners_are_told_of_every_interruption() {
    let (mut server, redis) = single().await;
    let signals = RedisSignals::new(redis.clone());
    let mut listener = signals.listen();
    soon(signals.wait_until_listening()).await;
    while soon(listener.next()).await.is_some() {}
    for round in 0..2 {
        server.kill().unwrap();
        assert_eq!(soon(listener.next()).await, None);
        signals.tell(Signal::AllKeysChanged);
        soon(hear(&mut *listener, &Signal::AllKeysChanged)).await;
        server.restart().unwrap();
        soon(signals.wait_until_listening()).await;
        let signal = Signal::OffLanes(AccountId(round));
        signals.tell(signal.clone());
        soon(hear(&mut *listener, &signal)).await;
    }
}

#[tokio::test]
async fn counts_are_those_of_all_processes() {
    let (server, redis) = single().await;
    let other = connect_as(&redis, &server).await;
    let (one, other) = (RedisCounts::new(redis), RedisCounts::new(other));
    assert_eq!(one.add("a", counts::one(100)).await.unwrap().weight, 1);
    assert_eq!(other.add("a", counts::one(100)).await.unwrap().weight, 2);
    other.ban("a", 1, 7_000, 7_000).await.unwrap();
    assert_eq!(one.add("a", counts::nothing(100)).await.unwrap().bans, 1);
    for key in server.ask(&["KEYS", "*"]).unwrap().lines() {
        let left: i64 = server.ask(&["TTL", key]).unwrap().trim().parse().unwrap();
        assert!(left > 0, "{key} stays for ever");
    }
}

#[tokio::test]
async fn servers_are_apart_by_their_prefix() {
    let (server, redis) = single().await;
    let other = connect(server.address()).await;
    RedisPrices::new(redis).put(vec![prices::price(1, 0, 9)]).await.unwrap();
    assert_eq!(RedisPrices::new(other.clone()).get(&[SymbolId(1)]).await.unwrap(), [None]);
    let _ = feed(&other, Arc::new(Rows::default()), RedisFeedOptions::default()).await;
}
