//! The link to whoever leads. What must not live here: what is asked over it.

use super::peer::{Peer, Target};
use super::session::Lost;
use crate::options::LinkOptions;
use crate::tls::LinkTls;
use crate::wire::{Answer, Request};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::watch;

/// Where the leader takes commands, as far as it is known: from the lease, or from a signal.
#[async_trait]
pub trait LeaderAddress: Send + Sync {
    /// `host:port` of the leader's internal stream; `None` while nobody is known to lead. Asked several times a second,
    /// and every few hundredths of one while there is no connection.
    async fn leader(&self) -> Option<String>;
}

#[async_trait]
impl LeaderAddress for watch::Receiver<Option<String>> {
    async fn leader(&self) -> Option<String> {
        self.borrow().clone()
    }
}

/// A connection to the leader, kept for as long as this or a clone of it lives.
#[derive(Clone)]
pub struct LeaderLink(Arc<Peer>);

impl LeaderLink {
    /// Begins to connect, within a Tokio runtime.
    pub fn start(leader: Arc<dyn LeaderAddress>, tls: LinkTls, options: LinkOptions) -> Self {
        Self(Arc::new(Peer::start(Target::Leader(leader), tls, options)))
    }

    /// Whether there is a connection to a process that leads.
    pub fn is_connected(&self) -> watch::Receiver<bool> {
        self.0.is_connected()
    }

    /// Queues the request when first polled.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, Lost> {
        self.0.ask(request).await
    }
}
