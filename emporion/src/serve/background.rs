//! What goes on beside trading: snapshots, the scrubber, the outbox, chores of the hour. None of it holds up an
//! order; what fails is logged, shown as degraded, and tried again.

use super::services::Chores;
use crate::Failure;
use crate::config::Config;
use emporion_edge::Readiness;
use emporion_order::replay::{ReplayError, SnapshotPolicy, Snapshotter, SnapshotterError, scrub};
use emporion_ports::orders::Committed;
use emporion_ports::store::Journal;
use emporion_sqlite::Store;
use emporion_user::UserService;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Between a failure and the next try.
const RETRY: Duration = Duration::from_secs(30);
/// Between two passes over the whole journal, and between two rounds of chores.
const ROUND: Duration = Duration::from_secs(3_600);
/// Between two rounds of upkeep of the metrics.
const METRICS_ROUND: Duration = Duration::from_secs(5);
/// What the scrubber reads at a time, in bytes.
const SCRUB_READ_BYTES: u64 = 1 << 20;

/// Starts all of it. A task that ends says that the venue must stop, and why.
pub(crate) fn start(
    config: &Config,
    store: &Store,
    committed: &watch::Receiver<Committed>,
    users: Arc<UserService>,
    chores: Chores,
    readiness: &Readiness,
    metrics: PrometheusHandle,
) -> JoinSet<Failure> {
    let mut tasks = JoinSet::new();
    let snapshots = Snapshots {
        journal: store.journal.clone(),
        snapshots: store.snapshots.clone(),
        committed: committed.clone(),
        policy: SnapshotPolicy { every_commands: config.snapshots.every_commands },
        readiness: readiness.clone(),
    };
    tasks.spawn(async move { snapshots.keep().await });
    if let Some(pause_ms) = (SCRUB_READ_BYTES * 1_000).checked_div(config.scrubber.bytes_per_second) {
        let pause = Duration::from_millis(pause_ms);
        tasks.spawn(keep_scrubbing(store.journal.clone(), committed.clone(), pause, readiness.clone()));
    }
    tasks.spawn(send_outbox(chores, readiness.clone()));
    tasks.spawn(keep_tidy(users));
    tasks.spawn(keep_metrics_small(metrics));
    tasks
}

/// Puts what was measured into its buckets: until then every single measurement takes memory, and nobody may ever
/// ask for the metrics.
async fn keep_metrics_small(metrics: PrometheusHandle) -> Failure {
    loop {
        rest(METRICS_ROUND).await;
        metrics.run_upkeep();
    }
}

/// The snapshots of one who leads.
pub(super) struct Snapshots {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) snapshots: Arc<dyn emporion_ports::store::Snapshots>,
    pub(super) committed: watch::Receiver<Committed>,
    pub(super) policy: SnapshotPolicy,
    pub(super) readiness: Readiness,
}

impl Snapshots {
    /// A replay that gives something else than was lived ends the venue: every restart would find the same.
    pub(super) async fn keep(&self) -> Failure {
        loop {
            let follower = Snapshotter {
                journal: self.journal.clone(),
                snapshots: self.snapshots.clone(),
                committed: self.committed.clone(),
                policy: self.policy,
            };
            let Err(error) = follower.run().await else {
                // The venue is stopping.
                return std::future::pending().await;
            };
            if let SnapshotterError::Replay(ReplayError::Diverged { .. }) = error {
                return Failure::bug(format!("the snapshot follower found that {error}"));
            }
            tracing::error!(%error, "No snapshot was saved; restarts take longer until one is.");
            self.readiness.set_degraded("snapshots", true);
            rest(RETRY).await;
            self.readiness.set_degraded("snapshots", false);
        }
    }
}

async fn keep_scrubbing(
    journal: Arc<dyn Journal>,
    committed: watch::Receiver<Committed>,
    pause: Duration,
    readiness: Readiness,
) -> Failure {
    loop {
        let until = committed.borrow().seq;
        match scrub(&*journal, until, pause).await {
            Ok(report) => {
                tracing::debug!(rows = report.rows, seq = report.last.0, "The journal was read again and is whole.");
                readiness.set_degraded("journal", false);
            }
            Err(error) => {
                tracing::error!(%error, "An older part of the journal is damaged: restore it from a backup.");
                metrics::counter!("scrubber_damages_total").increment(1);
                readiness.set_degraded("journal", true);
            }
        }
        rest(ROUND).await;
    }
}

/// The followers of the feed end only with it, and it ends with the process.
async fn send_outbox(chores: Chores, readiness: Readiness) -> Failure {
    let Chores { outbox, directory, user_data } = chores;
    let follow = async {
        tokio::join!(directory.run(), user_data.run());
        Failure::failed("the feed closed while the venue ran")
    };
    let send = async {
        outbox.run().await;
        // The sender logged why. Trading goes on; accounts and deposits wait for a person.
        readiness.set_degraded("outbox", true);
        std::future::pending().await
    };
    tokio::select! { failure = follow => failure, failure = send => failure }
}

async fn keep_tidy(users: Arc<UserService>) -> Failure {
    loop {
        if let Err(error) = users.tidy().await {
            tracing::warn!(%error, "The user store could not be tidied; the next round tries again.");
        }
        rest(ROUND).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: these are rounds")]
async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}
