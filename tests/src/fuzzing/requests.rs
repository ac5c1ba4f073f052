//! Requests as they come from a network: a query string and a body, divided by the first line feed.

use emporion_api::params::{NumberText, PARAMS_MAX, Param, Symbols, Texts, TimeZone};
use emporion_api::signing::{SignedPayload, Signer, Verifier, percent_encode};
use emporion_api::window::Validity;
use emporion_api::{ApiError, Params};
use emporion_model::Interval;
use emporion_model::{ClientOrderId, SymbolName, TimeUs};

/// The documentation's example secret; worth nothing.
const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

const PUBLIC_KEYS: [&str; 2] = [
    include_str!("../../../api/src/signing/fixtures/ed25519_public.pem"),
    include_str!("../../../api/src/signing/fixtures/rsa_2048_public.pem"),
];

fn divide(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(place) => (&bytes[..place], &bytes[place + 1..]),
        None => (bytes, &[]),
    }
}

/// Parameters are few, each is there once, and encoding them again gives the same ones. Every type reads or
/// refuses every text.
pub(super) fn params(bytes: &[u8]) {
    let (query, body) = divide(bytes);
    let Ok(params) = Params::parse(query, body) else { return };
    assert!(params.len() <= PARAMS_MAX);
    let mut encoded = String::new();
    for (name, value) in params.iter() {
        assert_eq!(params.get(name), Some(value), "a name is there once");
        let separator = if encoded.is_empty() { "" } else { "&" };
        encoded += &format!("{separator}{}={}", percent_encode(name), percent_encode(value));
        read_as_everything(value);
    }
    let again = Params::parse(encoded.as_bytes(), b"").expect("what was read can be read again");
    assert!(again.iter().eq(params.iter()));
    let _either_way = Validity::read(&params).map(|validity| validity.check(TimeUs(1_767_225_600_000_000)));
}

fn read_as_everything(value: &str) {
    let query = format!("a={}", percent_encode(value));
    let params = Params::parse(query.as_bytes(), b"").expect("one well-formed parameter");
    read_as::<u64>(&params);
    read_as::<u32>(&params);
    read_as::<bool>(&params);
    read_as::<TimeUs>(&params);
    read_as::<ClientOrderId>(&params);
    read_as::<SymbolName>(&params);
    read_as::<Symbols>(&params);
    read_as::<Texts<'_>>(&params);
    read_as::<Interval>(&params);
    read_as::<TimeZone>(&params);
    if let Some(Some(number)) = read_as::<NumberText<'_>>(&params) {
        let _either_way: Result<u64, ApiError> = number.scaled(8);
    }
}

fn read_as<'p, T: Param<'p>>(params: &'p Params) -> Option<Option<T>> {
    params.read(|reader| reader.optional("a")).ok()
}

/// Only what the secret signed verifies, and nothing verifies by a key that nobody signed with.
pub(super) fn signature(bytes: &[u8]) {
    let (query, body) = divide(bytes);
    let Ok(payload) = SignedPayload::cut(query, body) else { return };
    assert!(payload.to_vec().len() + payload.signature().len() <= query.len() + body.len());
    let right = Signer::hmac(SECRET).sign(&payload.to_vec());
    let is_right = payload.signature().eq_ignore_ascii_case(right.as_bytes());
    let verifies = Verifier::hmac(SECRET.as_bytes()).verify(&payload).is_ok();
    assert!(verifies == is_right || (verifies && payload.signature().contains(&b'%')), "an HMAC is exact");
    for key in PUBLIC_KEYS {
        let _either_way = Verifier::public_key(key).expect("a fixture").verify(&payload);
    }
}
