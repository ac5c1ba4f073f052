//! Where the queue is and who asks.

use aws_config::BehaviorVersion;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::tls;
use emporion_ports::lanes::LaneError;
use std::fmt;
use std::time::Duration;

/// Where the queue is and who asks.
#[derive(Clone, Debug)]
pub struct SqsOptions {
    /// The queue's URL, as SQS gives it.
    pub queue_url: String,
    /// An emulator's `http://host:port`; `None` for AWS.
    pub endpoint: Option<String>,
    /// Such as `eu-west-1`; empty: what the environment says.
    pub region: String,
    /// For an emulator. `None`: AWS's default chain, which knows Pod Identity.
    pub static_credentials: Option<StaticCredentials>,
    /// How long a call may take beside its wait.
    pub call_time_max: Duration,
}

/// A key of AWS.
#[derive(Clone)]
pub struct StaticCredentials {
    /// Its id; emulators take one of twelve digits for the account.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticCredentials(..)")
    }
}

/// How long a call may take beside its wait, unless it is set.
const CALL_TIME_MAX: Duration = Duration::from_secs(5);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);

impl SqsOptions {
    /// A queue of AWS, with the credentials of AWS's default chain.
    pub fn aws(queue_url: &str, region: &str) -> Self {
        Self {
            queue_url: queue_url.to_owned(),
            endpoint: None,
            region: region.to_owned(),
            static_credentials: None,
            call_time_max: CALL_TIME_MAX,
        }
    }

    /// A queue of an emulator, which takes any credentials.
    pub fn emulator(queue_url: &str, endpoint: &str) -> Self {
        let credentials =
            StaticCredentials { access_key_id: "000000000000".to_owned(), secret_access_key: "emulator".to_owned() };
        Self {
            endpoint: Some(endpoint.to_owned()),
            static_credentials: Some(credentials),
            ..Self::aws(queue_url, "us-east-1")
        }
    }

    pub(crate) async fn client(&self) -> Result<Client, LaneError> {
        let unusable = |text: String| LaneError::Unusable(text);
        if !self.queue_url.starts_with("https://") && !self.queue_url.starts_with("http://") {
            return Err(unusable(format!("{:?} is not the URL of a queue: it begins with https://", self.queue_url)));
        }
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIME_MAX.min(self.call_time_max))
            .operation_timeout(self.call_time_max)
            .build();
        let config = match &self.static_credentials {
            Some(key) => aws_sdk_sqs::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new(self.region.clone()))
                .http_client(http_client())
                .credentials_provider(Credentials::new(
                    &key.access_key_id,
                    &key.secret_access_key,
                    None,
                    None,
                    "given",
                )),
            None => {
                let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client());
                if !self.region.is_empty() {
                    loader = loader.region(Region::new(self.region.clone()));
                }
                let shared = loader.load().await;
                if shared.region().is_none() {
                    return Err(unusable(
                        "the queue's region is not known: set sqs.region, such as eu-west-1".to_owned(),
                    ));
                }
                aws_sdk_sqs::config::Builder::from(&shared)
            }
        };
        let config = config.retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        let config = match &self.endpoint {
            Some(endpoint) if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") => {
                return Err(unusable(format!("{endpoint:?} is not an endpoint: it begins with http:// or https://")));
            }
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        };
        Ok(Client::from_conf(config.build()))
    }
}

fn http_client() -> SharedHttpClient {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
}
