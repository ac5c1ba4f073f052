//! Anti-automation: how often something may be tried by one network, or against one name.
//!
//! A budget holds a number of tries and refills one at a steady pace (a token bucket, kept as the time at
//! which it will be full: GCRA). Who tries while it is empty is told to come back; nobody is locked out by
//! what others do to his name, see [`crate::people`].

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};

use emporion_model::TimeUs;

/// Keys remembered at a time. A key is forgotten when its budget is full again; beyond this many, new keys
/// share one budget, so that memory stays bounded under any attack.
const KEYS_MAX: usize = 65_536;
const FORGET_EVERY_US: u64 = 1_000_000;

/// The size of a budget and its pace. A refill of 0 seconds is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Tries that may follow each other at once.
    pub tries: u32,
    /// Seconds after which one try comes back.
    pub refill_s: u32,
}

/// No try is left; the next one comes back in so many seconds, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// For the `Retry-After` header.
    pub retry_after_s: u64,
}

/// The budgets of many keys, all of one size.
pub struct Budgets<K: ?Sized> {
    interval_us: u64,
    tolerance_us: u64,
    hasher: RandomState,
    state: Mutex<State>,
    keys: std::marker::PhantomData<fn(&K)>,
}

/// Keys are kept as keyed hashes: short, and useless to who reads the memory.
#[derive(Default)]
struct State {
    full_at_us: BTreeMap<u64, u64>,
    forgotten_at_us: u64,
}

impl<K: Hash + ?Sized> Budgets<K> {
    /// Full budgets for every key.
    pub fn new(budget: Budget) -> Self {
        let interval_us = u64::from(budget.refill_s) * 1_000_000;
        Self {
            interval_us,
            tolerance_us: interval_us * u64::from(budget.tries),
            hasher: RandomState::new(),
            state: Mutex::default(),
            keys: std::marker::PhantomData,
        }
    }

    /// Takes one try from the budget of `key`.
    pub fn take(&self, key: &K, now: TimeUs) -> Result<(), Exhausted> {
        let mut state = self.lock();
        let key = state.slot(self.hasher.hash_one(key), now.0);
        let full_at_us = state.full_at_us.get(&key).copied().unwrap_or(0).max(now.0) + self.interval_us;
        let over_us = (full_at_us - now.0).saturating_sub(self.tolerance_us);
        if over_us > 0 {
            return Err(Exhausted { retry_after_s: over_us.div_ceil(1_000_000) });
        }
        state.full_at_us.insert(key, full_at_us);
        Ok(())
    }

    /// Gives a try back: it was not an attack.
    pub fn give_back(&self, key: &K) {
        let mut state = self.lock();
        if let Some(full_at_us) = state.full_at_us.get_mut(&self.hasher.hash_one(key)) {
            *full_at_us = full_at_us.saturating_sub(self.interval_us);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every step leaves the state whole, so a panic elsewhere under the lock does no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    const SHARED: u64 = u64::MAX;

    /// Where the budget of `key` is kept.
    fn slot(&mut self, key: u64, now_us: u64) -> u64 {
        if self.full_at_us.len() < KEYS_MAX || self.full_at_us.contains_key(&key) {
            return key;
        }
        if now_us.saturating_sub(self.forgotten_at_us) >= FORGET_EVERY_US {
            self.forgotten_at_us = now_us;
            self.full_at_us.retain(|_, full_at_us| *full_at_us > now_us);
        }
        if self.full_at_us.len() < KEYS_MAX { key } else { Self::SHARED }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    fn budgets() -> Budgets<u64> {
        Budgets::new(Budget { tries: 3, refill_s: 10 })
    }

    /// Tries with key 1 at each second and compares with what is expected: `None` = taken.
    fn check(budgets: &Budgets<u64>, tries: &[(u64, Option<u64>)]) {
        for (second, refused_for_s) in tries {
            let outcome = budgets.take(&1, TimeUs(second * SECOND_US));
            assert_eq!(outcome.err().map(|refusal| refusal.retry_after_s), *refused_for_s, "second {second}");
        }
    }

    #[test]
    fn a_burst_then_the_steady_pace() {
        let burst = [(100, None), (100, None), (100, None), (100, Some(10)), (104, Some(6))];
        let later = [(110, None), (110, Some(10)), (1_000, None), (1_000, None), (1_000, None), (1_000, Some(10))];
        let budgets = budgets();
        check(&budgets, &burst);
        check(&budgets, &later);
    }

    #[test]
    fn a_refused_try_costs_nothing_and_keys_are_apart() {
        let budgets = budgets();
        check(&budgets, &[(0, None), (0, None), (0, None)]);
        check(&budgets, &[(0, Some(10)); 50]);
        assert_eq!(budgets.take(&2, TimeUs(0)), Ok(()));
        check(&budgets, &[(10, None)]);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budgets = budgets();
        for _ in 0..100 {
            assert_eq!(budgets.take(&1, TimeUs(5)), Ok(()));
            budgets.give_back(&1);
        }
        check(&budgets, &[(5, None), (5, None), (5, None), (5, Some(10))]);
        budgets.give_back(&7);
    }

    #[test]
    fn memory_is_bounded_and_comes_back() {
        let budgets = budgets();
        for key in 0..KEYS_MAX as u64 {
            assert_eq!(budgets.take(&key, TimeUs(0)), Ok(()));
        }
        let strangers = [0, 1, 2].map(|extra| budgets.take(&(1_000_000 + extra), TimeUs(0)).is_ok());
        assert_eq!((strangers, budgets.take(&2_000_000, TimeUs(0)).is_ok()), ([true; 3], false));
        assert_eq!(budgets.take(&1, TimeUs(0)), Ok(()), "a key that was known keeps its own budget");
        assert!(budgets.lock().full_at_us.len() <= KEYS_MAX + 1);
        assert_eq!(budgets.take(&2_000_000, TimeUs(100 * SECOND_US)), Ok(()));
        assert_eq!(budgets.lock().full_at_us.len(), 1);
    }
}
