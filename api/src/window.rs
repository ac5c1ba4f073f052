//! When a signed request is still valid: `timestamp` and `recvWindow` against the server's clock.

use crate::params::NumberText;
use crate::{ApiError, Code, Params, Reader};
use emporion_model::TimeUs;

/// The longest `recvWindow`, in milliseconds; also how long a command can live.
pub const RECV_WINDOW_MS_MAX: u64 = 60_000;

/// `recvWindow` of a request that names none, in microseconds.
const RECV_WINDOW_US_DEFAULT: u64 = 5_000_000;

/// How far a client's clock may be ahead, in microseconds; this much ahead is already refused.
const AHEAD_US: u64 = 1_000_000;

/// When a request was made and for how long it is valid, as the client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// `timestamp`, in microseconds.
    pub timestamp: TimeUs,
    /// `recvWindow`, in microseconds, at most a minute.
    pub recv_window_us: u64,
}

impl Validity {
    /// Reads `timestamp` (mandatory) and `recvWindow` of a signed request.
    pub fn read(params: &Params) -> Result<Self, ApiError> {
        params.peek(|reader| {
            let timestamp = reader.required("timestamp")?;
            let recv_window_us = recv_window_us(reader)?.unwrap_or(RECV_WINDOW_US_DEFAULT);
            Ok(Self { timestamp, recv_window_us })
        })
    }

    /// The last microsecond at which the request may be executed.
    pub fn deadline(&self) -> TimeUs {
        self.timestamp.plus_us(self.recv_window_us)
    }

    /// Whether the request is valid at `now` (-1021 if not), and until when.
    ///
    /// Binance's rule: `timestamp < now + 1 s` and `now − timestamp <= recvWindow`. It is checked again just
    /// before the engine, against the deadline.
    pub fn check(&self, now: TimeUs) -> Result<TimeUs, ApiError> {
        if self.timestamp >= now.plus_us(AHEAD_US) {
            return Err(ApiError::timestamp_ahead());
        }
        if now > self.deadline() {
            return Err(Code::InvalidTimestamp.into());
        }
        Ok(self.deadline())
    }
}

/// `recvWindow` is sent in milliseconds with up to three decimals.
fn recv_window_us(reader: &mut Reader<'_>) -> Result<Option<u64>, ApiError> {
    let Some(text) = reader.optional::<NumberText<'_>>("recvWindow")? else {
        return Ok(None);
    };
    let too_long = || ApiError::greater_than_allowed("recvWindow", RECV_WINDOW_MS_MAX);
    let microseconds = text.scaled::<u128>(3)?;
    let microseconds = u64::try_from(microseconds).map_err(|_| too_long())?;
    if microseconds > RECV_WINDOW_MS_MAX * 1_000 {
        return Err(too_long());
    }
    Ok(Some(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimeUs = TimeUs(1_700_000_000_000_000);
    const OUTSIDE: &str = "-1021 Timestamp for this request is outside of the recvWindow.";
    const AHEAD: &str = "-1021 Timestamp for this request was 1000ms ahead of the server's time.";

    /// The deadline relative to now, in microseconds.
    #[track_caller]
    fn check(query: &str, expected: Result<i64, &str>) {
        let params = Params::parse(query.as_bytes(), b"").expect("well-formed");
        let deadline = Validity::read(&params).and_then(|validity| validity.check(NOW));
        let got = deadline.map(|deadline| deadline.0 as i64 - NOW.0 as i64);
        assert_eq!(
            got.map_err(|error| format!("{} {}", error.code.number(), error.message)),
            expected.map_err(str::to_owned),
            "{query}"
        );
    }

    #[test]
    fn the_window_is_inclusive_behind_and_exclusive_ahead() {
        check("timestamp=1700000000000", Ok(5_000_000));
        check("timestamp=1699999995000", Ok(0));
        check("timestamp=1699999994999", Err(OUTSIDE));
        check("timestamp=1700000000999", Ok(5_999_000));
        check("timestamp=1700000001000", Err(AHEAD));
        check("timestamp=1700000000999999", Ok(5_999_999));
        check("timestamp=1700000001000000", Err(AHEAD));
        check("timestamp=1699999995000000", Ok(0));
        check("timestamp=1699999994999999", Err(OUTSIDE));
    }

    #[test]
    fn recv_window_is_milliseconds_with_three_decimals() {
        check("timestamp=1700000000000&recvWindow=60000", Ok(60_000_000));
        check("timestamp=1699999940000&recvWindow=60000.000", Ok(0));
        check("timestamp=1700000000000&recvWindow=0.001", Ok(1));
        check("timestamp=1700000000000&recvWindow=0", Ok(0));
        check("timestamp=1700000000000&recvWindow=6000.346", Ok(6_000_346));
        check("timestamp=1700000000000&recvWindow=1.0001", Err("-1111 Parameter 'recvWindow' has too much precision."));
        let too_long = Err("-1102 'recvWindow' contains unexpected value. Cannot be greater than 60000.");
        check("timestamp=1700000000000&recvWindow=60000.001", too_long);
        check("timestamp=1700000000000&recvWindow=99999999999999999999", too_long);
        check(
            "timestamp=1700000000000&recvWindow=-1",
            Err(
                r"-1100 Illegal characters found in parameter 'recvWindow'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
            ),
        );
    }

    #[test]
    fn times_out_of_any_range_are_refused() {
        check("timestamp=0", Err(OUTSIDE));
        check("timestamp=1483228799999", Err(OUTSIDE));
        check("timestamp=18446744073709551615", Err(AHEAD));
        check("timestamp=99999999999999", Err(AHEAD));
        check("", Err("-1102 Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."));
        check("timestamp=", Err("-1105 Parameter 'timestamp' was empty."));
        check(
            "timestamp=1700000000.5",
            Err("-1100 Illegal characters found in parameter 'timestamp'; legal range is '^[0-9]{1,20}$'."),
        );
    }
}
