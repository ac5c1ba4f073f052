//! What the demo takes assets to be worth: random walks in whole numbers.
//!
//! A walk is a function of the seed, the asset and the number of steps, so every bot that follows it sees the same
//! price without asking, and symbols that share an asset agree. What must not live here: symbols, and time.

use emporion_model::journal::hash_bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What a USDT is worth, in millionths of one.
pub(super) const USDT: u64 = 1_000_000;
/// Walks go in finer steps than millionths: otherwise small moves of cheap assets would be cut to nothing.
pub(super) const FINE: u64 = 1_000_000;

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

/// An hour, the time that `demo.volatility_bps` speaks of, in microseconds.
const HOUR_US: u128 = 3_600_000_000;
/// How a typical move grows or shrinks with the moves before it, in thousandths.
const VOLATILITY: std::ops::RangeInclusive<i64> = 300..=4_000;
/// How far a trend goes at most with each move, in thousandths of a typical one.
const TREND_MAX: i64 = 120;
/// How many moves a trend lasts.
const TREND_MOVES: std::ops::RangeInclusive<u32> = 20..=200;
/// How strongly a walk is drawn back where it began, for each time that it has doubled or halved, in thousandths of
/// a typical move.
const PULL: i64 = 32;
/// The largest part of the price that one move may be, in millionths.
const MOVE_MAX: i128 = 300_000;

/// What an asset is worth at first, in millionths of a USDT; `None` for one that the demo does not know.
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

/// How far a price typically moves within a time, in millionths of it, when it moves so many hundredths of a percent
/// within an hour: a random walk goes with the square root of time.
pub(super) fn typical_move(volatility_bps: u64, time_us: u64) -> u64 {
    let hourly = u128::from(volatility_bps) * 100;
    let square = hourly * hourly * u128::from(time_us) / HOUR_US;
    u64::try_from(square.isqrt()).unwrap_or(u64::MAX)
}

/// What one base is worth in quote, in units of the price scale `unit`; both worths in the same unit.
pub(super) fn price_of(base: u64, quote: u64, unit: u128) -> u64 {
    u64::try_from(u128::from(base) * unit / u128::from(quote).max(1)).unwrap_or(u64::MAX / 4)
}

/// The moves of an asset: mostly with the whole market, partly its own; calm and wild times last, and so do trends.
pub(super) struct Moves {
    market: StdRng,
    own: StdRng,
    /// In thousandths of what is typical.
    volatility: i64,
    trend: i64,
    trend_moves: u32,
}

impl Moves {
    /// Of an asset. `part` keeps moves for different purposes apart.
    pub(super) fn new(seed: u64, part: &str, asset: &str) -> Self {
        let market = decisions(seed, &format!("{part}/market"));
        let own = decisions(seed, &format!("{part}/{asset}"));
        Self { market, own, volatility: 1_000, trend: 0, trend_moves: 0 }
    }

    /// The next one, in thousandths of a typical move.
    pub(super) fn next(&mut self) -> i64 {
        if self.trend_moves == 0 {
            self.trend_moves = self.own.random_range(TREND_MOVES);
            self.trend = self.own.random_range(-TREND_MAX..=TREND_MAX);
        }
        self.trend_moves -= 1;
        // 0.8² + 0.6² = 1: the sum is as large as its parts.
        let moved = (8 * noise(&mut self.market) + 6 * noise(&mut self.own)) / 10 * self.volatility / 1_000;
        // A typical size is 0.8 of the square root of the variance, so the three parts add up to a whole.
        let volatility = (20 * 1_000 + 800 * self.volatility + 225 * moved.abs()) / 1_000;
        self.volatility = volatility.clamp(*VOLATILITY.start(), *VOLATILITY.end());
        moved + self.trend
    }
}

/// Bell-shaped around zero, 1,000 being typical; now and then a large one.
fn noise(rng: &mut StdRng) -> i64 {
    let sum: i64 = (0..4).map(|_| rng.random_range(-866..=866)).sum();
    if rng.random_ratio(1, 200) { 4 * sum } else { sum }
}

/// `worth` after a move of so many thousandths of `typical`, which is in millionths; drawn back to `first`.
pub(super) fn moved(worth: u64, thousandths: i64, typical: u64, first: u64) -> u64 {
    let doublings = i64::from(worth.max(1).ilog2()) - i64::from(first.max(1).ilog2());
    let thousandths = i128::from(thousandths - PULL * doublings);
    let part = (thousandths * i128::from(typical)).clamp(-MOVE_MAX * 1_000, MOVE_MAX * 1_000);
    let next = i128::from(worth) + i128::from(worth) * part / 1_000_000_000;
    u64::try_from(next).unwrap_or(first)
}

/// The worth of an asset, step by step.
pub(super) struct Walk {
    moves: Moves,
    stands_still: bool,
    first: u64,
    now: u64,
    steps: u64,
    /// A typical move in a step, in millionths.
    typical: u64,
}

impl Walk {
    /// Of a known asset, from its first worth on. USDT stands still.
    pub(super) fn of(asset: &str, seed: u64, typical: u64) -> Option<Self> {
        let first = first_worth(asset)?;
        let (moves, stands_still) = (Moves::new(seed, "walk", asset), first == USDT);
        Some(Self { moves, stands_still, first: first * FINE, now: first * FINE, steps: 0, typical })
    }

    /// Goes on from another worth, in millionths of [`USDT`]'s unit, as far as that is within the walk's bounds.
    pub(super) fn go_on_from(&mut self, worth: u64) {
        if !self.stands_still {
            self.now = worth.clamp(self.first / 2, self.first * 2);
        }
    }

    /// What it is worth now, in [`FINE`] parts of a millionth of a USDT.
    pub(super) fn worth(&self) -> u64 {
        self.now
    }

    /// Takes all steps up to this one. The walk stays between half and twice what the asset is worth at first.
    pub(super) fn advance_to(&mut self, step: u64) {
        while self.steps < step {
            self.steps += 1;
            let thousandths = self.moves.next();
            if !self.stands_still {
                let next = moved(self.now, thousandths, self.typical, self.first);
                self.now = next.clamp(self.first / 2, self.first * 2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(asset: &str, seed: u64) -> Vec<u64> {
        let mut walk = Walk::of(asset, seed, 300).unwrap();
        let step = |step| {
            walk.advance_to(step);
            walk.worth()
        };
        (1..=2_000).map(step).collect()
    }

    #[test]
    fn the_seed_fixes_a_walk() {
        assert_eq!(path("BTC", 1), path("BTC", 1));
        assert_ne!(path("BTC", 1), path("BTC", 2));
        assert!(path("USDT", 1).iter().all(|worth| *worth == USDT * FINE));
    }

    #[test]
    fn a_walk_does_not_depend_on_how_it_was_asked() {
        let mut walk = Walk::of("BTC", 1, 300).unwrap();
        walk.advance_to(2_000);
        assert_eq!(Some(&walk.worth()), path("BTC", 1).last());
    }

    #[test]
    fn walks_move_and_stay_in_bounds() {
        for asset in known_assets().filter(|asset| *asset != "USDT") {
            let (first, path) = (first_worth(asset).unwrap() * FINE, path(asset, 7));
            assert!(path.iter().all(|worth| (first / 2..=first * 2).contains(worth)), "{asset}");
            assert!(path.iter().any(|worth| *worth != first), "{asset}");
        }
    }

    #[test]
    fn a_walk_goes_on_from_the_last_price_within_its_bounds() {
        let from = |worth: u64| {
            let mut walk = Walk::of("BTC", 1, 300).unwrap();
            walk.go_on_from(worth * USDT * FINE);
            walk.worth() / FINE / USDT
        };
        assert_eq!((from(70_000), from(1), from(900_000)), (70_000, 32_500, 130_000));
    }

    #[test]
    fn a_typical_move_grows_with_the_square_root_of_time() {
        let second = 1_000_000;
        assert_eq!(typical_move(60, second), 100);
        assert_eq!(typical_move(60, 100 * second), 1_000);
        assert_eq!(typical_move(60, 3_600 * second), 6_000);
        assert_eq!(typical_move(0, second), 0);
    }

    #[test]
    fn calm_and_wild_times_last() {
        let mut moves = Moves::new(1, "test", "BTC");
        let sizes: Vec<_> = (0..20_000).map(|_| moves.next().abs()).collect();
        let mean = sizes.iter().sum::<i64>() / 20_000;
        assert!((500..=1_200).contains(&mean), "{mean}");
        // Beside a large move stand larger ones than elsewhere.
        let after_large: Vec<_> = sizes.windows(2).filter(|pair| pair[0] > 2 * mean).map(|pair| pair[1]).collect();
        assert!(after_large.iter().sum::<i64>() / after_large.len() as i64 > mean * 11 / 10);
    }

    #[test]
    fn a_walk_that_strayed_is_drawn_back() {
        let first = 1 << 20;
        assert!(moved(8 * first, 0, 10_000, first) < 8 * first);
        assert!(moved(first / 8, 0, 10_000, first) > first / 8);
        assert_eq!(moved(first, 0, 10_000, first), first);
        assert_eq!(moved(first, i64::MAX / 2, 10_000, first), first + (u128::from(first) * 3 / 10) as u64);
    }
}
