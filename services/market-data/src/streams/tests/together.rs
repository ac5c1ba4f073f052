//! Subscribing, leaving and publishing at the same time.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const TRADE: &str = "btcusdt@trade";
const ROOM: OutboxLimits = OutboxLimits { messages_max: usize::MAX, bytes_max: usize::MAX };

/// The publisher of trades numbered from zero.
#[derive(Default)]
struct Tape {
    /// Every trade from this number on is published later than now.
    next: AtomicU64,
    is_done: AtomicBool,
}

impl Tape {
    async fn publish(&self, hub: &Hub) {
        while !self.is_done.load(Ordering::SeqCst) {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            hub.publish(StreamEvent::new(stream(TRADE), move |_| number.to_string()));
            tokio::task::yield_now().await;
        }
    }
}

/// Takes trades until the one of this number, and expects none to be missing. Returns the first.
async fn take_until(client: &Client, last: u64) -> u64 {
    let mut numbers = Vec::new();
    while numbers.last().is_none_or(|number| *number < last) {
        numbers.extend(client.taken().await.unwrap().iter().map(|text| text.parse::<u64>().unwrap()));
    }
    let first = numbers[0];
    assert!(numbers.iter().copied().eq((first..).take(numbers.len())), "no trade is missing: {numbers:?}");
    first
}

/// Comes and goes, and each time gets every trade from then on.
async fn come_and_go(hub: Hub, tape: Arc<Tape>) {
    for _ in 0..100 {
        let client = Client::with_limits(&hub, "/ws/btcusdt@trade/ethusdt@trade/btcusdt@bookTicker", ROOM);
        let next = tape.next.load(Ordering::SeqCst);
        assert!(take_until(&client, next).await <= next);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_while_trades_are_published_misses_none() {
    let (hub, tape) = (Hub::default(), Arc::<Tape>::default());
    let steady = Client::with_limits(&hub, "/ws/btcusdt@trade", ROOM);
    let publisher = tokio::spawn({
        let (hub, tape) = (hub.clone(), tape.clone());
        async move { tape.publish(&hub).await }
    });
    let guests: Vec<_> = (0..4).map(|_| tokio::spawn(come_and_go(hub.clone(), tape.clone()))).collect();
    for guest in guests {
        guest.await.unwrap();
    }
    tape.is_done.store(true, Ordering::SeqCst);
    publisher.await.unwrap();
    assert_eq!(take_until(&steady, tape.next.load(Ordering::SeqCst) - 1).await, 0);
    drop(steady);
    assert!(hub.is_empty());
}
