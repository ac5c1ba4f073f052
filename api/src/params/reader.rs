//! Typed reading: each parameter is asked for by name, and what nobody asked for is refused at the end.

use super::Params;
use crate::ApiError;

/// A type that a parameter's text can become.
pub trait Param<'p>: Sized {
    /// Reads `text`, which is not empty. `name` is only for the error's text.
    fn read(name: &'static str, text: &'p str) -> Result<Self, ApiError>;
}

/// Reads the parameters of one request. Made by [`Params::read`], which checks afterwards that nothing was
/// left unread.
#[derive(Debug)]
pub struct Reader<'p> {
    params: &'p Params,
    /// Bit `i` is set when parameter `i` was asked for.
    read: u64,
    /// Whether the endpoint asked for anything at all.
    asked: bool,
}

/// What every signed request carries besides its own parameters; read by the authentication.
const SIGNED_PARAMS: [&str; 3] = ["timestamp", "recvWindow", "signature"];

/// What a message of the WebSocket API may carry besides its method's parameters, and what a signed one may.
const MESSAGE_PARAMS: [&str; 1] = ["returnRateLimits"];
const SIGNED_MESSAGE_PARAMS: [&str; 5] = ["returnRateLimits", "apiKey", "timestamp", "recvWindow", "signature"];

impl Params {
    /// Reads an open endpoint's parameters with `read` and refuses any that it did not ask for.
    pub fn read<'p, T>(&'p self, read: impl FnOnce(&mut Reader<'p>) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let mut reader = Reader { params: self, read: 0, asked: false };
        let value = read(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// Reads some parameters with `read` and leaves the others to someone else.
    pub fn peek<'p, T>(&'p self, read: impl FnOnce(&mut Reader<'p>) -> Result<T, ApiError>) -> Result<T, ApiError> {
        read(&mut Reader { params: self, read: 0, asked: false })
    }

    /// As [`Params::read`], for an endpoint whose authentication has read `timestamp`, `recvWindow` and
    /// `signature`.
    pub fn read_signed<'p, T>(
        &'p self,
        read: impl FnOnce(&mut Reader<'p>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.read_besides(&SIGNED_PARAMS, read)
    }

    /// As [`Params::read`], for a message of the WebSocket API: what belongs to its envelope is read.
    pub fn read_message<'p, T>(
        &'p self,
        read: impl FnOnce(&mut Reader<'p>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.read_besides(&MESSAGE_PARAMS, read)
    }

    /// As [`Params::read_message`], for a message whose authentication has read what a signed one carries.
    pub fn read_signed_message<'p, T>(
        &'p self,
        read: impl FnOnce(&mut Reader<'p>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.read_besides(&SIGNED_MESSAGE_PARAMS, read)
    }

    /// As [`Params::read`], where `names` are read elsewhere.
    fn read_besides<'p, T>(
        &'p self,
        names: &[&str],
        read: impl FnOnce(&mut Reader<'p>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.read(|reader| {
            for name in names {
                reader.text(name);
            }
            read(reader)
        })
    }
}

impl<'p> Reader<'p> {
    /// The text of `name` as it was sent, which may be empty.
    pub fn text(&mut self, name: &str) -> Option<&'p str> {
        self.asked = true;
        let index = self.params.index(name)?;
        self.read |= 1 << index;
        Some(self.params.value(index))
    }

    /// The value of `name` if it was sent; an empty one is refused (-1105).
    pub fn optional<T: Param<'p>>(&mut self, name: &'static str) -> Result<Option<T>, ApiError> {
        match self.text(name) {
            None => Ok(None),
            Some("") => Err(ApiError::empty_parameter(name)),
            Some(text) => T::read(name, text).map(Some),
        }
    }

    /// The value of `name`, which must be there (-1102).
    pub fn required<T: Param<'p>>(&mut self, name: &'static str) -> Result<T, ApiError> {
        self.optional(name)?.ok_or_else(|| ApiError::mandatory(name))
    }

    /// How many rows are wanted: `default` if `limit` was not sent, `max` if more were asked for.
    pub fn limit(&mut self, default: u32, max: u32) -> Result<u32, ApiError> {
        match self.optional::<u64>("limit")? {
            None => Ok(default),
            Some(0) => Err(ApiError::invalid_parameter("limit")),
            Some(wanted) => Ok(u32::try_from(wanted).map_or(max, |wanted| wanted.min(max))),
        }
    }

    /// Refuses `name` (-1106) where it does not go with the other parameters.
    pub fn forbidden(&mut self, name: &'static str) -> Result<(), ApiError> {
        match self.text(name) {
            None => Ok(()),
            Some(_) => Err(ApiError::not_required(name)),
        }
    }

    fn finish(self) -> Result<(), ApiError> {
        let sent = self.params.len();
        let read = self.read.count_ones() as usize;
        if read == sent {
            return Ok(());
        }
        if !self.asked {
            return Err(ApiError::too_many_parameters(0, sent));
        }
        Err(ApiError::unread_parameters(read, sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn params(query: &str) -> Params {
        Params::parse(query.as_bytes(), b"").expect("well-formed")
    }

    #[track_caller]
    fn check<T: std::fmt::Debug + PartialEq>(got: Result<T, ApiError>, expected: Result<T, (Code, &str)>) {
        let got = got.as_ref().map_err(|error| (error.code, error.message.as_ref()));
        assert_eq!(got, expected.as_ref().map_err(|error| *error));
    }

    #[test]
    fn parameters_are_read_by_name() {
        let both = |reader: &mut Reader<'_>| Ok((reader.required::<u64>("a")?, reader.optional::<u64>("b")?));
        check(params("b=2&a=1").read(both), Ok((1, Some(2))));
        check(params("a=1").read(both), Ok((1, None)));
        let missing = (Code::MandatoryParam, "Mandatory parameter 'a' was not sent, was empty/null, or malformed.");
        check(params("b=2").read(both), Err(missing));
        check(params("a=&b=2").read(both), Err((Code::ParamEmpty, "Parameter 'a' was empty.")));
        check(params("a=1&b=").read(both), Err((Code::ParamEmpty, "Parameter 'b' was empty.")));
    }

    #[test]
    fn what_was_not_asked_for_is_refused() {
        let one = |reader: &mut Reader<'_>| reader.required::<u64>("a");
        let unread = "Not all sent parameters were read; read '1' parameter(s) but was sent '3'.";
        check(params("a=1&b=2&c=3").read(one), Err((Code::UnreadParameters, unread)));
        check(params("").read(|_| Ok(())), Ok(()));
        let none = "Too many parameters; expected '0' and received '2'.";
        check(params("a=1&b=2").read(|_| Ok(())), Err((Code::TooManyParameters, none)));
    }

    #[test]
    fn a_signed_endpoint_has_read_what_authentication_reads() {
        let signed = params("a=1&timestamp=1&recvWindow=2&signature=3");
        check(signed.read_signed(|reader| reader.required::<u64>("a")), Ok(1));
        let unread = "Not all sent parameters were read; read '3' parameter(s) but was sent '4'.";
        check(signed.read_signed(|_| Ok(())), Err((Code::UnreadParameters, unread)));
    }

    #[test]
    fn a_message_has_read_what_belongs_to_its_envelope() {
        let all = params("a=1&returnRateLimits=false&apiKey=k&timestamp=1&recvWindow=2&signature=3");
        check(all.read_signed_message(|reader| reader.required::<u64>("a")), Ok(1));
        let unread = "Not all sent parameters were read; read '2' parameter(s) but was sent '6'.";
        let open = all.read_message(|reader| reader.required::<u64>("a"));
        check(open, Err((Code::UnreadParameters, unread)));
        let none = "Not all sent parameters were read; read '0' parameter(s) but was sent '1'.";
        check(params("a=1").read_message(|_| Ok(())), Err((Code::UnreadParameters, none)));
        check(params("returnRateLimits=true").read_message(|_| Ok(())), Ok(()));
    }

    #[test]
    fn limits_are_capped_and_never_zero() {
        let limit = |query: &str| params(query).read(|reader| reader.limit(500, 1000));
        check(limit(""), Ok(500));
        check(limit("limit=7"), Ok(7));
        check(limit("limit=1001"), Ok(1000));
        check(limit("limit=99999999999"), Ok(1000));
        check(limit("limit=0"), Err((Code::InvalidParameter, "Data sent for parameter 'limit' is not valid.")));
    }

    #[test]
    fn a_parameter_can_be_forbidden() {
        let none = |reader: &mut Reader<'_>| reader.forbidden("price");
        check(params("").read(none), Ok(()));
        check(params("price=1").read(none), Err((Code::ParamNotRequired, "Parameter 'price' sent when not required.")));
    }
}
