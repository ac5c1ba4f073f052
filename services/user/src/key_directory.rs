//! The key directory on the user store: what an API key's signature is checked with, at most a second old.
//!
//! A key that is revoked here is forgotten here at once. Other processes are told and forget it as soon as they hear;
//! one that does not hear learns of it within the cache's second. What must not live here: the check of a signature.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use emporion_edge::Clock;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord, VerifyingKey};
use emporion_ports::signals::{Signal, SignalReceiver, Signals};
use emporion_ports::users::{ApiKey, ApiKeyName, KeyMaterial, UserStore};
use tokio::task::AbortHandle;
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
    others: Option<Others>,
}

/// The way to and from the caches of other processes.
struct Others {
    signals: Arc<dyn Signals>,
    listening: AbortHandle,
}

impl Drop for Others {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

#[derive(Default)]
struct Cache {
    entries: BTreeMap<ApiKeyName, Entry>,
    /// Counts how often something was doubted, so that what was read before one is not kept after it.
    doubts: u64,
}

struct Entry {
    found: Option<Found>,
    read_at: Instant,
    is_doubted: bool,
}

/// A key as it stood in the store, and what was made of it.
#[derive(Clone)]
struct Found {
    stored: Arc<ApiKey>,
    /// `None` while the account is not open.
    record: Option<Arc<KeyRecord>>,
}

impl StoredKeys {
    /// An empty cache in front of `store`, which nobody tells anything.
    pub fn new(store: Arc<dyn UserStore>, master_keys: Arc<MasterKeys>, clock: Clock) -> Self {
        Self { store, master_keys, clock, cache: Mutex::default(), others: None }
    }

    /// An empty cache in front of `store` that forgets what `signals` say has changed, and says so itself. Listens in
    /// a task for as long as this lives, so it must be called within a runtime.
    pub fn listening(
        store: Arc<dyn UserStore>,
        master_keys: Arc<MasterKeys>,
        clock: Clock,
        signals: Arc<dyn Signals>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|keys| {
            let listening = tokio::spawn(listen(keys.clone(), signals.listen())).abort_handle();
            let others = Some(Others { signals, listening });
            Self { others, ..Self::new(store, master_keys, clock) }
        })
    }

    /// Forgets a key whose row changed, here at once and elsewhere as soon as it is heard: the next request sees the
    /// store.
    pub(crate) fn changed(&self, name: &ApiKeyName) {
        self.doubt(name);
        if let Some(others) = &self.others {
            others.signals.tell(Signal::KeyChanged(name.clone()));
        }
    }

    /// Asks the store at the next request. The record is kept, so that it stays the same if the row is as it was.
    fn doubt(&self, name: &ApiKeyName) {
        let mut cache = self.lock();
        cache.doubts += 1;
        if let Some(entry) = cache.entries.get_mut(name) {
            entry.is_doubted = true;
        }
    }

    fn doubt_all(&self) {
        let mut cache = self.lock();
        cache.doubts += 1;
        cache.entries.values_mut().for_each(|entry| entry.is_doubted = true);
    }

    async fn find(&self, name: &ApiKeyName) -> Result<Option<Found>, KeyError> {
        let (stale, doubts) = {
            let cache = self.lock();
            match cache.entries.get(name) {
                Some(entry) if entry.is_fresh() => return Ok(entry.found.clone()),
                entry => (entry.and_then(|entry| entry.found.clone()), cache.doubts),
            }
        };
        // Its age counts from before the read.
        let read_at = Instant::now();
        let stored = self.store.api_key(name).await.map_err(|error| KeyError(error.to_string()))?;
        let found = stored
            .map(|stored| self.made_of(stored, stale))
            .transpose()
            .map_err(|error| KeyError(format!("the secret of API key {} cannot be opened: {error}", name.as_str())))?;
        self.keep(name, Entry { found: found.clone(), read_at, is_doubted: false }, doubts);
        Ok(found)
    }

    /// The same record as before while the row is the same.
    fn made_of(&self, stored: ApiKey, stale: Option<Found>) -> Result<Found, SealError> {
        match stale {
            Some(same) if *same.stored == stored => Ok(same),
            _ => Ok(Found { record: record(&self.master_keys, &stored)?.map(Arc::new), stored: Arc::new(stored) }),
        }
    }

    fn keep(&self, name: &ApiKeyName, entry: Entry, doubts: u64) {
        let mut cache = self.lock();
        if cache.doubts != doubts {
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
        !self.is_doubted && self.read_at.elapsed() < FRESH
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

/// Does what other processes say, for as long as there is a cache.
async fn listen(keys: Weak<StoredKeys>, mut signals: Box<dyn SignalReceiver>) {
    loop {
        let signal = signals.next().await;
        let Some(keys) = keys.upgrade() else { return };
        match signal {
            Some(Signal::KeyChanged(name)) => keys.doubt(&name),
            // What was missed may have been about any key.
            Some(Signal::AllKeysChanged) | None => keys.doubt_all(),
            Some(Signal::OnLanes { .. } | Signal::OffLanes(_) | Signal::Leader(_)) => {}
        }
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
