//! Short texts with a closed alphabet: asset codes, symbol names, client order ids, references.
//!
//! Each is checked once, when it is made, and then trusted.

use crate::codec::{CodecError, Durable, Reader, Writer};
use std::fmt;
use std::str::FromStr;

/// Why a text is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextError {
    /// The rule that the text breaks, in words that follow "must be".
    pub rule: &'static str,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be {}", self.rule)
    }
}

impl std::error::Error for TextError {}

macro_rules! short_text {
    ($(#[$doc:meta])* $name:ident, $min:expr, $max:expr, $allowed:expr, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name {
            length: u8,
            bytes: [u8; $max],
        }

        impl $name {
            /// The most bytes it may have.
            pub const LENGTH_MAX: usize = $max;

            /// The text.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(self.as_bytes()).expect("only ASCII was let in")
            }

            /// The text's bytes, all ASCII.
            pub fn as_bytes(&self) -> &[u8] {
                &self.bytes[..usize::from(self.length)]
            }

            fn from_bytes(text: &[u8]) -> Result<Self, TextError> {
                let allowed: fn(&u8) -> bool = $allowed;
                if !($min..=$max).contains(&text.len()) || !text.iter().all(allowed) {
                    return Err(TextError { rule: $rule });
                }
                let mut bytes = [0; $max];
                bytes[..text.len()].copy_from_slice(text);
                Ok(Self { length: text.len() as u8, bytes })
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::from_bytes(text.as_bytes())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.as_bytes().cmp(other.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl Durable for $name {
            fn encode(&self, writer: &mut Writer) {
                writer.bytes(self.as_bytes());
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                Self::from_bytes(reader.bytes()?).map_err(|_| CodecError::Invalid)
            }
        }
    };
}

short_text! {
    /// An asset's code, such as `BTC`.
    AssetCode, 1, 12, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit(),
    "1 to 12 capital letters and digits"
}
short_text! {
    /// A symbol's name, such as `BTCUSDT`.
    SymbolName, 1, 24, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit(),
    "1 to 24 capital letters and digits"
}
short_text! {
    /// An order's id as its client chose it; unique among the account's open orders.
    ClientOrderId, 1, 36, |byte| byte.is_ascii_alphanumeric() || b".:/_-".contains(byte),
    "1 to 36 letters, digits and the characters . : / _ -"
}
short_text! {
    /// Where a transfer came from: a ticket or a transaction, for people to look up.
    Reference, 0, 64, |byte| byte.is_ascii_graphic() || *byte == b' ',
    "at most 64 printable ASCII characters"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_order_ids_follow_the_documented_alphabet() {
        for good in ["a", "x-TKT5PX2F0123456789abcdefABCDEF.:/_", "A.b:c/d_e-f"] {
            assert!(good.parse::<ClientOrderId>().is_ok(), "{good}");
        }
        for bad in ["", "with space", "ümlaut", "semi;colon", "0123456789012345678901234567890123456"] {
            assert!(bad.parse::<ClientOrderId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_compare_as_text() {
        let [a, b, ab] = ["A", "B", "AB"].map(|text| text.parse::<AssetCode>().expect("legal"));
        assert!(a < ab && ab < b);
        assert_eq!(ab.to_string(), "AB");
    }
}
