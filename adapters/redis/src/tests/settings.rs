//! Settings that are wrong, logins, TLS, and what Redis says of itself.

use super::{connect, feed, soon, wait_up};
use crate::tests::journal::{Leader, Rows};
use crate::{Redis, RedisCounts, RedisFeedOptions, RedisOptions, RedisPrices, RedisSignals};
use emporion_cluster::parts;
use emporion_model::SymbolId;
use emporion_ports::contract::signals::hear;
use emporion_ports::contract::{counts, prices};
use emporion_ports::counts::RequestCounts;
use emporion_ports::feed::{Feed, Received};
use emporion_ports::prices::PriceCache;
use emporion_ports::signals::{Signal, Signals};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

async fn refusal(url: &str) -> String {
    match Redis::connect(RedisOptions::parse(url).unwrap()).await {
        Ok(redis) => panic!("connected: {:?}", redis.problems()),
        Err(error) => error.to_string(),
    }
}

/// Every kind of call, once.
async fn use_everything(redis: &Redis) {
    let mut leader = Leader::default();
    let feed = feed(redis, leader.journal.clone(), RedisFeedOptions::default()).await;
    let mut receiver = feed.subscribe();
    leader.publish(&*feed);
    while receiver.next().await == Received::Gap {}
    let cache = RedisPrices::new(redis.clone());
    cache.put(vec![prices::price(1, 0, 1)]).await.unwrap();
    assert!(cache.get(&[SymbolId(1)]).await.unwrap()[0].is_some());
    let signals = RedisSignals::new(redis.clone());
    let mut listener = signals.listen();
    soon(signals.wait_until_listening()).await;
    signals.tell(Signal::AllKeysChanged);
    hear(&mut *listener, &Signal::AllKeysChanged).await;
    let shared = RedisCounts::new(redis.clone());
    shared.ban("a", 1, 9_000, 9_000).await.unwrap();
    assert_eq!(shared.add("a", counts::one(100)).await.unwrap().requests, 1);
    assert_eq!(redis.problems(), Vec::<String>::new());
}

#[tokio::test]
async fn an_acl_may_deny_everything_that_is_not_needed() {
    let venue = "--user venue on >secret ~* &* +@all -config -debug -replicaof -slaveof -save -bgsave -shutdown";
    let rules: Vec<&str> = "--user default off".split(' ').chain(venue.split(' ')).collect();
    let server = parts::Redis::start(&rules).unwrap();
    let address = server.address().replace("redis://", "redis://venue:secret@");
    soon(use_everything(&connect(&address).await)).await;
    for (url, expected) in [
        (server.address().to_owned(), "refused"),
        (address.replace("secret", "wrong"), "refused"),
        (address.replace("venue", "nobody"), "refused"),
    ] {
        let error = refusal(&url).await;
        assert!(error.contains(expected) && !error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_password_alone_is_enough() {
    let server = parts::Redis::start(&["--requirepass", "p@ss:word"]).unwrap();
    soon(use_everything(&connect(&server.address().replace("redis://", "redis://:p%40ss:word@")).await)).await;
    let error = refusal(server.address()).await;
    assert!(error.contains("user or password are refused"), "{error}");
}

#[tokio::test]
async fn a_user_who_may_do_too_little_is_told() {
    let server = parts::Redis::start(&["--user", "venue", "on", ">secret", "~*", "&*", "+ping"]).unwrap();
    let error = refusal(&server.address().replace("redis://", "redis://venue:secret@")).await;
    assert!(error.contains("may not do what is needed"), "{error}");
}

#[tokio::test]
async fn tls_is_spoken_with_the_authority_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = parts::Redis::start_tls(&certificate, &key, &["--requirepass", "secret"]).unwrap();
    let address = server.address().replace("rediss://", "rediss://:secret@");
    soon(use_everything(&connect(&format!("{address}?ca={}", certificate.display())).await)).await;

    let other = folder.path().join("other.pem");
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&other, made.cert.pem()).unwrap();
    let error = refusal(&format!("{address}?ca={}", other.display())).await;
    assert!(error.contains("TLS failed"), "{error}");
}

#[tokio::test]
async fn another_protocol_is_told() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok).take(2) {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = refusal(&format!("redis://127.0.0.1:{port}")).await;
    assert!(error.contains("does not speak Redis's protocol"), "{error}");
}

#[tokio::test]
async fn several_addresses_must_be_those_of_a_cluster() {
    let server = parts::Redis::get().unwrap();
    let host = server.address().trim_start_matches("redis://").to_owned();
    let error = refusal(&format!("{},{host}", server.address())).await;
    assert!(error.contains("is not part of a cluster"), "{error}");
}

#[tokio::test]
async fn a_redis_that_is_not_there_yet_is_waited_for() {
    let mut server = parts::Redis::start(&[]).unwrap();
    server.kill().unwrap();
    let redis = connect(server.address()).await;
    assert!(!redis.is_up());
    assert!(redis.problems()[0].contains("cannot be reached"), "{:?}", redis.problems());
    assert!(RedisPrices::new(redis.clone()).get(&[SymbolId(1)]).await.is_err());
    server.restart().unwrap();
    wait_up(&redis, true).await;
    soon(use_everything(&redis)).await;
}

#[tokio::test]
async fn a_redis_that_throws_things_away_is_told() {
    let server = parts::Redis::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]).unwrap();
    let redis = connect(server.address()).await;
    assert!(redis.is_up() && redis.problems()[0].contains("allkeys-lru"), "{:?}", redis.problems());
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).unwrap();
    soon(async { redis.health().wait_for(|health| health.problems.is_empty()).await.map(|_| ()) }).await.unwrap();
}

#[tokio::test]
async fn nothing_is_left_running() {
    let (_server, redis) = super::single().await;
    let feed = feed(&redis, Arc::new(Rows::default()), RedisFeedOptions::default()).await;
    let mut receiver = feed.subscribe();
    drop(feed);
    soon(async { while receiver.next().await != Received::Closed {} }).await;
}
