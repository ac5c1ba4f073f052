//! Failures as SQS names them.

use emporion_ports::lanes::{LaneError, SendError};
use http::StatusCode;
use serde_json::{Value, json};
use std::fmt;

/// A call, or an entry of one, that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    code: &'static str,
    message: String,
}

impl CallFailure {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A call that cannot be done as it is.
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(super) fn status(&self) -> StatusCode {
        if self.is_senders() { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR }
    }

    /// The header in which SQS repeats the code for clients of its older protocol.
    pub(super) fn query_error(&self) -> String {
        format!("{};{}", self.code, if self.is_senders() { "Sender" } else { "Receiver" })
    }

    pub(super) fn body(&self) -> Value {
        json!({"__type": format!("com.amazonaws.sqs#{}", self.code), "message": self.message})
    }

    /// The failure of one entry of a batch.
    pub(super) fn entry(&self, id: &str) -> Value {
        json!({"Id": id, "Code": self.code, "Message": self.message, "SenderFault": self.is_senders()})
    }

    fn is_senders(&self) -> bool {
        self.code != "InternalError"
    }
}

impl From<LaneError> for CallFailure {
    fn from(error: LaneError) -> Self {
        let code = match &error {
            LaneError::Expired(_) => "ReceiptHandleIsInvalid",
            LaneError::Throttled(_) => "RequestThrottled",
            LaneError::Unavailable(_) => "InternalError",
            LaneError::Unusable(_) => "InvalidParameterValue",
        };
        Self::new(code, error.to_string())
    }
}

impl From<SendError> for CallFailure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused(text) => Self::wrong(text),
            SendError::Unknown(text) => Self::new("InternalError", text),
        }
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for CallFailure {}
