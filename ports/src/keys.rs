//! The key directory: from the API key in a request's header to what its signature is checked with.
//!
//! The User Service answers it; the edge of every service asks it once per signed request. What must not live
//! here: the check itself, sealed secrets (see [`crate::users`]), and keys that no longer work.

use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::AccountId;

use crate::users::{ApiKeyName, IpRule, Permissions};

/// Why the directory could not answer. The text is for operators, never for clients.
#[derive(Debug, thiserror::Error)]
#[error("the key directory failed: {0}")]
pub struct KeyError(pub String);

/// A secret in the clear. It has no `Debug`, so that no log line can hold it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one who computes with them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// What a key's signatures are checked with, ready for use.
#[derive(Clone)]
pub enum VerifyingKey {
    /// The shared secret of an HMAC-SHA256 key: the bytes of the text that its owner was given.
    Hmac(Secret),
    /// An Ed25519 or RSA public key as SubjectPublicKeyInfo PEM.
    PublicPem(String),
}

/// An API key that works now.
#[derive(Clone)]
pub struct KeyRecord {
    /// The key's public half.
    pub name: ApiKeyName,
    /// The engine account that it acts for.
    pub account: AccountId,
    /// What it may be used for.
    pub permissions: Permissions,
    /// Where it may be used from; empty means anywhere.
    pub ip_rules: Vec<IpRule>,
    /// What its signatures are checked with.
    pub verifying_key: VerifyingKey,
}

/// Finds working API keys.
#[async_trait]
pub trait KeyDirectory: Send + Sync {
    /// The key with this public half; `None` when there is none, when it is revoked or expired, and while its
    /// account is not open.
    ///
    /// An answer may be up to a second old, so a revoked key works for at most that long. While nothing
    /// changed, the same `Arc` should come back: callers keep what they parsed from a record for as long as
    /// they get the same one.
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError>;
}
