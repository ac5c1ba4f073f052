//! The audit trail: append-only, each row chained to the one before it.

use std::fmt;
use std::net::IpAddr;

use emporion_model::TimeUs;
use sha2::{Digest, Sha256};

use super::people::UserId;

/// Who makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A caller who has proved nothing.
    Anonymous,
    /// A person with a session or a verified password.
    User(UserId),
    /// The holder of the operator token.
    Operator,
    /// The venue itself.
    Venue,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(UserId(id)) => write!(f, "user:{id}"),
            Self::Operator => f.write_str("operator"),
            Self::Venue => f.write_str("venue"),
        }
    }
}

/// Who makes a change, from where and when. Every changing call carries one; the store writes it into the
/// audit row of the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub at: TimeUs,
    /// Who.
    pub actor: Actor,
    /// The caller's address; `None` for the venue's own work.
    pub from: Option<IpAddr>,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What an audit row reports. The texts are kept in stores: add to them, never change one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AuditAction {
            $($(#[$doc])* $name,)+
        }

        impl AuditAction {
            /// The text that stores keep.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

actions! {
    /// A person signed up. Subject: `user:` and the number.
    SignUp = "sign_up",
    /// A sign-up met a taken name. Subject: the owner of the name.
    SignUpRefused = "sign_up_refused",
    /// A session was opened. Subject: the person.
    LogIn = "log_in",
    /// A session was closed by its owner. Subject: the person.
    LogOut = "log_out",
    /// A password was changed and all sessions closed. Subject: the person.
    ChangePassword = "change_password",
    /// A person was suspended. Subject: the person.
    Suspend = "suspend",
    /// A person was let in again. Subject: the person.
    Reinstate = "reinstate",
    /// A key was added. Subject: `key:` and its public half.
    AddApiKey = "add_api_key",
    /// A key was revoked. Subject: `key:` and its public half.
    RevokeApiKey = "revoke_api_key",
    /// An operator asked for an account. Subject: `account:` and its name.
    RequestAccount = "request_account",
    /// The engine opened an account. Subject: `link:` and its number.
    AccountOpened = "account_opened",
    /// The engine refused to open an account. Subject: `link:` and its number.
    AccountRefused = "account_refused",
    /// A deposit was asked for. Subject: `deposit:` and its reference.
    RequestDeposit = "request_deposit",
    /// The engine credited a deposit. Subject: `deposit:` and its reference.
    DepositDone = "deposit_done",
    /// The engine refused a deposit. Subject: `deposit:` and its reference.
    DepositRefused = "deposit_refused",
}

/// One row of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number, counted from 1 without a gap.
    pub seq: u64,
    /// When it happened.
    pub at: TimeUs,
    /// Who did it, as [`Actor`] prints it.
    pub actor: String,
    /// From which address; empty for the venue's own work.
    pub from: String,
    /// What was done: the text of an [`AuditAction`].
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// The fingerprint of this row and all rows before it.
    pub chain: [u8; 32],
}

/// The chain before the first row.
pub const AUDIT_CHAIN_START: [u8; 32] = [0; 32];

impl AuditRow {
    /// The row that follows the chain `previous`, its own chain filled in.
    pub fn new(seq: u64, previous: &[u8; 32], stamp: &Stamp, action: AuditAction, subject: String) -> Self {
        let mut row = Self {
            seq,
            at: stamp.at,
            actor: stamp.actor.to_string(),
            from: stamp.from.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
            action: action.as_str().to_owned(),
            subject,
            chain: AUDIT_CHAIN_START,
        };
        row.chain = row.chain_after(previous);
        row
    }

    /// The chain that this row must carry after `previous`: SHA-256 over the previous chain, the numbers as
    /// eight big-endian bytes each, and the texts, each behind its length.
    pub fn chain_after(&self, previous: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(previous);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.0.to_be_bytes());
        for text in [&self.actor, &self.from, &self.action, &self.subject] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> AuditRow {
        let stamp =
            Stamp { at: TimeUs(7), actor: Actor::User(UserId(3)), from: Some("::ffff:192.0.2.1".parse().unwrap()) };
        AuditRow::new(1, &AUDIT_CHAIN_START, &stamp, AuditAction::LogIn, "user:3".to_owned())
    }

    #[test]
    fn a_row_says_who_did_what_from_where() {
        let row = row();
        let texts = [row.actor.as_str(), &row.from, &row.action, &row.subject];
        assert_eq!(texts, ["user:3", "192.0.2.1", "log_in", "user:3"]);
        assert_eq!(row.chain, row.chain_after(&AUDIT_CHAIN_START));
    }

    #[test]
    fn the_chain_covers_every_field() {
        let good = row();
        let changes: [fn(&mut AuditRow); 6] = [
            |row| row.seq += 1,
            |row| row.at.0 += 1,
            |row| row.actor.push('0'),
            |row| row.from.clear(),
            |row| row.action.push('x'),
            |row| row.subject.push('x'),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            assert_ne!(bad.chain_after(&AUDIT_CHAIN_START), good.chain, "change {index}");
        }
        assert_ne!(good.chain_after(&[1; 32]), good.chain);
    }

    #[test]
    fn moving_a_byte_between_fields_breaks_the_chain() {
        let good = row();
        let mut bad = good.clone();
        let moved = bad.action.pop().unwrap();
        bad.subject.insert(0, moved);
        assert_ne!(bad.chain_after(&AUDIT_CHAIN_START), good.chain);
    }
}
