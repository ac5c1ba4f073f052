//! Parameters that several endpoints share: ids, and the part of a list that is wanted.

use emporion_api::params::{Param, Reader};
use emporion_api::{ApiError, Code};
use emporion_model::{ClientOrderId, OrderId, TimeUs};
use emporion_ports::tables::ListRange;

/// 2017-01-01, before which no venue of this kind has anything.
const FIRST_TIME: TimeUs = TimeUs(1_483_228_800_000_000);

/// How far ahead of the clock the end of a list may lie; what is later is cut off.
const AHEAD_US: u64 = 10_000_000;

/// The longest span of a list, in hours.
const SPAN_HOURS_MAX: u32 = 24;

/// A `LONG`: what is sent as a number must come back as one, so it is at most 2^63 − 1.
pub(super) fn long(reader: &mut Reader<'_>, name: &'static str) -> Result<Option<u64>, ApiError> {
    match reader.optional::<u64>(name)? {
        Some(number) if i64::try_from(number).is_err() => Err(ApiError::overflowed(name)),
        number => Ok(number),
    }
}

/// An order as its owner names it.
#[derive(Clone, Copy, Debug)]
pub(super) enum OrderName {
    /// By its id, and perhaps by its client order id as well, which must then agree.
    Id(OrderId, Option<ClientOrderId>),
    /// By its client order id alone.
    ClientId(ClientOrderId),
}

impl OrderName {
    /// Reads `orderId` and `origClientOrderId`, of which one must be there.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        let order_id = long(reader, "orderId")?.map(OrderId);
        let client_order_id = reader.optional("origClientOrderId")?;
        match (order_id, client_order_id) {
            (Some(order_id), client_order_id) => Ok(Self::Id(order_id, client_order_id)),
            (None, Some(client_order_id)) => Ok(Self::ClientId(client_order_id)),
            (None, None) => Err(ApiError::either_mandatory("origClientOrderId", "orderId")),
        }
    }

    pub(super) fn order_id(self) -> Option<OrderId> {
        match self {
            Self::Id(order_id, _) => Some(order_id),
            Self::ClientId(_) => None,
        }
    }

    pub(super) fn client_order_id(self) -> Option<ClientOrderId> {
        match self {
            Self::Id(_, client_order_id) => client_order_id,
            Self::ClientId(client_order_id) => Some(client_order_id),
        }
    }
}

/// `startTime` and `endTime` of a list, both inclusive.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: Option<TimeUs>,
    end: Option<TimeUs>,
}

/// The last microsecond of the time that was sent: a millisecond is a thousand of them.
struct Last(TimeUs);

impl Param<'_> for Last {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        let time = TimeUs::read(name, text)?;
        let is_microseconds = u64::read(name, text)? == time.0;
        Ok(Self(if is_microseconds { time } else { time.plus_us(999) }))
    }
}

impl Span {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        let start = reader.optional("startTime")?;
        let end = reader.optional::<Last>("endTime")?.map(|last| last.0);
        Ok(Self { start, end })
    }

    /// Whether neither end was sent.
    pub(super) fn is_open(&self) -> bool {
        self.start.is_none() && self.end.is_none()
    }

    /// The range at `now`. Times that cannot be are clamped, not refused; a span of more than 24 hours that
    /// is left then is refused (-1127).
    pub(super) fn range<Id>(&self, now: TimeUs) -> Result<ListRange<Id>, ApiError> {
        let clamp = |time: TimeUs| time.clamp(FIRST_TIME, now.plus_us(AHEAD_US).max(FIRST_TIME));
        let (start, end) = (self.start.map(clamp), self.end.map(clamp));
        if let (Some(start), Some(end)) = (start, end)
            && end.since(start) / 1_000 > u64::from(SPAN_HOURS_MAX) * 3_600_000
        {
            return Err(ApiError::more_than_hours(SPAN_HOURS_MAX));
        }
        Ok(ListRange::Times { start, end })
    }
}

/// -1128: the optional parameters do not go together.
pub(super) fn bad_combination() -> ApiError {
    Code::OptionalParamsBadCombo.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_api::Params;

    /// A microsecond after midnight of 2023-11-14.
    const NOW: TimeUs = TimeUs(1_699_920_000_000_001);

    #[track_caller]
    fn check(query: &str, expected: Result<(Option<u64>, Option<u64>), i32>) {
        let params = Params::parse(query.as_bytes(), b"").expect("well-formed");
        let range = params.read(Span::read).and_then(|span| span.range::<OrderId>(NOW));
        let got = range.map(|range| match range {
            ListRange::Times { start, end } => (start.map(|time| time.0), end.map(|time| time.0)),
            ListRange::FromId(_) => panic!("a span has no ids"),
        });
        assert_eq!(got.map_err(|error| error.code.number()), expected, "{query}");
    }

    #[test]
    fn both_ends_belong_to_a_span_in_either_unit() {
        check("", Ok((None, None)));
        let (start, end) = (1_699_900_000_000_000, 1_699_900_000_000_999);
        check("startTime=1699900000000", Ok((Some(start), None)));
        check("endTime=1699900000000", Ok((None, Some(end))));
        check("startTime=1699900000000&endTime=1699900000000", Ok((Some(start), Some(end))));
        check("startTime=1699900000000000&endTime=1699900000000000", Ok((Some(start), Some(start))));
        check("startTime=1699900000001&endTime=1699900000000", Ok((Some(start + 1_000), Some(end))));
    }

    #[test]
    fn times_that_cannot_be_are_clamped() {
        let first = 1_483_228_800_000_000;
        check("startTime=0", Ok((Some(first), None)));
        check("startTime=0&endTime=0", Ok((Some(first), Some(first))));
        check("endTime=9999999999999", Ok((None, Some(NOW.0 + AHEAD_US))));
        check(
            "startTime=1699900000000&endTime=9999999999999",
            Ok((Some(1_699_900_000_000_000), Some(NOW.0 + AHEAD_US))),
        );
        check("startTime=18446744073709551615", Ok((Some(NOW.0 + AHEAD_US), None)));
    }

    #[test]
    fn a_span_is_at_most_a_day() {
        let (start, day_later) = (1_699_800_000_000_u64, 1_699_886_400_000_u64);
        let ends = Ok((Some(start * 1_000), Some(day_later * 1_000 + 999)));
        check(&format!("startTime={start}&endTime={day_later}"), ends);
        check(&format!("startTime={start}&endTime={}", day_later + 1), Err(-1127));
        check("startTime=0&endTime=1699900000000", Err(-1127));
    }
}
