//! One HTTP connection to a venue, as a trading client keeps it: open, reused, opened again when it breaks.

use bytes::Bytes;
use emporion_api::signing::{Query, Signer};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;

/// An account to trade with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `X-MBX-APIKEY`.
    pub api_key: String,
    /// The HMAC secret.
    pub secret_key: String,
}

/// An answer, or the absence of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; 0 when the connection broke before an answer.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Whether it is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The error's code, if the body is an error of the public API.
    pub fn error_code(&self) -> Option<i64> {
        serde_json::from_slice::<serde_json::Value>(&self.body).ok()?.get("code")?.as_i64()
    }
}

/// A connection that opens when it is first used.
pub struct Connection {
    target: SocketAddr,
    recv_window_ms: u64,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// The longest that a venue takes.
const RECV_WINDOW_MS: u64 = 60_000;

impl Connection {
    /// To the venue at this address.
    pub fn new(target: SocketAddr) -> Self {
        Self { target, recv_window_ms: RECV_WINDOW_MS, sender: None }
    }

    /// With another `recvWindow` in signed requests than the longest.
    pub fn with_recv_window(self, window: Duration) -> Self {
        Self { recv_window_ms: u64::try_from(window.as_millis()).unwrap_or(RECV_WINDOW_MS), ..self }
    }

    /// A public GET.
    pub async fn get(&mut self, path_and_query: &str) -> Answer {
        self.send(Method::GET, path_and_query, None, Bytes::new()).await
    }

    /// A signed request whose parameters, with `timestamp` and `signature` added, are its query.
    pub async fn signed(&mut self, method: Method, path: &str, query: Query, by: (&str, &Signer)) -> Answer {
        let (api_key, signer) = by;
        let query = query.with("recvWindow", self.recv_window_ms).with("timestamp", now_millis()).signed(signer);
        self.send(method, &format!("{path}?{query}"), Some(api_key), Bytes::new()).await
    }

    async fn send(&mut self, method: Method, path_and_query: &str, api_key: Option<&str>, body: Bytes) -> Answer {
        let broken = Answer { status: 0, body: Bytes::new() };
        let mut request = Request::builder().method(method).uri(path_and_query).header(HOST, self.target.to_string());
        if let Some(api_key) = api_key {
            request = request.header("X-MBX-APIKEY", api_key).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let Ok(request) = request.body(Full::new(body)) else { return broken };
        match self.exchange(request).await {
            Some(answer) => answer,
            None => {
                self.sender = None;
                broken
            }
        }
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Option<Answer> {
        let sender = self.open().await?;
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some(Answer { status, body })
    }

    async fn open(&mut self) -> Option<&mut SendRequest<Full<Bytes>>> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.target).await.ok()?;
            stream.set_nodelay(true).ok()?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        let sender = self.sender.as_mut()?;
        sender.ready().await.ok()?;
        Some(sender)
    }
}

#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own, which the venue checks")]
fn now_millis() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}
