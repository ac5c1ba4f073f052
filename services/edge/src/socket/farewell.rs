//! The end of a connection's life, and of the process's: announced first, then done.

use super::{Cut, Outbox};
use crate::Clock;
use crate::serve::ServeOptions;
use emporion_model::TimeUs;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Ends the connection of `outbox` when it lived long enough or the process stops; until then and after, waits.
///
/// When the process stops, its connections are told at random moments of the drain timeout's first half: clients
/// that all came back in one moment would bring down the next process.
pub(super) async fn farewell(
    outbox: &Outbox,
    clock: &Clock,
    is_combined: bool,
    options: &ServeOptions,
    mut draining: watch::Receiver<()>,
) -> Infallible {
    let end_of_life = Instant::now() + options.socket.lifetime;
    let (cut, pause) = tokio::select! {
        () = sleep_until(end_of_life) => (Cut::LIFETIME, options.socket.farewell),
        _ = draining.changed() => {
            sleep_until(Instant::now() + random_up_to(options.drain_timeout / 2)).await;
            (Cut::SHUTDOWN, options.socket.farewell.min(options.drain_timeout / 4))
        }
    };
    outbox.push(announcement(clock.now(), is_combined));
    sleep_until(Instant::now() + pause).await;
    outbox.close(cut);
    std::future::pending().await
}

fn announcement(now: TimeUs, is_combined: bool) -> Utf8Bytes {
    let event = format!(r#"{{"e":"serverShutdown","E":{}}}"#, now.millis());
    let text = if is_combined { format!(r#"{{"stream":"!serverShutdown","data":{event}}}"#) } else { event };
    Utf8Bytes::from(text)
}

fn random_up_to(max: Duration) -> Duration {
    SmallRng::from_os_rng().random_range(Duration::ZERO..=max)
}
