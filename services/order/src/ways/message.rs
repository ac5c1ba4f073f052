//! What a lane's message holds, and which lane a command goes to.
//!
//! What must not live here: how messages are sent or received.

use emporion_model::codec::{self, CodecError, durable_struct};
use emporion_model::journal::hash_bytes;
use emporion_model::{AccountId, Action, Command, TimeUs};
use emporion_ports::lanes::LaneMessage;
use emporion_ports::sealed::SealedCommand;

/// The body of a lane's message: commands of the lane's accounts, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneBody {
    /// When the first of them was handed to the lane, by the gateway's clock.
    pub enqueued_at: TimeUs,
    /// The commands, to be applied in this order.
    pub commands: Vec<SealedCommand>,
}

durable_struct!(LaneBody { enqueued_at, commands });

/// The bytes that a list of this many commands and its time take at most beside the commands themselves.
pub(super) const BODY_OVERHEAD_BYTES: usize = 32;

/// The most bytes that a sealed command takes beside its own: key, seal and lengths.
const SEALED_OVERHEAD_BYTES: usize = 48;

/// How many bytes of a body a command takes at most.
pub(super) fn size_of(sealed: &SealedCommand) -> usize {
    sealed.bytes.len() + SEALED_OVERHEAD_BYTES
}

impl LaneBody {
    /// The message that carries it. Its id is a digest of its contents, so that repeating it is safe.
    pub fn message(&self, lane: u32) -> LaneMessage {
        let body = codec::to_bytes(self);
        LaneMessage { lane, dedup_id: hex(&hash_bytes(&body)), body }
    }

    /// The body in these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::from_bytes(bytes)
    }
}

/// The lane of an account among `lanes`, the same in every process.
pub fn lane_of(account: AccountId, lanes: u32) -> u32 {
    let [a, b, c, d, ..] = hash_bytes(&account.0.to_le_bytes());
    u32::from_le_bytes([a, b, c, d]) % lanes.max(1)
}

/// Whose command it is; the outside world's for what no client may ask, which the engine refuses.
pub(super) fn account_of(command: &Command) -> AccountId {
    match &command.action {
        Action::PlaceOrder(place) => place.account,
        Action::CancelOrder(cancel) => cancel.account,
        Action::CancelAll(cancel) => cancel.account,
        _ => AccountId::EXTERNAL,
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_and_its_id_follows_its_contents() {
        let sealed = SealedCommand { key_id: u32::MAX, bytes: vec![7; 300], seal: [1; 32] };
        let body = LaneBody { enqueued_at: TimeUs(u64::MAX), commands: vec![sealed.clone(), sealed.clone()] };
        let message = body.message(3);
        assert_eq!(LaneBody::from_bytes(&message.body), Ok(body.clone()));
        assert!(message.body.len() <= BODY_OVERHEAD_BYTES + 2 * size_of(&sealed));
        assert_eq!(message.dedup_id.len(), 64);
        assert_eq!(message, body.message(3));
        let other = LaneBody { enqueued_at: TimeUs(1), ..body };
        assert_ne!(message.dedup_id, other.message(3).dedup_id);
        assert!(LaneBody::from_bytes(&message.body[1..]).is_err());
    }

    #[test]
    fn accounts_spread_over_the_lanes() {
        let mut counts = [0; 64];
        (1_000..7_400).for_each(|account| counts[lane_of(AccountId(account), 64) as usize] += 1);
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
        assert_eq!(lane_of(AccountId(5), 0), 0);
    }
}
