//! The HTTP client of commands and bots: plain HTTP to a venue on this machine.

use crate::Failure;
use crate::config::Config;
use crate::serve::find_running;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How long an answer may take; the venue itself says "not finished" before.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP client that keeps its connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Http(Client<HttpConnector, Full<Bytes>>);

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Http {
    /// A client without connections yet.
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Sends a request and reads the whole answer. The error is a clause about the venue.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| innermost(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok(Answer { status, body: body.map_err(|error| error.to_string())?.to_bytes() })
        };
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("it did not answer within {} s", TIMEOUT.as_secs())),
        }
    }
}

/// The deepest cause: what the system said.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The operator's requests to a running venue.
pub(crate) struct OperatorClient {
    http: Http,
    base: String,
    token: String,
}

impl OperatorClient {
    /// To the venue that runs on the config's data folder.
    pub(crate) fn find(config: &Config) -> Result<Self, Failure> {
        let (address, token) = find_running(&config.data_dir)?;
        Ok(Self { http: Http::new(), base: address.operator, token })
    }

    /// Asks for something.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let body = self.send(Method::GET, path, Bytes::new()).await?;
        decode(&body)
    }

    /// Asks for something to be made.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = self.send(Method::POST, path, encode(body)?).await?;
        decode(&body)
    }

    /// Asks for something to be so.
    pub(crate) async fn put(&self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        self.send(Method::PUT, path, encode(body)?).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| Failure::failed(format!("no request can be made of this: {error}")))?;
        let answer = self.http.send(request).await;
        let Answer { status, body } =
            answer.map_err(|error| Failure::failed(format!("the venue at {} cannot be asked: {error}", self.base)))?;
        if status.is_success() { Ok(body) } else { Err(Failure::failed(refusal(status, &body))) }
    }
}

/// What the venue says about a request that it did not do.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = body.as_ref().and_then(|body| body["error"]["message"].as_str().or(body["msg"].as_str()));
    match message {
        Some(message) => format!("the venue refused: {}", message.trim_end_matches('.')),
        None => format!("the venue answered with {status}"),
    }
}

fn encode(body: &impl Serialize) -> Result<Bytes, Failure> {
    let json = serde_json::to_vec(body);
    json.map(Bytes::from).map_err(|error| Failure::bug(format!("a request is no JSON: {error}")))
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::failed(format!("the venue's answer is not the documented one: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_in_the_venues_words() {
        let check = |status: u16, body: &str, expected: &str| {
            assert_eq!(refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes()), expected);
        };
        check(
            409,
            r#"{"error":{"code":"conflict","message":"The name is taken."}}"#,
            "the venue refused: The name is taken",
        );
        check(400, r#"{"code":-1121,"msg":"Invalid symbol."}"#, "the venue refused: Invalid symbol");
        check(502, "<html>", "the venue answered with 502 Bad Gateway");
    }
}
