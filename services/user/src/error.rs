//! Why the user service does not do what it was asked. Turned into HTTP in [`crate::http`].

use emporion_ports::store::StoreError;

use crate::budgets::Exhausted;
use crate::passwords::{PasswordProblem, TooManyWaiting};
use crate::seal::SealError;

/// Why not. The texts of [`Self::Store`] and [`Self::Seal`] are for operators only.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Too many tries from this network or against this name.
    #[error("too many tries")]
    TooManyAttempts(Exhausted),
    /// Not executed: no room, or a part that is needed does not work at the moment.
    #[error("busy")]
    Busy,
    /// Name and password do not belong together.
    #[error("name and password do not belong together")]
    InvalidCredentials,
    /// No session behind the token, or it has run out.
    #[error("no session")]
    Unauthenticated,
    /// The person is suspended.
    #[error("suspended")]
    Suspended,
    /// The chosen password breaks a rule.
    #[error("{0}")]
    InvalidPassword(#[from] PasswordProblem),
    /// A field has a value that it cannot have.
    #[error("{field} {problem}")]
    InvalidField {
        /// The field as the wire names it.
        field: &'static str,
        /// The rule it breaks, in words that follow the field's name.
        problem: &'static str,
    },
    /// What the request is about does not exist.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A name or reference that stands for something else.
    #[error("{0}")]
    Conflict(&'static str),
    /// As many working keys as allowed.
    #[error("too many working API keys")]
    TooManyKeys,
    /// The engine refused to open the account.
    #[error("the engine refused the account: {0}")]
    AccountRefused(String),
    /// Not finished in time; repeating the request tells.
    #[error("not finished in time")]
    UnknownOutcome,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret could not be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<TooManyWaiting> for UserError {
    fn from(_: TooManyWaiting) -> Self {
        Self::Busy
    }
}

impl From<Exhausted> for UserError {
    fn from(exhausted: Exhausted) -> Self {
        Self::TooManyAttempts(exhausted)
    }
}

impl UserError {
    /// A field with a value that it cannot have.
    pub(crate) const fn field(field: &'static str, problem: &'static str) -> Self {
        Self::InvalidField { field, problem }
    }
}
