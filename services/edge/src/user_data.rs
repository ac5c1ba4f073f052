//! Private events on their way from whoever folds them to one connection.
//!
//! The WebSocket API subscribes; the Order Service knows the events. Neither knows the other: they meet here.

use crate::socket::{Cut, Outbox, Utf8Bytes};
use async_trait::async_trait;
use emporion_api::{ApiError, TimeUnit};
use emporion_model::AccountId;
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};

/// The most events that wait until the client knows the number of their subscription.
const HELD_MAX: usize = 10_000;

/// Where private events come from.
#[async_trait]
pub trait UserData: Send + Sync {
    /// From now on gives every private event of `account` to `sink`, in the engine's order. Complete: what is not
    /// in the events is in every answer that REST gives after this returned. It ends when the subscription is
    /// dropped, or by [`Sink::cut`] when events were lost.
    async fn subscribe(&self, account: AccountId, sink: Sink) -> Result<Subscription, ApiError>;
}

/// A running subscription; dropping it ends it.
pub struct Subscription(#[expect(dead_code, reason = "it is kept for what its drop does")] Box<dyn Send + Sync>);

impl Subscription {
    /// Ends with the drop of `guard`.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}

/// One private event. It is encoded once for each unit of time and shared by all who get it.
pub struct PrivateEvent {
    encode: Box<dyn Fn(TimeUnit) -> String + Send + Sync>,
    milliseconds: OnceLock<Box<str>>,
    microseconds: OnceLock<Box<str>>,
    /// As the last subscriber got it. Most connections have one subscription, whose number is the same on all of them:
    /// they share these bytes, however many of them are slow.
    wrapped: Mutex<Option<(u64, TimeUnit, Utf8Bytes)>>,
}

impl PrivateEvent {
    /// The event that `encode` writes as a JSON object.
    pub fn new(encode: impl Fn(TimeUnit) -> String + Send + Sync + 'static) -> Self {
        let (milliseconds, microseconds) = (OnceLock::new(), OnceLock::new());
        Self { encode: Box::new(encode), milliseconds, microseconds, wrapped: Mutex::new(None) }
    }

    /// Its JSON.
    pub fn json(&self, unit: TimeUnit) -> &str {
        let text = match unit {
            TimeUnit::Millisecond => &self.milliseconds,
            TimeUnit::Microsecond => &self.microseconds,
        };
        text.get_or_init(|| (self.encode)(unit).into_boxed_str())
    }

    /// Its JSON as an event of the subscription with this number.
    fn wrapped(&self, subscription_id: u64, unit: TimeUnit) -> Utf8Bytes {
        let mut last = self.wrapped.lock();
        match &*last {
            Some((id, of, text)) if (*id, *of) == (subscription_id, unit) => text.clone(),
            _ => {
                let text = wrap(subscription_id, self.json(unit));
                *last = Some((subscription_id, unit, text.clone()));
                text
            }
        }
    }
}

/// One subscription's way into its connection.
#[derive(Clone)]
pub struct Sink {
    outbox: Outbox,
    subscription_id: u64,
    unit: TimeUnit,
    gate: Arc<Mutex<Gate>>,
}

/// Whether events go out.
enum Gate {
    /// Not before the client knows the subscription's number; these wait.
    Held(Vec<Utf8Bytes>),
    Open,
    /// Not any more: the client was told that this is over.
    Closed,
}

impl Sink {
    /// Into `outbox`, as the events of the subscription with this number.
    pub fn new(outbox: Outbox, subscription_id: u64, unit: TimeUnit) -> Self {
        Self { outbox, subscription_id, unit, gate: Arc::new(Mutex::new(Gate::Open)) }
    }

    /// As [`Sink::new`], but events wait for [`Sink::open`].
    pub(crate) fn held(outbox: Outbox, subscription_id: u64, unit: TimeUnit) -> Self {
        Self { outbox, subscription_id, unit, gate: Arc::new(Mutex::new(Gate::Held(Vec::new()))) }
    }

    /// Sends an event. A connection that cannot take it is cut; none is skipped.
    pub fn push(&self, event: &PrivateEvent) {
        let text = event.wrapped(self.subscription_id, self.unit);
        match &mut *self.gate.lock() {
            Gate::Held(waiting) if waiting.len() >= HELD_MAX => self.outbox.cut(Cut::SLOW),
            Gate::Held(waiting) => waiting.push(text),
            Gate::Open => self.outbox.push(text),
            Gate::Closed => {}
        }
    }

    /// Whether the connection has ended or is about to, or the subscription has: nothing more reaches it.
    pub fn is_ending(&self) -> bool {
        matches!(*self.gate.lock(), Gate::Closed) || self.outbox.is_ending()
    }

    /// Ends the connection: events were lost, so the client must read REST and subscribe anew.
    pub fn cut(&self) {
        if !matches!(*self.gate.lock(), Gate::Closed) {
            self.outbox.cut(Cut::RESTART);
        }
    }

    /// Lets the events out that wait, and from now on all others.
    pub(crate) fn open(&self) {
        let mut gate = self.gate.lock();
        if let Gate::Held(waiting) = std::mem::replace(&mut *gate, Gate::Open) {
            waiting.into_iter().for_each(|text| self.outbox.push(text));
        }
    }

    /// Sends `last`, an event's JSON; after it nothing more goes out.
    pub(crate) fn close(&self, last: &str) {
        let mut gate = self.gate.lock();
        self.outbox.push(wrap(self.subscription_id, last));
        *gate = Gate::Closed;
    }
}

fn wrap(subscription_id: u64, json: &str) -> Utf8Bytes {
    let head = format!(r#"{{"subscriptionId":{subscription_id},"event":"#);
    // Of one exact size: many may wait, and a text that grew has up to twice its length.
    [&*head, json, "}"].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::OutboxLimits;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn an_event_is_encoded_once_for_each_unit_and_wrapped_for_each_subscription() {
        let encoded = Arc::new(AtomicU32::new(0));
        let counted = encoded.clone();
        let event = PrivateEvent::new(move |unit| {
            counted.fetch_add(1, Ordering::Relaxed);
            format!(r#"{{"E":{}}}"#, if unit == TimeUnit::Microsecond { 1_000 } else { 1 })
        });
        let outbox = Outbox::new(OutboxLimits::default());
        for (id, unit) in [(0, TimeUnit::Millisecond), (1, TimeUnit::Microsecond), (2, TimeUnit::Millisecond)] {
            Sink::new(outbox.clone(), id, unit).push(&event);
        }
        let mut texts = Vec::new();
        outbox.take(&mut texts).await.expect("not cut");
        let expected = [
            r#"{"subscriptionId":0,"event":{"E":1}}"#,
            r#"{"subscriptionId":1,"event":{"E":1000}}"#,
            r#"{"subscriptionId":2,"event":{"E":1}}"#,
        ];
        assert_eq!(texts, expected.map(Utf8Bytes::from_static));
        assert_eq!(encoded.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn connections_share_the_bytes_of_an_event() {
        let event = PrivateEvent::new(|_| "{}".to_owned());
        let outboxes = [(); 2].map(|()| Outbox::new(OutboxLimits::default()));
        let mut texts = Vec::new();
        for outbox in &outboxes {
            Sink::new(outbox.clone(), 0, TimeUnit::Millisecond).push(&event);
            outbox.take(&mut texts).await.expect("not cut");
        }
        assert_eq!(texts[0].as_str().as_ptr(), texts[1].as_str().as_ptr());
    }

    #[tokio::test]
    async fn events_wait_until_the_client_knows_their_number_and_end_with_the_last() {
        let outbox = Outbox::new(OutboxLimits::default());
        let sink = Sink::held(outbox.clone(), 7, TimeUnit::Millisecond);
        let event = |n: u8| PrivateEvent::new(move |_| n.to_string());
        sink.push(&event(1));
        outbox.push("the answer".into());
        sink.clone().push(&event(2));
        sink.open();
        sink.push(&event(3));
        sink.close("4");
        sink.push(&event(5));
        sink.cut();
        let mut texts = Vec::new();
        outbox.take(&mut texts).await.expect("not cut");
        let mut expected = vec!["the answer".to_owned()];
        expected.extend((1..=4).map(|n| format!(r#"{{"subscriptionId":7,"event":{n}}}"#)));
        assert_eq!(texts.iter().map(|text| text.as_str()).collect::<Vec<_>>(), expected);
        assert!(!outbox.is_ending());
    }
}
