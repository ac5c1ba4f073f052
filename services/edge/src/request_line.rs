//! Quotes in a request's first line.
//!
//! Clients send `symbols=["BTCUSDT"]` as it stands, and the Binance documentation shows them how. A quote is not
//! legal in a URI, and hyper refuses it; so it is escaped before hyper sees it. Whoever signs a request must
//! escape before signing, and is not touched by this.

/// Watches the bytes of a connection for first lines.
#[derive(Default)]
pub(crate) struct RequestLine {
    is_open: bool,
}

impl RequestLine {
    /// The next byte is the first of a request.
    pub(crate) fn begin(&mut self) {
        self.is_open = true;
    }

    /// `bytes` with the quotes of the first line escaped; `None` if they may stay as they are.
    pub(crate) fn escaped(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.is_open {
            return None;
        }
        let line_end = bytes.iter().position(|&byte| byte == b'\n');
        self.is_open = line_end.is_none();
        let (line, rest) = bytes.split_at(line_end.unwrap_or(bytes.len()));
        if !line.contains(&b'"') {
            return None;
        }
        let mut escaped = Vec::with_capacity(bytes.len() + 64);
        for &byte in line {
            match byte {
                b'"' => escaped.extend_from_slice(b"%22"),
                _ => escaped.push(byte),
            }
        }
        escaped.extend_from_slice(rest);
        Some(escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of pieces that come in.
    #[track_caller]
    fn check(pieces: &[&str], expected: &str) {
        let mut line = RequestLine::default();
        line.begin();
        let out: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| line.escaped(piece.as_bytes()).unwrap_or_else(|| piece.as_bytes().to_vec()))
            .collect();
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn only_the_first_line_is_touched() {
        check(
            &["GET /?a=[\"B\"] HTTP/1.1\r\netag: \"x\"\r\n\r\n{\"c\"}"],
            "GET /?a=[%22B%22] HTTP/1.1\r\netag: \"x\"\r\n\r\n{\"c\"}",
        );
        check(&["GET / HTTP/1.1\r\netag: \"x\"\r\n\r\n"], "GET / HTTP/1.1\r\netag: \"x\"\r\n\r\n");
        check(&["GET /?a=[\"", "B\"] HTTP/1.1\r", "\netag: \"x\""], "GET /?a=[%22B%22] HTTP/1.1\r\netag: \"x\"");
    }

    #[test]
    fn a_body_is_no_line() {
        assert_eq!(RequestLine::default().escaped(b"{\"a\":1}"), None);
    }
}
