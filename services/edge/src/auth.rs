//! Who signed this request, and may he do this? Decided from the key's header, the parameters and the raw
//! bytes, in the documented order.

use emporion_api::signing::{KeyFormatError, MessagePayload, SignedPayload, Verifier};
use emporion_api::window::Validity;
use emporion_api::{ApiError, Code, Params, Security};
use emporion_model::{AccountId, TimeUs};
use emporion_ports::keys::{KeyDirectory, KeyRecord, VerifyingKey};
use emporion_ports::users::{ApiKeyName, Permissions};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The most keys whose parsed form is kept. Beyond it all are dropped and parsed anew, a few microseconds
/// each.
const VERIFIERS_MAX: usize = 10_000;

/// The one who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account that the key acts for.
    pub account: AccountId,
    /// The key.
    pub key: ApiKeyName,
    /// The last microsecond at which the request may be executed: `timestamp` + `recvWindow`. The service
    /// checks it again before it acts.
    pub deadline: TimeUs,
}

/// A request as it came, as far as its authentication looks at it.
pub(crate) struct SignedRequest<'r> {
    pub(crate) api_key: Option<&'r [u8]>,
    pub(crate) address: IpAddr,
    pub(crate) query: &'r [u8],
    pub(crate) body: &'r [u8],
    pub(crate) params: &'r Params,
    pub(crate) received_at: TimeUs,
}

/// A signed message of the WebSocket API, as far as its authentication looks at it.
pub(crate) struct SignedMessage<'r> {
    pub(crate) api_key: &'r str,
    pub(crate) address: IpAddr,
    pub(crate) params: &'r Params,
    pub(crate) received_at: TimeUs,
}

/// What a key must be allowed for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To log on, which every key may.
    LogOn,
    /// To call something of this security.
    Call(Security),
}

/// Checks signed requests against a key directory.
pub struct Authenticator {
    directory: Arc<dyn KeyDirectory>,
    parsed: Mutex<HashMap<ApiKeyName, Parsed>>,
}

/// A record and its key in parsed form.
struct Parsed {
    record: Arc<KeyRecord>,
    verifier: Arc<Verifier>,
}

impl Authenticator {
    /// Against this directory.
    pub fn new(directory: Arc<dyn KeyDirectory>) -> Self {
        Self { directory, parsed: Mutex::default() }
    }

    /// Who signed `request`, which asks for something of this security. Refusals, in this order: -2014 for a
    /// missing or ill-formed key, -2015 for a key that is unknown, comes from elsewhere or may not do this,
    /// -1102 and -1021 for the time, -1102 and -1022 for the signature.
    pub(crate) async fn authenticate(
        &self,
        security: Security,
        request: SignedRequest<'_>,
    ) -> Result<Caller, ApiError> {
        let name = request.api_key.and_then(api_key_name).ok_or(Code::BadApiKeyFormat)?;
        let record = self.working_key(&name, request.address).await?;
        permit(&record, Purpose::Call(security))?;
        let deadline = Validity::read(request.params)?.check(request.received_at)?;
        let payload = SignedPayload::cut(request.query, request.body)?;
        self.verifier(&record)?.verify(&payload)?;
        Ok(Caller { account: record.account, key: name, deadline })
    }

    /// Who signed `message`; refusals as for a request.
    pub(crate) async fn authenticate_message(
        &self,
        purpose: Purpose,
        message: SignedMessage<'_>,
    ) -> Result<Caller, ApiError> {
        let name = ApiKeyName::parse(message.api_key).ok_or(Code::BadApiKeyFormat)?;
        let record = self.working_key(&name, message.address).await?;
        permit(&record, purpose)?;
        let deadline = Validity::read(message.params)?.check(message.received_at)?;
        let signature = message.params.get("signature").ok_or_else(|| ApiError::mandatory("signature"))?;
        let payload = MessagePayload::of(message.params)?;
        self.verifier(&record)?.verify(&payload.signed(signature))?;
        Ok(Caller { account: record.account, key: name, deadline })
    }

    /// The key of this name if it works from this address; -2015 if not.
    pub(crate) async fn working_key(&self, name: &ApiKeyName, address: IpAddr) -> Result<Arc<KeyRecord>, ApiError> {
        let record = self.lookup(name).await?.ok_or(Code::RejectedApiKey)?;
        let is_here = record.ip_rules.is_empty() || record.ip_rules.iter().any(|rule| rule.allows(address));
        if is_here { Ok(record) } else { Err(Code::RejectedApiKey.into()) }
    }

    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, ApiError> {
        self.directory.lookup(name).await.map_err(|error| {
            tracing::error!(%error, "a request could not be authenticated");
            ApiError::busy(1)
        })
    }

    /// The parsed form of the record's key, kept for as long as the directory gives the same record.
    fn verifier(&self, record: &Arc<KeyRecord>) -> Result<Arc<Verifier>, ApiError> {
        let mut parsed = self.parsed.lock();
        if let Some(known) = parsed.get(&record.name)
            && Arc::ptr_eq(&known.record, record)
        {
            return Ok(known.verifier.clone());
        }
        let verifier = parse(&record.verifying_key).map(Arc::new).map_err(|error| {
            tracing::error!(api_key = record.name.as_str(), %error, "a stored key cannot be used");
            ApiError::from(Code::RejectedApiKey)
        })?;
        if parsed.len() >= VERIFIERS_MAX {
            parsed.clear();
        }
        parsed.insert(record.name.clone(), Parsed { record: record.clone(), verifier: verifier.clone() });
        Ok(verifier)
    }
}

fn api_key_name(header: &[u8]) -> Option<ApiKeyName> {
    ApiKeyName::parse(std::str::from_utf8(header).ok()?)
}

/// Refuses a key that may not do this, with -2015.
pub(crate) fn permit(record: &KeyRecord, purpose: Purpose) -> Result<(), ApiError> {
    let may = match purpose {
        Purpose::LogOn => true,
        Purpose::Call(security) => may(record.permissions, security),
    };
    if may { Ok(()) } else { Err(Code::RejectedApiKey.into()) }
}

fn may(permissions: Permissions, security: Security) -> bool {
    match security {
        Security::Trade => permissions.trade,
        Security::UserData => permissions.read,
        Security::None | Security::Session | Security::Operator => false,
    }
}

fn parse(key: &VerifyingKey) -> Result<Verifier, KeyFormatError> {
    match key {
        VerifyingKey::Hmac(secret) => Ok(Verifier::hmac(secret.expose())),
        VerifyingKey::PublicPem(pem) => Verifier::public_key(pem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use emporion_api::signing::{Query, Signer};
    use emporion_ports::keys::{KeyError, Secret};

    const NOW: TimeUs = TimeUs(1_700_000_000_000_000);
    const ED25519_PUBLIC: &str = include_str!("../../../api/src/signing/fixtures/ed25519_public.pem");
    const ED25519_PRIVATE: &str = include_str!("../../../api/src/signing/fixtures/ed25519_private.pem");

    /// A directory with one key, which can be exchanged.
    struct OneKey(Mutex<Arc<KeyRecord>>);

    #[async_trait]
    impl KeyDirectory for OneKey {
        async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
            let record = self.0.lock().clone();
            Ok((record.name == *name).then_some(record))
        }
    }

    fn record(verifying_key: VerifyingKey) -> Arc<KeyRecord> {
        Arc::new(KeyRecord {
            name: ApiKeyName::parse(&"A".repeat(64)).expect("64 letters"),
            account: AccountId(1_000),
            permissions: Permissions { read: true, trade: false },
            ip_rules: Vec::new(),
            verifying_key,
        })
    }

    async fn authenticate(authenticator: &Authenticator, signer: &Signer) -> Result<Caller, ApiError> {
        let query = Query::new().with("timestamp", NOW.millis()).with("recvWindow", "1000.5").signed(signer);
        let params = Params::parse(query.as_bytes(), b"").expect("well-formed");
        let request = SignedRequest {
            api_key: Some(&[b'A'; 64]),
            address: IpAddr::from([192, 0, 2, 1]),
            query: query.as_bytes(),
            body: b"",
            params: &params,
            received_at: NOW,
        };
        authenticator.authenticate(Security::UserData, request).await
    }

    #[tokio::test]
    async fn a_caller_has_an_account_and_a_deadline() {
        let pem = VerifyingKey::PublicPem(ED25519_PUBLIC.to_owned());
        let authenticator = Authenticator::new(Arc::new(OneKey(Mutex::new(record(pem)))));
        let signer = Signer::ed25519_pem(ED25519_PRIVATE).expect("a fixture");
        let caller = authenticate(&authenticator, &signer).await.expect("signed by the key");
        assert_eq!((caller.account, caller.deadline), (AccountId(1_000), TimeUs(NOW.0 + 1_000_500)));
        let other = authenticate(&authenticator, &Signer::hmac("x")).await;
        assert_eq!(other, Err(Code::InvalidSignature.into()));
    }

    #[tokio::test]
    async fn a_new_record_counts_at_once() {
        let key = |secret: &str| record(VerifyingKey::Hmac(Secret::new(secret)));
        let directory = Arc::new(OneKey(Mutex::new(key("old"))));
        let authenticator = Authenticator::new(directory.clone());
        let (old, new) = (Signer::hmac("old"), Signer::hmac("new"));
        for _ in 0..2 {
            assert!(authenticate(&authenticator, &old).await.is_ok());
        }
        *directory.0.lock() = key("new");
        assert_eq!(authenticate(&authenticator, &old).await, Err(Code::InvalidSignature.into()));
        assert!(authenticate(&authenticator, &new).await.is_ok());
        *directory.0.lock() = record(VerifyingKey::PublicPem("damaged".to_owned()));
        assert_eq!(authenticate(&authenticator, &new).await, Err(Code::RejectedApiKey.into()));
    }
}
