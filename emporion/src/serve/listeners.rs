//! The venue's two listeners: one for everybody, one for the operator.

use super::folder::Address;
use super::ready::reachable;
use crate::Failure;
use crate::config::Config;
use axum::Router;
use emporion_edge::{ServeOptions, serve};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Sockets that are bound and not yet answered.
pub(crate) struct Bound {
    public: TcpListener,
    operator: TcpListener,
}

/// Sockets that are answered until they are closed.
pub(crate) struct Listeners {
    public: SocketAddr,
    operator: SocketAddr,
    open: watch::Sender<()>,
    serving: JoinSet<()>,
}

/// Binds both addresses of the config.
pub(crate) async fn bind(config: &Config) -> Result<Bound, Failure> {
    Ok(Bound {
        public: bind_one("listen", config.listen).await?,
        operator: bind_one("operator.listen", config.operator.listen).await?,
    })
}

async fn bind_one(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::failed(format!("`{key}` is {address}, which cannot be listened to: {error}")))
}

impl Listeners {
    /// Answers with the routers, first the public one.
    pub(crate) fn open(bound: Bound, routers: (Router, Router), options: ServeOptions) -> Self {
        let address = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address");
        let (public, operator) = (address(&bound.public), address(&bound.operator));
        let open = watch::Sender::new(());
        let mut serving = JoinSet::new();
        for (listener, router) in [(bound.public, routers.0), (bound.operator, routers.1)] {
            let mut opened = open.subscribe();
            // Nothing is ever sent: the sender's end is the signal.
            let closed = async move { drop(opened.changed().await) };
            serving.spawn(serve(listener, router, options.clone(), closed));
        }
        Self { public, operator, open, serving }
    }

    /// Where the public API answers.
    pub(crate) fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where commands of this machine find the venue.
    pub(crate) fn address(&self) -> Address {
        Address {
            rest: format!("http://{}", reachable(self.public)),
            operator: format!("http://{}", reachable(self.operator)),
            pid: std::process::id(),
        }
    }

    /// Accepts nothing more and waits for the requests that have begun.
    pub(crate) async fn close(&mut self) {
        self.open = watch::Sender::new(());
        while self.serving.join_next().await.is_some() {}
    }
}
