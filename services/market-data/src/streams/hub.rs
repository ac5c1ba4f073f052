//! Who subscribed to which stream, and the way of an event to all of them.
//!
//! One task publishes; the sessions of thousands of connections subscribe and leave. Streams lie in shards, each
//! under a lock that publishing takes for reading and subscribing for one insertion, so neither waits long for the
//! other, and for most events nobody waits at all.

use super::event::{Shape, StreamEvent};
use super::name::Stream;
use emporion_api::TimeUnit;
use emporion_edge::socket::{Cut, LatestKey, Outbox, Utf8Bytes};
use emporion_model::{Interval, SymbolName};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SHARDS: usize = 64;

/// The meeting point of the publisher and the sessions; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Hub(Arc<Shared>);

struct Shared {
    shards: [RwLock<HashMap<Stream, Topic>>; SHARDS],
    sharding: RandomState,
    /// Everybody, with or without streams.
    subscribers: Mutex<HashMap<u64, Arc<Subscriber>>>,
    newcomers: Newcomers,
    /// Numbers subscribers, and the places where conflated events wait.
    numbers: AtomicU64,
}

/// A stream that somebody subscribed to.
struct Topic {
    subscribers: HashMap<u64, Arc<Subscriber>>,
    /// Under which key an event waits that the next one may replace.
    place: AtomicU64,
}

/// The streams that somebody came to since they were last asked for, of those that have a present value to tell. All
/// of them have subscribers, so there are never more than subscriptions.
#[derive(Default)]
struct Newcomers {
    klines: Mutex<BTreeSet<Stream>>,
    others: Mutex<BTreeSet<Stream>>,
}

/// A connection's place in the hub. With its drop the hub forgets it.
pub(crate) struct Membership {
    hub: Hub,
    subscriber: Arc<Subscriber>,
    streams: BTreeSet<Stream>,
}

/// One connection, as the hub sees it.
struct Subscriber {
    number: u64,
    outbox: Outbox,
    unit: TimeUnit,
    shape: Mutex<Shape>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            sharding: RandomState::new(),
            subscribers: Mutex::default(),
            newcomers: Newcomers::default(),
            numbers: AtomicU64::new(0),
        }
    }
}

impl Hub {
    /// Whether anybody subscribed to the stream. Cheap enough to be asked before each event is made.
    pub(crate) fn is_wanted(&self, stream: Stream) -> bool {
        self.0.shard(stream).read().contains_key(&stream)
    }

    /// The klines that anybody subscribed to, in no order; of symbols that may not be listed. Walks over all streams
    /// that are subscribed to: for once in a while, not for each event.
    pub(crate) fn wanted_klines(&self) -> Vec<(SymbolName, Interval, i32)> {
        let klines = |shard: &RwLock<HashMap<Stream, Topic>>| -> Vec<_> {
            shard.read().keys().filter_map(|stream| stream.kline()).collect()
        };
        self.0.shards.iter().flat_map(klines).collect()
    }

    /// The streams, klines apart, that somebody subscribed to since the last call, of those that tell how something
    /// stands.
    pub(crate) fn take_newcomers(&self) -> BTreeSet<Stream> {
        std::mem::take(&mut *self.0.newcomers.others.lock())
    }

    /// The same of klines.
    pub(crate) fn take_kline_newcomers(&self) -> BTreeSet<Stream> {
        std::mem::take(&mut *self.0.newcomers.klines.lock())
    }

    /// Brings the event to all who subscribed to its stream. Waits for none of them. Events of one stream are
    /// published by one task.
    pub(crate) fn publish(&self, event: StreamEvent) {
        let shard = self.0.shard(event.stream()).read();
        let Some(topic) = shard.get(&event.stream()) else { return };
        let place = topic.place.load(Ordering::Relaxed);
        for subscriber in topic.subscribers.values() {
            subscriber.push(&event, place);
        }
        if event.is_lossless() && event.stream().is_conflated() {
            // What comes next must wait behind this event, and not in the place of one that waits before it.
            topic.place.store(self.0.number(), Ordering::Relaxed);
        }
    }

    /// Cuts every connection, with streams or without: all must synchronise again.
    pub(crate) fn cut_all(&self, cut: Cut) {
        for subscriber in self.0.subscribers.lock().values() {
            subscriber.outbox.cut(cut);
        }
    }

    /// Lets a connection in, which gets its events into `outbox` until the membership is dropped.
    pub(crate) fn join(&self, outbox: Outbox, unit: TimeUnit, shape: Shape) -> Membership {
        let subscriber = Arc::new(Subscriber { number: self.0.number(), outbox, unit, shape: Mutex::new(shape) });
        self.0.subscribers.lock().insert(subscriber.number, subscriber.clone());
        Membership { hub: self.clone(), subscriber, streams: BTreeSet::new() }
    }

    /// Whether it knows of nobody and nothing.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let newcomers = [&self.0.newcomers.klines, &self.0.newcomers.others];
        self.0.subscribers.lock().is_empty()
            && self.0.shards.iter().all(|shard| shard.read().is_empty())
            && newcomers.iter().all(|streams| streams.lock().is_empty())
    }

    fn subscribe(&self, stream: Stream, subscriber: &Arc<Subscriber>) {
        let mut shard = self.0.shard(stream).write();
        let topic = shard
            .entry(stream)
            .or_insert_with(|| Topic { subscribers: HashMap::new(), place: AtomicU64::new(self.0.number()) });
        topic.subscribers.insert(subscriber.number, subscriber.clone());
        // Under the shard's lock, so that no stream stays among them whose last subscriber is gone.
        if let Some(newcomers) = self.0.newcomers.of(stream) {
            newcomers.lock().insert(stream);
        }
    }

    fn unsubscribe(&self, stream: Stream, subscriber: &Subscriber) {
        let mut shard = self.0.shard(stream).write();
        let Some(topic) = shard.get_mut(&stream) else { return };
        topic.subscribers.remove(&subscriber.number);
        if topic.subscribers.is_empty() {
            shard.remove(&stream);
            if let Some(newcomers) = self.0.newcomers.of(stream) {
                newcomers.lock().remove(&stream);
            }
        }
    }
}

impl Newcomers {
    /// Where the stream belongs, if it has a present value.
    fn of(&self, stream: Stream) -> Option<&Mutex<BTreeSet<Stream>>> {
        let streams = if stream.kline().is_some() { &self.klines } else { &self.others };
        stream.has_present_value().then_some(streams)
    }
}

impl Shared {
    fn shard(&self, stream: Stream) -> &RwLock<HashMap<Stream, Topic>> {
        &self.shards[self.sharding.hash_one(stream) as usize % SHARDS]
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

impl Membership {
    /// The streams that the connection gets: by symbol, then by kind, those of all symbols last.
    pub(crate) fn streams(&self) -> &BTreeSet<Stream> {
        &self.streams
    }

    /// From when this returns, the connection gets every event of the stream.
    pub(crate) fn subscribe(&mut self, stream: Stream) {
        if self.streams.insert(stream) {
            self.hub.subscribe(stream, &self.subscriber);
        }
    }

    /// When this returns, the connection has got the last event of the stream.
    pub(crate) fn unsubscribe(&mut self, stream: Stream) {
        if self.streams.remove(&stream) {
            self.hub.unsubscribe(stream, &self.subscriber);
        }
    }

    /// In which shape events come.
    pub(crate) fn shape(&self) -> Shape {
        *self.subscriber.shape.lock()
    }

    /// When this returns, the connection has got the last event of any other shape.
    pub(crate) fn set_shape(&self, shape: Shape) {
        *self.subscriber.shape.lock() = shape;
    }

    /// Answers the client, behind every event that it got so far.
    pub(crate) fn answer(&self, text: Utf8Bytes) {
        self.subscriber.outbox.push(text);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        for stream in &self.streams {
            self.hub.unsubscribe(*stream, &self.subscriber);
        }
        self.hub.0.subscribers.lock().remove(&self.subscriber.number);
    }
}

impl Subscriber {
    fn push(&self, event: &StreamEvent, place: u64) {
        // Held until the event is in, so that none in the old shape comes after the answer to a change of it.
        let shape = self.shape.lock();
        let text = event.text(self.unit, *shape);
        if event.is_lossless() {
            self.outbox.push(text);
        } else {
            self.outbox.push_latest(LatestKey(place << 1 | (*shape as u64)), text);
        }
    }
}
