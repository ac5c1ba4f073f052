//! What a client chose for its whole connection, in the URL.

use emporion_api::{ApiError, Code, Params, TimeUnit};
use http::Uri;

/// A connection's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choices {
    /// The unit of the times in answers and events.
    pub(super) time_unit: TimeUnit,
    /// Whether answers show what is used of the limits, where a message does not say it.
    pub(super) return_rate_limits: bool,
}

impl Choices {
    /// Reads the URL's query. As everywhere, what is not documented is refused rather than ignored.
    pub(super) fn read(uri: &Uri) -> Result<Self, ApiError> {
        let params = Params::parse(uri.query().unwrap_or_default().as_bytes(), b"")?;
        params.read(|reader| {
            match reader.text("responseFormat") {
                None | Some("json") => {}
                Some("sbe") => return Err(Code::SbeDisabled.into()),
                Some(_) => return Err(ApiError::invalid_parameter("responseFormat")),
            }
            let time_unit = reader.text(TimeUnit::PARAM).map(|text| TimeUnit::parse(text.as_bytes()));
            Ok(Self {
                time_unit: time_unit.transpose()?.unwrap_or_default(),
                return_rate_limits: reader.optional("returnRateLimits")?.unwrap_or(true),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Result<(TimeUnit, bool), i32>) {
        let uri: Uri = format!("/ws-api/v3?{query}").parse().expect("a URI");
        let choices = Choices::read(&uri);
        let got = choices.map(|choices| (choices.time_unit, choices.return_rate_limits));
        assert_eq!(got.map_err(|error| error.code.number()), expected, "{query}");
    }

    #[test]
    fn a_connection_is_as_its_url_says() {
        check("", Ok((TimeUnit::Millisecond, true)));
        check("returnRateLimits=false", Ok((TimeUnit::Millisecond, false)));
        check("timeUnit=microsecond&returnRateLimits=true", Ok((TimeUnit::Microsecond, true)));
        check("timeUnit=MILLISECOND&responseFormat=json", Ok((TimeUnit::Millisecond, true)));
        check("timeUnit=second", Err(-1194));
        check("timeUnit=", Err(-1194));
        check("returnRateLimits=no", Err(-1100));
        check("responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=4", Err(-1155));
        check("responseFormat=xml", Err(-1130));
        check("timeUnits=MICROSECOND", Err(-1104));
    }
}
