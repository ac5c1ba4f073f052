//! Who a message comes from: the one who signed it, or the one who logged the connection on.

use super::WsApi;
use crate::Caller;
use crate::auth::{Purpose, SignedMessage, permit};
use emporion_api::window::Validity;
use emporion_api::{ApiError, Code, Params, Security};
use emporion_model::TimeUs;
use emporion_ports::keys::KeyRecord;
use emporion_ports::users::ApiKeyName;
use std::net::IpAddr;
use std::sync::Arc;

/// The key that a connection is logged on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogOn {
    pub(super) key: ApiKeyName,
    pub(super) since: TimeUs,
}

/// Why a message is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// For this reason.
    Refused(ApiError),
    /// The key that was logged on works no more, or not from here.
    Revoked,
}

impl From<ApiError> for Denied {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<Code> for Denied {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

/// A message, as far as it shows who sent it.
#[derive(Clone, Copy)]
pub(super) struct Sender<'m> {
    pub(super) api: &'m WsApi,
    pub(super) params: &'m Params,
    pub(super) address: IpAddr,
    pub(super) received_at: TimeUs,
}

impl Sender<'_> {
    /// Who signed the message itself.
    pub(super) async fn by_signature(&self, purpose: Purpose) -> Result<Caller, ApiError> {
        let api_key = self.params.get("apiKey").ok_or_else(|| ApiError::mandatory("apiKey"))?;
        let Self { params, address, received_at, .. } = *self;
        let message = SignedMessage { api_key, address, params, received_at };
        self.api.0.edge.authenticator().authenticate_message(purpose, message).await
    }

    /// Who calls something of this security: the one who signed, or, when the message has no signature and names no
    /// other key, the one who is logged on.
    pub(super) async fn caller(&self, security: Security, log_on: Option<&LogOn>) -> Result<Caller, Denied> {
        let purpose = Purpose::Call(security);
        let names_another = |log_on: &LogOn| self.params.get("apiKey").is_some_and(|key| key != log_on.key.as_str());
        let log_on = match log_on {
            Some(log_on) if self.params.get("signature").is_none() && !names_another(log_on) => log_on,
            _ => return Ok(self.by_signature(purpose).await?),
        };
        let record = self.still_working(log_on).await?;
        permit(&record, purpose)?;
        let deadline = Validity::read(self.params)?.check(self.received_at)?;
        Ok(Caller { account: record.account, key: log_on.key.clone(), deadline })
    }

    /// The key that is logged on, if it still works.
    pub(super) async fn still_working(&self, log_on: &LogOn) -> Result<Arc<KeyRecord>, Denied> {
        let record = self.api.0.edge.authenticator().working_key(&log_on.key, self.address).await;
        record.map_err(|error| if error.code == Code::RejectedApiKey { Denied::Revoked } else { error.into() })
    }
}
