//! The accept loop: bounded connections, clients that stall are cut, and a shutdown that finishes what has
//! begun.

use crate::socket::{Handover, SocketOptions};
use crate::stream::TimedStream;
use crate::{Network, Peer, metrics};
use axum::Router;
use axum::body::Body;
use http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use socket2::SockRef;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Service;

/// Bytes of a request's line and headers, at most.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// What the kernel holds for a client that does not read (Linux doubles it). With more, such a client would cost
/// more memory, and what it reads at last would be older.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// How long to wait before accepting again when the system refuses, as it does without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How a listener treats its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// From the connection's opening to its first byte.
    pub first_byte_timeout: Duration,
    /// From a request's first byte to the end of its header.
    pub header_timeout: Duration,
    /// From an answer to the next request; longer than a load balancer keeps its idle connections, or it
    /// would send requests into closed ones.
    pub idle_timeout: Duration,
    /// How long a client may refuse to take a part of its answer, or of what its socket has for it.
    pub write_timeout: Duration,
    /// The most open connections.
    pub connections_max: usize,
    /// The most open connections of one network; `None` behind proxies, which all look like one.
    pub connections_per_network_max: Option<usize>,
    /// How long begun requests may take after the shutdown's signal, and open sockets to be closed.
    pub drain_timeout: Duration,
    /// How WebSockets live.
    pub socket: SocketOptions,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            first_byte_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(10),
            connections_max: 10_000,
            connections_per_network_max: Some(1_000),
            drain_timeout: Duration::from_secs(15),
            socket: SocketOptions::default(),
        }
    }
}

/// Answers `listener` with `router` until `shutdown` completes; then accepts nothing more, lets begun requests
/// finish and open sockets say goodbye, and returns.
pub async fn serve(listener: TcpListener, router: Router, options: ServeOptions, shutdown: impl Future<Output = ()>) {
    let options = Arc::new(options);
    let networks = Networks::default();
    let (drain, draining) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, address)) => {
                    if let Some(seat) = admit(&networks, &options, connections.len(), address) {
                        let connection = connection(socket, address, router.clone(), options.clone(), draining.clone());
                        connections.spawn(async move {
                            connection.await;
                            drop(seat);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    pause_accepting().await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop((listener, drain));
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(options.drain_timeout, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut at the end of the drain timeout");
    }
}

/// There is no event to wait for: descriptors come back without a word.
#[expect(clippy::disallowed_methods, reason = "a pause is meant, so that a full table does not spin this loop")]
async fn pause_accepting() {
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn connection(
    socket: TcpStream,
    address: SocketAddr,
    router: Router,
    options: Arc<ServeOptions>,
    mut draining: watch::Receiver<()>,
) {
    if let Err(error) = prepare(&socket) {
        tracing::debug!(%error, "a connection was gone before it began");
        return;
    }
    let handover = Handover::default();
    answer_requests(socket, address, router, &options, &mut draining, &handover).await;
    if let Some(accepted) = handover.take() {
        accepted.run(&options, draining).await;
    }
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    SockRef::from(socket).set_send_buffer_size(SEND_BUFFER_BYTES)
}

/// Speaks HTTP until the connection is closed, or one of its requests is to become a socket.
async fn answer_requests(
    socket: TcpStream,
    address: SocketAddr,
    router: Router,
    options: &ServeOptions,
    draining: &mut watch::Receiver<()>,
    handover: &Handover,
) {
    let stream = TimedStream::new(socket, options);
    let phase = stream.phase();
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        phase.request_began();
        request.extensions_mut().insert(Peer(address.ip()));
        request.extensions_mut().insert(handover.clone());
        let answer = router.clone().call(request.map(Body::new));
        let (phase, idle) = (phase.clone(), options.idle_timeout);
        async move {
            let answer = answer.await;
            // A socket keeps its own time.
            if !answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::SWITCHING_PROTOCOLS) {
                phase.request_ended(idle);
            }
            answer
        }
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(HEADER_BYTES_MAX);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = draining.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// How many connections each network has open.
#[derive(Clone, Default)]
struct Networks(Arc<Mutex<HashMap<Network, usize>>>);

/// One open connection's place in the count.
struct Seat {
    networks: Networks,
    network: Network,
}

/// A seat for a connection from `address`, or none when a limit is reached; the socket is then dropped.
fn admit(networks: &Networks, options: &ServeOptions, open: usize, address: SocketAddr) -> Option<Seat> {
    if open >= options.connections_max {
        metrics::connection_refused("total");
        return None;
    }
    let network = Network::of(address.ip());
    let mut counts = networks.0.lock();
    let count = counts.entry(network).or_default();
    if options.connections_per_network_max.is_some_and(|max| *count >= max) {
        metrics::connection_refused("network");
        return None;
    }
    *count += 1;
    Some(Seat { networks: networks.clone(), network })
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.networks.0.lock();
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}
