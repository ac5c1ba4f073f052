//! API keys: made, listed, revoked by their owner.

use std::sync::Arc;

use emporion_api::signing::{KeyType, Verifier};
use emporion_edge::Clock;
use emporion_model::TimeUs;
use emporion_ports::keys::Secret;
use emporion_ports::users::{AddedKey, ApiKey, ApiKeyName, IpRule, KeyMaterial, NewApiKey, Permissions, UserStore};

use crate::error::UserError;
use crate::key_directory::StoredKeys;
use crate::people::Person;
use crate::random;
use crate::seal::MasterKeys;

const SECRET_CHARACTERS: usize = 64;
const LABEL_CHARACTERS_MAX: usize = 64;
const IP_RULES_MAX: usize = 30;

/// What a wanted key signs with.
pub enum WantedKind {
    /// A secret that the service makes.
    Hmac,
    /// The owner's Ed25519 public key, as PEM.
    Ed25519(String),
    /// The owner's RSA public key, as PEM.
    Rsa(String),
}

/// A key as its owner wants it.
pub struct WantedKey {
    /// What it signs with.
    pub kind: WantedKind,
    /// The owner's note.
    pub label: String,
    /// What it may be used for.
    pub permissions: Permissions,
    /// From where; addresses and CIDR blocks, empty for anywhere.
    pub ip_list: Vec<String>,
    /// When it stops working.
    pub expires_at: Option<TimeUs>,
}

/// A key with its secret in the clear, for the one answer that shows it.
pub struct MadeKey {
    /// What is stored.
    pub key: NewApiKey,
    /// The secret of an HMAC key.
    pub secret: Option<Secret>,
}

/// The keys of people.
pub struct ApiKeys {
    store: Arc<dyn UserStore>,
    master_keys: Arc<MasterKeys>,
    directory: Arc<StoredKeys>,
    clock: Clock,
    working_max: u32,
}

impl ApiKeys {
    /// At most `working_max` working keys per account.
    pub fn new(
        store: Arc<dyn UserStore>,
        master_keys: Arc<MasterKeys>,
        directory: Arc<StoredKeys>,
        clock: Clock,
        working_max: u32,
    ) -> Self {
        Self { store, master_keys, directory, clock, working_max }
    }

    /// Checks a wish and makes the key, which is nowhere yet.
    pub fn make(&self, wanted: WantedKey) -> Result<MadeKey, UserError> {
        make(&self.master_keys, wanted, self.clock.now())
    }

    /// Adds a key to the person's main account and returns when. That he is really himself was confirmed before.
    pub async fn add(&self, person: &Person, key: &NewApiKey) -> Result<TimeUs, UserError> {
        let now = self.clock.now();
        match self.store.add_api_key(person.user_id, key, self.working_max, &person.stamp(now)).await? {
            AddedKey::Added => {
                // Somebody may have asked for it before it was there.
                self.directory.changed(&key.name);
                Ok(now)
            }
            AddedKey::TooMany => Err(UserError::TooManyKeys),
        }
    }

    /// The person's keys, oldest first.
    pub async fn list(&self, person: &Person) -> Result<Vec<ApiKey>, UserError> {
        Ok(self.store.api_keys(person.user_id).await?)
    }

    /// Revokes a key of the person's. When this returns, this process accepts no request with it any more; others
    /// stop within a second.
    pub async fn revoke(&self, person: &Person, name: &str) -> Result<(), UserError> {
        let name = ApiKeyName::parse(name).ok_or(UserError::NotFound("API key"))?;
        let revoked = self.store.revoke_api_key(person.user_id, &name, &person.stamp(self.clock.now())).await?;
        self.directory.changed(&name);
        if revoked { Ok(()) } else { Err(UserError::NotFound("API key")) }
    }
}

/// Checks a wish and makes the key, its name and its secret.
pub(crate) fn make(master_keys: &MasterKeys, wanted: WantedKey, now: TimeUs) -> Result<MadeKey, UserError> {
    let label_fits = wanted.label.chars().count() <= LABEL_CHARACTERS_MAX;
    if !label_fits || wanted.label.chars().any(char::is_control) {
        return Err(UserError::field("label", "is longer than 64 characters or has control characters"));
    }
    if !(wanted.permissions.read || wanted.permissions.trade) {
        return Err(UserError::field("permissions", "must not be empty"));
    }
    if wanted.expires_at.is_some_and(|at| at <= now) {
        return Err(UserError::field("expiresAtMs", "must be in the future"));
    }
    let ip_rules = ip_rules(&wanted.ip_list)?;
    let name = ApiKeyName::parse(&random::letters_and_digits(ApiKeyName::BYTES)).expect("64 letters and digits");
    let (material, secret) = material(master_keys, wanted.kind, &name)?;
    let (label, permissions, expires_at) = (wanted.label, wanted.permissions, wanted.expires_at);
    Ok(MadeKey { key: NewApiKey { name, material, label, permissions, ip_rules, expires_at }, secret })
}

fn material(
    master_keys: &MasterKeys,
    kind: WantedKind,
    name: &ApiKeyName,
) -> Result<(KeyMaterial, Option<Secret>), UserError> {
    match kind {
        WantedKind::Hmac => {
            let secret = Secret::new(random::letters_and_digits(SECRET_CHARACTERS));
            let sealed = master_keys.seal(name.as_str(), &secret);
            Ok((KeyMaterial::Hmac { sealed }, Some(secret)))
        }
        WantedKind::Ed25519(pem) => {
            Ok((KeyMaterial::Ed25519 { public_pem: public_pem(&pem, KeyType::Ed25519)? }, None))
        }
        WantedKind::Rsa(pem) => Ok((KeyMaterial::Rsa { public_pem: public_pem(&pem, KeyType::Rsa)? }, None)),
    }
}

/// A public key that the edge can verify with, and of the kind that was said.
fn public_pem(pem: &str, expected: KeyType) -> Result<String, UserError> {
    const PROBLEM: &str = "is not a public key of this kind as SubjectPublicKeyInfo PEM";
    match Verifier::public_key(pem) {
        Ok(verifier) if verifier.key_type() == expected => Ok(pem.trim().to_owned()),
        _ => Err(UserError::field("publicKey", PROBLEM)),
    }
}

fn ip_rules(list: &[String]) -> Result<Vec<IpRule>, UserError> {
    if list.len() > IP_RULES_MAX {
        return Err(UserError::field("ipList", "has more than 30 entries"));
    }
    let mut rules = Vec::with_capacity(list.len());
    for text in list {
        let rule = IpRule::parse(text).ok_or(UserError::field("ipList", "holds what is no address or CIDR block"))?;
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    Ok(rules)
}
