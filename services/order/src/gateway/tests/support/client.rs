//! Clients of the venue: who they are, and how they send signed requests.

use super::Venue;
use async_trait::async_trait;
use axum::body::Body;
use emporion_api::signing::Signer;
use emporion_model::AccountId;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord, Secret, VerifyingKey};
use emporion_ports::users::{ApiKeyName, Permissions};
use http::HeaderMap;
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

const SECRET: &str = "the secret of every key here";

/// A client: the letter of its key and its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    letter: char,
    pub(crate) account: AccountId,
}

pub(crate) const ALICE: Client = Client { letter: 'A', account: AccountId(1_000) };
pub(crate) const BOB: Client = Client { letter: 'B', account: AccountId(1_001) };
/// Her account is not in the engine yet.
pub(crate) const CAROL: Client = Client { letter: 'C', account: AccountId(1_002) };

/// The keys of all clients.
pub(super) struct Keys;

#[async_trait]
impl KeyDirectory for Keys {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        let client = [ALICE, BOB, CAROL].into_iter().find(|client| client.key() == *name);
        Ok(client.map(|client| {
            Arc::new(KeyRecord {
                name: name.clone(),
                account: client.account,
                permissions: Permissions { read: true, trade: true },
                ip_rules: Vec::new(),
                verifying_key: VerifyingKey::Hmac(Secret::new(SECRET)),
            })
        }))
    }
}

impl Client {
    pub(crate) fn key(self) -> ApiKeyName {
        ApiKeyName::parse(&String::from(self.letter).repeat(64)).unwrap()
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The body as JSON of a request that succeeded.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    /// Checks that the body is exactly this text, and the status 200.
    #[track_caller]
    pub(crate) fn is(&self, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (200, body));
    }

    /// Checks status, code and text of a refusal.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: i32, message: &str) {
        let body = serde_json::json!({ "code": code, "msg": message });
        assert_eq!((self.status, self.json()), (status, body));
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Venue {
    /// Sends a signed request; `request` is like `POST order symbol=BTCUSDT&side=BUY`, its path below `/api/v3`
    /// unless it begins with a slash.
    pub(crate) async fn send(&self, client: Client, request: &str) -> Answer {
        self.send_with(client, request, &[]).await
    }

    /// The same with more headers.
    pub(crate) async fn send_with(&self, client: Client, request: &str, headers: &[(&str, &str)]) -> Answer {
        let mut parts = request.splitn(3, ' ');
        let (method, path, params) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default());
        let separator = if params.is_empty() { "" } else { "&" };
        let time = if params.contains("timestamp=") { String::new() } else { format!("timestamp={}", self.now_ms()) };
        let query = format!("{params}{separator}{time}");
        let signature = Signer::hmac(SECRET).sign(query.as_bytes());
        let prefix = if path.starts_with('/') { "" } else { "/api/v3/" };
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{prefix}{path}?{query}&signature={signature}"))
            .header("x-mbx-apikey", client.key().as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a signed request with some parameters in the query, as in [`Venue::send`], and `form` in the body.
    pub(crate) async fn send_form(&self, client: Client, request: &str, form: &str) -> Answer {
        let mut parts = request.splitn(3, ' ');
        let (method, path, query) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default());
        let form = format!("{form}&timestamp={}", self.now_ms());
        let signature = Signer::hmac(SECRET).sign(format!("{query}{form}").as_bytes());
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/api/v3/{path}?{query}"))
            .header("x-mbx-apikey", client.key().as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("{form}&signature={signature}")));
        self.answer(request.unwrap()).await
    }

    async fn answer(&self, request: http::Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Makes one trade at 100, so that market orders have an average price: orders 1 and 2, trade 1.
    pub(crate) async fn trade_once(&self) {
        self.limit(BOB, "SELL", "100", "0.1").await;
        self.limit(ALICE, "BUY", "100", "0.1").await;
    }

    /// Places a limit order that must be accepted and gives its id.
    pub(crate) async fn limit(&self, client: Client, side: &str, price: &str, quantity: &str) -> u64 {
        let request = format!(
            "POST order symbol=BTCUSDT&side={side}&type=LIMIT&timeInForce=GTC&price={price}&quantity={quantity}"
        );
        self.send(client, &request).await.ok()["orderId"].as_u64().unwrap()
    }
}
