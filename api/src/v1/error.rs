//! Errors of `/v1`: `{"error":{"code":"…","message":"…"}}`.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiError;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:literal;)*) => {
        /// What went wrong, for programs. The list only grows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// 400: the request is not JSON of the documented shape, or has a query string.
    InvalidRequest = 400;
    /// 400: a field has a value that it cannot have; the message names it.
    InvalidField = 400;
    /// 400: the password may not be used; the message says why.
    InvalidPassword = 400;
    /// 401: name and password do not belong together.
    InvalidCredentials = 401;
    /// 401: the token in `Authorization: Bearer` is missing, unknown or has run out.
    Unauthenticated = 401;
    /// 403: the person is suspended.
    Suspended = 403;
    /// 404: what the request is about does not exist, or belongs to somebody else.
    NotFound = 404;
    /// 409: the name or reference stands for something else already.
    Conflict = 409;
    /// 409: the account has as many working API keys as it may.
    TooManyKeys = 409;
    /// 413: the body is larger than any request needs.
    BodyTooLarge = 413;
    /// 422: the engine refused to open the account; the message gives its reason. Final.
    AccountRefused = 422;
    /// 429: too many tries; `Retry-After` says when the next one is welcome.
    TooManyAttempts = 429;
    /// 429 or 418: the network sent too many requests; `Retry-After` says when to go on.
    TooManyRequests = 429;
    /// 500: our fault. What became of the request is unknown; it may be repeated.
    Internal = 500;
    /// 503: not executed; there is no room at the moment.
    Busy = 503;
    /// 504: not finished in time. Repeating the same request is safe and tells what became of it.
    UnknownOutcome = 504;
}

/// An answer other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What went wrong.
    pub code: ErrorCode,
    /// The HTTP status; usually [`ErrorCode::status`].
    pub status: u16,
    /// A sentence for people. Public; never holds a secret or an internal detail.
    pub message: Cow<'static, str>,
    /// Seconds for the `Retry-After` header, where one is due.
    pub retry_after_s: Option<u64>,
}

impl Error {
    /// `code` with a sentence.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, status: code.status(), message: message.into(), retry_after_s: None }
    }

    /// The same error with a `Retry-After` header.
    pub fn with_retry_after_s(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// The body of the answer.
    pub fn body(&self) -> ErrorBody {
        ErrorBody { error: ErrorDetail { code: self.code, message: self.message.to_string() } }
    }
}

/// What the edge refuses before a request reaches its service, in the words of `/v1`.
impl From<&ApiError> for Error {
    fn from(error: &ApiError) -> Self {
        let code = match error.status {
            404 | 405 => ErrorCode::NotFound,
            413 => ErrorCode::BodyTooLarge,
            418 | 429 => ErrorCode::TooManyRequests,
            503 => ErrorCode::Busy,
            504 => ErrorCode::UnknownOutcome,
            500..=599 => ErrorCode::Internal,
            _ => ErrorCode::InvalidRequest,
        };
        Self { code, status: error.status, message: error.message.clone(), retry_after_s: error.retry_after_s }
    }
}

/// The body of every answer other than success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[test]
    fn the_body_has_the_documented_shape() {
        let error = Error::new(ErrorCode::InvalidCredentials, "No.");
        let body = serde_json::to_string(&error.body()).expect("serialises");
        assert_eq!(body, r#"{"error":{"code":"invalid_credentials","message":"No."}}"#);
    }

    #[test]
    fn every_error_of_the_edge_has_a_code_of_its_class() {
        for code in Code::ALL {
            let from = ApiError::from(*code);
            let error = Error::from(&from);
            assert_eq!(error.status, from.status);
            assert_eq!(error.code.status() / 100, from.status / 100, "{code:?}");
        }
        let banned = Error::from(&ApiError::banned(1, 120));
        assert_eq!((banned.code, banned.status, banned.retry_after_s), (ErrorCode::TooManyRequests, 418, Some(120)));
        assert_eq!(Error::from(&ApiError::body_too_large()).code, ErrorCode::BodyTooLarge);
    }
}
