//! What a request must be to become a socket: RFC 6455, section 4.2.1, and who may ask with cookies.

use emporion_api::{ApiError, Code};
use http::header::{CONNECTION, COOKIE, HOST, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};
use hyper::body::Body;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The only version there is.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("13");

/// 16 bytes in base64: this much, and two signs that fill up.
const KEY_LETTERS: usize = 22;

/// Checks the request and gives the value of `Sec-WebSocket-Accept`.
pub(super) fn accept_key<B: Body>(request: &Request<B>) -> Result<HeaderValue, ApiError> {
    if request.method() != Method::GET {
        return Err(ApiError::wrong_method());
    }
    let headers = request.headers();
    let is_asked_for = request.version() >= Version::HTTP_11
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &CONNECTION, "upgrade");
    if !is_asked_for {
        return Err(ApiError::mandatory("Upgrade"));
    }
    match only(headers, &SEC_WEBSOCKET_VERSION) {
        Some(version) if version == VERSION => {}
        Some(_) => return Err(wrong_version()),
        None => return Err(ApiError::mandatory("Sec-WebSocket-Version")),
    }
    let Some(key) = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes())) else {
        return Err(ApiError::mandatory("Sec-WebSocket-Key"));
    };
    if !request.body().is_end_stream() {
        // Its bytes would be read as frames.
        return Err(ApiError::body_too_large());
    }
    check_origin(headers)?;
    Ok(HeaderValue::try_from(derive_accept_key(key.as_bytes())).expect("base64 is legal in a header"))
}

/// 426: the version of the protocol is not ours.
fn wrong_version() -> ApiError {
    ApiError::from(Code::UnsupportedOperation).with_status(426)
}

/// Refuses a browser that carries cookies here for a page of someone else: the page would speak in its user's
/// name. The proxy in front must pass on the `Host` that the browser sent.
fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let host = headers.get(HOST).map_or(&[][..], HeaderValue::as_bytes);
    let is_ours = |origin: &HeaderValue| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.is_some_and(|(_, authority)| authority.as_bytes().eq_ignore_ascii_case(host))
    };
    if headers.contains_key(COOKIE) && !headers.get_all(ORIGIN).iter().all(is_ours) {
        return Err(ApiError::from(Code::Unauthorized).with_status(403));
    }
    Ok(())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}

/// The value of a header that must come once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn is_key(key: &[u8]) -> bool {
    let is_letter = |letter: &u8| letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/');
    key.strip_suffix(b"==").is_some_and(|letters| letters.len() == KEY_LETTERS && letters.iter().all(is_letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Empty, Full};

    const GOOD: [(&str, &str); 5] = [
        ("host", "venue.example:8080"),
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn request(changes: &[(&'static str, &str)]) -> Request<Empty<&'static [u8]>> {
        let mut request = Request::new(Empty::new());
        for (name, value) in GOOD {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in changes {
            request.headers_mut().remove(*name);
            for value in value.split('|').filter(|value| !value.is_empty()) {
                request.headers_mut().append(*name, HeaderValue::from_str(value).expect("legal"));
            }
        }
        request
    }

    /// Changes the headers of a good request: `|` between two values, nothing for a header that is not there.
    #[track_caller]
    fn check(changes: &[(&'static str, &str)], expected: Result<(), u16>) {
        let checked = accept_key(&request(changes)).map(|_| ()).map_err(|error| error.status);
        assert_eq!(checked, expected, "{changes:?}");
    }

    #[test]
    fn the_key_is_answered_as_the_rfc_says() {
        assert_eq!(accept_key(&request(&[])).expect("good"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn every_header_is_needed() {
        check(&[("connection", "close|upgrade")], Ok(()));
        for name in ["connection", "upgrade", "sec-websocket-version", "sec-websocket-key"] {
            check(&[(name, "")], Err(400));
        }
        check(&[("connection", "keep-alive")], Err(400));
        check(&[("upgrade", "h2c")], Err(400));
        for version in ["8", "14", "013"] {
            check(&[("sec-websocket-version", version)], Err(426));
        }
        check(&[("sec-websocket-version", "13|13")], Err(400));
        for key in ["x", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQ==|x"] {
            check(&[("sec-websocket-key", key)], Err(400));
        }
    }

    #[test]
    fn only_a_plain_get_becomes_a_socket() {
        let status = |request: Request<Empty<&'static [u8]>>| accept_key(&request).expect_err("refused").status;
        let mut head = request(&[]);
        *head.method_mut() = Method::HEAD;
        assert_eq!(status(head), 405);
        let mut old = request(&[]);
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(status(old), 400);
        let with_body = request(&[]).map(|_| Full::new(&b"body"[..]));
        assert_eq!(accept_key(&with_body).expect_err("refused").status, 413);
    }

    #[test]
    fn cookies_are_taken_from_our_own_pages_only() {
        let (ours, foreign) = ("http://VENUE.example:8080", "https://evil.example");
        check(&[("origin", foreign)], Ok(()));
        check(&[("cookie", "a=1")], Ok(()));
        check(&[("cookie", "a=1"), ("origin", ours)], Ok(()));
        for origin in [foreign, "null", "http://venue.example", "http://venue.example:8080.evil.example"] {
            check(&[("cookie", "a=1"), ("origin", origin)], Err(403));
        }
        check(&[("cookie", "a=1"), ("origin", &format!("{ours}|{foreign}"))], Err(403));
        check(&[("cookie", "a=1"), ("origin", "http://"), ("host", "")], Ok(()));
    }
}
