//! The listeners of a process: one for everybody, and where an operator is served one for him.

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
    operator: Option<TcpListener>,
}

/// Sockets that are answered until they are closed.
pub(crate) struct Listeners {
    public: SocketAddr,
    operator: Option<SocketAddr>,
    open: watch::Sender<()>,
    serving: JoinSet<()>,
}

/// Binds both addresses of the config.
pub(crate) async fn bind(config: &Config) -> Result<Bound, Failure> {
    Ok(Bound {
        public: bind_one("listen", config.listen).await?,
        operator: Some(bind_one("operator.listen", config.operator.listen).await?),
    })
}

/// Binds the public address of the config alone.
pub(crate) async fn bind_public(config: &Config) -> Result<Bound, Failure> {
    Ok(Bound { public: bind_one("listen", config.listen).await?, operator: None })
}

async fn bind_one(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::failed(format!("`{key}` is {address}, which cannot be listened to: {error}")))
}

impl Listeners {
    /// Answers with the routers; the operator's goes with the operator's socket.
    pub(crate) fn open(bound: Bound, public: Router, operator: Option<Router>, options: ServeOptions) -> Self {
        let address = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address");
        let addresses = (address(&bound.public), bound.operator.as_ref().map(address));
        let open = watch::Sender::new(());
        let mut serving = JoinSet::new();
        for (listener, router) in [(bound.public, public)].into_iter().chain(bound.operator.zip(operator)) {
            let mut opened = open.subscribe();
            // Nothing is ever sent: the sender's end is the signal.
            let closed = async move { drop(opened.changed().await) };
            serving.spawn(serve(listener, router, options.clone(), closed));
        }
        let (public, operator) = addresses;
        Self { public, operator, open, serving }
    }

    /// Where the public API answers.
    pub(crate) fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where the operator's requests are answered.
    pub(crate) fn operator(&self) -> Option<SocketAddr> {
        self.operator
    }

    /// Where commands of this machine find the venue, which serves an operator.
    pub(crate) fn address(&self) -> Address {
        let operator = self.operator.expect("a venue in one process has a listener for its operator");
        Address {
            rest: format!("http://{}", reachable(self.public)),
            operator: format!("http://{}", reachable(operator)),
            pid: std::process::id(),
        }
    }

    /// Accepts nothing more and waits for the requests that have begun.
    pub(crate) async fn close(&mut self) {
        self.open = watch::Sender::new(());
        while self.serving.join_next().await.is_some() {}
    }
}
