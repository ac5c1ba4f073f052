//! API keys, as their owner manages them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a key's signatures are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyKind {
    /// HMAC-SHA256 with a secret that the venue makes.
    Hmac,
    /// Ed25519; the venue knows the public key only.
    Ed25519,
    /// RSA, PKCS#1 v1.5 with SHA-256; the venue knows the public key only.
    Rsa,
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Permission {
    /// Reading the account.
    Read,
    /// Placing and cancelling orders.
    Trade,
}

/// `POST /v1/api-keys`
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AddApiKey {
    /// The owner's password once more: a stolen session cannot make itself permanent.
    #[schema(format = Password)]
    pub password: String,
    /// What signatures are made with.
    pub kind: KeyKind,
    /// The public key as SubjectPublicKeyInfo PEM: for ED25519 and RSA (2048 to 4096 bits), not for HMAC.
    #[serde(default)]
    pub public_key: Option<String>,
    /// A note for the owner: up to 64 characters, none of them control characters.
    pub label: String,
    /// What it may be used for; at least one.
    pub permissions: Vec<Permission>,
    /// Addresses and CIDR blocks from which it may be used, at most 30; empty or missing: from anywhere.
    #[serde(default)]
    #[schema(example = json!(["192.0.2.7", "2001:db8::/32"]))]
    pub ip_list: Vec<String>,
    /// When it stops working; missing: never.
    #[serde(default)]
    pub expires_at_ms: Option<u64>,
}

/// A key, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// What clients send in `X-MBX-APIKEY`.
    pub api_key: String,
    /// What signatures are made with.
    pub kind: KeyKind,
    /// The public key, for ED25519 and RSA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The owner's note.
    pub label: String,
    /// What it may be used for.
    pub permissions: Vec<Permission>,
    /// From where; empty: from anywhere.
    pub ip_list: Vec<String>,
    /// When it was made.
    pub created_at_ms: u64,
    /// When it stops or stopped working by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<u64>,
}

/// A key just made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// The secret of an HMAC key. Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<String>,
}

/// `GET /v1/api-keys`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyList {
    /// The person's keys, oldest first, revoked and expired ones included.
    pub api_keys: Vec<ApiKey>,
}
