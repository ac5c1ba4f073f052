//! Times in answers: milliseconds, or microseconds for a client that asks for them.

use crate::{ApiError, Code};
use emporion_model::TimeUs;
use serde::{Deserialize, Serialize};

/// The unit of every time in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// The default.
    #[default]
    Millisecond,
    /// Asked for with `X-MBX-TIME-UNIT: MICROSECOND`, or `timeUnit` in the URL of a socket.
    Microsecond,
}

impl TimeUnit {
    /// The request header that chooses the unit.
    pub const HEADER: &str = "x-mbx-time-unit";

    /// The parameter of a socket's URL that chooses the unit.
    pub const PARAM: &str = "timeUnit";

    /// Reads the header's or the parameter's value: the unit in capitals or in lower case, else -1194.
    pub fn parse(header: &[u8]) -> Result<Self, ApiError> {
        match header {
            b"MILLISECOND" | b"millisecond" => Ok(Self::Millisecond),
            b"MICROSECOND" | b"microsecond" => Ok(Self::Microsecond),
            _ => Err(Code::InvalidTimeUnit.into()),
        }
    }

    /// `time` in this unit, as an answer carries it.
    pub fn of(self, time: TimeUs) -> Time {
        let number = match self {
            Self::Millisecond => time.millis(),
            Self::Microsecond => time.0,
        };
        Time(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// A time in an answer, already in the client's unit. Only [`TimeUnit::of`] makes one, so none goes out
/// unconverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// What stands where something has not happened: -1.
    pub const NEVER: Self = Self(-1);

    /// The number on the wire.
    pub fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_the_unit() {
        let time = TimeUs(1_499_827_319_559_999);
        assert_eq!(serde_json::to_string(&TimeUnit::default().of(time)).expect("a number"), "1499827319559");
        assert_eq!(TimeUnit::Microsecond.of(time).number(), 1_499_827_319_559_999);
        assert_eq!(TimeUnit::Microsecond.of(TimeUs(u64::MAX)).number(), i64::MAX);
    }

    #[test]
    fn units_are_named_in_one_case() {
        assert_eq!(TimeUnit::parse(b"MICROSECOND"), Ok(TimeUnit::Microsecond));
        assert_eq!(TimeUnit::parse(b"millisecond"), Ok(TimeUnit::Millisecond));
        for header in [&b""[..], b"Microsecond", b"us", b"MICROSECOND "] {
            assert_eq!(TimeUnit::parse(header), Err(Code::InvalidTimeUnit.into()));
        }
    }
}
