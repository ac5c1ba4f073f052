//! The quota of calls: a bucket of tokens per kind of call.

use crate::lanes::LaneError;
use std::num::NonZeroU32;

/// The kinds of calls that are counted, each by itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Send,
    Receive,
    Extend,
    Delete,
    Count,
}

/// So many calls of each kind a second, and as many at once after a quiet second.
#[derive(Debug)]
pub(super) struct Quota {
    calls_per_second: u64,
    buckets: [Bucket; 5],
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// A thousand are a call.
    thousandths: u64,
    filled_ms: u64,
}

impl Quota {
    pub(super) fn new(calls_per_second: NonZeroU32, now_ms: u64) -> Self {
        let calls_per_second = u64::from(calls_per_second.get());
        Self { calls_per_second, buckets: [Bucket { thousandths: calls_per_second * 1000, filled_ms: now_ms }; 5] }
    }

    /// Takes a call out of the quota.
    pub(super) fn take(&mut self, call: Call, now_ms: u64) -> Result<(), LaneError> {
        let bucket = &mut self.buckets[call as usize];
        let elapsed_ms = now_ms.saturating_sub(bucket.filled_ms).min(1000);
        bucket.thousandths =
            (bucket.thousandths + elapsed_ms * self.calls_per_second).min(self.calls_per_second * 1000);
        bucket.filled_ms = now_ms;
        match bucket.thousandths.checked_sub(1000) {
            Some(left) => {
                bucket.thousandths = left;
                Ok(())
            }
            None => Err(LaneError::Throttled(format!("{} calls of a kind a second", self.calls_per_second))),
        }
    }
}
