//! The service over a test's venue, asked as a client asks it.

use super::{FakeJournal, FakeTables, TestVenue};
use crate::{MarketData, Ports};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use emporion_api::Role;
use emporion_edge::{Clock, Edge, EdgeOptions, LimitPolicy, LimitsOptions, Readiness, Routes};
use emporion_model::Seq;
use emporion_ports::feed::InProcessFeed;
use emporion_ports::imported::InMemoryKlines;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord};
use emporion_ports::orders::Committed;
use emporion_ports::prices::PriceCache;
use emporion_ports::users::ApiKeyName;
use http_body_util::BodyExt;
use std::sync::Arc;
use tokio::sync::watch;
use tower::ServiceExt;

pub(crate) struct App {
    pub(crate) journal: Arc<FakeJournal>,
    pub(crate) feed: Arc<InProcessFeed>,
    committed: watch::Sender<Committed>,
    router: Router,
}

/// What an operator shows.
pub(crate) const OPERATOR_TOKEN: &str = "operator";

struct NoKeys;

#[async_trait]
impl KeyDirectory for NoKeys {
    async fn lookup(&self, _: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        Ok(None)
    }
}

impl App {
    /// Over everything that the venue has committed. The clock stands at the venue's time.
    pub(crate) fn new(venue: &TestVenue) -> Self {
        Self::over(venue, FakeTables::new(venue), LimitPolicy::BINANCE)
    }

    /// Sharing prices, with a clock that is so far behind the newest batch.
    pub(crate) fn sharing(venue: &TestVenue, prices: Arc<dyn PriceCache>, later_us: u64) -> Self {
        let share = |data: MarketData| data.with_prices(prices, Arc::new(|_| {}));
        Self::made(venue, FakeTables::new(venue), LimitPolicy::BINANCE, later_us, share)
    }

    pub(crate) fn over(venue: &TestVenue, tables: Arc<FakeTables>, limits: LimitPolicy) -> Self {
        Self::made(venue, tables, limits, 0, |data| data)
    }

    fn made(
        venue: &TestVenue,
        tables: Arc<FakeTables>,
        limits: LimitPolicy,
        later_us: u64,
        share: impl FnOnce(MarketData) -> MarketData,
    ) -> Self {
        let journal = Arc::new(FakeJournal::new(venue.rows.clone()));
        let feed = Arc::new(InProcessFeed::new(16));
        let (committed, committed_read) = watch::channel(Committed { seq: venue.head().seq, time: venue.head().time });
        let data = MarketData::start(Ports {
            journal: journal.clone(),
            feed: feed.clone(),
            tables: tables.into(),
            imported: Arc::<InMemoryKlines>::default(),
            committed: Arc::new(committed_read),
        });
        let data = share(data);
        let options = EdgeOptions {
            limits: LimitsOptions { policy: limits, ..Default::default() },
            body_bytes_max: MarketData::OPERATOR_BODY_BYTES_MAX,
            ..Default::default()
        };
        let now = venue.head().time.plus_us(later_us);
        let edge = Edge::new(options, Arc::new(NoKeys), Readiness::new(), Clock::new(move || now));
        let policy = edge.limits().policy();
        let routes = data.add_routes(Routes::new(edge), policy);
        let routes = data.add_operator_routes(routes, Arc::new(|token| token == OPERATOR_TOKEN));
        let missing: Vec<_> = routes.missing(&[Role::MarketData]).iter().map(|endpoint| endpoint.path).collect();
        assert_eq!(missing, [""; 0]);
        Self { journal, feed, committed, router: routes.into_router() }
    }

    /// Says that the journal is committed up to `seq`.
    pub(crate) fn commit(&self, seq: Seq) {
        self.committed.send_modify(|committed| committed.seq = seq);
    }

    /// The status and the body of the answer to a GET.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = http::Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The status and the body of the answer to an operator's request; one with a body is a POST.
    pub(crate) async fn operate(&self, token: &str, path: &str, body: Option<String>) -> (u16, String) {
        let method = if body.is_some() { "POST" } else { "GET" };
        let authorization = format!("Bearer {token}");
        let request = http::Request::builder().method(method).uri(path).header("Authorization", authorization);
        let body = body.unwrap_or_default();
        let request = request.header("Content-Length", body.len());
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// How old the answer to a GET says that its prices are, in milliseconds.
    pub(crate) async fn stale_ms(&self, path: &str) -> Option<u64> {
        let request = http::Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        response.headers().get("x-emporion-stale-ms").map(|value| value.to_str().unwrap().parse().unwrap())
    }

    async fn send(&self, request: http::Request<Body>) -> (u16, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Expects this answer, with status 200.
    pub(crate) async fn check(&self, path: &str, body: &str) {
        assert_eq!(self.get(path).await, (200, body.to_owned()), "{path}");
    }

    /// Expects this error, with status 400.
    pub(crate) async fn check_error(&self, path: &str, code: i32, message: &str) {
        let message = message.replace('\\', "\\\\").replace('"', "\\\"");
        let body = format!(r#"{{"code":{code},"msg":"{message}"}}"#);
        assert_eq!(self.get(path).await, (400, body), "{path}");
    }
}
