//! Lookups of API keys in the user processes. What must not live here: remembering answers.

use super::key_cache::CachedKeys;
use super::peer::{Peer, Target};
use crate::options::LinkOptions;
use crate::tls::LinkTls;
use crate::wire::{Answer, Request, SentName};
use async_trait::async_trait;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord};
use emporion_ports::signals::SignalReceiver;
use emporion_ports::users::ApiKeyName;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How long one process may take for a lookup before the next is asked.
const LOOKUP_MAX: Duration = Duration::from_millis(500);

/// The key directory of the user processes: any of them answers.
pub struct RemoteKeys {
    peers: Vec<Peer>,
    /// Which was asked last with success.
    present: AtomicUsize,
}

/// [`RemoteKeys`] with a short-lived cache in front: what the edge of a process asks.
pub struct KeysLink {
    cache: CachedKeys,
    remote: Arc<RemoteKeys>,
}

impl RemoteKeys {
    /// Begins to connect to all `addresses` (`host:port`), within a Tokio runtime.
    pub fn start(addresses: &[String], tls: &LinkTls, options: &LinkOptions) -> Self {
        let peer = |address: &String| Peer::start(Target::Address(address.clone()), tls.clone(), options.clone());
        Self { peers: addresses.iter().map(peer).collect(), present: AtomicUsize::new(0) }
    }

    /// Whether any user process is connected.
    pub fn is_connected(&self) -> bool {
        self.peers.iter().any(|peer| *peer.is_connected().borrow())
    }

    async fn ask(&self, peer: &Peer, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, String> {
        let request = Request::Key(SentName(name.clone()));
        match timeout(LOOKUP_MAX, peer.ask(&request)).await {
            Ok(Ok(Answer::Key(Some(record)))) if record.0.name == *name => Ok(Some(Arc::new(record.0))),
            Ok(Ok(Answer::Key(None))) => Ok(None),
            Ok(Ok(Answer::KeyFailed(why))) => Err(why.0),
            Ok(Ok(_)) => Err("a user process gave an answer that is none to this request".to_owned()),
            Ok(Err(_)) => Err("a user process is not connected".to_owned()),
            Err(_) => Err("a user process did not answer in time".to_owned()),
        }
    }
}

#[async_trait]
impl KeyDirectory for RemoteKeys {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        let first = self.present.load(Ordering::Relaxed);
        let mut why = "no user process is configured".to_owned();
        for turn in 0..self.peers.len() {
            let index = (first + turn) % self.peers.len();
            match self.ask(&self.peers[index], name).await {
                Ok(found) => {
                    self.present.store(index, Ordering::Relaxed);
                    return Ok(found);
                }
                Err(error) => why = error,
            }
        }
        Err(KeyError(why))
    }
}

impl KeysLink {
    /// Begins to connect to all `addresses` (`host:port`), within a Tokio runtime, and forgets what `signals` say has
    /// changed.
    pub fn start(addresses: &[String], tls: &LinkTls, options: &LinkOptions, signals: Box<dyn SignalReceiver>) -> Self {
        let remote = Arc::new(RemoteKeys::start(addresses, tls, options));
        let directory: Arc<dyn KeyDirectory> = Arc::<RemoteKeys>::clone(&remote);
        Self { cache: CachedKeys::start(directory, signals), remote }
    }

    /// Whether any user process is connected: without one, keys work for at most a second more.
    pub fn is_connected(&self) -> bool {
        self.remote.is_connected()
    }
}

#[async_trait]
impl KeyDirectory for KeysLink {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        self.cache.lookup(name).await
    }
}
