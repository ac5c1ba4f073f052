//! From [`UserError`] to the errors of `/v1`, in one place. Internal texts are logged here and not shown.

use emporion_api::v1::{Error, ErrorCode};

use crate::error::UserError;

const BUSY_RETRY_AFTER_S: u64 = 1;

/// What the client is told.
impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        use ErrorCode as Code;
        match error {
            UserError::InvalidField { field, problem } => {
                Self::new(Code::InvalidField, format!("The field {field} {problem}."))
            }
            UserError::InvalidPassword(problem) => Self::new(Code::InvalidPassword, problem.to_string()),
            UserError::InvalidCredentials => {
                Self::new(Code::InvalidCredentials, "The name and the password do not belong together.")
            }
            UserError::Unauthenticated => {
                Self::new(Code::Unauthenticated, "The token is missing, unknown or has run out.")
            }
            UserError::Suspended => Self::new(Code::Suspended, "This person is suspended."),
            UserError::NotFound(what) => Self::new(Code::NotFound, format!("There is no such {what}.")),
            UserError::Conflict(text) => Self::new(Code::Conflict, text),
            UserError::TooManyKeys => {
                Self::new(Code::TooManyKeys, "The account has as many working API keys as it may; revoke one first.")
            }
            UserError::AccountRefused(reject) => {
                Self::new(Code::AccountRefused, format!("The engine refused the account: {reject}."))
            }
            UserError::TooManyAttempts(exhausted) => {
                Self::new(Code::TooManyAttempts, "Too many tries; come back later.")
                    .with_retry_after_s(exhausted.retry_after_s)
            }
            UserError::Busy => busy(),
            UserError::UnknownOutcome => Self::new(
                Code::UnknownOutcome,
                "Not finished in time. Repeat the same request to learn what became of it.",
            ),
            UserError::Store(error) => internal(&error),
            UserError::Seal(error) => internal(&error),
        }
    }
}

fn busy() -> Error {
    Error::new(ErrorCode::Busy, "Not executed: there is no room at the moment.").with_retry_after_s(BUSY_RETRY_AFTER_S)
}

fn internal(error: &dyn std::error::Error) -> Error {
    tracing::error!(%error, "a request failed inside");
    Error::new(ErrorCode::Internal, "Something failed inside; the request may be repeated.")
}
