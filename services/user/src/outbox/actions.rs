//! The engine commands that the user service sends, and their bytes.

use emporion_model::{AccountId, AccountKind, Action, Reference, Transfer, TransferReason, codec};
use emporion_ports::users::{NewDeposit, Payload};

/// The command that opens an account of this kind.
pub(crate) fn open_account(kind: AccountKind) -> Payload {
    payload(&Action::CreateAccount(kind))
}

/// The command that credits `deposit` to `account`. The reference is cut to what the engine's field holds,
/// which the rules for references never need.
pub(crate) fn credit(account: AccountId, deposit: &NewDeposit) -> Payload {
    let reference = deposit.reference.get(..Reference::LENGTH_MAX).unwrap_or(&deposit.reference);
    payload(&Action::Transfer(Transfer {
        reason: TransferReason::Deposit,
        from: AccountId::EXTERNAL,
        to: account,
        asset: deposit.asset_id,
        amount: deposit.amount,
        reference: reference.parse().expect("references of deposits are short printable ASCII"),
    }))
}

/// The action that a row holds.
pub(super) fn action(payload: &Payload) -> Result<Action, codec::CodecError> {
    codec::from_bytes(&payload.0)
}

fn payload(action: &Action) -> Payload {
    Payload(codec::to_bytes(action))
}
