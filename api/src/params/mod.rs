//! The parameters of a request: from raw bytes to typed values, decoded exactly once.
//!
//! [`Params`] holds names and values as text. Only [`Params::read`] hands out typed values, and it refuses
//! what the endpoint did not ask for, so no parameter is ever ignored in silence.

mod decode;
mod reader;
mod values;

pub use reader::{Param, Reader};
pub use values::{NumberText, Symbols, Texts, TimeZone};

use crate::{ApiError, Code};
use decode::decode_into;

/// The most parameters in one request; no endpoint takes more than 30.
pub const PARAMS_MAX: usize = 64;

/// A request's parameters, in the order in which they were sent, query before body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// Decoded names and values, one behind the other.
    text: String,
    entries: Vec<Entry>,
}

/// Where an entry lies in `Params::text`: the name from `start` to `equals`, the value from there to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    start: usize,
    equals: usize,
    end: usize,
}

impl Params {
    /// Decodes a raw query string and a raw form body, whatever its content type says. Where a name is in
    /// both, the query counts and the body's value is dropped; a name twice in one of them is refused.
    pub fn parse(query: &[u8], body: &[u8]) -> Result<Self, ApiError> {
        let mut params = Self { text: String::with_capacity(query.len() + body.len()), entries: Vec::with_capacity(8) };
        params.decode(query)?;
        let in_query = params.entries.len();
        params.decode(body)?;
        params.merge(in_query)?;
        Ok(params)
    }

    /// The parameters of a message: names and values as they are, nothing to be decoded. The bounds and the
    /// alphabet are those of a query.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ApiError> {
        let mut params = Self::default();
        for (name, value) in pairs {
            if params.entries.len() == PARAMS_MAX {
                return Err(Code::TooManyParameters.into());
            }
            if name.chars().chain(value.chars()).any(char::is_control) {
                return Err(Code::IllegalChars.into());
            }
            if params.index(name).is_some() {
                return Err(ApiError::duplicate_parameter(name));
            }
            let start = params.text.len();
            params.text.push_str(name);
            let equals = params.text.len();
            params.text.push_str(value);
            params.entries.push(Entry { start, equals, end: params.text.len() });
        }
        Ok(params)
    }

    /// The value of `name`, which may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.index(name).map(|index| self.value(index))
    }

    /// Names and values in the order in which they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.entries.len()).map(|index| (self.name(index), self.value(index)))
    }

    /// How many parameters were sent.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none was sent.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn index(&self, name: &str) -> Option<usize> {
        (0..self.entries.len()).find(|&index| self.name(index) == name)
    }

    fn name(&self, index: usize) -> &str {
        let entry = self.entries[index];
        &self.text[entry.start..entry.equals]
    }

    fn value(&self, index: usize) -> &str {
        let entry = self.entries[index];
        &self.text[entry.equals..entry.end]
    }

    fn decode(&mut self, raw: &[u8]) -> Result<(), ApiError> {
        for pair in raw.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            if self.entries.len() == PARAMS_MAX {
                return Err(Code::TooManyParameters.into());
            }
            let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let start = self.text.len();
            decode_into(&mut self.text, &pair[..equals])?;
            let middle = self.text.len();
            decode_into(&mut self.text, pair.get(equals + 1..).unwrap_or_default())?;
            self.entries.push(Entry { start, equals: middle, end: self.text.len() });
        }
        Ok(())
    }

    /// Drops the body's entries whose name is in the query, and refuses doubles within one place.
    fn merge(&mut self, in_query: usize) -> Result<(), ApiError> {
        let mut kept = Vec::with_capacity(self.entries.len());
        for index in 0..self.entries.len() {
            let name = self.name(index);
            let place = if index < in_query { 0..index } else { in_query..index };
            if place.clone().any(|earlier| self.name(earlier) == name) {
                return Err(ApiError::duplicate_parameter(name));
            }
            if index < in_query || !(0..in_query).any(|queried| self.name(queried) == name) {
                kept.push(self.entries[index]);
            }
        }
        self.entries = kept;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(query: &str, body: &str, expected: &[(&str, &str)]) {
        let params = Params::parse(query.as_bytes(), body.as_bytes()).expect("well-formed");
        assert_eq!(params.iter().collect::<Vec<_>>(), expected, "{query:?} + {body:?}");
    }

    #[track_caller]
    fn check_error(query: &[u8], body: &[u8], code: Code, message: &str) {
        let error = Params::parse(query, body).expect_err("ill-formed");
        assert_eq!((error.code, error.message.as_ref()), (code, message), "{query:?} + {body:?}");
    }

    #[test]
    fn query_and_body_become_one_list() {
        check("", "", &[]);
        check("a=1&b=2", "", &[("a", "1"), ("b", "2")]);
        check("", "a=1&b=2", &[("a", "1"), ("b", "2")]);
        check("a=1", "b=2&c=3", &[("a", "1"), ("b", "2"), ("c", "3")]);
        check("&&a=1&&b=2&", "&", &[("a", "1"), ("b", "2")]);
        check("a", "b=", &[("a", ""), ("b", "")]);
        check("a=1=2", "", &[("a", "1=2")]);
    }

    #[test]
    fn the_query_wins_over_the_body() {
        check("symbol=BTCUSDT", "symbol=ETHUSDT&side=BUY", &[("symbol", "BTCUSDT"), ("side", "BUY")]);
        check("symbol=", "symbol=ETHUSDT", &[("symbol", "")]);
    }

    #[test]
    fn everything_is_decoded_exactly_once() {
        check("s=%5B%22BTCUSDT%22%5D", "", &[("s", "[\"BTCUSDT\"]")]);
        check("a=x+y&b=x%2By", "c=x+y", &[("a", "x y"), ("b", "x+y"), ("c", "x y")]);
        check("a=%2541&%62=%C3%A9", "", &[("a", "%41"), ("b", "é")]);
        check("symbol=%EF%BC%91", "", &[("symbol", "１")]);
        check("a=1;b=2", "", &[("a", "1;b=2")]);
    }

    #[test]
    fn doubles_within_one_place_are_refused() {
        let message = "Duplicate values for parameter 'a'.";
        check_error(b"a=1&a=2", b"", Code::TooManyParameters, message);
        check_error(b"", b"a=1&b=2&a=1", Code::TooManyParameters, message);
        check_error(b"a=1&%61=2", b"", Code::TooManyParameters, message);
        check_error(b"a=1", b"a=2&a=3", Code::TooManyParameters, message);
    }

    #[test]
    fn ill_formed_bytes_are_refused() {
        for raw in [
            &b"a=%"[..],
            b"a=%4",
            b"a=%GG",
            b"a=%FF",
            b"a=\xFF",
            b"a=%00",
            b"a=\0",
            b"a=%0A",
            b"a=%7F",
            b"%C0%80=1",
            b"%ED%A0%80=1",
        ] {
            check_error(raw, b"", Code::IllegalChars, "Illegal characters found in a parameter.");
            check_error(b"", raw, Code::IllegalChars, "Illegal characters found in a parameter.");
        }
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let many: Vec<String> = (0..=PARAMS_MAX).map(|n| format!("p{n}=1")).collect();
        assert_eq!(Params::parse(many[1..].join("&").as_bytes(), b"").expect("as many as allowed").len(), PARAMS_MAX);
        check_error(many.join("&").as_bytes(), b"", Code::TooManyParameters, Code::TooManyParameters.text());
    }

    #[test]
    fn pairs_are_taken_as_they_are_within_the_bounds_of_a_query() {
        let pairs = [("symbol", "%41+&="), ("", ""), ("é", "1.0")];
        assert_eq!(Params::from_pairs(pairs).expect("well-formed").iter().collect::<Vec<_>>(), pairs);
        let code = |pairs: &[(&str, &str)]| Params::from_pairs(pairs.iter().copied()).map_err(|error| error.code);
        assert_eq!(code(&[("a", "1"), ("b", "2"), ("a", "1")]), Err(Code::TooManyParameters));
        assert_eq!(code(&[("a", "\n")]), Err(Code::IllegalChars));
        assert_eq!(code(&[("a\u{7f}", "")]), Err(Code::IllegalChars));
        let names: Vec<String> = (0..=PARAMS_MAX).map(|n| n.to_string()).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(code(&many[1..]).expect("as many as allowed").len(), PARAMS_MAX);
        assert_eq!(code(&many), Err(Code::TooManyParameters));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(query in prop::collection::vec(any::<u8>(), 0..200), body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(params) = Params::parse(&query, &body) {
                prop_assert!(params.iter().all(|(name, value)| params.get(name) == Some(value)));
            }
        }

        #[test]
        fn encoded_pairs_come_back(pairs in prop::collection::btree_map("[a-z]{1,8}", "[ -~é]{0,20}", 0..10)) {
            let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", crate::signing::percent_encode(value))).collect();
            let params = Params::parse(query.join("&").as_bytes(), b"").expect("well-formed");
            let back: Vec<_> = params.iter().collect();
            prop_assert_eq!(back, pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>());
        }
    }
}
