//! What a failure of SQS means: whether something was done, whether the delivery is over, whether the queue is usable.

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;
use emporion_ports::lanes::{LaneError, SendError};
use std::error::Error;
use std::io;

/// A failed call that was to send. Only what surely did not get there, or was refused as a whole, is refused.
pub(crate) fn of_send<E>(error: &SdkError<E, HttpResponse>) -> SendError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let text = describe(error);
    let is_refused = match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().is_some_and(|error| error.is_user() || was_never_connected(error))
        }
        SdkError::ServiceError(failure) => {
            failure.raw().status().is_client_error() || is_throttling(failure.err().code().unwrap_or_default())
        }
        _ => false,
    };
    if is_refused { SendError::Refused(text) } else { SendError::Unknown(text) }
}

/// A message that SQS did not accept out of a batch.
pub(crate) fn of_sent_entry(entry: &BatchResultErrorEntry) -> SendError {
    let text = describe_entry(entry);
    if entry.sender_fault() || is_throttling(entry.code()) {
        SendError::Refused(text)
    } else {
        SendError::Unknown(text)
    }
}

/// A delivery that SQS did not extend or delete out of a batch.
pub(crate) fn of_delivery(entry: &BatchResultErrorEntry) -> LaneError {
    of_code(entry.code(), entry.message().unwrap_or_default(), describe_entry(entry))
}

/// A failed call.
pub(crate) fn of_call<E>(error: &SdkError<E, HttpResponse>) -> LaneError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let text = describe(error);
    match error {
        SdkError::ServiceError(failure) => {
            let (code, message) = (failure.err().code(), failure.err().message());
            of_code(code.unwrap_or_default(), message.unwrap_or_default(), text)
        }
        SdkError::ConstructionFailure(_) => LaneError::Unusable(text),
        _ => LaneError::Unavailable(text),
    }
}

/// Codes come bare or after `AWS.SimpleQueueService.` and the like.
fn of_code(code: &str, message: &str, text: String) -> LaneError {
    if is_throttling(code) {
        return LaneError::Throttled(text);
    }
    match bare(code) {
        "ReceiptHandleIsInvalid" | "MessageNotInflight" => LaneError::Expired(text),
        _ if message.to_ascii_lowercase().contains("expired") && message.to_ascii_lowercase().contains("handle") => {
            LaneError::Expired(text)
        }
        "NonExistentQueue"
        | "QueueDoesNotExist"
        | "QueueDeletedRecently"
        | "InvalidAddress"
        | "AccessDenied"
        | "AccessDeniedException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "MissingAuthenticationToken"
        | "InvalidSecurity"
        | "OptInRequired"
        | "UnsupportedOperation" => LaneError::Unusable(text),
        _ => LaneError::Unavailable(text),
    }
}

fn is_throttling(code: &str) -> bool {
    matches!(
        bare(code),
        "RequestThrottled" | "Throttling" | "ThrottlingException" | "ThrottledException" | "KmsThrottled" | "OverLimit"
    )
}

fn bare(code: &str) -> &str {
    code.rsplit(['.', '#']).next().unwrap_or(code)
}

/// Whether the call ended before there was a connection to send it on.
fn was_never_connected(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let refused = [io::ErrorKind::ConnectionRefused, io::ErrorKind::AddrNotAvailable];
        if error.downcast_ref::<io::Error>().is_some_and(|error| refused.contains(&error.kind())) {
            return true;
        }
        next = error.source();
    }
    false
}

fn describe<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(failure) => {
            let code = failure.err().code().unwrap_or("an error without a code");
            format!("SQS answers {code}: {}", failure.err().message().unwrap_or("no reason given"))
        }
        SdkError::TimeoutError(_) => "SQS did not answer in time".to_owned(),
        error => {
            let text = DisplayErrorContext(error).to_string();
            // What follows is the debug form of the same.
            format!("SQS cannot be asked: {}", text.split(" (").next().unwrap_or(&text))
        }
    }
}

fn describe_entry(entry: &BatchResultErrorEntry) -> String {
    format!("SQS answers {}: {}", entry.code(), entry.message().unwrap_or("no reason given"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(code: &str, message: &str, is_senders: bool) -> BatchResultErrorEntry {
        let entry = BatchResultErrorEntry::builder().id("0").code(code).message(message).sender_fault(is_senders);
        entry.build().unwrap()
    }

    #[test]
    fn a_delivery_that_is_over_is_told_apart_from_a_call_that_failed() {
        let cases = [
            ("ReceiptHandleIsInvalid", "The input receipt handle is invalid.", true),
            (
                "InvalidParameterValue",
                "Value x for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
                true,
            ),
            ("AWS.SimpleQueueService.MessageNotInflight", "", true),
            ("InvalidParameterValue", "Value 99999 for parameter VisibilityTimeout is invalid.", false),
            ("InternalError", "", false),
            ("ExpiredToken", "The security token included in the request is expired", false),
        ];
        for (code, message, is_over) in cases {
            let error = of_delivery(&entry(code, message, true));
            assert_eq!(matches!(error, LaneError::Expired(_)), is_over, "{code}: {message}: {error:?}");
        }
        assert!(matches!(of_delivery(&entry("RequestThrottled", "", true)), LaneError::Throttled(_)));
        assert!(matches!(of_delivery(&entry("com.amazonaws.sqs#QueueDoesNotExist", "", true)), LaneError::Unusable(_)));
    }

    #[test]
    fn only_what_is_surely_not_accepted_is_refused() {
        for (code, is_senders, is_refused) in
            [("InvalidMessageContents", true, true), ("InternalError", false, false), ("RequestThrottled", false, true)]
        {
            let error = of_sent_entry(&entry(code, "", is_senders));
            assert_eq!(matches!(error, SendError::Refused(_)), is_refused, "{code}: {error:?}");
        }
    }
}
