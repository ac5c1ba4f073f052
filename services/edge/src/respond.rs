//! From a handler's outcome to HTTP; the only place where an error becomes an answer.

use axum::body::Body;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use emporion_api::{ApiError, Code, v1};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use std::convert::Infallible;

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html;charset=UTF-8");
const NOT_FOUND_PAGE: &str = "<html><body><h2>404 Not found</h2></body></html>";
const ORDER_COUNT_10S: HeaderName = HeaderName::from_static("x-mbx-order-count-10s");
const ORDER_COUNT_1D: HeaderName = HeaderName::from_static("x-mbx-order-count-1d");

/// An answer in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(512);
        match serde_json::to_writer(&mut body, &self.0) {
            Ok(()) => with_content_type(StatusCode::OK, JSON, body),
            Err(error) => {
                tracing::error!(%error, "an answer could not be serialised");
                error_response(&Code::Unknown.into())
            }
        }
    }
}

/// An answer of `/v1` other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct V1Failure(pub(crate) v1::Error);

impl IntoResponse for V1Failure {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let body = serde_json::to_string(&error.body()).expect("two texts always serialise");
        let mut response = failure(error.status, error.retry_after_s, body);
        if error.code == v1::ErrorCode::Unauthenticated {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An account's unfilled orders after a placement, as headers of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderCounts {
    /// In this window of ten seconds.
    pub ten_seconds: u32,
    /// On this day.
    pub day: u32,
}

impl IntoResponseParts for OrderCounts {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.headers_mut().insert(ORDER_COUNT_10S, self.ten_seconds.into());
        parts.headers_mut().insert(ORDER_COUNT_1D, self.day.into());
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

/// The most unfilled orders that the account may have, for an answer with its [`OrderCounts`]. HTTP does not show
/// them, the WebSocket API does; a window without a limit is not shown there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderLimits {
    /// In a window of ten seconds.
    pub ten_seconds: Option<u32>,
    /// On a day.
    pub day: Option<u32>,
}

impl IntoResponseParts for OrderLimits {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

/// `{"code":…,"msg":…}` under the error's status.
pub(crate) fn error_response(error: &ApiError) -> Response {
    failure(error.status, error.retry_after_s, error.to_json())
}

fn failure(status_number: u16, retry_after_s: Option<u64>, body: String) -> Response {
    let status = StatusCode::from_u16(status_number).expect("error statuses are literals between 400 and 599");
    let mut response = with_content_type(status, JSON, body);
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    if matches!(status_number, 408 | 411 | 413) {
        // The rest of the body may still be on its way; it must not be taken for a request.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// 404; a page for people with a browser, JSON for everyone else.
pub(crate) fn not_found(request_headers: &HeaderMap) -> Response {
    let accepted = request_headers.get_all(header::ACCEPT);
    if accepted.iter().any(|value| value.to_str().is_ok_and(|text| text.contains("text/html"))) {
        return with_content_type(StatusCode::NOT_FOUND, HTML, NOT_FOUND_PAGE);
    }
    error_response(&ApiError::unknown_path())
}

pub(crate) fn with_content_type(status: StatusCode, content_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
