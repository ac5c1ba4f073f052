//! Where the bucket is and who asks.

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::tls;
use emporion_ports::store::StoreError;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long one try of a call may take: a segment is some ten megabytes.
const TRY_TIME_MAX: Duration = Duration::from_secs(60);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// A prefix of a bucket, written `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) bucket: String,
    /// Empty, or with a slash at its end.
    pub(crate) prefix: String,
}

impl FromStr for Place {
    type Err = String;

    /// # Errors
    /// A sentence that says what such a place looks like.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("is {text:?}, but a place in S3 is s3://BUCKET or s3://BUCKET/PREFIX");
        let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let is_of_bucket = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let is_of_prefix = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '=');
        let is_part = |part: &str| !matches!(part, "" | "." | "..");
        let is_right = (3..=63).contains(&bucket.len())
            && bucket.chars().all(is_of_bucket)
            && prefix.chars().all(is_of_prefix)
            && (prefix.is_empty() || prefix.split('/').all(is_part))
            && prefix.len() <= 512;
        if !is_right {
            return Err(wrong());
        }
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Self { bucket: bucket.to_owned(), prefix })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix.trim_end_matches('/')) }
    }
}

/// Where the bucket is and who asks.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// The bucket and the prefix in it.
    pub place: Place,
    /// Of another S3 than AWS's: `http://host:port` or `https://host`. The bucket is then a part of the path.
    pub endpoint: Option<String>,
    /// Such as `eu-west-1`; empty: what the environment says.
    pub region: String,
    /// `None`: AWS's default chain, which knows Pod Identity.
    pub static_credentials: Option<StaticCredentials>,
}

/// A key of AWS.
#[derive(Clone)]
pub struct StaticCredentials {
    /// Its id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticCredentials(..)")
    }
}

impl S3Options {
    pub(crate) async fn client(&self) -> Result<Client, StoreError> {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client());
        if !self.region.is_empty() {
            loader = loader.region(Region::new(self.region.clone()));
        }
        if let Some(key) = &self.static_credentials {
            let (id, secret) = (&key.access_key_id, &key.secret_access_key);
            loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "given"));
        }
        let shared = loader.load().await;
        if shared.region().is_none() {
            let text =
                format!("the region of {} is not known: set store.segments_region, such as eu-west-1", self.place);
            return Err(StoreError::Unusable(text));
        }
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIME_MAX).operation_attempt_timeout(TRY_TIME_MAX).build();
        let mut config = aws_sdk_s3::config::Builder::from(&shared).timeout_config(timeouts);
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint).force_path_style(true);
        }
        Ok(Client::from_conf(config.build()))
    }
}

fn http_client() -> SharedHttpClient {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_prefix() {
        for (text, bucket, prefix, shown) in [
            ("s3://journal", "journal", "", "s3://journal"),
            ("s3://journal/", "journal", "", "s3://journal"),
            ("s3://a.b-1/venue/eu=1/", "a.b-1", "venue/eu=1/", "s3://a.b-1/venue/eu=1"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(place, Place { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
            assert_eq!(place.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_one_looks_like() {
        for text in [
            "",
            "journal",
            "s3:/journal",
            "s3://",
            "s3:///a",
            "s3://ab",
            "s3://Journal",
            "s3://a b c",
            "s3://abc//d",
            "s3://abc/../d",
            "s3://abc/d e",
            "s3://user:secret@abc/d",
            "https://abc.s3.amazonaws.com/d",
        ] {
            let refused = text.parse::<Place>().unwrap_err();
            assert!(refused.contains("s3://BUCKET/PREFIX"), "{text:?}: {refused}");
        }
    }
}
