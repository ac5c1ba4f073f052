//! From a request to a socket.

use super::{Opening, Outbox, Session, SocketPolicy};
use crate::Edge;
use crate::respond::error_response;
use axum::response::Response;
use emporion_api::{ApiError, Code, Endpoint};
use std::sync::Arc;

/// Answers an upgrade request; the connection then goes on in a task of its own.
pub(crate) fn upgrade(
    _edge: &Arc<Edge>,
    _endpoint: &'static Endpoint,
    _request: axum::extract::Request,
    _policy: SocketPolicy,
    _open: impl FnOnce(Opening, Outbox) -> Result<Box<dyn Session>, ApiError>,
) -> Response {
    error_response(&Code::UnsupportedOperation.into())
}
