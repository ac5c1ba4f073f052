//! From [`UserError`] to an answer of `/v1`, in one place. Internal texts are logged here and not shown.

use axum::response::{IntoResponse, Response};
use emporion_api::v1::{Error, ErrorCode};
use emporion_edge::V1Failure;
use http::{HeaderValue, header};

use crate::error::UserError;

const BUSY_RETRY_AFTER_S: u64 = 1;

pub(super) fn response(error: UserError) -> Response {
    let error = public(error);
    let asks_for_token = error.code == ErrorCode::Unauthenticated;
    let mut response = V1Failure(error).into_response();
    if asks_for_token {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// What the client is told.
fn public(error: UserError) -> Error {
    use ErrorCode as Code;
    match error {
        UserError::InvalidRequest(text) => Error::new(Code::InvalidRequest, text),
        UserError::InvalidField { field, problem } => {
            Error::new(Code::InvalidField, format!("The field {field} {problem}."))
        }
        UserError::InvalidPassword(problem) => Error::new(Code::InvalidPassword, problem.to_string()),
        UserError::InvalidCredentials => {
            Error::new(Code::InvalidCredentials, "The name and the password do not belong together.")
        }
        UserError::Unauthenticated => {
            Error::new(Code::Unauthenticated, "The token is missing, unknown or has run out.")
        }
        UserError::Suspended => Error::new(Code::Suspended, "This person is suspended."),
        UserError::NotFound(what) => Error::new(Code::NotFound, format!("There is no such {what}.")),
        UserError::Conflict(text) => Error::new(Code::Conflict, text),
        UserError::TooManyKeys => {
            Error::new(Code::TooManyKeys, "The account has as many working API keys as it may; revoke one first.")
        }
        UserError::AccountRefused(reject) => {
            Error::new(Code::AccountRefused, format!("The engine refused the account: {reject}."))
        }
        UserError::TooManyAttempts(exhausted) => Error::new(Code::TooManyAttempts, "Too many tries; come back later.")
            .with_retry_after_s(exhausted.retry_after_s),
        UserError::Busy => busy(),
        UserError::UnknownOutcome => Error::new(
            Code::UnknownOutcome,
            "Not finished in time. Repeat the same request to learn what became of it.",
        ),
        UserError::Store(error) => internal(&error),
        UserError::Seal(error) => internal(&error),
    }
}

fn busy() -> Error {
    Error::new(ErrorCode::Busy, "Not executed: there is no room at the moment.").with_retry_after_s(BUSY_RETRY_AFTER_S)
}

fn internal(error: &dyn std::error::Error) -> Error {
    tracing::error!(%error, "a request failed inside");
    Error::new(ErrorCode::Internal, "Something failed inside; the request may be repeated.")
}
