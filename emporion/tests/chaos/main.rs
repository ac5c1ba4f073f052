//! The cluster under load while its processes and parts are killed, frozen and replaced: what was acknowledged is in the
//! journal once, nothing is there twice or late, and the audit agrees.
//!
//! `TEST_CHAOS_ROUNDS=N` runs N rounds instead of one; a round kills, freezes and hands over the sequencer, kills the
//! primary of PostgreSQL and a shard of Redis.
#![allow(clippy::unwrap_used)]

#[path = "../e2e/support.rs"]
#[expect(dead_code, reason = "it holds what the tests of one process need, too")]
mod support;

mod history;

use emporion_bench::load::{Acknowledged, Credentials, LoadConfig, Mix, run};
use emporion_cluster::{Cluster, Options};
use history::History;
use std::net::SocketAddr;
use std::time::Duration;
use support::{eventually, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Orders and cancels that must be acknowledged between one fault and the next.
const BETWEEN: usize = 40;

fn rounds() -> u32 {
    let wanted = std::env::var("TEST_CHAOS_ROUNDS");
    wanted.map_or(1, |rounds| rounds.parse().expect("TEST_CHAOS_ROUNDS is a number"))
}

#[test]
fn what_was_acknowledged_amid_faults_is_there_once() {
    let folder = TempDir::new().unwrap();
    let mut cluster =
        Cluster::start(&Options::new(folder.path().join("cluster"), env!("CARGO_BIN_EXE_emporion"))).unwrap();
    let config = cluster.folder().join("emporion.toml").display().to_string();
    let accounts: Vec<_> = ["a", "b", "c", "d"].map(|name| account(&config, name)).into();
    let runtime = Runtime::new().unwrap();
    let mut load = Load::start(&runtime, cluster.public(), accounts);
    load.acknowledged(BETWEEN);
    for _ in 0..rounds() {
        for fault in [kill_leader, freeze_leader, hand_over, kill_primary, kill_shard] {
            fault(&mut cluster);
            load.acknowledged(BETWEEN);
        }
    }
    let told = load.stop(&runtime);
    cluster.trio().wait_healthy().unwrap();
    let history = runtime.block_on(History::read(cluster.database_url()));
    history.check(&told);
    let report = eventually(|| audit(&config));
    assert_eq!(report["tablesRebuilt"], true, "{report}");
}

/// An audit needs tables that stand within what it replays: a cluster goes on meanwhile.
fn audit(config: &str) -> Option<serde_json::Value> {
    let report = json(&["audit", "--config", config]);
    (report["tablesRebuilt"] == true).then_some(report)
}

fn account(config: &str, name: &str) -> Credentials {
    let deposits = ["--deposit", "BTC=1000", "--deposit", "USDT=10000000"];
    let made = json(&[&["account", "create", "--config", config, "--name", name], &deposits[..]].concat());
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    Credentials { api_key: text("apiKey"), secret_key: text("secretKey") }
}

fn leader(cluster: &Cluster) -> String {
    eventually(|| cluster.leader().map(str::to_owned))
}

/// Waits until another process leads than before.
fn wait_for_another(cluster: &Cluster, before: &str) {
    eventually(|| cluster.leader().filter(|leader| *leader != before).map(drop));
}

fn kill_leader(cluster: &mut Cluster) {
    let leader = leader(cluster);
    cluster.process(&leader).kill();
    wait_for_another(cluster, &leader);
}

/// A leader that wakes after somebody else led writes nothing and ends.
fn freeze_leader(cluster: &mut Cluster) {
    let leader = leader(cluster);
    let process = cluster.process(&leader);
    let starts = process.starts();
    process.stop();
    wait_for_another(cluster, &leader);
    process.cont();
    eventually(|| (cluster.process(&leader).starts() > starts).then_some(()));
}

fn hand_over(cluster: &mut Cluster) {
    let leader = leader(cluster);
    cluster.process(&leader).terminate();
    wait_for_another(cluster, &leader);
}

fn kill_primary(cluster: &mut Cluster) {
    let before = cluster.trio().kill_primary();
    cluster.trio().wait_failover(before).unwrap();
}

fn kill_shard(cluster: &mut Cluster) {
    let redis = cluster.redis();
    let shard = redis.master_of("{emporion:feed}:history").unwrap();
    redis.node_mut(shard).kill().unwrap();
    eventually(|| redis.master_of("{emporion:feed}:history").ok().filter(|master| *master != shard).map(drop));
    redis.node_mut(shard).restart().unwrap();
    eventually(|| redis.is_whole().then_some(()));
}

/// Orders, cancels and reads through the load balancer, and what was acknowledged of them.
struct Load {
    told: mpsc::Receiver<Acknowledged>,
    acknowledged: Vec<Acknowledged>,
    running: JoinHandle<()>,
}

impl Load {
    fn start(runtime: &Runtime, target: SocketAddr, accounts: Vec<Credentials>) -> Self {
        let (sender, told) = mpsc::channel(100_000);
        let config = LoadConfig {
            target,
            accounts,
            symbol: "BTCUSDT".to_owned(),
            price_if_none: "20000".to_owned(),
            rate: 60,
            duration: Duration::from_secs(3_600),
            connections: 8,
            mix: Mix::default(),
            seed: 5,
            run: "chaos".to_owned(),
            capacity: Duration::ZERO,
            acknowledged: Some(sender),
        };
        let running = runtime.spawn(async move { drop(run(config).await) });
        Self { told, acknowledged: Vec::new(), running }
    }

    /// Waits until so many more are acknowledged.
    fn acknowledged(&mut self, more: usize) {
        // What came during the fault says nothing about after it.
        while let Ok(told) = self.told.try_recv() {
            self.acknowledged.push(told);
        }
        let wanted = self.acknowledged.len() + more;
        while self.acknowledged.len() < wanted {
            assert!(!self.running.is_finished(), "the load ended");
            let told = eventually(|| self.told.try_recv().ok());
            self.acknowledged.push(told);
        }
    }

    fn stop(mut self, runtime: &Runtime) -> Vec<Acknowledged> {
        self.running.abort();
        let _ = runtime.block_on(&mut self.running);
        while let Ok(told) = self.told.try_recv() {
            self.acknowledged.push(told);
        }
        self.acknowledged
    }
}
