//! The edge's clock: the system's, or a test's.

use emporion_model::TimeUs;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time; cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> TimeUs + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place where the clock comes from")]
        fn now() -> TimeUs {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            TimeUs(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
        }
        Self::new(now)
    }

    /// A clock that shows what `now` returns.
    pub fn new(now: impl Fn() -> TimeUs + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> TimeUs {
        (self.0)()
    }
}
