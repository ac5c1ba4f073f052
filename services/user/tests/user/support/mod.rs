//! A service to talk to.

mod engine;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use emporion_edge::{Clock, Edge, EdgeOptions, LimitPolicy, LimitsOptions, Peer, Readiness, Routes};
use emporion_model::TimeUs;
use emporion_ports::commands::EngineCommands;
use emporion_ports::keys::Secret;
use emporion_ports::signals::InProcessSignals;
use emporion_ports::users::UserStore;
use emporion_sqlite::Durability;
use emporion_sqlite::users::SqliteUserStore;
use emporion_user::budgets::Budget;
use emporion_user::operator::OperatorToken;
use emporion_user::outbox::{OutboxFault, OutboxState};
use emporion_user::people::{PeopleBudgets, PeopleOptions};
use emporion_user::seal::MasterKeys;
use emporion_user::{UserOptions, UserParts, UserService, http};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tower::ServiceExt;

pub(crate) use engine::{Act, FakeEngine};

pub(crate) const OPERATOR_TOKEN: &str = "the operator's token";
pub(crate) const PASSWORD: &str = "k7 Fq2!xé ok";
pub(crate) const START_US: u64 = 1_700_000_000_000_000;
pub(crate) const HOME: &str = "192.0.2.7";

/// A running service with everything around it.
pub(crate) struct Venue {
    pub(crate) service: Arc<UserService>,
    pub(crate) engine: Arc<FakeEngine>,
    pub(crate) store: Arc<SqliteUserStore>,
    pub(crate) folder: Arc<TempDir>,
    pub(crate) clock: Arc<AtomicU64>,
    router: Router,
    sender: JoinHandle<OutboxFault>,
}

impl Venue {
    /// A fresh one that sends its outbox.
    pub(crate) async fn start() -> Self {
        let venue = Self::start_on(Arc::new(TempDir::new().unwrap()), Arc::default()).await;
        venue.running().await;
        venue
    }

    /// A fresh one with [`small_rations`].
    pub(crate) async fn start_small() -> Self {
        let venue = Self::start_with(Arc::new(TempDir::new().unwrap()), Arc::default(), small_rations()).await;
        venue.running().await;
        venue
    }

    /// On what an earlier one left behind. It may be refused by its engine.
    pub(crate) async fn start_on(folder: Arc<TempDir>, engine: Arc<FakeEngine>) -> Self {
        Self::start_with(folder, engine, UserOptions::default()).await
    }

    pub(crate) async fn start_with(folder: Arc<TempDir>, engine: Arc<FakeEngine>, options: UserOptions) -> Self {
        let clock = Arc::new(AtomicU64::new(START_US));
        let shown = clock.clone();
        let store = Arc::new(SqliteUserStore::open(&users_db(&folder), Durability::Ephemeral).unwrap());
        let parts = UserParts {
            store: store.clone(),
            engine: engine.clone() as Arc<dyn EngineCommands>,
            master_keys: master_keys(),
            operator_token: OperatorToken::new(OPERATOR_TOKEN),
            signals: Arc::new(InProcessSignals::default()),
            clock: Clock::new(move || TimeUs(shown.load(Ordering::Relaxed))),
            options,
        };
        let (service, sender) = UserService::start(parts).await.unwrap();
        let router = router(&service);
        Self { service, engine, store, folder, clock, router, sender: tokio::spawn(sender.run()) }
    }

    /// Stops the sender where it is, as a crash would, and closes the store.
    pub(crate) async fn crash(self) -> (Arc<TempDir>, Arc<FakeEngine>) {
        self.sender.abort();
        let _ = self.sender.await;
        (self.folder, self.engine)
    }

    /// Waits until the sender runs.
    pub(crate) async fn running(&self) {
        let mut state = self.service.outbox().watch();
        state.wait_for(|state| matches!(state, OutboxState::Running { .. })).await.unwrap();
    }

    /// Waits until every row written so far is answered.
    pub(crate) async fn drained(&self) {
        let last_n = self.store.outbox_head().await.unwrap().last_n;
        let mut state = self.service.outbox().watch();
        let done = |state: &OutboxState| matches!(state, OutboxState::Running { answered_n } if *answered_n >= last_n);
        state.wait_for(done).await.unwrap();
    }

    /// Waits for the sender to give up.
    pub(crate) async fn fault(&mut self) -> OutboxFault {
        (&mut self.sender).await.unwrap()
    }

    pub(crate) fn pass_s(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// A request from [`HOME`]; `token` goes into the header where it belongs.
    pub(crate) async fn call(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.call_from(HOME, method, path, token, &body.to_string()).await
    }

    pub(crate) async fn call_from(
        &self,
        from: &str,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> Answer {
        let mut request = ::http::Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Peer(from.parse::<IpAddr>().unwrap()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (mut head, body) = response.into_parts();
        // The weight used so far is the edge's, and no part of what is compared.
        head.headers.remove("x-mbx-used-weight");
        head.headers.remove("x-mbx-used-weight-1m");
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Answer { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub(crate) async fn operator(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call(method, path, Some(OPERATOR_TOKEN), body).await
    }

    pub(crate) async fn sign_up(&self, name: &str) {
        let answer = self.call("POST", "/v1/users", None, credentials(name, PASSWORD)).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    pub(crate) async fn log_in(&self, name: &str) -> String {
        let answer = self.call("POST", "/v1/sessions", None, credentials(name, PASSWORD)).await;
        answer.check(201)["token"].as_str().unwrap().to_owned()
    }

    /// A person who is signed up and logged in, and whose account is open: the session's token.
    pub(crate) async fn person(&self, name: &str) -> String {
        self.sign_up(name).await;
        self.drained().await;
        self.log_in(name).await
    }
}

/// An answer, read whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ::http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn check(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers.get("cache-control").unwrap(), "no-store");
        if self.body.is_empty() { Value::Null } else { serde_json::from_str(&self.body).unwrap() }
    }

    /// An error of this code, in the one shape.
    #[track_caller]
    pub(crate) fn check_error(&self, status: u16, code: &str) {
        let body = self.check(status);
        assert_eq!(body["error"]["code"], code, "{self:?}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.ends_with('.') && !message.contains("users.db"), "{message}");
        assert_eq!(body.as_object().unwrap().len(), 1);
    }
}

pub(crate) fn credentials(name: &str, password: &str) -> Value {
    serde_json::json!({"name": name, "password": password})
}

pub(crate) fn users_db(folder: &TempDir) -> PathBuf {
    folder.path().join("users.db")
}

pub(crate) fn master_keys() -> MasterKeys {
    MasterKeys::new(&[("2026".to_owned(), Secret::new("5a".repeat(32)))]).unwrap()
}

/// Small rations, so that few hashes use them up.
pub(crate) fn small_rations() -> UserOptions {
    let ration = |tries, refill_s| Budget { tries, refill_s };
    let budgets = PeopleBudgets {
        sign_up_per_network: ration(3, 60),
        log_in_per_network: ration(5, 2),
        log_in_per_name: ration(3, 60),
        log_in_per_known_network: ration(2, 30),
        confirm_per_user: ration(3, 60),
    };
    let people = PeopleOptions { budgets, ..PeopleOptions::default() };
    UserOptions { people, api_keys_max: 2, ..UserOptions::default() }
}

fn router(service: &Arc<UserService>) -> Router {
    let options = EdgeOptions {
        limits: LimitsOptions { policy: LimitPolicy::OFF, ..LimitsOptions::default() },
        ..EdgeOptions::default()
    };
    let edge = Edge::new(options, service.key_directory(), Readiness::new(), Clock::system());
    let routes = http::add_routes(Routes::new(edge), service);
    assert!(routes.missing(&[emporion_api::Role::User]).is_empty(), "every path of the role is served");
    routes.into_router()
}
