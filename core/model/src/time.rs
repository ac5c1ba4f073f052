//! Engine time: integer microseconds since 1970-01-01 UTC.

use crate::codec::durable_newtype;

/// Microseconds since the Unix epoch, UTC, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeUs(pub u64);

durable_newtype!(TimeUs(u64));

/// Microseconds in a second.
pub const SECOND_US: u64 = 1_000_000;

impl TimeUs {
    /// Whole seconds since the epoch.
    pub fn second(self) -> u64 {
        self.0 / SECOND_US
    }

    /// Whole milliseconds since the epoch, as most public answers give it.
    pub fn millis(self) -> u64 {
        self.0 / 1_000
    }

    /// The start of the second with this number.
    pub fn from_second(second: u64) -> Self {
        Self(second.saturating_mul(SECOND_US))
    }

    /// The time this many milliseconds since the epoch.
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Later by `microseconds`, or the end of time.
    pub fn plus_us(self, microseconds: u64) -> Self {
        Self(self.0.saturating_add(microseconds))
    }

    /// Microseconds from `earlier` until this, zero when this is not later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
