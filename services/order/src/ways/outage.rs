//! Says once that something fails, once a minute that it still does, and once that it works again.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Between two words about one outage.
const REMIND: Duration = Duration::from_secs(60);

/// Something that many tasks use, and that fails or works for all of them.
#[derive(Default)]
pub(super) struct Outage(Mutex<Option<Instant>>);

impl Outage {
    /// It failed: whether that is to be told.
    pub(super) fn failed(&self) -> bool {
        let (mut told_at, now) = (self.0.lock(), Instant::now());
        let is_news = told_at.is_none_or(|at| now - at >= REMIND);
        if is_news {
            *told_at = Some(now);
        }
        is_news
    }

    /// It works: whether that is to be told, because it did not.
    pub(super) fn works(&self) -> bool {
        self.0.lock().take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_at_its_beginning_each_minute_and_at_its_end() {
        let outage = Outage::default();
        assert!(!outage.works());
        assert!(outage.failed());
        assert!(!outage.failed());
        tokio::time::advance(REMIND).await;
        assert!(outage.failed());
        assert!(outage.works());
        assert!(!outage.works());
        assert!(outage.failed());
    }
}
