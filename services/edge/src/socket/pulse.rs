//! Whether a client is still there: the pings we sent and the pongs that came.

use super::SocketOptions;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// One connection's pings. Its reader and its writer share it.
pub(super) struct Pulse {
    pong_timeout: Duration,
    /// Payload and time of the pings without a pong, oldest first.
    unanswered: Mutex<VecDeque<(Bytes, Instant)>>,
    /// Whether we are not reading, so that a pong may have come unseen.
    is_held: AtomicBool,
}

impl Pulse {
    pub(super) fn new(options: &SocketOptions) -> Self {
        Self { pong_timeout: options.pong_timeout, unanswered: Mutex::default(), is_held: AtomicBool::new(false) }
    }

    /// Notes that a ping with this payload goes out.
    pub(super) fn pinged(&self, payload: Bytes) {
        self.unanswered.lock().push_back((payload, Instant::now()));
    }

    /// Notes a pong. It answers the ping with its payload and those before; one that nobody asked for answers none.
    pub(super) fn ponged(&self, payload: &[u8]) {
        let mut unanswered = self.unanswered.lock();
        if let Some(place) = unanswered.iter().rposition(|(sent, _)| sent == payload) {
            unanswered.drain(..=place);
        }
    }

    /// Waits for `work`, during which nothing is read.
    pub(super) async fn hold(&self, work: impl Future<Output = ()>) {
        self.is_held.store(true, Ordering::Relaxed);
        work.await;
        self.is_held.store(false, Ordering::Relaxed);
    }

    /// Waits until a ping was not answered in time.
    pub(super) async fn stopped(&self) {
        loop {
            // While no ping is unanswered, none can be overdue sooner than one that is sent now.
            let oldest = self.unanswered.lock().front().map(|(_, sent)| *sent);
            let due = oldest.unwrap_or_else(Instant::now) + self.pong_timeout;
            if due > Instant::now() {
                sleep_until(due).await;
            } else if self.is_held.load(Ordering::Relaxed) {
                sleep_until(Instant::now() + self.pong_timeout).await;
            } else {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn pulse() -> Pulse {
        Pulse::new(&SocketOptions { pong_timeout: TIMEOUT, ..SocketOptions::default() })
    }

    /// Pings as told, answers as told, and says whether the pulse has stopped once the timeout is over.
    async fn stops(pings: &[&'static str], pongs: &[&str]) -> bool {
        let pulse = pulse();
        for ping in pings {
            pulse.pinged(Bytes::from_static(ping.as_bytes()));
        }
        for pong in pongs {
            pulse.ponged(pong.as_bytes());
        }
        tokio::time::advance(TIMEOUT).await;
        pulse.stopped().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_answer_keeps_alive() {
        for (pings, pongs, expected) in [
            (&[][..], &[][..], false),
            (&["1"], &[], true),
            (&["1"], &["1"], false),
            (&["1"], &["2", ""], true),
            (&["1", "2"], &["1"], true),
            (&["1", "2"], &["2"], false),
            (&["1", "2"], &["2", "1"], false),
        ] {
            assert_eq!(stops(pings, pongs).await, expected, "{pings:?} {pongs:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_by_itself() {
        let pulse = pulse();
        pulse.pinged(Bytes::from_static(b"1"));
        let began = Instant::now();
        pulse.stopped().await;
        assert!(began.elapsed() < TIMEOUT + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_we_do_not_read_is_not_blamed() {
        let pulse = pulse();
        pulse.pinged(Bytes::from_static(b"1"));
        let work = async {
            tokio::time::advance(3 * TIMEOUT).await;
            assert!(pulse.stopped().now_or_never().is_none());
        };
        pulse.hold(work).await;
        assert!(pulse.stopped().now_or_never().is_some());
    }
}
