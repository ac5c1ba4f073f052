//! What the demo takes assets to be worth: random walks in whole millionths of a USDT.
//!
//! A walk is a function of the seed, the asset and the number of steps, so every bot that follows it sees the same
//! price without asking, and symbols that share an asset agree.

use emporion_model::journal::hash_bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What a USDT is worth.
pub(super) const USDT: u64 = 1_000_000;

/// The assets that the demo knows, with what one of each is worth at first, in millionths of a USDT.
const ASSETS: &[(&str, u64)] = &[
    ("USDT", USDT),
    ("BTC", 65_000 * USDT),
    ("ETH", 3_200 * USDT),
    ("BNB", 580 * USDT),
    ("SOL", 150 * USDT),
    ("XRP", USDT / 2),
    ("ADA", USDT * 2 / 5),
    ("DOGE", USDT / 8),
    ("LTC", 85 * USDT),
    ("LINK", 14 * USDT),
];

/// The largest move of a step, in millionths of the price.
const MOVE_MAX: i64 = 300;

/// What an asset is worth at first; `None` for one that the demo does not know.
pub(super) fn first_worth(asset: &str) -> Option<u64> {
    ASSETS.iter().find(|(code, _)| *code == asset).map(|(_, worth)| *worth)
}

/// The codes that the demo knows.
pub(super) fn known_assets() -> impl Iterator<Item = &'static str> {
    ASSETS.iter().map(|(code, _)| *code)
}

/// Decisions that belong to `name`: the same for the same seed, unlike those of any other name.
pub(super) fn decisions(seed: u64, name: &str) -> StdRng {
    StdRng::from_seed(hash_bytes(format!("{seed}/{name}").as_bytes()))
}

/// The worth of an asset, step by step.
pub(super) struct Walk {
    rng: StdRng,
    first: u64,
    now: u64,
}

impl Walk {
    /// Of a known asset. USDT stands still.
    pub(super) fn of(asset: &str, seed: u64) -> Option<Self> {
        let first = first_worth(asset)?;
        Some(Self { rng: decisions(seed, asset), first, now: first })
    }

    /// What it is worth now, in millionths of a USDT.
    pub(super) fn worth(&self) -> u64 {
        self.now
    }

    /// Takes a step. The walk stays between half and twice where it began.
    pub(super) fn step(&mut self) {
        if self.first == USDT {
            return;
        }
        let millionths: i64 = self.rng.random_range(-MOVE_MAX..=MOVE_MAX);
        let change = i128::from(self.now) * i128::from(millionths) / 1_000_000;
        let next = u64::try_from(i128::from(self.now) + change).unwrap_or(self.first);
        self.now = next.clamp(self.first / 2, self.first * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(asset: &str, seed: u64) -> Vec<u64> {
        let mut walk = Walk::of(asset, seed).unwrap();
        let step = |_| {
            walk.step();
            walk.worth()
        };
        (0..2_000).map(step).collect()
    }

    #[test]
    fn the_seed_fixes_a_walk() {
        assert_eq!(path("BTC", 1), path("BTC", 1));
        assert_ne!(path("BTC", 1), path("BTC", 2));
        assert!(path("USDT", 1).iter().all(|worth| *worth == USDT));
    }

    #[test]
    fn walks_move_and_stay_in_bounds() {
        for asset in known_assets().filter(|asset| *asset != "USDT") {
            let (first, path) = (first_worth(asset).unwrap(), path(asset, 7));
            assert!(path.iter().all(|worth| (first / 2..=first * 2).contains(worth)), "{asset}");
            assert!(path.iter().any(|worth| *worth != first), "{asset}");
        }
    }
}
