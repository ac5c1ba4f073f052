//! The subscriptions of one connection to private events: at most one for each account.

use super::WsApi;
use crate::socket::Outbox;
use crate::user_data::{Sink, Subscription};
use emporion_api::ws_api::{EventStreamTerminated, SubscriptionId};
use emporion_api::{ApiError, Code, TimeUnit};
use emporion_model::AccountId;
use emporion_ports::users::ApiKeyName;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// The most that run at a time.
const LIVE_MAX: usize = 1_000;

/// The most in a connection's life.
const IDS_MAX: u64 = 65_535;

/// How often the keys of running subscriptions are looked up again: a client that only listens sends nothing on
/// which a revoked key would show.
const REVIEW_INTERVAL: Duration = Duration::from_secs(10);

/// What a subscription rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// The connection's key; it ends with the log-on.
    LogOn,
    /// A signature of its own.
    Signature,
}

/// Whose events are wanted.
pub(super) struct Subscriber {
    pub(super) account: AccountId,
    pub(super) key: ApiKeyName,
    pub(super) basis: Basis,
}

/// A subscription that has begun. Its events go out when this is dropped, so that the answer with its number goes
/// before them.
pub(super) struct Begun {
    pub(super) id: SubscriptionId,
    sink: Sink,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.sink.open();
    }
}

/// All of them; they end when this is dropped.
pub(super) struct Subscriptions {
    live: Arc<Live>,
    next_id: u64,
    review: Option<AbortHandle>,
}

struct Live {
    api: WsApi,
    outbox: Outbox,
    address: IpAddr,
    unit: TimeUnit,
    running: Mutex<BTreeMap<u64, Running>>,
}

struct Running {
    subscriber: Subscriber,
    sink: Sink,
    #[expect(dead_code, reason = "its drop ends the subscription")]
    subscription: Subscription,
}

impl Subscriptions {
    pub(super) fn new(api: WsApi, outbox: Outbox, address: IpAddr, unit: TimeUnit) -> Self {
        let live = Arc::new(Live { api, outbox, address, unit, running: Mutex::default() });
        Self { live, next_id: 0, review: None }
    }

    /// Begins one. -2035 when the account has one here, -2042 when the connection has had all it may have.
    pub(super) async fn subscribe(&mut self, subscriber: Subscriber) -> Result<Begun, ApiError> {
        let account = subscriber.account;
        self.check_room(account)?;
        let id = self.next_id;
        let sink = Sink::held(self.live.outbox.clone(), id, self.live.unit);
        let subscription = self.live.api.0.user_data.subscribe(account, sink.clone()).await?;
        self.next_id += 1;
        self.live.running.lock().insert(id, Running { subscriber, sink: sink.clone(), subscription });
        self.review_from_now_on();
        Ok(Begun { id: SubscriptionId { subscription_id: id }, sink })
    }

    fn check_room(&self, account: AccountId) -> Result<(), ApiError> {
        let running = self.live.running.lock();
        if running.values().any(|running| running.subscriber.account == account) {
            return Err(Code::SubscriptionActive.into());
        }
        if running.len() >= LIVE_MAX || self.next_id >= IDS_MAX {
            return Err(Code::MaximumSubscriptionIds.into());
        }
        Ok(())
    }

    /// Ends the one with this number, or all; -2036 when there is none.
    pub(super) fn unsubscribe(&self, id: Option<u64>) -> Result<(), ApiError> {
        let ended = self.live.end(|running_id, _| id.is_none_or(|id| id == running_id));
        if ended == 0 { Err(Code::SubscriptionInactive.into()) } else { Ok(()) }
    }

    /// Ends the one that rests on the log-on.
    pub(super) fn log_out(&self) {
        self.live.end(|_, subscriber| subscriber.basis == Basis::LogOn);
    }

    /// The numbers of those that run.
    pub(super) fn ids(&self) -> Vec<SubscriptionId> {
        self.live.running.lock().keys().map(|id| SubscriptionId { subscription_id: *id }).collect()
    }

    fn review_from_now_on(&mut self) {
        let live = self.live.clone();
        self.review.get_or_insert_with(|| {
            let review = async move {
                let mut ticks = tokio::time::interval(REVIEW_INTERVAL);
                ticks.tick().await;
                loop {
                    ticks.tick().await;
                    live.review().await;
                }
            };
            tokio::spawn(review).abort_handle()
        });
    }

    #[cfg(test)]
    pub(super) async fn review(&self) {
        self.live.review().await;
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        if let Some(review) = &self.review {
            review.abort();
        }
        self.live.running.lock().clear();
    }
}

impl Live {
    /// Ends those that `is_over` names, and says how many they are.
    fn end(&self, is_over: impl Fn(u64, &Subscriber) -> bool) -> usize {
        let ended: Vec<Running> = {
            let mut running = self.running.lock();
            let over = running.iter().filter(|(id, running)| is_over(**id, &running.subscriber));
            let over: Vec<u64> = over.map(|(id, _)| *id).collect();
            over.iter().filter_map(|id| running.remove(id)).collect()
        };
        let now = self.api.0.edge.clock().now();
        let last = serde_json::to_string(&EventStreamTerminated::at(self.unit.of(now)));
        let last = last.expect("a text and a number always serialise");
        for running in &ended {
            running.sink.close(&last);
        }
        ended.len()
    }

    /// Ends those whose key works no more or may no longer read. A directory that is away ends nothing.
    async fn review(&self) {
        let keys: Vec<ApiKeyName> =
            self.running.lock().values().map(|running| running.subscriber.key.clone()).collect();
        for key in keys {
            let record = self.api.0.edge.authenticator().working_key(&key, self.address).await;
            let is_over = match record {
                Ok(record) => !record.permissions.read,
                Err(error) => error.code == Code::RejectedApiKey,
            };
            if is_over {
                self.end(|_, subscriber| subscriber.key == key);
            }
        }
    }
}
