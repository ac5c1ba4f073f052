//! Watches the nodes, promotes a standby when the primary is lost, and rebuilds what was lost.

use super::node;
use super::sql::Sql;
use super::{NODES, Shared};
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a question may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// After so many unanswered probes in a row the primary is taken for lost.
const PROBES_FAILED_MAX: u32 = 3;
/// A standby that ends more often than this gets a copy of the primary's data.
const STARTS_MAX: u32 = 3;
const STEP: Duration = Duration::from_millis(50);
/// How long both standbys are waited for before the lost primary is started again where it was.
const STANDBYS_LIMIT: Duration = Duration::from_secs(10);

struct Manager<'a> {
    shared: &'a Shared,
    sql: Sql,
    primary: usize,
    probes_failed: u32,
    probed_at: Option<Instant>,
    /// A node whose data part from the primary's, and which must be rebuilt before it may run.
    parted: [bool; NODES],
    /// How often each standby was started since both last followed.
    starts: [u32; NODES],
    /// Where reads are led to.
    reader: usize,
}

/// Manages the nodes until the trio stops.
pub(super) fn run(shared: &Shared) {
    let sql = match Sql::new(&shared.password, "postgres") {
        Ok(sql) => sql,
        Err(error) => return shared.say(format!("the manager cannot start: {error:#}")),
    };
    let mut manager = Manager {
        shared,
        sql,
        primary: 0,
        probes_failed: 0,
        probed_at: None,
        parted: [false; NODES],
        starts: [0; NODES],
        reader: 1,
    };
    let mut is_set_up = false;
    while !shared.is_stopping.load(Ordering::SeqCst) {
        let step = if is_set_up { manager.step() } else { manager.set_up().map(|is_done| is_set_up = is_done) };
        if let Err(error) = step {
            shared.say(format!("a step failed and is tried again: {error:#}"));
        }
        crate::parts::pause(STEP);
    }
}

impl Manager<'_> {
    /// Gives the first primary what the others need and starts these; `false` while it does not answer yet.
    fn set_up(&mut self) -> Result<bool> {
        let primary = self.address(0);
        if self.sql.value(primary, "select 1", ANSWER_LIMIT).is_err() {
            ensure!(self.shared.nodes()[0].is_running(), "the first PostgreSQL node ended while it started");
            return Ok(false);
        }
        let has_role = "select 1 from pg_roles where rolname = 'replicator'";
        if self.sql.value(primary, has_role, ANSWER_LIMIT)?.is_none() {
            self.sql.rows(primary, &node::roles(&self.shared.password), ANSWER_LIMIT)?;
        }
        for number in 1..NODES {
            self.make_slot(number)?;
            let mut nodes = self.shared.nodes();
            if !nodes[number].is_running() {
                nodes[number].start()?;
            }
        }
        Ok(true)
    }

    fn step(&mut self) -> Result<()> {
        if !self.shared.nodes()[self.primary].is_running() {
            return self.replace_primary("has ended");
        }
        for number in self.others(self.primary) {
            self.keep_standby(number)?;
        }
        let is_healthy = self.shared.view().is_healthy;
        let interval = if is_healthy { PROBE_INTERVAL } else { STEP };
        if self.probed_at.is_some_and(|at| at.elapsed() < interval) {
            return Ok(());
        }
        self.probed_at = Some(Instant::now());
        self.probe()
    }

    /// Asks the primary who streams from it.
    fn probe(&mut self) -> Result<()> {
        let streaming = "select application_name from pg_stat_replication \
                         where state = 'streaming' and sync_state = 'quorum'";
        match self.sql.rows(self.address(self.primary), streaming, ANSWER_LIMIT) {
            Ok(rows) => {
                self.probes_failed = 0;
                let streaming: Vec<String> = rows.into_iter().flatten().flatten().collect();
                self.lead_reads(&streaming);
                let is_healthy = streaming.len() == NODES - 1;
                if is_healthy {
                    self.starts = [0; NODES];
                }
                self.shared.update(|view| view.is_healthy = is_healthy);
            }
            Err(error) => {
                self.probes_failed += 1;
                self.shared.update(|view| view.is_healthy = false);
                if self.probes_failed >= PROBES_FAILED_MAX {
                    return self.replace_primary(&format!("answers no more ({error:#})"));
                }
            }
        }
        Ok(())
    }

    /// Leads reads to a standby that streams; while none does, to the primary.
    fn lead_reads(&mut self, streaming: &[String]) {
        let may_read = |number: usize| streaming.contains(&self.name(number));
        if may_read(self.reader) {
            return;
        }
        let next = self.others(self.primary).find(|number| may_read(*number)).unwrap_or(self.primary);
        if next != self.reader {
            self.reader = next;
            self.shared.reader.switch_to(Some(self.address(next)));
        }
    }

    /// Starts a standby that has ended; rebuilds it first where its data part from the primary's.
    fn keep_standby(&mut self, number: usize) -> Result<()> {
        let primary = self.address(self.primary);
        if self.parted[number] {
            self.shared.update(|view| view.is_healthy = false);
            self.make_slot(number)?;
            // pg_rewind reads a primary's timeline from its control file, which is old until the first checkpoint.
            self.sql.rows(primary, "checkpoint", Duration::from_secs(60))?;
            let how = self.shared.nodes()[number].rebuild(primary, &self.shared.password)?;
            self.parted[number] = false;
            self.shared.say(format!("node {} was {how} and follows", self.name(number)));
        } else if !self.shared.nodes()[number].is_running() {
            self.shared.update(|view| view.is_healthy = false);
            self.shared.nodes()[number].kill();
            self.starts[number] += 1;
            if self.starts[number] > STARTS_MAX {
                let how = self.shared.nodes()[number].copy(primary, &self.shared.password)?;
                self.shared.say(format!("node {} ended again and again and was {how}", self.name(number)));
                return Ok(());
            }
            self.shared.nodes()[number].start()?;
            self.shared.say(format!("node {} had ended and was started again", self.name(number)));
        }
        Ok(())
    }

    fn replace_primary(&mut self, why: &str) -> Result<()> {
        let lost = self.primary;
        self.shared.update(|view| view.is_healthy = false);
        self.shared.switch.switch_to(None);
        // Only a primary that cannot acknowledge anything any more may be replaced.
        self.shared.nodes()[lost].kill();
        self.shared.say(format!("the primary {} {why}", self.name(lost)));
        let next = match self.furthest_standby(lost) {
            Ok(next) => next,
            Err(error) => {
                self.shared.nodes()[lost].start()?;
                self.wait_for("the primary that was started again", lost, "select 1", "1")?;
                self.shared.switch.switch_to(Some(self.address(lost)));
                self.probes_failed = 0;
                self.shared.say(format!("the primary {} was started again: {error:#}", self.name(lost)));
                return Ok(());
            }
        };
        self.sql.rows(self.address(next), "select pg_promote(true, 30)", Duration::from_secs(35))?;
        self.wait_for("the promotion", next, "select pg_is_in_recovery()", "f")?;
        self.primary = next;
        self.probes_failed = 0;
        self.parted[lost] = true;
        self.shared.nodes()[next].follow(None, &self.shared.password)?;
        let other = self.others(lost).find(|number| *number != next).context("there are three nodes")?;
        self.make_slot(other)?;
        {
            let nodes = self.shared.nodes();
            nodes[other].follow(Some(nodes[next].address()), &self.shared.password)?;
            nodes[other].reload();
        }
        self.shared.switch.switch_to(Some(self.address(next)));
        self.shared.update(|view| {
            view.primary = next;
            view.failovers += 1;
        });
        self.shared.say(format!("node {} was promoted, {} follows it", self.name(next), self.name(other)));
        Ok(())
    }

    /// The standby that has more on disk. Of two nodes that may each hold the only copy of an acknowledged commit, both
    /// must be asked; one that was being rebuilt holds none.
    fn furthest_standby(&self, lost: usize) -> Result<usize> {
        let begun = Instant::now();
        let candidates: Vec<usize> = self.others(lost).filter(|number| !self.parted[*number]).collect();
        loop {
            let positions: Result<Vec<(u64, usize)>> =
                candidates.iter().map(|number| Ok((self.position(*number)?, *number))).collect();
            match positions {
                Ok(positions) => {
                    let (_, next) = positions.into_iter().max().context("no standby has all data")?;
                    return Ok(next);
                }
                Err(error) if begun.elapsed() > STANDBYS_LIMIT || self.shared.is_stopping.load(Ordering::SeqCst) => {
                    return Err(error.context("not every standby could be asked what it has"));
                }
                Err(_) => crate::parts::pause(STEP),
            }
        }
    }

    /// How far a standby has written the journal to disk, once it receives nothing any more.
    fn position(&self, number: usize) -> Result<u64> {
        let mut nodes = self.shared.nodes();
        if !nodes[number].is_running() {
            nodes[number].kill();
            nodes[number].start()?;
        }
        drop(nodes);
        let statement = "select (greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0')::bigint, \
                         (select count(*) from pg_stat_wal_receiver), \
                         coalesce(pg_last_wal_receive_lsn(), '0/0') <= pg_last_wal_replay_lsn()";
        let rows = self.sql.rows(self.address(number), statement, ANSWER_LIMIT)?;
        let row: Vec<&str> = rows.first().context("no row")?.iter().flatten().map(String::as_str).collect();
        let [position, "0", "t"] = row[..] else { anyhow::bail!("node {} has not come to rest", self.name(number)) };
        Ok(position.parse()?)
    }

    fn wait_for(&self, what: &str, number: usize, statement: &str, expected: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.sql.value(self.address(number), statement, ANSWER_LIMIT) {
                Ok(Some(value)) if value == expected => return Ok(()),
                other => ensure!(begun.elapsed() < Duration::from_secs(60), "{what} did not come: {other:?}"),
            }
            crate::parts::pause(STEP);
        }
    }

    fn make_slot(&self, number: usize) -> Result<()> {
        let statement = self.shared.nodes()[number].slot();
        self.sql.rows(self.address(self.primary), &statement, ANSWER_LIMIT)?;
        Ok(())
    }

    fn others(&self, than: usize) -> impl Iterator<Item = usize> + use<> {
        (0..NODES).filter(move |number| *number != than)
    }

    fn address(&self, number: usize) -> SocketAddr {
        self.shared.nodes()[number].address()
    }

    fn name(&self, number: usize) -> String {
        self.shared.nodes()[number].name.clone()
    }
}
