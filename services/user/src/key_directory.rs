//! The key directory on the user store: what an API key's signature is checked with, at most a second old.
//!
//! A key that is revoked here is forgotten here at once; processes that share only the store learn of it
//! within the cache's second. What must not live here: the check of a signature.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use emporion_edge::Clock;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord, VerifyingKey};
use emporion_ports::users::{ApiKey, ApiKeyName, KeyMaterial, UserStore};
use tokio::time::Instant;

use crate::seal::{MasterKeys, SealError};

/// How long an answer is used without asking the store again (OWASP ASVS 5.0, 8.3.2; hazard H72).
const FRESH: Duration = Duration::from_millis(900);
/// Keys remembered at a time, unknown ones included. Beyond it answers are not remembered.
const KEYS_MAX: usize = 65_536;

/// API keys in the user store, with a short-lived cache.
pub struct StoredKeys {
    store: Arc<dyn UserStore>,
    master_keys: Arc<MasterKeys>,
    clock: Clock,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    entries: BTreeMap<ApiKeyName, Entry>,
    /// Counts the calls of [`StoredKeys::forget`], so that what was read before one is not kept after it.
    forgotten: u64,
}

struct Entry {
    found: Option<Found>,
    read_at: Instant,
}

/// A key as it stood in the store, and what was made of it.
#[derive(Clone)]
struct Found {
    stored: Arc<ApiKey>,
    /// `None` while the account is not open.
    record: Option<Arc<KeyRecord>>,
}

impl StoredKeys {
    /// An empty cache in front of `store`.
    pub fn new(store: Arc<dyn UserStore>, master_keys: Arc<MasterKeys>, clock: Clock) -> Self {
        Self { store, master_keys, clock, cache: Mutex::default() }
    }

    /// Forgets a key whose row changed: the next request sees the store.
    pub(crate) fn forget(&self, name: &ApiKeyName) {
        let mut cache = self.lock();
        cache.forgotten += 1;
        cache.entries.remove(name);
    }

    async fn find(&self, name: &ApiKeyName) -> Result<Option<Found>, KeyError> {
        let (stale, forgotten) = {
            let cache = self.lock();
            match cache.entries.get(name) {
                Some(entry) if entry.is_fresh() => return Ok(entry.found.clone()),
                entry => (entry.and_then(|entry| entry.found.clone()), cache.forgotten),
            }
        };
        // Its age counts from before the read.
        let read_at = Instant::now();
        let stored = self.store.api_key(name).await.map_err(|error| KeyError(error.to_string()))?;
        let found = stored
            .map(|stored| self.made_of(stored, stale))
            .transpose()
            .map_err(|error| KeyError(format!("the secret of API key {} cannot be opened: {error}", name.as_str())))?;
        self.keep(name, Entry { found: found.clone(), read_at }, forgotten);
        Ok(found)
    }

    /// The same record as before while the row is the same.
    fn made_of(&self, stored: ApiKey, stale: Option<Found>) -> Result<Found, SealError> {
        match stale {
            Some(same) if *same.stored == stored => Ok(same),
            _ => Ok(Found { record: record(&self.master_keys, &stored)?.map(Arc::new), stored: Arc::new(stored) }),
        }
    }

    fn keep(&self, name: &ApiKeyName, entry: Entry, forgotten: u64) {
        let mut cache = self.lock();
        if cache.forgotten != forgotten {
            return;
        }
        if cache.entries.len() >= KEYS_MAX && !cache.entries.contains_key(name) {
            cache.entries.retain(|_, entry| entry.is_fresh());
        }
        if cache.entries.len() < KEYS_MAX {
            cache.entries.insert(name.clone(), entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        // Every step leaves the cache whole.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_fresh(&self) -> bool {
        self.read_at.elapsed() < FRESH
    }
}

#[async_trait]
impl KeyDirectory for StoredKeys {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        let found = self.find(name).await?;
        let now = self.clock.now();
        Ok(found.filter(|found| found.stored.works_at(now)).and_then(|found| found.record))
    }
}

/// What requests with this key are checked with; `None` while its account is not open.
fn record(master_keys: &MasterKeys, stored: &ApiKey) -> Result<Option<KeyRecord>, SealError> {
    let Some(account) = stored.account.account_id() else { return Ok(None) };
    let name = &stored.key.name;
    let verifying_key = match &stored.key.material {
        KeyMaterial::Hmac { sealed } => VerifyingKey::Hmac(master_keys.open(name.as_str(), sealed)?),
        KeyMaterial::Ed25519 { public_pem } | KeyMaterial::Rsa { public_pem } => {
            VerifyingKey::PublicPem(public_pem.clone())
        }
    };
    Ok(Some(KeyRecord {
        name: name.clone(),
        account,
        permissions: stored.key.permissions,
        ip_rules: stored.key.ip_rules.clone(),
        verifying_key,
    }))
}
