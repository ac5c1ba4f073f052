//! Calls that wait for their outcome, of one connection.
//!
//! Handlers begin in the order of their messages: each is polled once before the next message is read. An order is
//! in the engine's queue after that poll, so a cancel that follows finds it. From there on they run side by side.

use futures_util::future::BoxFuture;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, unconstrained};

/// The most calls of one connection that wait.
const PLACES: usize = 64;

/// The waiting calls; dropped with their connection.
pub(super) struct InFlight {
    places: Arc<Semaphore>,
    waiting: JoinSet<()>,
}

/// The right to wait.
pub(super) struct Place(#[expect(dead_code, reason = "its drop frees the place")] OwnedSemaphorePermit);

impl InFlight {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)), waiting: JoinSet::new() }
    }

    /// Waits until one more call may wait.
    pub(super) async fn place(&self) -> Place {
        Place(self.places.clone().acquire_owned().await.expect("it is never closed"))
    }

    /// Polls `call` once, then lets it run by itself.
    pub(super) async fn start(&mut self, place: Place, mut call: BoxFuture<'static, ()>) {
        while self.waiting.try_join_next().is_some() {}
        // Constrained, a busy connection's handler could be made to wait before it does what it does at first.
        let first_poll = unconstrained(poll_fn(|context| Poll::Ready(call.as_mut().poll(context)))).await;
        if first_poll.is_pending() {
            self.waiting.spawn(async move {
                call.await;
                drop(place);
            });
        }
    }
}
