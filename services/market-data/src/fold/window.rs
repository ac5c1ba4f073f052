//! Sums and extremes of a window of time that moves on, exact at every second.

use emporion_model::event::Bucket;
use emporion_model::{Amount, Price};
use std::collections::VecDeque;

/// What can be told of the window's one-second buckets without looking at each.
///
/// Both ends move forward only. The extremes are kept as the falling (or rising) staircase of candidates:
/// a price that a later one exceeds can never be the highest again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    base: Amount,
    quote: Amount,
    trades: u64,
    highs: VecDeque<(u64, Price)>,
    lows: VecDeque<(u64, Price)>,
}

impl Window {
    /// Adds trades at the window's end: a bucket, or a part of the newest one.
    pub(super) fn enter(&mut self, newest: &Bucket) {
        self.base.0 += newest.base.0;
        self.quote.0 += newest.quote.0;
        self.trades += newest.trades;
        climb(&mut self.highs, newest.second, newest.high, |kept, new| kept >= new);
        climb(&mut self.lows, newest.second, newest.low, |kept, new| kept <= new);
    }

    /// Removes the bucket at the window's start.
    pub(super) fn leave(&mut self, oldest: &Bucket) {
        self.base.0 -= oldest.base.0;
        self.quote.0 -= oldest.quote.0;
        self.trades -= oldest.trades;
        for staircase in [&mut self.highs, &mut self.lows] {
            if staircase.front().is_some_and(|&(second, _)| second <= oldest.second) {
                staircase.pop_front();
            }
        }
    }

    /// Base traded.
    pub(super) fn base(&self) -> Amount {
        self.base
    }

    /// Quote traded.
    pub(super) fn quote(&self) -> Amount {
        self.quote
    }

    /// How many trades.
    pub(super) fn trades(&self) -> u64 {
        self.trades
    }

    /// The highest price; `None` without a trade.
    pub(super) fn high(&self) -> Option<Price> {
        self.highs.front().map(|&(_, price)| price)
    }

    /// The lowest price; `None` without a trade.
    pub(super) fn low(&self) -> Option<Price> {
        self.lows.front().map(|&(_, price)| price)
    }
}

/// Adds a candidate: it drops those that it beats, and is itself dropped if its own second has a better one.
fn climb(staircase: &mut VecDeque<(u64, Price)>, second: u64, price: Price, holds: fn(Price, Price) -> bool) {
    while staircase.back().is_some_and(|&(at, kept)| !holds(kept, price) || (kept == price && at < second)) {
        staircase.pop_back();
    }
    if staircase.back().is_none_or(|&(at, _)| at < second) {
        staircase.push_back((second, price));
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::tests::bucket;
    use super::*;
    use proptest::prelude::*;

    fn extremes(window: &Window) -> Option<(u64, u64)> {
        window.low().zip(window.high()).map(|(low, high)| (low.0, high.0))
    }

    #[test]
    fn extremes_follow_both_ends() {
        let days = [bucket(1, 5, 10), bucket(2, 7, 9), bucket(3, 6, 10), bucket(9, 8, 8)];
        let mut window = Window::default();
        assert_eq!(extremes(&window), None);
        days.iter().for_each(|day| window.enter(day));
        assert_eq!((extremes(&window), window.trades(), window.base()), (Some((5, 10)), 4, Amount(4)));
        for (day, left) in days.iter().zip([Some((6, 10)), Some((6, 10)), Some((8, 8)), None]) {
            window.leave(day);
            assert_eq!(extremes(&window), left);
        }
        assert_eq!(window, Window::default());
    }

    #[test]
    fn parts_of_a_second_are_the_second() {
        let mut parts = Window::default();
        for price in [5, 9, 2, 9, 4] {
            parts.enter(&bucket(7, price, price));
        }
        assert_eq!((extremes(&parts), parts.highs.len(), parts.lows.len()), (Some((2, 9)), 1, 1));
    }

    proptest! {
        #[test]
        fn every_window_agrees_with_a_look_at_each_bucket(
            prices in prop::collection::vec((1u64..20, 0u64..5), 1..60),
            length in 1usize..20,
        ) {
            let buckets: Vec<Bucket> =
                prices.iter().zip(0..).map(|(&(low, span), second)| bucket(second, low, low + span)).collect();
            let mut window = Window::default();
            for end in 0..buckets.len() {
                window.enter(&buckets[end]);
                let start = (end + 1).saturating_sub(length);
                if start > 0 {
                    window.leave(&buckets[start - 1]);
                }
                let inside = &buckets[start..=end];
                prop_assert_eq!(window.low(), inside.iter().map(|bucket| bucket.low).min());
                prop_assert_eq!(window.high(), inside.iter().map(|bucket| bucket.high).max());
                prop_assert_eq!(window.trades(), inside.len() as u64);
            }
        }
    }
}
