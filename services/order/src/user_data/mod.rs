//! Private events: what the owner of an account is told of everything that the engine did to it.
//!
//! One task follows the feed ([`UserDataFollower`]). Of accounts that somebody listens to, and of no others, it
//! keeps the open orders, because a fill names its order by its id only: [`audience`] says who listens, [`account`]
//! folds one account, [`report`] words what became of an order. What must not live here: connections, and
//! anything that is not in the events.

mod account;
mod audience;
mod delivery;
mod follower;
mod report;
#[cfg(test)]
mod tests;

pub use follower::UserDataFollower;

use crate::gateway::PATIENCE;
use account::Listener;
use async_trait::async_trait;
use emporion_api::{ApiError, Code};
use emporion_edge::user_data::{Sink, Subscription, UserData};
use emporion_model::{AccountId, Seq};
use emporion_ports::feed::Feed;
use emporion_ports::store::{Journal, StoreError};
use emporion_ports::tables::{Queries, Waited};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// How many new subscriptions may wait for the follower; who comes later waits before them.
const WAITING_MAX: usize = 256;

/// Where private events are subscribed to; cheap to clone.
#[derive(Clone)]
pub struct UserDataFeed {
    subscribers: mpsc::Sender<Subscriber>,
    ended: Arc<Ended>,
    queries: Arc<dyn Queries>,
    last_id: Arc<AtomicU64>,
    followed: watch::Receiver<Seq>,
}

/// Somebody who wants to listen to an account.
struct Subscriber {
    account: AccountId,
    listener: Listener,
    /// Takes the seq after which its events begin.
    begun: oneshot::Sender<Result<Seq, ApiError>>,
}

/// Subscriptions that are over, until the follower has taken them off. There are no more than there were
/// subscriptions.
#[derive(Default)]
struct Ended {
    ids: Mutex<Vec<(AccountId, u64)>>,
    changed: Notify,
}

/// Ends a subscription when it is dropped.
struct Guard {
    account: AccountId,
    id: u64,
    ended: Arc<Ended>,
}

impl UserDataFeed {
    /// Nobody is served before the follower runs.
    pub fn new(queries: Arc<dyn Queries>, journal: Arc<dyn Journal>, feed: Arc<dyn Feed>) -> (Self, UserDataFollower) {
        let (sender, subscribers) = mpsc::channel(WAITING_MAX);
        let (followed, receiver) = watch::channel(Seq::ZERO);
        let ended = Arc::new(Ended::default());
        let follower =
            UserDataFollower { queries: queries.clone(), journal, feed, subscribers, ended: ended.clone(), followed };
        let last_id = Arc::default();
        (Self { subscribers: sender, ended, queries, last_id, followed: receiver }, follower)
    }

    /// The last seq whose events were given to all who listen.
    pub fn seq_watch(&self) -> watch::Receiver<Seq> {
        self.followed.clone()
    }

    fn guard(&self, account: AccountId) -> Guard {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        Guard { account, id, ended: self.ended.clone() }
    }

    /// Gives the subscriber to the follower and waits for the seq after which its events begin.
    async fn begin(&self, account: AccountId, listener: Listener) -> Result<Seq, ApiError> {
        let (begun, answer) = oneshot::channel();
        let asked = async {
            self.subscribers.send(Subscriber { account, listener, begun }).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Some(begun)) => begun,
            Ok(None) | Err(_) => Err(ApiError::busy(1)),
        }
    }
}

#[async_trait]
impl UserData for UserDataFeed {
    async fn subscribe(&self, account: AccountId, sink: Sink) -> Result<Subscription, ApiError> {
        // It goes last: whoever stops waiting is taken off after the follower can see that nobody waits.
        let guard = self.guard(account);
        let begun = self.begin(account, Listener::new(guard.id, sink)).await?;
        // The feed may be ahead of the tables. What it has told others already must be in every later answer.
        match self.queries.wait_projected(begun, PATIENCE).await.map_err(unreadable)? {
            Waited::Reached => Ok(Subscription::new(guard)),
            Waited::TimedOut => Err(ApiError::busy(1)),
        }
    }
}

fn unreadable(error: StoreError) -> ApiError {
    tracing::error!(%error, "the tables could not be read for a private stream");
    Code::Disconnected.into()
}

impl Subscriber {
    /// Whether it no longer waits.
    fn is_gone(&self) -> bool {
        self.begun.is_closed()
    }

    fn refuse(self, error: ApiError) {
        // It may have stopped waiting.
        let _ = self.begun.send(Err(error));
    }
}

impl Ended {
    fn take(&self) -> Vec<(AccountId, u64)> {
        std::mem::take(&mut *self.ids.lock())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.ended.ids.lock().push((self.account, self.id));
        self.ended.changed.notify_one();
    }
}
