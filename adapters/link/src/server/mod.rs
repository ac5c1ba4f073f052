//! The server: who offers commands or keys to other processes listens here.
//!
//! What must not live here: one connection's frames ([`connection`]) and what is done with a request ([`handlers`]).

mod connection;
mod handlers;
mod links;

pub use handlers::{Handlers, Leading, SequencerDoor};

use crate::metrics;
use crate::options::LinkOptions;
use crate::tls::LinkTls;
use connection::Connection;
use links::Links;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long to accept nothing after the system refused to.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every connection shares.
struct Server {
    tls: LinkTls,
    handlers: Handlers,
    options: LinkOptions,
    links: Links,
}

/// Answers `listener` with `handlers` until `shutdown` completes; then accepts nothing more, tells the clients so,
/// answers what has begun, and returns when they have left or [`LinkOptions::drain_max`] is over.
pub async fn serve(
    listener: TcpListener,
    tls: LinkTls,
    handlers: Handlers,
    options: LinkOptions,
    shutdown: impl Future<Output = ()>,
) {
    let server = Arc::new(Server { tls, handlers, options, links: Links::default() });
    let (drain, draining) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, address)) if connections.len() >= server.options.connections_max => {
                    metrics::refused_peer("too many connections");
                    tracing::warn!(%address, "an internal peer was refused: too many connections");
                }
                Ok((socket, address)) => {
                    connections.spawn(accept(Arc::clone(&server), socket, address, draining.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "an internal connection could not be accepted");
                    pause_accepting().await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    drain.send_replace(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    if timeout(server.options.drain_max, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "internal connections were cut at the end of the drain");
    }
}

/// There is no event to wait for: descriptors come back without a word.
#[expect(clippy::disallowed_methods, reason = "a pause is meant, so that a full table does not spin this loop")]
async fn pause_accepting() {
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// Lets the peer in if its certificate is right, and answers it until it goes.
async fn accept(server: Arc<Server>, socket: TcpStream, address: SocketAddr, draining: watch::Receiver<bool>) {
    let handshake = async {
        socket.set_nodelay(true)?;
        TlsAcceptor::from(server.tls.server()).accept(socket).await
    };
    let stream = match timeout(server.options.connect_max, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            // The TLS library says what was wrong with a certificate as invalid data; the rest is the network's.
            let is_refused = error.kind() == io::ErrorKind::InvalidData;
            metrics::refused_peer(if is_refused { "certificate" } else { "connection" });
            tracing::warn!(%address, %error, "an internal peer was refused: the TLS handshake failed");
            return;
        }
        Err(_) => {
            metrics::refused_peer("handshake too slow");
            tracing::warn!(%address, "an internal peer was refused: the TLS handshake took too long");
            return;
        }
    };
    Connection::new(server, address, draining).run(stream).await;
}
