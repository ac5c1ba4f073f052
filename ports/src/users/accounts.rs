//! Links from owners to engine accounts, and deposits of record into them.
//!
//! Balances are the engine's alone; nothing here knows one.

use emporion_model::{AccountId, Amount, AssetCode, AssetId, TimeUs};

use super::api_keys::{ApiKey, NewApiKey};
use super::outbox::Payload;
use super::people::UserId;

/// The number of a link between an owner and his engine account. Never leaves the user service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub i64);

/// Who an account belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A person, with the label of the sub-account; the empty label is the main account.
    User(UserId, String),
    /// Nobody who can log in: an operator made it under this name.
    Operator(AccountName),
}

/// The name of an account that an operator made. Unique among such accounts.
///
/// 1 to 48 ASCII letters, digits and `. _ -`; case counts. Short enough that the references of its deposits
/// fit [`emporion_model::Reference`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

impl AccountName {
    /// Longest name in bytes.
    pub const BYTES_MAX: usize = 48;

    /// Parses `text`; `None` when it breaks the rule above.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::BYTES_MAX).contains(&text.len());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        (fits && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands between an owner and trading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// The engine has not answered the command that opens the account.
    Pending,
    /// The engine opened this account.
    Open(AccountId),
    /// The engine refused; the text is its reject.
    Refused(String),
}

/// An owner's engine account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLink {
    /// The link's number.
    pub link_id: LinkId,
    /// Who owns it.
    pub owner: Owner,
    /// How far it is.
    pub state: LinkState,
}

impl AccountLink {
    /// The engine account, once the engine opened it.
    pub fn account_id(&self) -> Option<AccountId> {
        match self.state {
            LinkState::Open(account_id) => Some(account_id),
            LinkState::Pending | LinkState::Refused(_) => None,
        }
    }
}

/// A deposit to be. Its reference is what makes a repeat harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeposit {
    /// Unique over all deposits of the venue.
    pub reference: String,
    /// The asset's id in the engine.
    pub asset_id: AssetId,
    /// The asset's code, for people.
    pub asset: AssetCode,
    /// How much, in the asset's ledger units; above zero.
    pub amount: Amount,
}

/// How far a deposit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepositState {
    /// Its account is still pending, so there is no command for it yet.
    Waiting,
    /// Its command is in the outbox.
    Sent,
    /// The engine credited it.
    Done,
    /// The engine refused it; the text is its reject.
    Refused(String),
}

/// A deposit of record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// What was asked for.
    pub deposit: NewDeposit,
    /// The account it goes to; `None` until that is open.
    pub account_id: Option<AccountId>,
    /// How far it is.
    pub state: DepositState,
}

/// An account without a person, asked for by an operator in one piece.
#[derive(Clone)]
pub struct NewOperatorAccount {
    /// Its name; asking again under the same name makes nothing new.
    pub name: AccountName,
    /// A digest of the whole request, so that a repeat is told apart from another wish for the same name.
    pub request_digest: [u8; 32],
    /// The command that opens the account.
    pub open: Payload,
    /// Its first key.
    pub key: NewApiKey,
    /// What it begins with.
    pub deposits: Vec<NewDeposit>,
}

/// An account that an operator made, as it stands.
#[derive(Clone)]
pub struct OperatorAccount {
    /// The digest of the request that made it.
    pub request_digest: [u8; 32],
    /// Its first key, with the account link.
    pub key: ApiKey,
    /// What it was to begin with, in the order asked for.
    pub deposits: Vec<Deposit>,
    /// When it was asked for.
    pub created_at: TimeUs,
}
