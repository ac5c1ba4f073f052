//! The task that follows the feed, loads accounts out of the tables, and starts again when it must.

use super::audience::Audience;
use super::{Ended, Subscriber, unreadable};
use crate::gateway::PATIENCE;
use crate::gateway::directory;
use emporion_api::ApiError;
use emporion_model::{AccountId, Seq};
use emporion_ports::feed::{Feed, FollowError, FollowedFeed};
use emporion_ports::store::{Journal, StoreError};
use emporion_ports::tables::{At, OrderRow, Queries, Waited};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

/// How long the follower rests before it starts again after a failure.
const RESTART_PAUSE: Duration = Duration::from_millis(200);

/// Gives private events to all who subscribed, while it runs. When it ends, all of them are cut.
pub struct UserDataFollower {
    pub(super) queries: Arc<dyn Queries>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) feed: Arc<dyn Feed>,
    pub(super) subscribers: mpsc::Receiver<Subscriber>,
    pub(super) ended: Arc<Ended>,
    pub(super) followed: watch::Sender<Seq>,
}

/// Why following cannot go on.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the tables cannot be read: {0}")]
    Tables(#[from] StoreError),
    #[error(transparent)]
    Feed(#[from] FollowError),
    #[error("an account's orders could not be loaded: {0}")]
    Load(#[from] JoinError),
}

/// An account's open orders, or why there are none to be had.
type Loaded = (AccountId, Result<At<Vec<OrderRow>>, ApiError>);

impl UserDataFollower {
    /// Folds the feed until it closes. After any other failure all who listen are cut, because events of theirs
    /// may be lost, and it starts again from the tables.
    pub async fn run(mut self) {
        loop {
            match self.follow().await {
                Fault::Feed(FollowError::Closed) => return,
                error => tracing::error!(%error, "private streams are cut and start again from the tables"),
            }
            metrics::counter!("user_data_restarts_total").increment(1);
            rest().await;
        }
    }

    /// Everything that is folded ends with this: whoever still listens then is cut.
    async fn follow(&mut self) -> Fault {
        let listed = match directory::read(&*self.queries).await {
            Ok(listed) => listed,
            Err(error) => return error.into(),
        };
        let mut feed = FollowedFeed::new(self.journal.clone(), &*self.feed, listed.seq);
        self.followed.send_replace(listed.seq);
        let mut audience = Audience::new(listed);
        let mut loads = JoinSet::new();
        loop {
            tokio::select! {
                batch = feed.next() => match batch {
                    Ok(batch) => {
                        audience.fold(&batch);
                        self.followed.send_replace(batch.head.seq);
                    }
                    Err(error) => return error.into(),
                },
                Some(subscriber) = self.subscribers.recv() => {
                    if let Some((account, from)) = audience.add(subscriber) {
                        loads.spawn(load(self.queries.clone(), account, from));
                    }
                }
                Some(loaded) = loads.join_next() => match loaded {
                    Ok((account, answer)) => audience.loaded(account, answer),
                    Err(error) => return error.into(),
                },
                () = self.ended.changed.notified() => audience.remove(self.ended.take()),
            }
            // The journal may hold a long run of batches ready, and other tasks want their turn.
            tokio::task::consume_budget().await;
        }
    }
}

/// Reads the account's open orders, `from` and all before it included.
async fn load(queries: Arc<dyn Queries>, account: AccountId, from: Seq) -> Loaded {
    let answer = match queries.wait_projected(from, PATIENCE).await {
        Ok(Waited::Reached) => queries.open_orders(account, None).await.map_err(unreadable),
        Ok(Waited::TimedOut) => Err(ApiError::busy(1)),
        Err(error) => Err(unreadable(error)),
    };
    (account, answer)
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: it spares a store that is in trouble")]
async fn rest() {
    tokio::time::sleep(RESTART_PAUSE).await;
}
