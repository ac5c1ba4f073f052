//! The cluster under load while its processes and parts are killed, frozen, cut off and replaced: what was acknowledged
//! is in the journal once and as it was, nothing is there twice or late, nobody shows what is stale, and the audit
//! agrees.
//!
//! The long runs are ignored: `hundred_takeovers`, `twenty_primaries`, `twenty_shards`. Every run prints a table.
//! `TEST_CHAOS_BINARY` names another build of the venue, `TEST_CHAOS_RATE` how many orders are sent a second,
//! `TEST_CHAOS_FAULTS` how many faults a long run has.
#![allow(clippy::unwrap_used)]

mod faults;
mod history;
mod load;
mod report;
mod venue;
mod watch;

use emporion_cluster::{Lanes, Queue};
use emporion_ports::lanes::FifoFaults;
use faults::Fault;
use history::History;
use load::Load;
use report::Report;
use std::io::{Write, stdout};
use std::str::FromStr;
use std::time::Instant;
use tokio::runtime::Runtime;
use venue::{Venue, eventually};
use watch::Watch;

/// Orders that must be acknowledged between one fault and the next.
const BETWEEN: usize = 30;

/// Orders that are sent a second.
const RATE: u64 = 20;

#[test]
fn what_was_acknowledged_amid_faults_is_there_once() {
    let parts = [Fault::AddShard, Fault::KillPrimary, Fault::RemoveShard, Fault::KillShard];
    Scene::open(Queue::Spill, Lanes::MiniStack).go_through(Fault::TAKEOVERS.into_iter().chain(parts)).check();
}

#[test]
fn a_queue_that_repeats_and_shuffles_changes_nothing() {
    let scene = Scene::open(Queue::Always, Lanes::Within);
    let lanes = scene.venue.cluster.lanes().unwrap();
    lanes.set_faults(FifoFaults {
        deliveries_max: 5,
        is_late: true,
        is_shuffled: true,
        sends_unanswered_permille: 50,
        sends_lost_permille: 20,
        receives_lost_permille: 20,
        deletes_unanswered_permille: 50,
        deletes_lost_permille: 50,
        ..FifoFaults::default()
    });
    scene.go_through([Fault::KillLeader]).check();
}

#[test]
#[ignore = "it takes a quarter of an hour"]
fn hundred_takeovers() {
    use Fault::{CutLeader, FreezeLeader, KillLeader, SwallowLeader, SwallowLeadersParts};
    let cuts = [CutLeader, SwallowLeader, SwallowLeadersParts];
    long_run(100, |number| match number % 3 {
        0 => KillLeader,
        1 => FreezeLeader,
        _ => cuts[number / 3 % cuts.len()],
    });
}

#[test]
#[ignore = "it takes many minutes"]
fn twenty_primaries() {
    long_run(20, |_| Fault::KillPrimary);
}

#[test]
#[ignore = "it takes many minutes"]
fn twenty_shards() {
    long_run(20, |_| Fault::KillShard);
}

fn long_run(count: usize, fault: impl Fn(usize) -> Fault) {
    let count = number("TEST_CHAOS_FAULTS").unwrap_or(count);
    Scene::open(Queue::Spill, Lanes::MiniStack).go_through((0..count).map(fault)).check();
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, which is no number")))
}

/// A cluster with load on it, and those who watch.
struct Scene {
    venue: Venue,
    runtime: Runtime,
    load: Load,
    watch: Watch,
}

impl Scene {
    fn open(queue: Queue, lanes: Lanes) -> Self {
        let mut venue = Venue::start(queue, lanes);
        let accounts = (0..8).map(|number| venue.account(&format!("trader-{number}"))).collect();
        let runtime = Runtime::new().unwrap();
        let inside = runtime.enter();
        let redis = venue.cluster.redis().servers().unwrap();
        let cluster = &venue.cluster;
        let of = |role: &str| cluster.names(role).into_iter().map(|name| cluster.address(name).unwrap()).collect();
        let rate = number("TEST_CHAOS_RATE").unwrap_or(RATE);
        let load = Load::start(cluster.public(), of("order"), accounts, rate);
        let watch = Watch::start(cluster.public(), of("market-data"), redis, &load.record());
        drop(inside);
        let scene = Self { venue, runtime, load, watch };
        scene.wait_for_more();
        scene
    }

    /// Waits until more orders are acknowledged.
    fn wait_for_more(&self) {
        let wanted = self.load.acknowledged() + BETWEEN;
        eventually("more acknowledged orders", || (self.load.acknowledged() >= wanted).then_some(()));
    }

    /// Lets these faults strike one after the other, and judges what came of it.
    fn go_through(mut self, faults: impl IntoIterator<Item = Fault>) -> Report {
        let mut began: Vec<(Fault, Instant)> = Vec::new();
        for fault in faults {
            began.push((fault, fault.strike(&mut self.venue.cluster, &self.watch)));
            self.wait_for_more();
            let (count, acknowledged) = (began.len(), self.load.acknowledged());
            writeln!(stdout().lock(), "{count}: {}, {acknowledged} orders acknowledged", fault.name()).unwrap();
        }
        let record = self.runtime.block_on(self.load.stop());
        let seen = self.watch.stop();
        self.venue.cluster.trio().wait_healthy().unwrap();
        let history = self.runtime.block_on(History::read(self.venue.cluster.database_url()));
        let audit = self.venue.audit();
        let record = std::mem::take(&mut *record.lock().unwrap());
        let differences = history.compare(&record.told);
        Report { faults: began, record, seen, history, differences, audit }
    }
}
