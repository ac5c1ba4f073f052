//! Hashing passwords without starving trading.
//!
//! One argon2id hash takes 46 MiB and tens of milliseconds of a core. At most half of the cores (but one at
//! least) hash at a time and a bounded number of callers wait; beyond that the answer is "busy" at once.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::{PasswordHash as Phc, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use emporion_ports::users::PasswordHash;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rules::Password;
use crate::random;

/// 46 MiB, one pass, one lane: OWASP ASVS 5.0, appendix C.
const MEMORY_KIB: u32 = 46 * 1024;
const PASSES: u32 = 1;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// How much hashing may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashing {
    /// Hashes computed at a time.
    pub parallel: usize,
    /// Callers that may wait for their turn.
    pub waiting_max: usize,
}

impl Default for Hashing {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { parallel: (cores / 2).max(1), waiting_max: 100 }
    }
}

/// The hash was not begun: too many callers wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyWaiting;

/// Computes password hashes, a few at a time.
pub struct HashPool {
    /// One permit for each caller inside, running or waiting.
    inside: Arc<Semaphore>,
    /// One permit for each running hash.
    running: Arc<Semaphore>,
    /// The hash of a password that nobody knows, verified for people who do not exist.
    nobody: PasswordHash,
}

impl HashPool {
    /// Computes one hash itself; blocks that long.
    pub fn new(limits: Hashing) -> Self {
        Self {
            inside: Arc::new(Semaphore::new(limits.parallel + limits.waiting_max)),
            running: Arc::new(Semaphore::new(limits.parallel)),
            nobody: hash(&random::bytes::<32>()),
        }
    }

    /// The hash to keep for `password`.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, TooManyWaiting> {
        self.run(move || hash(password.bytes())).await
    }

    /// Whether `password` is the one behind `kept`. For `None`, somebody who does not exist, it takes the same
    /// work to say no.
    pub async fn verify(&self, password: Password, kept: Option<&PasswordHash>) -> Result<bool, TooManyWaiting> {
        let exists = kept.is_some();
        let kept = kept.unwrap_or(&self.nobody).clone();
        self.run(move || verify(password.bytes(), &kept)).await.map(|matches| matches && exists)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, TooManyWaiting> {
        let inside = Arc::clone(&self.inside).try_acquire_owned().map_err(|_| TooManyWaiting)?;
        let running = Arc::clone(&self.running).acquire_owned().await.expect("the pool never closes");
        // The permits go with the work: a caller who gives up does not make room before the work is done.
        let permits: [OwnedSemaphorePermit; 2] = [inside, running];
        let task = tokio::task::spawn_blocking(move || {
            let value = work();
            drop(permits);
            value
        });
        Ok(task.await.expect("hashing does not panic"))
    }
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &[u8]) -> PasswordHash {
    let salt = SaltString::encode_b64(&random::bytes::<SALT_BYTES>()).expect("16 bytes are a salt");
    let phc = argon2id().hash_password(password, &salt).expect("parameters, salt and length are within limits");
    PasswordHash(phc.to_string())
}

fn verify(password: &[u8], kept: &PasswordHash) -> bool {
    match Phc::new(&kept.0) {
        Ok(phc) => argon2id().verify_password(password, &phc).is_ok(),
        Err(error) => {
            tracing::error!(%error, "a stored password hash is not readable; its owner cannot log in");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned()).unwrap()
    }

    fn pool() -> HashPool {
        HashPool::new(Hashing { parallel: 1, waiting_max: 1 })
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_only() {
        let pool = pool();
        let kept = pool.hash(password("k7 Fq2!x")).await.unwrap();
        assert!(kept.0.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{}", kept.0);
        for (text, matches) in [("k7 Fq2!x", true), ("k7 Fq2!X", false), ("", false), ("k7 Fq2!x ", false)] {
            assert_eq!(pool.verify(password(text), Some(&kept)).await, Ok(matches), "{text:?}");
        }
        assert!(pool.hash(password("k7 Fq2!x")).await.unwrap() != kept, "every hash has its own salt");
    }

    #[tokio::test]
    async fn nobody_has_a_password_but_costs_the_same_parameters() {
        let pool = pool();
        assert_eq!(pool.verify(password("k7 Fq2!x"), None).await, Ok(false));
        let (nobody, kept) = (pool.nobody.clone(), pool.hash(password("k7 Fq2!x")).await.unwrap());
        let parameters = |hash: &PasswordHash| hash.0.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(parameters(&nobody), parameters(&kept));
    }

    #[tokio::test]
    async fn a_damaged_hash_matches_nothing() {
        let damaged = PasswordHash("$argon2id$oops".to_owned());
        assert_eq!(pool().verify(password("k7 Fq2!x"), Some(&damaged)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_full_pool_says_busy_at_once_and_recovers() {
        let pool = pool();
        let (release, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let runs = pool.run(move || wait.recv().is_ok());
        let waits = pool.run(|| true);
        let (mut runs, mut waits) = (Box::pin(runs), Box::pin(waits));
        assert!(futures_util::poll!(&mut runs).is_pending());
        assert!(futures_util::poll!(&mut waits).is_pending());
        assert_eq!(pool.run(|| true).await, Err(TooManyWaiting));
        release.send(()).unwrap();
        assert_eq!((runs.await, waits.await), (Ok(true), Ok(true)));
        assert_eq!(pool.run(|| true).await, Ok(true));
    }

    #[tokio::test]
    async fn a_caller_who_gives_up_makes_no_room_for_more_work() {
        let pool = pool();
        let (release, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let mut runs = Box::pin(pool.run(move || wait.recv().is_ok()));
        assert!(futures_util::poll!(&mut runs).is_pending());
        drop(runs);
        let mut waits = Box::pin(pool.run(|| true));
        assert!(futures_util::poll!(&mut waits).is_pending());
        assert_eq!(pool.run(|| true).await, Err(TooManyWaiting));
        release.send(()).unwrap();
        assert_eq!(waits.await, Ok(true));
    }
}
