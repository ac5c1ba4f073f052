//! A running venue: the parts are opened, wired, watched and stopped here, in this order.
//!
//! What must not live here: rules of the venue, and anything that a part does by itself.

mod background;
mod folder;
mod leadership;
mod listeners;
mod page;
mod ready;
mod roles;
mod services;
mod settings;
mod signals;

use folder::DataFolder;
pub(crate) use folder::{MASTER_KEY_FILE, USERS_FILE, find_running};
pub(crate) use page::FILES as PAGE_FILES;
pub(crate) use ready::ReadyAccount;
pub(crate) use roles::postgres_options;
pub(crate) use signals::Signals;

use crate::cli;
use crate::config::{Config, Role, Sources};
use crate::demo::{self, Demo};
use crate::genesis;
use crate::{Exit, Failure, descriptors, telemetry};
use background::start as start_background;
use emporion_edge::{Clock, Readiness};
use emporion_model::{Genesis, Mode};
use emporion_ports::feed::{Feed, InProcessFeed};
use emporion_ports::orders::Committed;
use emporion_sqlite::{Store, refuse_lost_end};
use leadership::{CurrentSequencer, Lead, LeadError, Leadership, LeadershipEnd};
use listeners::Listeners;
use services::{Ground, Services};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long the venue tries to lead again after a failure, before it leaves it to a new process.
const RECOVERY_MAX: Duration = Duration::from_secs(30);
/// Between two tries; doubled each time.
const RECOVERY_PAUSE: Duration = Duration::from_millis(100);

/// Runs the venue until it is told to stop.
pub(crate) fn run(serve: cli::Serve) -> Result<(), Failure> {
    let config = load_config(&serve)?;
    telemetry::start_logs(&config.log);
    let metrics = telemetry::start_metrics()?;
    descriptors::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("the process cannot start: {error}")))?;
    let served = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        if config.role != Role::All {
            return roles::run(&config, &serve, metrics, signals).await;
        }
        let venue = tokio::select! {
            venue = Venue::open(&config, &serve, metrics) => venue?,
            name = signals.next() => {
                tracing::info!(signal = name, "The venue stops before it answered.");
                return Ok(());
            }
        };
        venue.serve(signals).await
    });
    // Whatever still runs holds nothing that must be finished.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

fn load_config(serve: &cli::Serve) -> Result<Config, Failure> {
    let text = |path: &std::path::PathBuf| path.display().to_string();
    let sources = Sources::of_process(serve.config.clone())?
        .demo(serve.demo)
        .flag("listen", serve.listen.map(|address| address.to_string()))
        .flag("data_dir", serve.data_dir.as_ref().map(text))
        .flag("role", serve.role.clone())
        .flag("limits.profile", serve.rate_limits.map(|profile| profile.name().to_owned()))
        .flag("demo.seed", serve.seed);
    Config::load(sources)
}

/// A venue that is wired up. Fields are dropped in this order: the folder's lock last.
struct Venue<'a> {
    config: &'a Config,
    arguments: &'a cli::Serve,
    readiness: Readiness,
    committed: watch::Receiver<Committed>,
    sequencer: Arc<CurrentSequencer>,
    lead: Lead,
    leadership: Leadership,
    background: JoinSet<Failure>,
    listeners: Listeners,
    services: Services,
    store: Store,
    folder: DataFolder,
}

impl<'a> Venue<'a> {
    /// Opens the store, takes the lead and starts the services. Nothing is answered yet.
    async fn open(
        config: &'a Config,
        arguments: &'a cli::Serve,
        metrics: metrics_exporter_prometheus::PrometheusHandle,
    ) -> Result<Self, Failure> {
        if config.store.is_shared() {
            let sentence = "role \"all\" keeps everything in the files of data_dir: take `store.url` out, or run the \
                            roles \"sequencer\", \"order\", \"market-data\" and \"user\", each as a process of its own";
            return Err(Failure::usage(sentence));
        }
        let folder = DataFolder::take(&config.data_dir, arguments.ephemeral)?;
        refuse_lost_end(&folder.lock)?;
        let store = Store::open(&folder.lock, folder.durability)?;
        let bound = listeners::bind(config).await?;
        let (clock, readiness) = (Clock::system(), Readiness::new());
        let feed: Arc<dyn Feed> = Arc::new(InProcessFeed::new(config.feed.batches_max()));
        let lead = Lead {
            journal: store.journal.clone(),
            snapshots: store.snapshots.clone(),
            tables: store.tables.clone(),
            feed: feed.clone(),
            committed: watch::Sender::new(Committed::default()),
            clock: clock.clone(),
            queue: config.queue.limits(),
            lag_batches_max: config.projector.lag_batches_max(),
            hash_key: rand::random(),
        };
        let leadership = lead.take(|| begin_with(config, arguments)).await?;
        check_mode(config, arguments, leadership.mode)?;
        let sequencer = Arc::new(CurrentSequencer::default());
        sequencer.set(Some(leadership.sequencer.clone()));
        let committed = lead.committed.subscribe();
        let seq = committed.borrow().seq;
        settings::apply(config, &*store.tables, seq, sequencer.clone()).await?;
        let ground = Ground {
            config,
            folder: &folder,
            store: &store,
            feed,
            committed: committed.clone(),
            sequencer: sequencer.clone(),
            clock,
            readiness: readiness.clone(),
            metrics,
        };
        let (services, chores) = Services::start(&ground).await?;
        let background = start_background(
            config,
            &store,
            &committed,
            services.users.clone(),
            chores,
            &readiness,
            ground.metrics.clone(),
        );
        let (public, operator) = (services.public_routes(&ground).into_router(), services.operator_routes(&ground));
        let options = config.http.serve(config.sockets.options());
        let listeners = Listeners::open(bound, public, Some(operator.into_router()), options);
        Ok(Self {
            config,
            arguments,
            readiness,
            committed,
            sequencer,
            lead,
            leadership,
            background,
            listeners,
            services,
            store,
            folder,
        })
    }

    /// Answers until a signal, or a failure that only a new process mends.
    async fn serve(mut self, mut signals: Signals) -> Result<(), Failure> {
        let begun = tokio::select! {
            demo = self.begin() => demo.map(Some),
            name = signals.next() => {
                tracing::info!(signal = name, "The venue stops before it answered.");
                Ok(None)
            }
            end = self.leadership.ended() => Err(Failure::failed(format!("the venue failed before it answered: {end:?}"))),
        };
        let (demo, watched) = match begun {
            Ok(Some(demo)) => (demo, self.watch(&mut signals).await),
            Ok(None) => (None, Ok(())),
            Err(failure) => (None, Err(failure)),
        };
        if let Err(failure) = &watched {
            tracing::error!(%failure, "The venue stops.");
        }
        self.stop(demo, signals).await?;
        watched
    }

    /// Waits until all services are there, starts the demo, if there is one, and says that the venue answers.
    async fn begin(&self) -> Result<Option<Demo>, Failure> {
        self.services.are_ready().await;
        self.folder.publish(&self.listeners.address())?;
        self.readiness.ready();
        let public = self.listeners.public();
        let demo = match self.arguments.demo {
            true => Some(Demo::start(self.demo_ground()).await?),
            false => None,
        };
        if let Some(path) = &self.arguments.ready_file {
            let accounts = demo.as_ref().map_or(&[][..], Demo::accounts);
            let operator = self.listeners.operator();
            let at = ready::At { role: Role::All.name(), public, operator, internal: None };
            ready::write(path, &at, self.folder.path(), accounts)?;
        }
        tracing::info!(address = %public, data_dir = %self.folder.path().display(), "The venue answers.");
        Ok(demo)
    }

    /// What the demo stands on.
    fn demo_ground(&self) -> demo::Ground<'_> {
        demo::Ground {
            config: &self.config.demo,
            users: &self.services.users,
            queries: &*self.store.tables,
            imported: &*self.services.imported,
            address: ready::reachable(self.listeners.public()),
            clock: self.lead.clock.clone(),
        }
    }

    /// Waits for a reason to stop; failed leaderships are followed by new ones meanwhile.
    async fn watch(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        loop {
            let end = tokio::select! {
                name = signals.next() => {
                    tracing::info!(signal = name, "The venue stops as it was told to.");
                    return Ok(());
                }
                Some(failure) = self.background.join_next() => {
                    return Err(failure.unwrap_or_else(|_| Failure::bug("a task broke one of its own rules")));
                }
                end = self.leadership.ended() => end,
            };
            match end {
                LeadershipEnd::Failed(reason) => self.lead_again(&reason, signals).await?,
                LeadershipEnd::Fenced => {
                    let sentence = "somebody else leads this venue now";
                    return Err(Failure { exit: Exit::Fenced, sentence: sentence.to_owned() });
                }
                LeadershipEnd::Stopped => return Err(Failure::bug("the sequencer stopped without being asked")),
            }
        }
    }

    /// Throws the engine away and leads again from the store. Requests are refused with -1008 meanwhile.
    async fn lead_again(&mut self, reason: &str, signals: &mut Signals) -> Result<(), Failure> {
        tracing::error!(reason, "The venue recovers from its store.");
        metrics::counter!("recoveries_total").increment(1);
        self.sequencer.set(None);
        self.readiness.set_degraded("engine", true);
        self.leadership = tokio::select! {
            leadership = take_until(&self.lead, Instant::now() + RECOVERY_MAX) => leadership?,
            name = signals.next() => {
                return Err(Failure::failed(format!("{name} came while the venue recovered: {reason}")));
            }
        };
        self.sequencer.set(Some(self.leadership.sequencer.clone()));
        self.readiness.set_degraded("engine", false);
        tracing::info!(seq = self.committed.borrow().seq.0, "The venue goes on.");
        Ok(())
    }

    /// Finishes what has begun: requests, then commits, then tables. A second signal ends it at once.
    async fn stop(mut self, demo: Option<Demo>, mut signals: Signals) -> Result<(), Failure> {
        self.readiness.draining();
        self.folder.unpublish();
        drop(demo);
        tokio::select! {
            () = self.listeners.close() => {}
            name = signals.next() => tracing::warn!(signal = name, "Requests are cut off: the signal came twice."),
        }
        self.background.shutdown().await;
        self.sequencer.set(None);
        self.leadership.sequencer.stop();
        let end = self.leadership.ended().await;
        tracing::info!(seq = self.committed.borrow().seq.0, ?end, "The venue is stopped.");
        Ok(())
    }
}

/// Takes the lead, again and again until `deadline`: a store may need a moment, as a full disk does.
async fn take_until(lead: &Lead, deadline: Instant) -> Result<Leadership, LeadError> {
    let mut pause = RECOVERY_PAUSE;
    loop {
        let begun_before = || unreachable!("a venue that was led has a journal");
        match lead.take(begun_before).await {
            Err(LeadError::Store(error)) if Instant::now() < deadline => {
                tracing::error!(%error, "The store cannot be led yet.");
            }
            led => return led,
        }
        rest(pause).await;
        pause *= 2;
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: it spares a store that is in trouble")]
async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// What an empty journal begins with when no genesis file was given.
fn begin_with(config: &Config, arguments: &cli::Serve) -> Genesis {
    if arguments.demo { genesis::demo(config.options()) } else { genesis::sandbox(config.options()) }
}

fn check_mode(config: &Config, arguments: &cli::Serve, mode: Mode) -> Result<(), Failure> {
    if mode == Mode::Sandbox {
        return Ok(());
    }
    if arguments.demo {
        return Err(Failure::usage("--demo is for play money, but this venue was begun with mode = \"live\""));
    }
    if config.users.master_keys().is_none() {
        tracing::warn!("API secrets of real money are sealed under a key in the data folder: set users.master_keys.");
    }
    Ok(())
}
