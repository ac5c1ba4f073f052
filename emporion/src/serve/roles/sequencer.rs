//! The role `sequencer`: follows the journal as a standby, and leads when nobody else does.
//!
//! The lease says when to try; the journal's head says in every commit who may write. What must not live here: what a
//! leadership consists of ([`super::super::leadership`]).

use super::lease_watch::LeaseWatch;
use super::process::{Finish, Process};
use super::shared::{Shared, postgres_options, rest};
use crate::config::{Config, Segments};
use crate::serve::leadership::{Lead, LeadError, Leadership, LeadershipEnd};
use crate::serve::listeners::Listeners;
use crate::serve::{background, settings};
use crate::{Exit, Failure, genesis};
use emporion_edge::{Readiness, Routes};
use emporion_link::{Handlers, Leading, SequencerDoor};
use emporion_order::projector::ProjectorError;
use emporion_order::replay::{RecoverError, SnapshotPolicy, Standby, StandbyError};
use emporion_order::ways::{ConsumerOptions, LaneConsumer};
use emporion_ports::lanes::Lanes;
use emporion_ports::leases::{FollowerPosition, Leases};
use emporion_ports::orders::Committed;
use emporion_ports::sealed::VenueKeys;
use emporion_ports::segments::SegmentStore;
use emporion_ports::tables::Queries;
use emporion_postgres::{FolderSegments, PgTables, Postgres, PostgresLeases, Retention, RetentionRound};
use emporion_s3::S3Segments;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Between two looks at the journal and the lease of one who waits.
const LOOK: Duration = Duration::from_millis(40);
/// Between two beats of one who leads, and how long a beat may stand still before others try to lead.
const BEAT: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_millis(1_200);
/// By how much two that wait differ at most.
const JITTER_MS: u64 = 100;
/// Between two words of where a standby is, which keep what it still needs in the journal.
const POSITION: Duration = Duration::from_secs(1);
/// Between a failure and the next try.
const RETRY: Duration = Duration::from_millis(250);
/// Between two rounds of making and dropping partitions.
const PARTITIONS: Duration = Duration::from_secs(600);
/// Between an export that failed and the next try.
const EXPORT_RETRY: Duration = Duration::from_secs(30);

pub(super) async fn open(shared: &Shared<'_>) -> Result<Process, Failure> {
    let config = shared.config;
    let bound = shared.bind().await?;
    let venue_keys = shared.venue_keys()?;
    let (lanes, aside) = shared.lanes().await?;
    let (leading, who_leads) = watch::channel(Leading::Elsewhere(None));
    let door = SequencerDoor { venue_keys: venue_keys.clone(), leading: who_leads };
    let (internal, address) = shared.serve_internal(Handlers { sequencer: Some(door), keys: None }).await?;
    let metrics = shared.metrics.clone();
    let routes = Routes::new(shared.edge(shared.keys())).metrics(move || metrics.render());
    let listeners = Listeners::open(bound, routes.into_router(), None, config.http.serve(config.sockets.options()));
    let (caught_up, mut is_caught_up) = watch::channel(false);
    let candidate = Candidate {
        config: config.clone(),
        lead: Lead {
            journal: shared.journal.clone(),
            snapshots: shared.postgres.snapshots(),
            tables: shared.tables.clone(),
            feed: shared.feed.clone(),
            committed: watch::Sender::new(Committed::default()),
            clock: shared.clock.clone(),
            queue: config.queue.limits(),
            lag_batches_max: config.projector.lag_batches_max(),
            hash_key: rand::random(),
        },
        postgres: shared.postgres.clone(),
        tables: shared.tables.clone(),
        queries: shared.queries.clone(),
        leases: shared.postgres.leases(),
        holder: format!("{}/{}", address, std::process::id()),
        address,
        leading,
        lanes,
        aside,
        venue_keys,
        readiness: shared.readiness.clone(),
        caught_up,
    };
    let (stop, stopped) = watch::channel(false);
    let ended = tokio::spawn(candidate.run(stopped));
    let is_ready = Box::pin(async move {
        // An error says that the candidate has ended, which is told by its task.
        if is_caught_up.wait_for(|caught_up| *caught_up).await.is_err() {
            std::future::pending().await
        }
    });
    let (readiness, finish) = (shared.readiness.clone(), Some(Finish { stop, ended }));
    Ok(Process { readiness, listeners, internal: Some(internal), is_ready, tasks: shared.tasks(), finish })
}

/// One who leads, or waits to.
struct Candidate {
    config: Config,
    lead: Lead,
    postgres: Postgres,
    tables: Arc<PgTables>,
    queries: Arc<dyn Queries>,
    leases: Arc<PostgresLeases>,
    /// Who this is, for people.
    holder: String,
    /// Where this takes commands when it leads.
    address: String,
    leading: watch::Sender<Leading>,
    lanes: Arc<dyn Lanes>,
    aside: Option<Arc<dyn Lanes>>,
    venue_keys: VenueKeys,
    readiness: Readiness,
    caught_up: watch::Sender<bool>,
}

/// How a leadership ended.
enum Ended {
    /// As it was asked to.
    Stopped,
    /// Memory is worth nothing any more; follow again.
    Lost(String),
}

impl Candidate {
    async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), Failure> {
        metrics::gauge!("sequencer_leads").set(0.0);
        loop {
            let Some(standby) = self.follow(&mut stop).await? else {
                let _ = self.leases.forget(&self.follower()).await;
                return Ok(());
            };
            match self.lead(standby, &mut stop).await? {
                Ended::Stopped => return Ok(()),
                Ended::Lost(reason) => {
                    tracing::error!(reason, "The lead is given up; this process follows again.");
                    metrics::counter!("recoveries_total").increment(1);
                    metrics::gauge!("sequencer_leads").set(0.0);
                    rest(RETRY).await;
                }
            }
        }
    }

    fn follower(&self) -> String {
        format!("standby/{}", self.address)
    }

    fn snapshot_policy(&self) -> SnapshotPolicy {
        SnapshotPolicy { every_commands: self.config.snapshots.every_commands }
    }

    /// Follows the journal until it is time to lead; `None` when it is time to stop.
    async fn follow(&self, stop: &mut watch::Receiver<bool>) -> Result<Option<Standby>, Failure> {
        let mut standby = loop {
            let (journal, snapshots) = (self.lead.journal.clone(), self.lead.snapshots.clone());
            match Standby::begin(journal, snapshots, self.snapshot_policy(), self.lead.hash_key).await {
                Ok(standby) => break standby,
                Err(error) => self.bear(error).await?,
            }
            if *stop.borrow() {
                return Ok(None);
            }
        };
        let mut watch = LeaseWatch::new(PATIENCE, Duration::from_millis(rand::random_range(0..JITTER_MS)));
        let mut told_at: Option<Instant> = None;
        loop {
            if *stop.borrow() {
                return Ok(None);
            }
            let looked = async {
                if standby.follow().await? {
                    return Ok(None);
                }
                standby.save_if_due().await?;
                if told_at.is_none_or(|at| at.elapsed() >= POSITION) {
                    let position = FollowerPosition { name: self.follower(), seq: standby.head().seq };
                    self.leases.follow(&position).await?;
                    told_at = Some(Instant::now());
                }
                Ok::<_, StandbyError>(Some(self.leases.lease().await?))
            };
            match looked.await {
                Ok(None) => continue,
                Ok(Some(lease)) => {
                    self.readiness.set_degraded("store", false);
                    self.caught_up.send_replace(true);
                    let leader = lease.as_ref().filter(|lease| !lease.released).map(|lease| lease.address.clone());
                    self.leading.send_replace(Leading::Elsewhere(leader));
                    metrics::gauge!("standby_seq").set(standby.head().seq.0 as f64);
                    if watch.may_lead(lease.as_ref(), Instant::now()) {
                        return Ok(Some(standby));
                    }
                }
                Err(error) => self.bear(error).await?,
            }
            tokio::select! { () = rest(LOOK) => {}, _ = stop.changed() => {} }
        }
    }

    /// A store that is away comes back; anything else needs a person.
    async fn bear(&self, error: StandbyError) -> Result<(), Failure> {
        match error {
            StandbyError::Recover(RecoverError::Store(error)) => {
                tracing::warn!(%error, "The journal cannot be followed yet.");
                self.readiness.set_degraded("store", true);
                rest(RETRY).await;
                Ok(())
            }
            error @ StandbyError::OtherState { .. } => Err(Failure::bug(error.to_string())),
            error => Err(Failure::failed(error.to_string())),
        }
    }

    /// Takes the lead and keeps it until it is lost or it is time to stop.
    async fn lead(&self, standby: Standby, stop: &mut watch::Receiver<bool>) -> Result<Ended, Failure> {
        let taken_at = Instant::now();
        let head = match self.lead.journal.take_over().await {
            Ok(head) => head,
            Err(error) => return Ok(Ended::Lost(error.to_string())),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(beat(self.leases.clone(), self.holder.clone(), head.epoch, self.address.clone()));
        let _ = self.leases.forget(&self.follower()).await;
        let options = self.config.options();
        let led = match standby.finish(head).await {
            Ok(recovered) => self.lead.start(recovered, || genesis::sandbox(options)).await,
            Err(StandbyError::Recover(error)) => Err(error.into()),
            Err(error) => return Err(Failure::bug(error.to_string())),
        };
        let leadership = match led {
            Ok(leadership) => leadership,
            Err(
                LeadError::Store(error)
                | LeadError::Recover(RecoverError::Store(error))
                | LeadError::Project(ProjectorError::Store(error)),
            ) => return Ok(Ended::Lost(error.to_string())),
            Err(LeadError::Recover(RecoverError::Fenced)) => return Ok(Ended::Lost("somebody else leads".to_owned())),
            Err(error) => return Err(error.into()),
        };
        self.serve(&leadership, &mut tasks);
        metrics::histogram!("sequencer_takeover_seconds").record(taken_at.elapsed().as_secs_f64());
        metrics::gauge!("sequencer_leads").set(1.0);
        self.caught_up.send_replace(true);
        let (consumer_stop, consumer) = self.consume(&leadership);
        let settled = settings::apply(
            &self.config,
            &*self.queries,
            self.lead.committed.borrow().seq,
            Arc::new(leadership.sequencer.clone()),
        );
        let end = tokio::select! {
            // What the config asks for and the engine refuses is told, and trading goes on.
            end = leadership.ended() => Some(end),
            () = async {
                if let Err(failure) = settled.await {
                    tracing::error!(%failure, "The engine does not follow the config.");
                }
                let _ = stop.wait_for(|stop| *stop).await;
            } => None,
        };
        self.leading.send_replace(Leading::Elsewhere(None));
        consumer_stop.send_replace(true);
        leadership.sequencer.stop();
        let asked = end.is_none();
        let end = leadership.ended().await;
        tasks.shutdown().await;
        // Who waits to lead need not wait for the receivers of the lanes.
        let ended = self.end(end, asked, head.epoch).await;
        let _ = consumer.await;
        ended
    }

    async fn end(&self, end: LeadershipEnd, asked: bool, epoch: emporion_model::Epoch) -> Result<Ended, Failure> {
        metrics::gauge!("sequencer_leads").set(0.0);
        match end {
            LeadershipEnd::Stopped if asked => {
                if let Err(error) = self.leases.beat(&self.holder, epoch, &self.address, true).await {
                    tracing::warn!(%error, "The lease could not be released; the next leader waits for it to go stale.");
                }
                Ok(Ended::Stopped)
            }
            LeadershipEnd::Stopped => Err(Failure::bug("the sequencer stopped without being asked")),
            LeadershipEnd::Fenced => {
                let sentence = "somebody else leads this venue now".to_owned();
                Err(Failure { exit: Exit::Fenced, sentence })
            }
            LeadershipEnd::Failed(reason) if asked => Err(Failure::failed(reason)),
            LeadershipEnd::Failed(reason) => Ok(Ended::Lost(reason)),
        }
    }

    /// Opens the door, and starts what goes on beside a leadership.
    fn serve(&self, leadership: &Leadership, tasks: &mut JoinSet<()>) {
        let sequencer = Arc::new(leadership.sequencer.clone());
        self.leading.send_replace(Leading::Here { orders: sequencer.clone(), commands: sequencer });
        let (mut stalled, readiness) = (leadership.sequencer.stalled(), self.readiness.clone());
        tasks.spawn(async move {
            loop {
                readiness.set_degraded("engine", *stalled.borrow_and_update());
                if stalled.changed().await.is_err() {
                    return;
                }
            }
        });
        // A standby saves the snapshots; where none does, the leader saves them itself, later.
        let policy = SnapshotPolicy { every_commands: self.config.snapshots.every_commands * 2 };
        let snapshots = background::Snapshots {
            journal: self.lead.journal.clone(),
            snapshots: self.lead.snapshots.clone(),
            committed: self.lead.committed.subscribe(),
            policy,
            readiness: self.readiness.clone(),
        };
        tasks.spawn(async move { drop(snapshots.keep().await) });
        self.keep_journal(tasks);
        let (tables, retention_days) = (self.tables.clone(), self.config.store.history_retention_days);
        tasks.spawn(async move {
            let retention = (retention_days > 0).then(|| Duration::from_secs(retention_days * 86_400));
            loop {
                if let Err(error) = tables.keep_partitions(retention).await {
                    tracing::warn!(%error, "Partitions of the tables could not be kept; the next round tries again.");
                }
                rest(PARTITIONS).await;
            }
        });
    }

    /// Exports old parts of the journal and drops them, if the operator wants that.
    fn keep_journal(&self, tasks: &mut JoinSet<()>) {
        let store = &self.config.store;
        let Some(place) = store.segments().expect("the config was checked") else { return };
        let keep =
            (store.journal_retention_days > 0).then(|| Duration::from_secs(store.journal_retention_days * 86_400));
        let (postgres, options) = (self.postgres.clone(), postgres_options(&self.config));
        let readiness = self.readiness.clone();
        tasks.spawn(async move {
            loop {
                let round = async {
                    let segments: Arc<dyn SegmentStore> = match &place {
                        Segments::Folder(folder) => Arc::new(FolderSegments::open(folder)?),
                        Segments::Bucket(options) => Arc::new(S3Segments::open(options).await?),
                    };
                    Retention::new(&postgres, options.clone(), segments, keep).round().await
                };
                let round = round.await;
                readiness.set_degraded("segments", round.is_err());
                match round {
                    Ok(round) if round == RetentionRound::default() => {}
                    Ok(round) => tracing::info!(?round, "Parts of the journal were exported."),
                    Err(error) => {
                        tracing::error!(%error, "Parts of the journal could not be exported; they stay.");
                        rest(EXPORT_RETRY).await;
                        continue;
                    }
                }
                rest(PARTITIONS).await;
            }
        });
    }

    /// Feeds the lanes to the sequencer.
    fn consume(&self, leadership: &Leadership) -> (watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let options = ConsumerOptions {
            receivers: self.config.sqs.receivers(),
            visibility: self.config.sqs.visibility(),
            ..ConsumerOptions::default()
        };
        let consumer = LaneConsumer {
            lanes: self.lanes.clone(),
            aside: self.aside.clone(),
            queue: Arc::new(leadership.sequencer.clone()),
            keys: self.venue_keys.clone(),
            clock: self.lead.clock.clone(),
            options,
        };
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(consumer.run(stopped)))
    }
}

/// Tells again and again who leads, until it is stopped.
async fn beat(leases: Arc<PostgresLeases>, holder: String, epoch: emporion_model::Epoch, address: String) {
    loop {
        if let Err(error) = leases.beat(&holder, epoch, &address, false).await {
            tracing::warn!(%error, "The lease could not be renewed.");
        }
        rest(BEAT).await;
    }
}
