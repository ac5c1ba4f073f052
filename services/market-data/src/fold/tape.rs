//! The newest trades of one symbol, one by one and in runs. Older ones are in the tables.

use emporion_ports::tables::{AggTradeRow, TradeRow};
use std::collections::VecDeque;

/// How many trades, and how many runs, are kept: what one answer may hold, and as much again for the tables
/// to lag behind.
pub const TAPE_LENGTH: usize = 2_048;

/// The newest trades and runs of trades, oldest first, both without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    trades: VecDeque<TradeRow>,
    runs: VecDeque<AggTradeRow>,
}

impl Tape {
    /// A tape that begins with what the tables hold: each the newest up to [`TAPE_LENGTH`], possibly read at
    /// different seqs.
    pub fn restore(trades: Vec<TradeRow>, runs: Vec<AggTradeRow>) -> Self {
        Self { trades: trades.into(), runs: runs.into() }
    }

    /// Adds the next trade, unless it is there already.
    pub fn record(&mut self, trade: &TradeRow) {
        if self.trades.back().is_none_or(|last| last.trade_id < trade.trade_id) {
            push(&mut self.trades, *trade);
        }
        match self.runs.back_mut() {
            Some(run) if trade.trade_id <= run.last_trade_id => {}
            Some(run) if trade.agg_trade_id == run.agg_trade_id => lengthen(run, trade),
            _ => push(&mut self.runs, run_of(trade)),
        }
    }

    /// The trades, oldest first.
    pub fn trades(&self) -> &VecDeque<TradeRow> {
        &self.trades
    }

    /// The runs, oldest first.
    pub fn runs(&self) -> &VecDeque<AggTradeRow> {
        &self.runs
    }
}

fn push<T>(ring: &mut VecDeque<T>, newest: T) {
    if ring.len() == TAPE_LENGTH {
        ring.pop_front();
    }
    ring.push_back(newest);
}

/// Adds the next trade of its run.
fn lengthen(run: &mut AggTradeRow, trade: &TradeRow) {
    run.quantity.0 = run.quantity.0.saturating_add(trade.quantity.0);
    run.last_trade_id = trade.trade_id;
}

/// The runs that these trades of one symbol, in order, make.
pub(crate) fn runs_of(trades: &[TradeRow]) -> Vec<AggTradeRow> {
    let run = |trades: &[TradeRow]| {
        let mut run = run_of(&trades[0]);
        trades[1..].iter().for_each(|trade| lengthen(&mut run, trade));
        run
    };
    trades.chunk_by(|one, next| one.agg_trade_id == next.agg_trade_id).map(run).collect()
}

fn run_of(trade: &TradeRow) -> AggTradeRow {
    AggTradeRow {
        symbol: trade.symbol,
        agg_trade_id: trade.agg_trade_id,
        price: trade.price,
        quantity: trade.quantity,
        first_trade_id: trade.trade_id,
        last_trade_id: trade.trade_id,
        taker_side: trade.taker_side,
        time: trade.time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_model::{AggTradeId, Amount, Price, Quantity, Side, SymbolId, TimeUs, TradeId};

    fn trade(id: u64, run: u64) -> TradeRow {
        TradeRow {
            symbol: SymbolId(0),
            trade_id: TradeId(id),
            agg_trade_id: AggTradeId(run),
            price: Price(run),
            quantity: Quantity(id),
            notional: Amount(0),
            taker_side: Side::Buy,
            time: TimeUs(run),
        }
    }

    /// Records trades, given as `(id, run)`, and expects runs, given as `(run, quantity, first, last)`.
    #[track_caller]
    fn check(tape: &mut Tape, trades: &[(u64, u64)], runs: &[(u64, u64, u64, u64)]) {
        for &(id, run) in trades {
            tape.record(&trade(id, run));
        }
        let got: Vec<_> = tape
            .runs()
            .iter()
            .map(|run| (run.agg_trade_id.0, run.quantity.0, run.first_trade_id.0, run.last_trade_id.0))
            .collect();
        assert_eq!(got, runs);
    }

    #[test]
    fn trades_of_one_run_are_merged() {
        let mut tape = Tape::default();
        check(&mut tape, &[(1, 1), (2, 1), (3, 2), (4, 3), (5, 3)], &[(1, 3, 1, 2), (2, 3, 3, 3), (3, 9, 4, 5)]);
        assert_eq!(tape.trades().len(), 5);
    }

    #[test]
    fn what_is_there_already_is_not_added_again() {
        let runs = vec![run_of(&trade(1, 1)), AggTradeRow { last_trade_id: TradeId(3), ..run_of(&trade(2, 2)) }];
        let mut tape = Tape::restore(vec![trade(1, 1)], runs);
        check(&mut tape, &[(1, 1), (2, 2), (3, 2), (4, 3)], &[(1, 1, 1, 1), (2, 2, 2, 3), (3, 4, 4, 4)]);
        assert_eq!(tape.trades().iter().map(|trade| trade.trade_id.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn the_oldest_make_room() {
        let mut tape = Tape::default();
        for id in 1..=TAPE_LENGTH as u64 + 3 {
            tape.record(&trade(id, id));
        }
        assert_eq!((tape.trades().len(), tape.runs().len()), (TAPE_LENGTH, TAPE_LENGTH));
        assert_eq!((tape.trades()[0].trade_id, tape.runs()[0].agg_trade_id), (TradeId(4), AggTradeId(4)));
    }
}
