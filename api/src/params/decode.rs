//! Form decoding of one name or value: percent escapes and `+` for a space, once, strictly.

use crate::{ApiError, Code};

/// Appends the decoded form of `raw`. Refused are escapes without two hexadecimal digits, text that is not
/// UTF-8, and control characters.
pub(super) fn decode_into(text: &mut String, raw: &[u8]) -> Result<(), ApiError> {
    if raw.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'%' && byte != b'+') {
        text.push_str(std::str::from_utf8(raw).expect("graphic ASCII is UTF-8"));
        return Ok(());
    }
    let decoded = unescape(raw).ok_or(Code::IllegalChars)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Code::IllegalChars)?;
    if decoded.chars().any(char::is_control) {
        return Err(Code::IllegalChars.into());
    }
    text.push_str(&decoded);
    Ok(())
}

fn unescape(raw: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        decoded.push(match byte {
            b'%' => {
                let [high, low, after @ ..] = tail else { return None };
                rest = after;
                hex_digit(*high)? << 4 | hex_digit(*low)?
            }
            b'+' => b' ',
            _ => byte,
        });
    }
    Some(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
