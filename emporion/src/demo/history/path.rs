//! What an asset was worth, at the end of every piece of the past.

use super::Shape;
use super::pieces::Pieces;
use crate::demo::prices::{FINE, Moves, USDT, first_worth, moved, typical_move};

/// The path stays within so many times what the asset is worth now, either way.
const TIMES_MAX: u64 = 8;

/// The worths of an asset, in the unit of [`crate::demo::prices::Walk::worth`].
pub(super) struct Path {
    /// Before the first piece, then at the end of each.
    worths: Vec<u64>,
}

impl Path {
    /// Walks backwards from what the asset is worth first thing in the demo. It must be known.
    pub(super) fn of(asset: &str, shape: Shape, pieces: &Pieces) -> Self {
        let first = first_worth(asset).expect("only assets that are known have a path") * FINE;
        let mut moves = Moves::new(shape.seed, "history", asset);
        let mut worth = first;
        let mut worths = vec![worth];
        for piece in pieces.iter().rev() {
            if first != USDT * FINE {
                let typical = typical_move(shape.volatility_bps, piece.seconds.unsigned_abs() * 1_000_000);
                worth = moved(worth, moves.next(), typical, first).clamp(first / TIMES_MAX, first * TIMES_MAX);
            }
            worths.push(worth);
        }
        worths.reverse();
        Self { worths }
    }

    /// When this piece began.
    pub(super) fn before(&self, piece: usize) -> u64 {
        self.worths[piece]
    }

    /// When this piece ended.
    pub(super) fn after(&self, piece: usize) -> u64 {
        self.worths[piece + 1]
    }
}
