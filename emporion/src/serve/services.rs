//! The three services of the venue on their ports, and the routes that lead to them.
//!
//! What must not live here: sockets, and the leadership that the services submit to.

use super::folder::DataFolder;
use super::leadership::CurrentSequencer;
use super::page;
use crate::Failure;
use crate::config::Config;
use emporion_api::{Role, Security, paths};
use emporion_edge::{Clock, Edge, EdgeOptions, LimitPolicy, LimitsOptions, Readiness, Routes};
use emporion_market_data::MarketData;
use emporion_order::gateway::{Directory, DirectoryFollower, Gateway};
use emporion_order::operator::{self, Operator};
use emporion_order::user_data::{UserDataFeed, UserDataFollower};
use emporion_ports::feed::Feed;
use emporion_ports::imported::ImportedKlines;
use emporion_ports::orders::Committed;
use emporion_ports::signals::InProcessSignals;
use emporion_ports::tables::Queries;
use emporion_ports::users::UserStore;
use emporion_sqlite::Store;
use emporion_sqlite::users::SqliteUserStore;
use emporion_user::operator::OperatorToken;
use emporion_user::outbox::{OutboxSender, OutboxState};
use emporion_user::{UserOptions, UserParts, UserService};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use tokio::sync::watch;

/// What the services stand on.
pub(crate) struct Ground<'a> {
    pub(crate) config: &'a Config,
    pub(crate) folder: &'a DataFolder,
    pub(crate) store: &'a Store,
    pub(crate) feed: Arc<dyn Feed>,
    pub(crate) committed: watch::Receiver<Committed>,
    pub(crate) sequencer: Arc<CurrentSequencer>,
    pub(crate) clock: Clock,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: PrometheusHandle,
}

/// The running services.
pub(crate) struct Services {
    /// People, keys and accounts.
    pub(crate) users: Arc<UserService>,
    /// Klines that this venue did not trade.
    pub(crate) imported: Arc<dyn ImportedKlines>,
    gateway: Gateway,
    user_data: UserDataFeed,
    market_data: MarketData,
    operator: Arc<Operator>,
    is_operator: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    committed: watch::Receiver<Committed>,
    /// The last command that the users had for the engine when this started.
    outbox_n: u64,
}

/// Work of the services that goes on by itself and is to be run as tasks.
pub(crate) struct Chores {
    pub(crate) outbox: OutboxSender,
    pub(crate) directory: DirectoryFollower,
    pub(crate) user_data: UserDataFollower,
}

impl Services {
    /// Starts all services on a venue that is led.
    pub(crate) async fn start(ground: &Ground<'_>) -> Result<(Self, Chores), Failure> {
        let queries: Arc<dyn Queries> = ground.store.tables.clone();
        let StartedUsers { users, imported, outbox, outbox_n, operator_token } = start_users(ground).await?;
        let loaded = Directory::load(queries.clone(), ground.store.journal.clone(), ground.feed.clone()).await;
        let (directory, follower) = loaded?;
        let (sequencer, committed) = (ground.sequencer.clone(), ground.committed.clone());
        let gateway = Gateway::new(
            sequencer.clone(),
            Arc::new(committed.clone()),
            queries.clone(),
            directory,
            ground.clock.clone(),
        );
        let (journal, feed) = (ground.store.journal.clone(), ground.feed.clone());
        let (user_data, user_data_follower) = UserDataFeed::new(queries.clone(), journal, feed);
        let market_data = MarketData::start(emporion_market_data::Ports {
            journal: ground.store.journal.clone(),
            feed: ground.feed.clone(),
            tables: queries.into(),
            imported: imported.clone(),
            committed: Arc::new(committed.clone()),
        });
        let market_data = market_data.with_outbox(ground.config.sockets.outbox());
        let token = OperatorToken::new(&operator_token);
        let is_operator: Arc<dyn Fn(&str) -> bool + Send + Sync> = Arc::new(move |shown: &str| token.matches(shown));
        let tables = ground.store.tables.clone();
        let operator = Arc::new(Operator::new(sequencer, tables, Arc::new(committed.clone()), is_operator.clone()));
        let services =
            Self { users, imported, gateway, user_data, market_data, operator, is_operator, committed, outbox_n };
        Ok((services, Chores { outbox, directory: follower, user_data: user_data_follower }))
    }

    /// The paths of the public listener.
    pub(crate) fn public_routes(&self, ground: &Ground<'_>) -> Routes {
        let limits = ground.config.limits.requests();
        let options = ground.config.http.edge(limits.clone());
        let edge = Edge::new(options, self.users.key_directory(), ground.readiness.clone(), ground.clock.clone());
        let metrics = ground.metrics.clone();
        let routes = page::add_routes(Routes::new(edge).metrics(move || metrics.render()));
        let routes = self.market_data.add_routes(self.gateway.routes(routes), limits.policy);
        let routes = emporion_user::http::add_people_routes(routes, &self.users);
        let routes = routes.ws_api(&paths::WS_API, Arc::new(self.user_data.clone()));
        let roles = [Role::Order, Role::MarketData, Role::User, Role::Process];
        let missing = routes.missing(&roles).into_iter().filter(|endpoint| endpoint.security != Security::Operator);
        assert_eq!(missing.count(), 0, "every path of the table is served");
        routes
    }

    /// The paths of the operator's listener. They are not limited: who holds the token is trusted, and who does
    /// not is on this machine.
    pub(crate) fn operator_routes(&self, ground: &Ground<'_>) -> Routes {
        let limits = LimitsOptions { policy: LimitPolicy::OFF, ..LimitsOptions::default() };
        let body_bytes_max = MarketData::OPERATOR_BODY_BYTES_MAX;
        let options = EdgeOptions { limits, body_bytes_max, ..EdgeOptions::default() };
        let edge = Edge::new(options, self.users.key_directory(), ground.readiness.clone(), ground.clock.clone());
        let routes = operator::add_routes(Routes::new(edge), &self.operator);
        let routes = self.market_data.add_operator_routes(routes, self.is_operator.clone());
        let routes = emporion_user::http::add_operator_routes(routes, &self.users);
        let missing = routes.missing(&[Role::Order, Role::MarketData, Role::User]);
        let missing = missing.into_iter().filter(|endpoint| endpoint.security == Security::Operator);
        assert_eq!(missing.count(), 0, "every path of the table is served");
        routes
    }

    /// Waits until every service answers from a state with everything in it that is committed now, and until the
    /// engine has everything that the users had for it: after a restore, that may be accounts and deposits which
    /// their owners know. The outbox may have stopped for good instead, which the service of people then says to
    /// everyone who needs it.
    pub(crate) async fn are_ready(&self) {
        let committed = self.committed.borrow().seq;
        let mut folded = self.market_data.seq_watch();
        let mut followed = self.user_data.seq_watch();
        let mut outbox = self.users.outbox().watch();
        // Both senders live as long as the services.
        let _ = folded.wait_for(|seq| *seq >= committed).await;
        let _ = followed.wait_for(|seq| *seq >= committed).await;
        let sent = |state: &OutboxState| match state {
            OutboxState::Starting => false,
            OutboxState::Running { answered_n } => *answered_n >= self.outbox_n,
            OutboxState::Stopped(_) => true,
        };
        let _ = outbox.wait_for(sent).await;
    }
}

struct StartedUsers {
    users: Arc<UserService>,
    imported: Arc<dyn ImportedKlines>,
    outbox: OutboxSender,
    outbox_n: u64,
    operator_token: String,
}

async fn start_users(ground: &Ground<'_>) -> Result<StartedUsers, Failure> {
    let operator_token = ground.folder.new_operator_token()?;
    let store = Arc::new(SqliteUserStore::open(&ground.folder.users_file(), ground.folder.durability)?);
    let outbox_n = store.outbox_head().await?.last_n;
    let imported = store.clone();
    let parts = UserParts {
        store,
        engine: ground.sequencer.clone(),
        master_keys: ground.folder.master_keys(&ground.config.users)?,
        operator_token: OperatorToken::new(&operator_token),
        signals: Arc::new(InProcessSignals::default()),
        clock: ground.clock.clone(),
        options: UserOptions {
            outbox_kept_s: ground.config.users.outbox_retention().as_secs(),
            ..UserOptions::default()
        },
    };
    let started = UserService::start(parts).await;
    let (users, outbox) = started.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(StartedUsers { users, imported, outbox, outbox_n, operator_token })
}
