//! What every process of one role stands on: the database, Redis, the internal stream.

use super::super::listeners::{Bound, bind, bind_public};
use super::process::Internal;
use crate::Failure;
use crate::config::{Config, Durability, Role};
use async_trait::async_trait;
use emporion_edge::{Clock, Edge, EdgeOptions, Readiness};
use emporion_link::{Handlers, KeysLink, LeaderAddress, LeaderLink, LinkOptions, LinkTls, TlsFiles};
use emporion_market_data::MarketData;
use emporion_ports::committed::CommittedHead;
use emporion_ports::feed::Feed;
use emporion_ports::imported::ImportedKlines;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord};
use emporion_ports::lanes::Lanes;
use emporion_ports::leases::Leases;
use emporion_ports::sealed::VenueKeys;
use emporion_ports::signals::Signals;
use emporion_ports::store::Journal;
use emporion_ports::tables::Queries;
use emporion_ports::users::ApiKeyName;
use emporion_postgres::{PgTables, Postgres, PostgresOptions, PostgresUsers};
use emporion_redis::{Redis, RedisCounts, RedisFeed, RedisFeedOptions, RedisOptions, RedisPrices, RedisSignals};
use emporion_sqs::{SqsLanes, SqsOptions, StaticCredentials};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a process that stops waits for other processes to leave its internal listener.
const INTERNAL_DRAIN: Duration = Duration::from_secs(2);
/// Between two rounds of upkeep of the metrics.
const METRICS_ROUND: Duration = Duration::from_secs(5);

pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    pub(super) postgres: Postgres,
    pub(super) users: Arc<PostgresUsers>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) tables: Arc<PgTables>,
    pub(super) queries: Arc<dyn Queries>,
    pub(super) committed: Arc<dyn CommittedHead>,
    pub(super) redis: Redis,
    pub(super) feed: Arc<dyn Feed>,
    pub(super) signals: Arc<dyn Signals>,
    pub(super) tls: LinkTls,
    pub(super) clock: Clock,
    pub(super) readiness: Readiness,
    pub(super) metrics: PrometheusHandle,
}

impl<'a> Shared<'a> {
    /// Connects to everything, and says in a sentence what cannot be used.
    pub(super) async fn open(config: &'a Config, metrics: PrometheusHandle) -> Result<Self, Failure> {
        let files = &config.internal;
        let files = TlsFiles { ca: files.ca.clone(), certificate: files.certificate.clone(), key: files.key.clone() };
        let tls = files.load().map_err(|error| Failure::usage(error.to_string()))?;
        let options = postgres_options(config);
        let postgres = Postgres::open(options.clone()).await?;
        let url = config.redis.url.expose();
        let redis = RedisOptions::parse(&with_ca(url, config)).map_err(|error| Failure::usage(error.to_string()))?;
        let redis = Redis::connect(redis).await.map_err(|error| Failure::failed(error.to_string()))?;
        emporion_redis::describe();
        emporion_link::describe_metrics();
        let journal: Arc<dyn Journal> = postgres.journal();
        let tables = postgres.tables();
        let length_max = u32::try_from(config.redis.stream_length_max).unwrap_or(u32::MAX);
        let feed_options =
            RedisFeedOptions { length_max, ring: config.feed.batches_max(), ..RedisFeedOptions::default() };
        Ok(Self {
            config,
            users: Arc::new(PostgresUsers::new(&postgres, options)),
            queries: tables.clone(),
            tables,
            committed: postgres.head(),
            feed: Arc::new(RedisFeed::new(redis.clone(), journal.clone(), feed_options)),
            signals: Arc::new(RedisSignals::new(redis.clone())),
            postgres,
            journal,
            redis,
            tls,
            clock: Clock::system(),
            readiness: Readiness::new(),
            metrics,
        })
    }

    /// Tasks that every process has.
    pub(super) fn tasks(&self) -> JoinSet<Failure> {
        let mut tasks = JoinSet::new();
        let (mut health, readiness) = (self.redis.health(), self.readiness.clone());
        tasks.spawn(async move {
            loop {
                let now = health.borrow_and_update().clone();
                readiness.set_degraded("redis", !now.up || !now.problems.is_empty());
                if health.changed().await.is_err() {
                    return Failure::bug("nobody looks after Redis any more");
                }
            }
        });
        let metrics = self.metrics.clone();
        tasks.spawn(async move {
            loop {
                rest(METRICS_ROUND).await;
                metrics.run_upkeep();
            }
        });
        tasks
    }

    /// The sockets of this role.
    pub(super) async fn bind(&self) -> Result<Bound, Failure> {
        if self.config.role == Role::User { bind(self.config).await } else { bind_public(self.config).await }
    }

    /// What treats the public requests of this process.
    pub(super) fn edge(&self, keys: Arc<dyn KeyDirectory>) -> Arc<Edge> {
        let mut options = self.config.http.edge(self.config.limits.requests());
        options.shared_counts = Some(Arc::new(RedisCounts::new(self.redis.clone())));
        self.edge_with(options, keys)
    }

    /// The same with other options.
    pub(super) fn edge_with(&self, options: EdgeOptions, keys: Arc<dyn KeyDirectory>) -> Arc<Edge> {
        Edge::new(options, keys, self.readiness.clone(), self.clock.clone())
    }

    /// What API keys are good for, as the user processes say.
    pub(super) fn keys(&self) -> Arc<dyn KeyDirectory> {
        if self.config.internal.users.is_empty() {
            return Arc::new(NoKeys);
        }
        let options = LinkOptions::default();
        Arc::new(KeysLink::start(&self.config.internal.users, &self.tls, &options, self.signals.listen()))
    }

    /// The way to whoever leads.
    pub(super) fn leader(&self) -> LeaderLink {
        let address = LeaseAddress { leases: self.postgres.leases(), last: Mutex::default() };
        LeaderLink::start(Arc::new(address), self.tls.clone(), LinkOptions::default())
    }

    /// The keys that seal commands.
    pub(super) fn venue_keys(&self) -> Result<VenueKeys, Failure> {
        let keys = self.config.internal.venue_keys().ok().and_then(|keys| VenueKeys::new(&keys));
        keys.ok_or_else(|| Failure::bug("the venue's keys were checked and are not right"))
    }

    /// The lanes, and where messages go that nobody can use.
    pub(super) async fn lanes(&self) -> Result<(Arc<dyn Lanes>, Option<Arc<dyn Lanes>>), Failure> {
        let lanes = self.open_lanes(&self.config.sqs.url).await?;
        let aside = &self.config.sqs.aside_url;
        let aside = if aside.is_empty() { None } else { Some(self.open_lanes(aside).await?) };
        Ok((lanes, aside))
    }

    async fn open_lanes(&self, url: &str) -> Result<Arc<dyn Lanes>, Failure> {
        let sqs = &self.config.sqs;
        let mut options = SqsOptions::aws(url, &sqs.region);
        options.endpoint = Some(sqs.endpoint.clone()).filter(|endpoint| !endpoint.is_empty());
        options.static_credentials = (!sqs.access_key.is_empty()).then(|| StaticCredentials {
            access_key_id: sqs.access_key.expose().to_owned(),
            secret_access_key: sqs.secret_key.expose().to_owned(),
        });
        let lanes = SqsLanes::open(&options).await.map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Arc::new(lanes))
    }

    /// The service of market data, on this process's own fold of the feed.
    pub(super) fn market_data(&self, committed: Arc<dyn CommittedHead>) -> MarketData {
        let imported: Arc<dyn ImportedKlines> = self.users.clone();
        let data = MarketData::start(emporion_market_data::Ports {
            journal: self.journal.clone(),
            feed: self.feed.clone(),
            tables: self.queries.clone().into(),
            imported,
            committed,
        });
        data.with_outbox(self.config.sockets.outbox())
    }

    /// The same, sharing live prices with the other processes.
    pub(super) fn sharing_market_data(&self, committed: Arc<dyn CommittedHead>) -> MarketData {
        let readiness = self.readiness.clone();
        let works = Arc::new(move |works: bool| readiness.set_degraded("prices", !works));
        self.market_data(committed).with_prices(Arc::new(RedisPrices::new(self.redis.clone())), works)
    }

    /// Answers other processes from now on. The address is the one that they reach it under.
    pub(super) async fn serve_internal(&self, handlers: Handlers) -> Result<(Internal, String), Failure> {
        let listen = self.config.internal.listen;
        let listener = TcpListener::bind(listen).await;
        let cannot =
            |error| Failure::failed(format!("`internal.listen` is {listen}, which cannot be listened to: {error}"));
        let listener = listener.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let advertised = match self.config.internal.advertise.as_str() {
            "" => super::super::ready::reachable(address).to_string(),
            advertised => advertised.to_owned(),
        };
        let (stop, mut stopped) = watch::channel(false);
        let until = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
        let options = LinkOptions { drain_max: INTERNAL_DRAIN, ..LinkOptions::default() };
        let serving = tokio::spawn(emporion_link::serve(listener, self.tls.clone(), handlers, options, until));
        Ok((Internal { address, stop, serving }, advertised))
    }
}

/// How the config wants the database used.
pub(crate) fn postgres_options(config: &Config) -> PostgresOptions {
    let store = &config.store;
    let read_url = Some(store.read_url.expose().to_owned()).filter(|url| !url.is_empty());
    PostgresOptions {
        read_url,
        durability: match store.durability {
            Durability::Single => emporion_postgres::Durability::Single,
            Durability::Streaming => emporion_postgres::Durability::Streaming,
            Durability::Managed => emporion_postgres::Durability::Managed,
        },
        connections_max: store.connections_max(),
        application_name: format!("emporion {}", config.role.name()),
        ..PostgresOptions::new(store.url.expose())
    }
}

fn with_ca(url: &str, config: &Config) -> String {
    if config.redis.ca.as_os_str().is_empty() {
        url.to_owned()
    } else {
        format!("{url}?ca={}", config.redis.ca.display())
    }
}

/// Where the leader is, by its lease. While the database does not answer, where it was.
struct LeaseAddress {
    leases: Arc<dyn Leases>,
    last: Mutex<Option<String>>,
}

#[async_trait]
impl LeaderAddress for LeaseAddress {
    async fn leader(&self) -> Option<String> {
        match self.leases.lease().await {
            Ok(lease) => {
                let address = lease.filter(|lease| !lease.released).map(|lease| lease.address);
                self.last.lock().clone_from(&address);
                address
            }
            Err(_) => self.last.lock().clone(),
        }
    }
}

/// Of a process that asks nobody for keys: none is good for anything.
struct NoKeys;

#[async_trait]
impl KeyDirectory for NoKeys {
    async fn lookup(&self, _: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        Ok(None)
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: these are rounds")]
pub(super) async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}
