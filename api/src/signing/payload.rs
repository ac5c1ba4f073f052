//! The bytes that a signature covers, cut out of the raw query and body.

use crate::{ApiError, Code};

/// A signature and the pieces that it covers, in order. Their concatenation is the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPayload<'r> {
    parts: [&'r [u8]; 4],
    signature: &'r [u8],
}

impl<'r> SignedPayload<'r> {
    /// Cuts `signature` out of a raw query and body, wherever it stands.
    ///
    /// Without a signature this is -1102. It is -1022 when there are two, and when a pair does not have
    /// exactly one `=`: the payload has no separator between query and body, and with such pairs the same
    /// signed bytes could be cut elsewhere and mean another request. With exactly one `=` in every pair, a
    /// boundary that someone moved leaves a parameter name that does not exist, because no documented name
    /// ends in another one; the endpoint refuses it. No known client sends a signed request of that form.
    pub fn cut(query: &'r [u8], body: &'r [u8]) -> Result<Self, ApiError> {
        let in_query = split_off_signature(query)?;
        let in_body = split_off_signature(body)?;
        let signature = match (in_query.signature, in_body.signature) {
            (Some(_), Some(_)) => return Err(Code::InvalidSignature.into()),
            (None, None) => return Err(ApiError::mandatory("signature")),
            (Some(signature), None) | (None, Some(signature)) => signature,
        };
        let parts = [in_query.before, in_query.after, in_body.before, in_body.after];
        Ok(Self { parts, signature })
    }

    /// A payload in one piece, with its signature.
    pub(super) fn whole(payload: &'r [u8], signature: &'r [u8]) -> Self {
        Self { parts: [payload, &[], &[], &[]], signature }
    }

    /// The pieces of the payload, some of them empty.
    pub fn parts(&self) -> impl Iterator<Item = &'r [u8]> {
        self.parts.into_iter()
    }

    /// The payload in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        self.parts.concat()
    }

    /// The signature as it was sent, still percent-encoded.
    pub fn signature(&self) -> &'r [u8] {
        self.signature
    }
}

/// One place's bytes with the `signature` pair and one adjoining `&` taken out.
struct Place<'r> {
    before: &'r [u8],
    after: &'r [u8],
    signature: Option<&'r [u8]>,
}

fn split_off_signature(raw: &[u8]) -> Result<Place<'_>, ApiError> {
    let mut place = Place { before: raw, after: &[], signature: None };
    let mut start = 0;
    for pair in raw.split(|&byte| byte == b'&') {
        let end = start + pair.len();
        if let Some(signature) = pair.strip_prefix(b"signature=") {
            if place.signature.replace(signature).is_some() {
                return Err(Code::InvalidSignature.into());
            }
            (place.before, place.after) = without(raw, start, end);
        } else if !pair.is_empty() && pair.iter().filter(|&&byte| byte == b'=').count() != 1 {
            return Err(Code::InvalidSignature.into());
        }
        start = end + 1;
    }
    Ok(place)
}

/// What is left of `raw` around the pair at `start..end`: the `&` before it goes with it, or, where there is
/// none, the one behind it.
fn without(raw: &[u8], start: usize, end: usize) -> (&[u8], &[u8]) {
    match start.checked_sub(1) {
        Some(separator) => (&raw[..separator], &raw[end..]),
        None => (&[], raw.get(end + 1..).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Params;
    use proptest::prelude::*;

    #[track_caller]
    fn check(query: &str, body: &str, payload: &str, signature: &str) {
        let cut = SignedPayload::cut(query.as_bytes(), body.as_bytes()).expect("unambiguous");
        assert_eq!(String::from_utf8(cut.to_vec()).expect("text"), payload, "{query:?} + {body:?}");
        assert_eq!(cut.signature(), signature.as_bytes());
    }

    #[track_caller]
    fn check_error(query: &str, body: &str, code: Code) {
        let error = SignedPayload::cut(query.as_bytes(), body.as_bytes()).expect_err("refused");
        assert_eq!(error.code, code, "{query:?} + {body:?}");
    }

    #[test]
    fn the_signature_is_cut_out_wherever_it_stands() {
        check("a=1&b=2&signature=S", "", "a=1&b=2", "S");
        check("signature=S&a=1&b=2", "", "a=1&b=2", "S");
        check("a=1&signature=S&b=2", "", "a=1&b=2", "S");
        check("", "a=1&b=2&signature=S", "a=1&b=2", "S");
        check("signature=S", "", "", "S");
        check("signature=S", "a=1", "a=1", "S");
        check("a=1", "signature=S", "a=1", "S");
        check("signature=", "a=1", "a=1", "");
    }

    #[test]
    fn query_and_body_are_joined_without_a_separator() {
        check("a=1&b=2", "c=3&signature=S", "a=1&b=2c=3", "S");
        check("a=1&signature=S", "c=3&d=4", "a=1c=3&d=4", "S");
        check("a=1&", "&c=3&signature=S", "a=1&&c=3", "S");
    }

    #[test]
    fn bytes_are_taken_as_sent() {
        check("s=%5B%22A%22%5D&n=a+b&signature=%2B%2F%3D", "", "s=%5B%22A%22%5D&n=a+b", "%2B%2F%3D");
        check("a=1&signature=ab+c/d==", "", "a=1", "ab+c/d==");
    }

    #[test]
    fn what_could_be_cut_elsewhere_is_refused() {
        check_error("a=1", "b=2", Code::MandatoryParam);
        check_error("a=1&Signature=S", "", Code::MandatoryParam);
        check_error("a=1&signature=S", "b=2&signature=S", Code::InvalidSignature);
        check_error("signature=S&a=1&signature=S", "", Code::InvalidSignature);
        check_error("a=1b=2&signature=S", "", Code::InvalidSignature);
        check_error("a=1&b&signature=S", "", Code::InvalidSignature);
        check_error("a=1&signature=S", "0", Code::InvalidSignature);
        check_error("a=1&signature", "", Code::InvalidSignature);
    }

    /// Every name that an endpoint of this API reads.
    const NAMES: [&str; 24] = [
        "symbol",
        "symbols",
        "side",
        "type",
        "timeInForce",
        "quantity",
        "quoteOrderQty",
        "price",
        "newClientOrderId",
        "origClientOrderId",
        "orderId",
        "strategyId",
        "strategyType",
        "stopPrice",
        "icebergQty",
        "newOrderRespType",
        "selfTradePreventionMode",
        "limit",
        "fromId",
        "startTime",
        "endTime",
        "recvWindow",
        "timestamp",
        "omitZeroBalances",
    ];

    #[test]
    fn no_name_ends_in_another() {
        for name in NAMES {
            assert!(NAMES.iter().all(|other| *other == name || !name.ends_with(other)), "{name}");
        }
    }

    proptest! {
        /// Whoever moves the boundary of a signed request gets the same parameters, or a refusal.
        #[test]
        fn a_moved_boundary_never_means_another_request(
            pairs in prop::collection::btree_map(prop::sample::select(&NAMES[..]), "[A-Za-z0-9.]{1,6}", 1..6),
            boundary in 0usize..80,
            moved in 0usize..80,
        ) {
            let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let boundary = boundary % (pairs.len() + 1);
            let (query, body) = (pairs[..boundary].join("&"), pairs[boundary..].join("&"));
            let payload = format!("{query}{body}");
            let (moved_query, moved_body) = payload.split_at(moved % (payload.len() + 1));

            let signed_body = |body: &str| if body.is_empty() { "signature=S".to_owned() } else { format!("{body}&signature=S") };
            let original = parameters(&query, &signed_body(&body)).expect("a client's request is not refused");
            if let Some(other) = parameters(moved_query, &signed_body(moved_body)) {
                prop_assert_eq!(other, original);
            }
        }

        #[test]
        fn no_bytes_panic(query in prop::collection::vec(any::<u8>(), 0..100), body in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(cut) = SignedPayload::cut(&query, &body) {
                prop_assert!(cut.to_vec().len() + cut.signature().len() + b"signature=".len() <= query.len() + body.len());
            }
        }
    }

    /// The parameters as an endpoint would read them: none unknown, none empty.
    fn parameters(query: &str, body: &str) -> Option<Vec<(String, String)>> {
        SignedPayload::cut(query.as_bytes(), body.as_bytes()).ok()?;
        let params = Params::parse(query.as_bytes(), body.as_bytes()).ok()?;
        let known = |(name, value): (&str, &str)| (name == "signature" || NAMES.contains(&name)) && !value.is_empty();
        params
            .iter()
            .all(known)
            .then(|| params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
