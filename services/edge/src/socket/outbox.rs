//! What waits to be written to one socket.
//!
//! Whoever has something for a client pushes it here and never waits; the connection's own task takes all that
//! is there and writes it. A client that does not read makes its outbox full, and is then cut: nothing is ever
//! left out of a sequence in silence. What a newer value replaces (a price, the top of a book) waits once.

use super::Cut;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Room that a queue keeps for its next messages. What a rare burst needed beyond it is given back, or each of
/// many connections would hold for its whole life what its worst moment took.
pub(super) const KEPT_CAPACITY_MAX: usize = 256;

/// The most bytes that are taken at once, beyond the first message. What is taken is no longer counted, so a client
/// that does not read would else keep twice its limit.
const TAKEN_BYTES_MAX: usize = 256 * 1024;

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// The most messages. One command may cause some thousand trades, which must fit.
    pub messages_max: usize,
    /// The most bytes of them together.
    pub bytes_max: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { messages_max: 16_384, bytes_max: 4 << 20 }
    }
}

/// What tells the values apart of which only the latest counts; unique within one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LatestKey(pub u64);

/// The queue of one socket; cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

struct Shared {
    limits: OutboxLimits,
    state: Mutex<State>,
    changed: Notify,
    taken: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    latest: HashMap<LatestKey, Utf8Bytes>,
    bytes: usize,
    cut: Option<Cut>,
    /// Nothing more is taken, but what waits is still written before the cut.
    closing: Option<Cut>,
}

enum Waiting {
    Text(Utf8Bytes),
    Latest(LatestKey),
}

impl Outbox {
    /// An empty outbox.
    pub fn new(limits: OutboxLimits) -> Self {
        Self(Arc::new(Shared { limits, state: Mutex::default(), changed: Notify::new(), taken: Notify::new() }))
    }

    /// Adds a message. When there is no room, the connection is cut: see [`Cut::SLOW`].
    pub fn push(&self, text: Utf8Bytes) {
        self.change(|state, limits| {
            state.add(limits, text.len(), |state| state.waiting.push_back(Waiting::Text(text)))
        });
    }

    /// Adds a message, or puts it in the place of the one with the same key that still waits.
    pub fn push_latest(&self, key: LatestKey, text: Utf8Bytes) {
        self.change(|state, limits| match state.latest.get_mut(&key) {
            Some(waiting) => {
                state.bytes = state.bytes - waiting.len() + text.len();
                *waiting = text;
            }
            None => state.add(limits, text.len(), |state| {
                state.waiting.push_back(Waiting::Latest(key));
                state.latest.insert(key, text);
            }),
        });
    }

    /// Ends the connection at once. What waits is not written; the first reason counts.
    pub fn cut(&self, cut: Cut) {
        self.change(|state, _| state.cut_off(cut));
    }

    /// Ends the connection after what waits now is written. Nothing more is taken.
    pub fn close(&self, cut: Cut) {
        self.change(|state, _| {
            state.closing.get_or_insert(cut);
        });
    }

    /// Whether the connection has ended or is about to.
    pub fn is_ending(&self) -> bool {
        let state = self.0.state.lock();
        state.cut.is_some() || state.closing.is_some()
    }

    /// Waits for messages and moves them into `texts`, as many as are written at once; or says how the connection
    /// ends. May be dropped while it waits without losing anything.
    pub async fn take(&self, texts: &mut Vec<Utf8Bytes>) -> Result<(), Cut> {
        loop {
            let changed = self.0.changed.notified();
            if let Some(taken) = self.0.state.lock().take(texts) {
                self.0.taken.notify_waiters();
                return taken;
            }
            changed.await;
        }
    }

    /// Waits until no more than these bytes wait. A connection that is cut has nothing that waits.
    pub(crate) async fn drained_to(&self, bytes_max: usize) {
        loop {
            let taken = self.0.taken.notified();
            if self.0.state.lock().bytes <= bytes_max {
                return;
            }
            taken.await;
        }
    }

    /// Waits until the connection is to be cut at once, even while its task is busy writing.
    pub async fn cut_off(&self) -> Cut {
        loop {
            let changed = self.0.changed.notified();
            if let Some(cut) = self.0.state.lock().cut {
                return cut;
            }
            changed.await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State, &OutboxLimits)) {
        change(&mut self.0.state.lock(), &self.0.limits);
        self.0.changed.notify_waiters();
    }
}

impl State {
    fn add(&mut self, limits: &OutboxLimits, bytes: usize, add: impl FnOnce(&mut Self)) {
        if self.cut.is_some() || self.closing.is_some() {
            return;
        }
        if self.waiting.len() >= limits.messages_max || self.bytes + bytes > limits.bytes_max {
            return self.cut_off(Cut::SLOW);
        }
        self.bytes += bytes;
        add(self);
    }

    fn cut_off(&mut self, cut: Cut) {
        self.cut.get_or_insert(cut);
        self.waiting = VecDeque::new();
        self.latest = HashMap::new();
        self.bytes = 0;
    }

    fn take(&mut self, texts: &mut Vec<Utf8Bytes>) -> Option<Result<(), Cut>> {
        if let Some(cut) = self.cut {
            return Some(Err(cut));
        }
        if self.waiting.is_empty() {
            return self.closing.map(Err);
        }
        let latest = &mut self.latest;
        let mut text = |waiting| match waiting {
            Waiting::Text(text) => text,
            Waiting::Latest(key) => latest.remove(&key).expect("what waits under a key is there"),
        };
        let mut bytes = 0;
        while bytes < TAKEN_BYTES_MAX
            && let Some(waiting) = self.waiting.pop_front()
        {
            let text = text(waiting);
            bytes += text.len();
            texts.push(text);
        }
        if self.waiting.is_empty() && self.waiting.capacity() > KEPT_CAPACITY_MAX {
            self.waiting = VecDeque::new();
        }
        self.bytes -= bytes;
        Some(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(messages_max: usize, bytes_max: usize) -> Outbox {
        Outbox::new(OutboxLimits { messages_max, bytes_max })
    }

    async fn taken(outbox: &Outbox) -> Result<Vec<String>, Cut> {
        let mut texts = Vec::new();
        outbox.take(&mut texts).await?;
        Ok(texts.iter().map(|text| text.as_str().to_owned()).collect())
    }

    #[tokio::test]
    async fn messages_keep_their_order_and_the_latest_value_its_first_place() {
        let outbox = outbox(10, 100);
        outbox.push("a".into());
        outbox.push_latest(LatestKey(1), "old".into());
        outbox.push("b".into());
        outbox.push_latest(LatestKey(2), "other".into());
        outbox.push_latest(LatestKey(1), "new".into());
        assert_eq!(taken(&outbox).await.unwrap(), ["a", "new", "b", "other"]);
        outbox.push_latest(LatestKey(1), "newer".into());
        assert_eq!(taken(&outbox).await.unwrap(), ["newer"]);
    }

    #[tokio::test]
    async fn a_full_outbox_cuts_and_keeps_nothing() {
        for (messages_max, bytes_max) in [(2, 100), (100, 2)] {
            let outbox = outbox(messages_max, bytes_max);
            for _ in 0..3 {
                assert!(!outbox.is_ending());
                outbox.push("x".into());
            }
            assert_eq!(taken(&outbox).await, Err(Cut::SLOW));
            assert_eq!(outbox.cut_off().await, Cut::SLOW);
            outbox.push("y".into());
            assert_eq!(outbox.0.state.lock().bytes, 0);
        }
    }

    #[tokio::test]
    async fn the_latest_value_takes_no_more_room_however_often_it_comes() {
        let outbox = outbox(1, 5);
        for text in ["1", "22", "55555"] {
            outbox.push_latest(LatestKey(7), text.into());
        }
        assert_eq!(taken(&outbox).await.unwrap(), ["55555"]);
    }

    #[tokio::test]
    async fn a_closing_outbox_gives_what_it_has_first() {
        let outbox = outbox(10, 100);
        outbox.push("last".into());
        outbox.close(Cut::RESTART);
        outbox.push("too late".into());
        assert_eq!(taken(&outbox).await.unwrap(), ["last"]);
        assert_eq!(taken(&outbox).await, Err(Cut::RESTART));
    }

    #[tokio::test]
    async fn what_is_not_being_written_still_counts() {
        let half = "x".repeat(TAKEN_BYTES_MAX / 2);
        let outbox = outbox(10, 5 * half.len());
        for _ in 0..5 {
            outbox.push(half.as_str().into());
        }
        let mut room = Box::pin(outbox.drained_to(half.len()));
        assert!(futures_util::future::poll_immediate(&mut room).await.is_none());
        assert_eq!(taken(&outbox).await.unwrap().len(), 2);
        assert!(futures_util::future::poll_immediate(&mut room).await.is_none());
        assert_eq!(taken(&outbox).await.unwrap().len(), 2);
        room.await;
        (0..4).for_each(|_| outbox.push(half.as_str().into()));
        assert!(!outbox.is_ending());
        outbox.push("x".into());
        assert!(outbox.is_ending());
        outbox.drained_to(0).await;
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let outbox = outbox(10, 100);
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { taken(&outbox).await }
        });
        tokio::task::yield_now().await;
        outbox.push("x".into());
        assert_eq!(waiting.await.unwrap().unwrap(), ["x"]);
    }
}
