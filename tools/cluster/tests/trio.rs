//! The three nodes: what was acknowledged outlives the loss of a primary.
#![allow(clippy::unwrap_used)]

use emporion_cluster::trio::Trio;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Config, NoTls};

const KILLS: u64 = 5;

async fn connect(trio: &Trio, address: std::net::SocketAddr) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(address.port()).user("postgres").dbname("postgres").password(trio.password());
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Writes numbers one by one until it is told to stop; gives those that were acknowledged.
fn write_numbers(trio: &Trio, is_over: &AtomicBool, acknowledged: &AtomicU64) -> Vec<i64> {
    block(async {
        let mut done = Vec::new();
        let mut number = 0;
        while !is_over.load(Ordering::SeqCst) {
            let Ok(client) = connect(trio, trio.write_address()).await else {
                tokio::task::yield_now().await;
                continue;
            };
            loop {
                number += 1;
                if client.execute("insert into written values ($1)", &[&number]).await.is_err() {
                    break;
                }
                done.push(number);
                acknowledged.fetch_add(1, Ordering::SeqCst);
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
            }
        }
        done
    })
}

/// Waits until `count` is above `than`.
fn wait_above(count: &AtomicU64, than: u64) {
    let until = Instant::now() + Duration::from_secs(60);
    while count.load(Ordering::SeqCst) <= than {
        assert!(Instant::now() < until, "nothing was acknowledged for 60 s");
        thread::yield_now();
    }
}

#[test]
fn no_acknowledged_row_is_lost_over_kills_of_the_primary() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, _kept) = emporion_cluster::trio::reachable_folder(folder.path()).unwrap();
    let trio = Arc::new(Trio::start(&folder.join("postgres"), "secret").unwrap());
    block(async {
        let client = connect(&trio, trio.write_address()).await.unwrap();
        client.batch_execute("create table written (number bigint primary key)").await.unwrap();
    });
    let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writer = {
        let (trio, is_over, count) = (Arc::clone(&trio), Arc::clone(&is_over), Arc::clone(&count));
        thread::spawn(move || write_numbers(&trio, &is_over, &count))
    };
    let mut primaries = BTreeSet::new();
    for _ in 0..KILLS {
        wait_above(&count, count.load(Ordering::SeqCst) + 50);
        primaries.insert(trio.primary());
        let before = trio.kill_primary();
        trio.wait_failover(before).unwrap_or_else(|error| panic!("{error:#}: {:#?}", trio.report()));
    }
    wait_above(&count, count.load(Ordering::SeqCst) + 50);
    is_over.store(true, Ordering::SeqCst);
    let acknowledged = writer.join().unwrap();
    let kept: BTreeSet<i64> = block(async {
        let client = connect(&trio, trio.write_address()).await.unwrap();
        client.query("select number from written", &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    });
    let lost: Vec<&i64> = acknowledged.iter().filter(|number| !kept.contains(number)).collect();
    assert_eq!(lost, Vec::<&i64>::new(), "{:#?}", trio.report());
    assert_eq!(trio.failovers(), KILLS, "{:#?}", trio.report());
    assert!(primaries.len() > 1, "{primaries:?}");
    let read_only = block(async {
        let client = connect(&trio, trio.read_address()).await.unwrap();
        client.query_one("select pg_is_in_recovery()", &[]).await.unwrap().get::<_, bool>(0)
    });
    assert!(read_only);
}

#[test]
fn a_commit_waits_for_a_standby_and_a_frozen_primary_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, _kept) = emporion_cluster::trio::reachable_folder(folder.path()).unwrap();
    let trio = Trio::start(&folder.join("postgres"), "secret").unwrap();
    let pids: Vec<u32> = (0..3).filter_map(|node| trio.pid(node)).collect();
    assert_eq!(pids.len(), 3);
    block(async {
        let client = connect(&trio, trio.write_address()).await.unwrap();
        client.batch_execute("create table written (number bigint primary key)").await.unwrap();
        trio.pause_standbys();
        let insert = client.execute("insert into written values (1)", &[]);
        tokio::pin!(insert);
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut insert).await.is_err(), "nobody else has it");
        trio.resume_all();
        assert_eq!(tokio::time::timeout(Duration::from_secs(60), insert).await.unwrap().unwrap(), 1);
    });
    trio.wait_healthy().unwrap();
    let before = trio.failovers();
    trio.pause(trio.primary());
    trio.wait_failover(before).unwrap_or_else(|error| panic!("{error:#}: {:#?}", trio.report()));
    block(async {
        let client = connect(&trio, trio.write_address()).await.unwrap();
        client.execute("insert into written values (2)", &[]).await.unwrap();
    });
    let pids: Vec<u32> = pids.into_iter().chain((0..3).filter_map(|node| trio.pid(node))).collect();
    drop(trio);
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{pid} is left");
    }
}
