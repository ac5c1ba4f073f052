//! Commands on their way between processes: sealed with a code that only holders of a venue key can make, so that the
//! sequencer takes nothing that no gateway judged, whichever way it came.
//!
//! What must not live here: how sealed commands travel, and what a command means.

use crate::orders::SessionId;
use emporion_model::codec::{self, CodecError, Durable, Reader, Writer, durable_struct};
use emporion_model::{Command, TimeUs};
use ring::hmac;
use std::fmt;

/// A client's command as a gateway hands it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayCommand {
    /// Whose commands keep their order among themselves.
    pub session: SessionId,
    /// When the gateway took it in, by the gateway's clock.
    pub taken_at: TimeUs,
    /// The command; its origin is [`emporion_model::Origin::Client`].
    pub command: Command,
}

durable_struct!(GatewayCommand { session, taken_at, command });

impl Durable for SessionId {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        u64::decode(reader).map(Self)
    }
}

/// A command with its seal, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCommand {
    /// The number of the key that it is sealed with.
    pub key_id: u32,
    /// The gateway's command in durable form.
    pub bytes: Vec<u8>,
    /// HMAC-SHA256 over the key's number and the bytes.
    pub seal: [u8; 32],
}

durable_struct!(SealedCommand { key_id, bytes, seal });

/// Why a sealed command is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is sealed with a key that this process does not have.
    #[error("it is sealed with the key {0}, which this process does not have")]
    UnknownKey(u32),
    /// The seal is not that of its bytes: nobody who may submit commands made it.
    #[error("its seal is wrong")]
    Wrong,
    /// The seal is right, but the bytes are not a command that this build knows.
    #[error("it cannot be read: {0}")]
    Unreadable(CodecError),
}

/// The keys that seal commands between the processes of one venue. The first one seals; all of them open, so that keys
/// can be replaced one process at a time: add the new one behind the old everywhere, then put it first, then drop the
/// old one.
#[derive(Clone)]
pub struct VenueKeys(Vec<(u32, hmac::Key)>);

impl fmt::Debug for VenueKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

impl VenueKeys {
    /// Of numbered secrets of 32 bytes, the one to seal with first. `None` without any, and when a number comes twice.
    pub fn new(secrets: &[(u32, [u8; 32])]) -> Option<Self> {
        let mut ids: Vec<u32> = secrets.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        if secrets.is_empty() || ids.len() != secrets.len() {
            return None;
        }
        Some(Self(secrets.iter().map(|(id, secret)| (*id, hmac::Key::new(hmac::HMAC_SHA256, secret))).collect()))
    }

    /// Seals a command.
    pub fn seal(&self, command: &GatewayCommand) -> SealedCommand {
        let (key_id, key) = &self.0[0];
        let bytes = codec::to_bytes(command);
        let seal = hmac::sign(key, &sealed_bytes(*key_id, &bytes));
        SealedCommand { key_id: *key_id, seal: seal.as_ref().try_into().expect("SHA-256 has 32 bytes"), bytes }
    }

    /// The command, if its seal is right.
    pub fn open(&self, sealed: &SealedCommand) -> Result<GatewayCommand, SealError> {
        let (_, key) =
            self.0.iter().find(|(id, _)| *id == sealed.key_id).ok_or(SealError::UnknownKey(sealed.key_id))?;
        hmac::verify(key, &sealed_bytes(sealed.key_id, &sealed.bytes), &sealed.seal).map_err(|_| SealError::Wrong)?;
        codec::from_bytes(&sealed.bytes).map_err(SealError::Unreadable)
    }
}

fn sealed_bytes(key_id: u32, bytes: &[u8]) -> Vec<u8> {
    [b"emporion command", &key_id.to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_model::{Action, CommandId, Origin};

    fn keys(ids: &[u32]) -> VenueKeys {
        let secrets: Vec<_> = ids.iter().map(|id| (*id, [u8::try_from(*id).unwrap_or(0); 32])).collect();
        VenueKeys::new(&secrets).expect("keys")
    }

    fn command() -> GatewayCommand {
        let origin = Origin::Client(CommandId([7; 16]), TimeUs(2_000_000));
        let command = Command { origin, action: Action::Tick };
        GatewayCommand { session: SessionId(3), taken_at: TimeUs(1_000_000), command }
    }

    #[test]
    fn what_was_sealed_opens_with_every_key_of_the_rotation() {
        let sealed = keys(&[2, 1]).seal(&command());
        assert_eq!(sealed.key_id, 2);
        assert_eq!(keys(&[1, 2]).open(&sealed), Ok(command()));
        assert_eq!(keys(&[1, 3]).open(&sealed), Err(SealError::UnknownKey(2)));
    }

    #[test]
    fn no_changed_bit_opens() {
        let sealed = keys(&[1]).seal(&command());
        for place in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[place] ^= 1;
            assert_eq!(keys(&[1]).open(&changed), Err(SealError::Wrong));
        }
        for place in 0..32 {
            let mut changed = sealed.clone();
            changed.seal[place] ^= 128;
            assert_eq!(keys(&[1]).open(&changed), Err(SealError::Wrong));
        }
        assert_eq!(keys(&[1, 2]).open(&SealedCommand { key_id: 2, ..sealed }), Err(SealError::Wrong));
    }

    #[test]
    fn keys_are_numbered_once() {
        assert!(VenueKeys::new(&[]).is_none());
        assert!(VenueKeys::new(&[(1, [1; 32]), (1, [2; 32])]).is_none());
    }
}
