//! What was told last, of that which is told only when it changes.

use std::collections::HashMap;
use std::hash::Hash;

/// The last values by key.
#[derive(Debug)]
pub(super) struct Changes<K, V>(HashMap<K, V>);

impl<K, V> Default for Changes<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V: PartialEq> Changes<K, V> {
    /// Whether `value` is another one than last time, or the first.
    pub(super) fn is_new(&mut self, key: K, value: V) -> bool {
        match self.0.get_mut(&key) {
            Some(last) if *last == value => false,
            Some(last) => {
                *last = value;
                true
            }
            None => {
                self.0.insert(key, value);
                true
            }
        }
    }

    /// Forgets what is no longer told, so that it begins anew when it is told again.
    pub(super) fn forget(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// Forgets all such, so that they begin anew.
    pub(super) fn forget_where(&mut self, is_forgotten: impl Fn(&K) -> bool) {
        self.0.retain(|key, _| !is_forgotten(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_new_once() {
        let mut changes = Changes::default();
        let got: Vec<bool> = [(1, 'a'), (1, 'a'), (2, 'a'), (1, 'b'), (1, 'a'), (1, 'a')]
            .into_iter()
            .map(|(key, value)| changes.is_new(key, value))
            .collect();
        assert_eq!(got, [true, false, true, true, true, false]);
        changes.forget(&1);
        assert!(changes.is_new(1, 'a'));
        changes.forget_where(|key| *key == 2);
        assert_eq!([(1, 'a'), (2, 'a')].map(|(key, value)| changes.is_new(key, value)), [false, true]);
    }
}
