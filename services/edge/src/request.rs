//! A request as handlers get it, over HTTP or as a message of the WebSocket API: limited, authenticated, decoded.

use bytes::Bytes;
use emporion_api::{ApiError, Endpoint, Params, Reader, TimeUnit, v1};
use emporion_model::TimeUs;
use http::{HeaderMap, Uri, header};
use serde::de::DeserializeOwned;
use std::net::IpAddr;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Http,
    Message,
}

/// A request that may be served. It holds tokens and signatures and so has no `Debug`.
pub struct Request {
    pub(crate) transport: Transport,
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) params: Params,
    /// The client's address, behind trusted proxies.
    pub address: IpAddr,
    /// When the request was read.
    pub received_at: TimeUs,
    /// The unit of the times in the answer.
    pub time_unit: TimeUnit,
}

impl Request {
    /// A message of the WebSocket API; it has neither URI nor header nor body.
    pub(crate) fn message(
        endpoint: &'static Endpoint,
        params: Params,
        address: IpAddr,
        received_at: TimeUs,
        time_unit: TimeUnit,
    ) -> Self {
        let (uri, headers, body) = (Uri::default(), HeaderMap::new(), Bytes::new());
        Self { transport: Transport::Message, endpoint, uri, headers, body, params, address, received_at, time_unit }
    }

    /// Whether it came as a message of the WebSocket API.
    pub fn is_message(&self) -> bool {
        self.transport == Transport::Message
    }

    /// Reads the parameters; what `read` does not ask for is refused. On a signed endpoint `timestamp`,
    /// `recvWindow` and `signature` count as read, and in a message what its envelope carries.
    pub fn read<'r, T>(&'r self, read: impl FnOnce(&mut Reader<'r>) -> Result<T, ApiError>) -> Result<T, ApiError> {
        match (self.transport, self.endpoint.security.is_signed()) {
            (Transport::Http, false) => self.params.read(read),
            (Transport::Http, true) => self.params.read_signed(read),
            (Transport::Message, false) => self.params.read_message(read),
            (Transport::Message, true) => self.params.read_signed_message(read),
        }
    }

    /// The body of a request to `/v1` as `T`. Anything but a JSON object of this shape is refused, and so is a
    /// query string. The refusal says where the body is wrong, but not what stands there: it may be a secret.
    pub fn v1_body<T: DeserializeOwned>(&self) -> Result<T, v1::Error> {
        self.refuse_query()?;
        let invalid = |text: String| v1::Error::new(v1::ErrorCode::InvalidRequest, text);
        let body = self.body.trim_ascii_start();
        // Without this, an array of the fields' values would do.
        if !body.starts_with(b"{") {
            return Err(invalid("The body is not a JSON object.".to_owned()));
        }
        serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            invalid(format!("The body is not JSON of the documented shape: see line {line}, column {column}."))
        })
    }

    /// Refuses a query string; requests to `/v1` have none.
    pub fn refuse_query(&self) -> Result<(), v1::Error> {
        if self.raw_query().is_empty() {
            return Ok(());
        }
        Err(v1::Error::new(v1::ErrorCode::InvalidRequest, "The request takes no query string."))
    }

    /// The text in the path where the endpoint has `{…}`, as it was sent.
    pub fn path_text(&self) -> Option<&str> {
        let place = self.endpoint.path.split('/').position(|segment| segment.starts_with('{'))?;
        self.uri.path().split('/').nth(place)
    }

    /// The token of `Authorization: Bearer`.
    pub fn bearer_token(&self) -> Option<&str> {
        self.headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
    }

    /// The raw query string, empty if there is none.
    pub fn raw_query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// The raw body.
    pub fn raw_body(&self) -> &Bytes {
        &self.body
    }
}
