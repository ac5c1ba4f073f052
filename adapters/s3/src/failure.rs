//! What a failure of S3 means, in a sentence that says where and how to mend it.

use crate::options::Place;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use emporion_ports::store::StoreError;
use std::error::Error;

/// A failed call.
pub(crate) fn of_call<E>(place: &Place, error: &SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(failure) => {
            let code = failure.err().code().unwrap_or("an error without a code");
            let reason = failure.err().message().unwrap_or("no reason given").trim_end_matches('.');
            let text = format!("{place} (segments): S3 answers {code}: {reason}");
            match remedy(code) {
                Some(remedy) => StoreError::Unusable(format!("{text}; {remedy}")),
                None => StoreError::Failed(text),
            }
        }
        SdkError::TimeoutError(_) => StoreError::Failed(format!("{place} (segments): S3 did not answer in time")),
        error => {
            let text = DisplayErrorContext(error).to_string();
            // What follows is the debug form of the same.
            let text = text.split(" (").next().unwrap_or(&text);
            StoreError::Failed(format!("{place} (segments): S3 cannot be asked: {text}"))
        }
    }
}

/// What the operator does about it, if it does not go away by itself.
fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "NoSuchBucket" | "InvalidBucketName" => "make the bucket, or mend store.segments",
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => {
            "the credentials need s3:ListBucket, s3:GetObject and s3:PutObject there"
        }
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
            "mend the credentials: store.segments_access_key and store.segments_secret_key, or those of the environment"
        }
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "IllegalLocationConstraintException" => "mend store.segments_region",
        _ => return None,
    })
}
