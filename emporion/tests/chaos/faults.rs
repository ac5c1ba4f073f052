//! What is done to the cluster. Each fault waits until somebody else has taken over, gives back what it took, and waits
//! until everything stands by again.

use crate::venue::eventually;
use crate::watch::Watch;
use emporion_cluster::{Cluster, Network};
use std::time::Instant;

/// A fault, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    KillLeader,
    FreezeLeader,
    /// All its connections are reset, and none can be made.
    CutLeader,
    /// Nothing passes any more, and no connection ends.
    SwallowLeader,
    /// The same towards the database, Redis and the lanes; order processes still reach it.
    SwallowLeadersParts,
    HandOver,
    KillPrimary,
    KillShard,
    AddShard,
    RemoveShard,
}

impl Fault {
    pub(crate) const TAKEOVERS: [Self; 6] = [
        Self::KillLeader,
        Self::FreezeLeader,
        Self::CutLeader,
        Self::SwallowLeader,
        Self::SwallowLeadersParts,
        Self::HandOver,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KillLeader => "leader: SIGKILL",
            Self::FreezeLeader => "leader: SIGSTOP, SIGCONT",
            Self::CutLeader => "leader: network cut",
            Self::SwallowLeader => "leader: network half-open",
            Self::SwallowLeadersParts => "leader: parts half-open",
            Self::HandOver => "leader: SIGTERM",
            Self::KillPrimary => "PostgreSQL primary: SIGKILL",
            Self::KillShard => "Redis shard: SIGKILL",
            Self::AddShard => "Redis shard added",
            Self::RemoveShard => "Redis shard removed",
        }
    }

    /// Does it. Gives when it began.
    pub(crate) fn strike(self, cluster: &mut Cluster, watch: &Watch) -> Instant {
        match self {
            Self::KillLeader => kill_leader(cluster),
            Self::FreezeLeader => freeze_leader(cluster),
            Self::CutLeader => isolate_leader(cluster, Network::cut),
            Self::SwallowLeader => isolate_leader(cluster, Network::swallow),
            Self::SwallowLeadersParts => isolate_leader(cluster, Network::swallow_parts),
            Self::HandOver => hand_over(cluster),
            Self::KillPrimary => kill_primary(cluster),
            Self::KillShard => kill_shard(cluster, watch),
            Self::AddShard => {
                let began = Instant::now();
                let keys = ["{emporion:feed}:history", "{emporion:signals}"].map(str::to_owned);
                let keys: Vec<_> =
                    keys.into_iter().chain((0..4).map(|number| format!("{{emporion:prices:{number}}}"))).collect();
                cluster.add_redis_shard(&keys.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
                began
            }
            Self::RemoveShard => {
                let began = Instant::now();
                cluster.redis().remove_shard().unwrap();
                began
            }
        }
    }
}

fn leader(cluster: &Cluster) -> String {
    eventually("a leader", || cluster.leader().map(str::to_owned))
}

/// Waits until another process leads than before.
fn wait_for_another(cluster: &Cluster, before: &str) {
    let others: Vec<&str> = cluster.names("sequencer").into_iter().filter(|name| *name != before).collect();
    eventually("another leader", || others.iter().any(|name| cluster.leads(name)).then_some(()));
}

/// Waits until a process that led follows the journal as a standby, whether it had to be started again or not.
fn wait_until_it_follows(cluster: &Cluster, name: &str) {
    let head = || {
        let others = cluster.names("sequencer").into_iter().filter(|other| *other != name);
        others.filter_map(|other| cluster.metric(other, "sequencer_committed_seq")).fold(0.0, f64::max)
    };
    let wanted = head();
    eventually("a standby", || {
        let follows = cluster.metric(name, "standby_seq").is_some_and(|seq| seq >= wanted);
        (follows && !cluster.leads(name)).then_some(())
    });
}

/// Starts it again at once, and waits until it stands by.
fn start_again(cluster: &Cluster, name: &str, starts: u64) {
    eventually("its end", || {
        let process = cluster.process(name);
        (process.pid().is_none() || process.starts() > starts).then_some(())
    });
    cluster.process(name).release();
    wait_until_it_follows(cluster, name);
}

fn kill_leader(cluster: &Cluster) -> Instant {
    let leader = leader(cluster);
    let starts = cluster.process(&leader).starts();
    cluster.process(&leader).kill();
    let began = Instant::now();
    wait_for_another(cluster, &leader);
    start_again(cluster, &leader, starts);
    began
}

/// A leader that wakes after somebody else led writes nothing, and stands by or ends.
fn freeze_leader(cluster: &Cluster) -> Instant {
    let leader = leader(cluster);
    let process = cluster.process(&leader);
    process.stop();
    let began = Instant::now();
    wait_for_another(cluster, &leader);
    stand_by(cluster, &leader, || process.cont());
    began
}

/// A leader that loses its network and gets it back writes nothing any more, and stands by or ends.
fn isolate_leader(cluster: &Cluster, isolate: impl Fn(&Network)) -> Instant {
    let leader = leader(cluster);
    isolate(cluster.network(&leader));
    let began = Instant::now();
    wait_for_another(cluster, &leader);
    stand_by(cluster, &leader, || cluster.network(&leader).heal());
    began
}

/// Lets one go on that led before somebody else did. If it ends, then because of that.
fn stand_by(cluster: &Cluster, name: &str, go_on: impl FnOnce()) {
    let process = cluster.process(name);
    let starts = process.starts();
    go_on();
    eventually("the end of the old lead", || (!cluster.leads(name)).then_some(()));
    process.release();
    wait_until_it_follows(cluster, name);
    assert!(process.starts() == starts || process.exit_code() == Some(42), "{:?}", process.exit_code());
}

fn hand_over(cluster: &Cluster) -> Instant {
    let leader = leader(cluster);
    let starts = cluster.process(&leader).starts();
    let began = Instant::now();
    cluster.process(&leader).terminate();
    wait_for_another(cluster, &leader);
    start_again(cluster, &leader, starts);
    began
}

fn kill_primary(cluster: &Cluster) -> Instant {
    let before = cluster.trio().kill_primary();
    let began = Instant::now();
    cluster.trio().wait_failover(before).unwrap();
    began
}

/// The one that the feed is in.
fn kill_shard(cluster: &mut Cluster, watch: &Watch) -> Instant {
    const FEED: &str = "{emporion:feed}:history";
    let redis = cluster.redis();
    let shard = redis.master_of(FEED).unwrap();
    watch.set_redis_failing(true);
    redis.node_mut(shard).kill().unwrap();
    let began = Instant::now();
    eventually("another master", || redis.master_of(FEED).ok().filter(|master| *master != shard).map(drop));
    redis.node_mut(shard).restart().unwrap();
    eventually("a whole Redis cluster", || redis.is_whole().then_some(()));
    watch.set_redis_failing(false);
    began
}
