//! A short-lived cache before a key directory: one question at a time for each key, forgotten at a signal.
//!
//! The directory behind it may itself answer from a cache of nearly a second, so answers are fresh here for a tenth of
//! one only: without any signal a revoked key works for a second. What must not live here: where answers come from.

use crate::metrics;
use async_trait::async_trait;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord, VerifyingKey};
use emporion_ports::signals::{Signal, SignalReceiver};
use emporion_ports::users::ApiKeyName;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long an answer is used without asking again.
const FRESH: Duration = Duration::from_millis(100);
/// How long an answer is used while the directory fails.
const USABLE: Duration = Duration::from_secs(1);
/// Keys remembered at a time, unknown ones included. Beyond it answers are not remembered.
const KEYS_MAX: usize = 65_536;

type Found = Result<Option<Arc<KeyRecord>>, String>;

/// A key directory with a cache in front of it. Its listener ends when it is dropped.
pub struct CachedKeys {
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    directory: Arc<dyn KeyDirectory>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    entries: HashMap<ApiKeyName, Entry>,
    questions: HashMap<ApiKeyName, Question>,
    last_question: u64,
    swept_at: Option<Instant>,
}

struct Entry {
    record: Option<Arc<KeyRecord>>,
    /// When it was asked for; `None` once a signal said that it may have changed. It is kept to be given again if it has
    /// not.
    asked_at: Option<Instant>,
}

/// A question that is under way.
struct Question {
    number: u64,
    answer: watch::Receiver<Option<Found>>,
}

impl Drop for CachedKeys {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl CachedKeys {
    /// An empty cache before `directory`, within a Tokio runtime.
    pub fn start(directory: Arc<dyn KeyDirectory>, mut signals: Box<dyn SignalReceiver>) -> Self {
        let shared = Arc::new(Shared { directory, cache: Mutex::default() });
        let heard = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            loop {
                match signals.next().await {
                    Some(Signal::KeyChanged(name)) => heard.cache.lock().forget(&name),
                    Some(Signal::AllKeysChanged) | None => heard.cache.lock().forget_all(),
                    Some(Signal::OnLanes { .. } | Signal::OffLanes(_) | Signal::Leader(_)) => {}
                }
            }
        });
        Self { shared, listening }
    }
}

#[async_trait]
impl KeyDirectory for CachedKeys {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        let mut answer = {
            let mut cache = self.shared.cache.lock();
            if let Some(found) = cache.usable(name, FRESH) {
                metrics::key_lookup("cache");
                return Ok(found);
            }
            match cache.questions.get(name) {
                Some(question) => question.answer.clone(),
                None => self.shared.ask(&mut cache, name),
            }
        };
        let found = match answer.wait_for(Option::is_some).await {
            Ok(found) => found.clone().expect("it was waited for"),
            Err(_) => Err("the lookup ended without an answer".to_owned()),
        };
        found.map_err(KeyError)
    }
}

impl Shared {
    /// Asks in a task of its own, so that the question outlives who asked first.
    fn ask(self: &Arc<Self>, cache: &mut Cache, name: &ApiKeyName) -> watch::Receiver<Option<Found>> {
        cache.last_question += 1;
        let (number, asked_at) = (cache.last_question, Instant::now());
        let (sender, answer) = watch::channel(None);
        cache.questions.insert(name.clone(), Question { number, answer: answer.clone() });
        let (shared, name) = (Arc::clone(self), name.clone());
        tokio::spawn(async move {
            let found = shared.directory.lookup(&name).await;
            let found = shared.cache.lock().take(&name, number, asked_at, found);
            sender.send_replace(Some(found));
        });
        answer
    }
}

impl Cache {
    fn usable(&self, name: &ApiKeyName, age: Duration) -> Option<Option<Arc<KeyRecord>>> {
        let entry = self.entries.get(name)?;
        (entry.asked_at?.elapsed() < age).then(|| entry.record.clone())
    }

    /// Notes what came of a question, unless a signal came after it was asked; the answer for those who waited.
    fn take(
        &mut self,
        name: &ApiKeyName,
        number: u64,
        asked_at: Instant,
        found: Result<Option<Arc<KeyRecord>>, KeyError>,
    ) -> Found {
        let is_current = self.questions.get(name).is_some_and(|question| question.number == number);
        if is_current {
            self.questions.remove(name);
        }
        match found {
            Ok(found) => {
                metrics::key_lookup("directory");
                let known = self.entries.get(name).and_then(|entry| entry.record.clone());
                let record = found.map(|record| known.filter(|known| is_same(known, &record)).unwrap_or(record));
                if is_current {
                    self.keep(name, Entry { record: record.clone(), asked_at: Some(asked_at) });
                }
                Ok(record)
            }
            Err(KeyError(error)) => match self.usable(name, USABLE) {
                Some(record) => {
                    metrics::key_lookup("cache while the directory fails");
                    Ok(record)
                }
                None => {
                    metrics::key_lookup("failed");
                    Err(error)
                }
            },
        }
    }

    fn keep(&mut self, name: &ApiKeyName, entry: Entry) {
        if self.entries.len() >= KEYS_MAX && !self.entries.contains_key(name) {
            // Looking through all of them for every new key would be a way to make us slow.
            if self.swept_at.is_none_or(|at| at.elapsed() >= USABLE) {
                self.swept_at = Some(Instant::now());
                self.entries.retain(|_, entry| entry.asked_at.is_some_and(|at| at.elapsed() < USABLE));
            }
            if self.entries.len() >= KEYS_MAX {
                return;
            }
        }
        self.entries.insert(name.clone(), entry);
    }

    /// Who asks from now on gets an answer that was read from now on.
    fn forget(&mut self, name: &ApiKeyName) {
        self.questions.remove(name);
        if let Some(entry) = self.entries.get_mut(name) {
            entry.asked_at = None;
        }
    }

    fn forget_all(&mut self) {
        self.questions.clear();
        self.entries.values_mut().for_each(|entry| entry.asked_at = None);
    }
}

fn is_same(one: &KeyRecord, other: &KeyRecord) -> bool {
    let is_same_key = match (&one.verifying_key, &other.verifying_key) {
        (VerifyingKey::Hmac(one), VerifyingKey::Hmac(other)) => one.expose() == other.expose(),
        (VerifyingKey::PublicPem(one), VerifyingKey::PublicPem(other)) => one == other,
        _ => false,
    };
    is_same_key
        && one.name == other.name
        && one.account == other.account
        && one.permissions == other.permissions
        && one.ip_rules == other.ip_rules
}

#[cfg(test)]
mod tests;
