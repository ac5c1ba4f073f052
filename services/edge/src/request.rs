//! A request as handlers get it: limited, authenticated, decoded.

use bytes::Bytes;
use emporion_api::{ApiError, Endpoint, Params, Reader, TimeUnit, v1};
use emporion_model::TimeUs;
use http::{HeaderMap, Uri, header};
use serde::de::DeserializeOwned;
use std::net::IpAddr;

/// A request that may be served. It holds tokens and signatures and so has no `Debug`.
pub struct Request {
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
    /// Reads the parameters; what `read` does not ask for is refused. On a signed endpoint `timestamp`,
    /// `recvWindow` and `signature` count as read.
    pub fn read<'r, T>(&'r self, read: impl FnOnce(&mut Reader<'r>) -> Result<T, ApiError>) -> Result<T, ApiError> {
        if self.endpoint.security.is_signed() { self.params.read_signed(read) } else { self.params.read(read) }
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
