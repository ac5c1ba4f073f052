//! From a request to a socket.

use super::connection::Accepted;
use super::{Opening, Outbox, Session, SocketPolicy, handshake};
use crate::Edge;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use emporion_api::{ApiError, Code, Endpoint};
use emporion_model::TimeUs;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;

/// The path on which every message of a stream is wrapped with the stream's name.
const COMBINED_PATH: &str = "/stream";

/// Where a request leaves its socket for the task of its connection, which goes on with it after the answer: so
/// the connection keeps its seat, and is drained like all others. The accept loop puts it into each request.
#[derive(Clone, Default)]
pub(crate) struct Handover(Arc<Mutex<Option<Accepted>>>);

impl Handover {
    /// The socket that the connection is to become, once its answer is written.
    pub(crate) fn take(&self) -> Option<Accepted> {
        self.0.lock().take()
    }
}

/// Answers an upgrade request; the connection then goes on as a socket.
pub(crate) async fn upgrade(
    edge: &Arc<Edge>,
    endpoint: &'static Endpoint,
    request: Request,
    policy: SocketPolicy,
    open: impl FnOnce(Opening, Outbox) -> Result<Box<dyn Session>, ApiError>,
) -> Response {
    let mut ticket = edge.ticket(Some(endpoint), &request);
    let verdict = edge.admit_socket(&mut ticket, policy.weight).await;
    let client = Client { address: ticket.address, came_at: ticket.began_at };
    let outcome = verdict.and_then(|()| accept(edge, endpoint, request, policy, client, open));
    let mut response = edge.conclude(ticket, outcome).await;
    if response.status() == StatusCode::UPGRADE_REQUIRED {
        say_upgrade(&mut response);
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, handshake::VERSION);
    }
    response
}

struct Client {
    address: IpAddr,
    came_at: TimeUs,
}

fn accept(
    edge: &Edge,
    endpoint: &'static Endpoint,
    mut request: Request,
    policy: SocketPolicy,
    client: Client,
    open: impl FnOnce(Opening, Outbox) -> Result<Box<dyn Session>, ApiError>,
) -> Result<Response, ApiError> {
    let accept_key = handshake::accept_key(&request)?;
    let upgrade = hyper::upgrade::on(&mut request);
    let Some(handover) = request.extensions_mut().remove::<Handover>() else {
        tracing::error!("a socket was asked for where no connection can go on as one");
        return Err(Code::UnsupportedOperation.into());
    };
    let (head, _) = request.into_parts();
    let is_combined = policy.is_stream && head.uri.path() == COMBINED_PATH;
    let opening = Opening { address: client.address, uri: head.uri, headers: head.headers, opened_at: client.came_at };
    let outbox = Outbox::new(policy.outbox);
    let session = open(opening, outbox.clone())?;
    let (path, clock) = (endpoint.path, edge.clock().clone());
    *handover.0.lock() = Some(Accepted { upgrade, session, outbox, policy, path, is_combined, clock });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    say_upgrade(&mut response);
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept_key);
    Ok(response)
}

fn say_upgrade(response: &mut Response) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
}
