//! Ids that the gateway makes up: unpredictable, and never the same twice.

use emporion_model::journal::hash_bytes;
use emporion_model::{ClientOrderId, CommandId};
use emporion_ports::orders::SessionId;
use emporion_ports::users::ApiKeyName;
use rand::RngCore;
use rand::distr::{Alphanumeric, Distribution};

/// Letters and digits in a client order id that the gateway makes up, as many as on the original.
const CLIENT_ORDER_ID_LENGTH: usize = 22;

/// A fresh command id.
pub(super) fn command_id() -> CommandId {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    CommandId(bytes)
}

/// A client order id for an order or a cancel that came without one.
pub(super) fn client_order_id() -> ClientOrderId {
    let mut random = rand::rng();
    let letters: [u8; CLIENT_ORDER_ID_LENGTH] = std::array::from_fn(|_| Alphanumeric.sample(&mut random));
    let text = std::str::from_utf8(&letters).expect("letters and digits are ASCII");
    text.parse().expect("letters and digits are a legal client order id")
}

/// The session of a key. Its commands keep their order; a session per connection would not do, because a
/// client may send an order on one and its cancel on another.
pub(super) fn session_of(key: &ApiKeyName) -> SessionId {
    let [a, b, c, d, e, f, g, h, ..] = hash_bytes(key.as_str().as_bytes());
    SessionId(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn made_up_ids_are_legal_and_differ() {
        let ids: HashSet<String> = (0..100).map(|_| client_order_id().to_string()).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        assert_ne!(command_id(), command_id());
    }

    #[test]
    fn a_key_is_one_session_in_every_process() {
        let key = |letter: &str| ApiKeyName::parse(&letter.repeat(64)).expect("64 letters");
        assert_eq!(session_of(&key("a")), session_of(&key("a")));
        assert_ne!(session_of(&key("a")), session_of(&key("b")));
        assert_eq!(session_of(&key("a")), SessionId(7_911_663_989_264_015_615));
    }
}
