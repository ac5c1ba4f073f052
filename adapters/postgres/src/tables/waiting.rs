//! Waiting until a copy of the tables is somewhere. While anybody in this process waits, one of them asks for all.

use std::future::Future;
use std::time::Duration;

use emporion_model::Seq;
use emporion_ports::store::StoreError;
use emporion_ports::tables::Waited;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout, timeout_at};

/// The first pause between two looks; each is half as long again as the one before, up to the longest.
const PAUSE: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// Where one copy of the tables stands, as far as this process knows.
#[derive(Default)]
pub(super) struct Standing {
    seen: watch::Sender<Seq>,
    /// Whose turn it is to look.
    turn: Mutex<()>,
}

impl Standing {
    /// The copy was seen at `seq`.
    pub(super) fn reached(&self, seq: Seq) {
        self.seen.send_if_modified(|seen| {
            let is_news = *seen < seq;
            *seen = (*seen).max(seq);
            is_news
        });
    }

    /// The copy is not, or no more, where it was seen.
    pub(super) fn begin_again(&self) {
        self.seen.send_replace(Seq::ZERO);
    }

    /// Waits until the copy holds `seq`, for at most `patience`; looks once in any case.
    pub(super) async fn wait<F>(&self, seq: Seq, patience: Duration, look: impl Fn() -> F) -> Result<Waited, StoreError>
    where
        F: Future<Output = Result<Seq, StoreError>>,
    {
        let until = Instant::now() + patience;
        let mut seen = self.seen.subscribe();
        if *seen.borrow_and_update() >= seq {
            return Ok(Waited::Reached);
        }
        let turns = async {
            let _turn = self.turn.lock().await;
            let mut pause = PAUSE;
            loop {
                if *self.seen.borrow() >= seq {
                    return Ok(());
                }
                self.reached(look().await?);
                if *self.seen.borrow() >= seq {
                    return Ok(());
                }
                let mut news = self.seen.subscribe();
                // Whoever projects in this process says so at once.
                let _ = timeout(pause, news.wait_for(|seen| *seen >= seq)).await;
                pause = (pause * 3 / 2).min(PAUSE_MAX);
            }
        };
        let waited = timeout_at(until, async {
            tokio::select! {
                _ = seen.wait_for(|seen| *seen >= seq) => Ok(()),
                looked = turns => looked,
            }
        });
        match waited.await {
            Ok(outcome) => outcome.map(|()| Waited::Reached),
            Err(_) => {
                self.reached(look().await?);
                Ok(if *self.seen.borrow() >= seq { Waited::Reached } else { Waited::TimedOut })
            }
        }
    }
}
