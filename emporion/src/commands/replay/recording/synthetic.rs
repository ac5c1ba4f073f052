//! Recordings without a book: trades as they are, klines as four trades each, and around every trade's price one
//! bid and one ask, which nobody recorded.

use super::rows::{Kline, Row, RowContent, Rows};
use super::{BadLine, Changes, Record, Trade, What};
use crate::commands::replay::grid::Grid;
use crate::commands::replay::numbers::{Price, Quantity};
use emporion_model::Side;
use std::collections::VecDeque;

/// Each quote has so many times the largest trade so far.
const QUOTE_TRADES: u128 = 1_000;

/// Rows as records.
pub(in super::super) struct Synthetic {
    rows: Rows,
    grid: Grid,
    spread_ticks: u64,
    /// What the last row comes to and is still to be given.
    ready: VecDeque<Record>,
    /// The quotes that stand.
    quotes: Changes,
    largest: Quantity,
    last: Option<(Price, Side)>,
}

impl Synthetic {
    pub(super) fn new(rows: Rows, grid: Grid, spread_ticks: u64) -> Self {
        let (ready, quotes) = (VecDeque::new(), Changes::default());
        Self { rows, grid, spread_ticks, ready, quotes, largest: Quantity::ZERO, last: None }
    }

    pub(super) fn next(&mut self) -> Result<Option<Record>, BadLine> {
        while self.ready.is_empty() {
            let Some(row) = self.rows.next()? else { return Ok(None) };
            self.take(&row);
        }
        Ok(self.ready.pop_front())
    }

    fn take(&mut self, row: &Row) {
        match &row.content {
            RowContent::Trade(trade) => self.push(row.line, row.at_ns, *trade),
            RowContent::Kline(kline) => {
                let trades = self.trades_of(kline);
                for (trade, third) in trades.into_iter().zip(0..) {
                    if trade.quantity > Quantity::ZERO {
                        self.push(row.line, row.at_ns + kline.length_ns / 3 * third, trade);
                    }
                }
            }
        }
    }

    /// A trade, between the quotes around the price before it and those around its own.
    fn push(&mut self, line: u64, at_ns: u64, trade: Trade) {
        self.largest = self.largest.max(trade.quantity);
        if self.last.is_none() {
            self.quote(line, at_ns, trade.price);
        }
        self.ready.push_back(Record { line, at_ns, what: What::Trade(trade) });
        self.last = Some((trade.price, trade.taker));
        self.quote(line, at_ns, trade.price);
    }

    fn quote(&mut self, line: u64, at_ns: u64, price: Price) {
        let away = self.grid.tick.0 * u128::from(self.spread_ticks);
        let quantity = Quantity((self.largest.0 * QUOTE_TRADES).min(self.grid.quantity_max.0));
        let bid = price.0.checked_sub(away).filter(|bid| *bid > 0).map(|bid| (Price(bid), quantity));
        let quotes = Changes { bids: bid.into_iter().collect(), asks: vec![(Price(price.0 + away), quantity)] };
        if quotes == self.quotes {
            return;
        }
        let changes = Changes {
            bids: replaced(&self.quotes.bids, &quotes.bids),
            asks: replaced(&self.quotes.asks, &quotes.asks),
        };
        self.quotes = quotes;
        self.ready.push_back(Record { line, at_ns, what: What::Book(changes) });
    }

    /// Open, the two ends in the order of the kline's direction, close; a quarter of the volume each, in whole
    /// steps, with what that leaves at the close.
    fn trades_of(&self, kline: &Kline) -> [Trade; 4] {
        let ends = if kline.close >= kline.open { [kline.low, kline.high] } else { [kline.high, kline.low] };
        let quarter = kline.volume.0 / 4 / self.grid.step.0 * self.grid.step.0;
        let rest = kline.volume.0 - 3 * quarter;
        let (mut price_before, mut taker) = self.last.unwrap_or((kline.open, Side::Buy));
        [(kline.open, quarter), (ends[0], quarter), (ends[1], quarter), (kline.close, rest)].map(|(price, quantity)| {
            taker = match price.cmp(&price_before) {
                std::cmp::Ordering::Less => Side::Sell,
                std::cmp::Ordering::Equal => taker,
                std::cmp::Ordering::Greater => Side::Buy,
            };
            price_before = price;
            Trade { price, quantity: Quantity(quantity), taker }
        })
    }
}

/// What makes the second half out of the first.
fn replaced(before: &[(Price, Quantity)], after: &[(Price, Quantity)]) -> Vec<(Price, Quantity)> {
    let is_gone = |(price, _): &&(Price, Quantity)| !after.iter().any(|(kept, _)| kept == price);
    let gone = before.iter().filter(is_gone).map(|(price, _)| (*price, Quantity::ZERO));
    gone.chain(after.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::lines::Lines;
    use crate::commands::replay::grid::example;
    use std::io::Cursor;

    /// Records as text: `time: bids | asks` or `time: side quantity @ price`.
    fn read(text: &str, spread_ticks: u64) -> Vec<String> {
        let mut lines = Lines::of(Cursor::new(text.to_owned().into_bytes())).unwrap();
        let (number, first) = lines.next().unwrap().map(|(number, text)| (number, text.to_owned())).unwrap();
        let rows = Rows::begin(lines, number, &first).unwrap();
        let mut synthetic = Synthetic::new(rows, example(), spread_ticks);
        let records: Result<Vec<_>, _> = std::iter::from_fn(|| synthetic.next().transpose()).collect();
        records.unwrap().iter().map(told).collect()
    }

    fn told(record: &Record) -> String {
        let half = |levels: &[(Price, Quantity)]| {
            levels.iter().map(|(price, quantity)| format!("{quantity}@{price}")).collect::<Vec<_>>().join(" ")
        };
        let what = match &record.what {
            What::Book(changes) => format!("{} | {}", half(&changes.bids), half(&changes.asks)),
            What::Trade(trade) => format!("{:?} {}@{}", trade.taker, trade.quantity, trade.price),
        };
        format!("{}: {what}", record.at_ns / 1_000_000)
    }

    #[test]
    fn quotes_stand_around_the_last_price() {
        let trades = "1,100,0.1,10,1,true,true\n2,100,0.1,10,2,false,true\n3,100.5,0.2,20.1,3,false,true\n";
        assert_eq!(
            read(trades, 2),
            [
                "1: 100@99.98 | 100@100.02",
                "1: Sell 0.1@100",
                "2: Buy 0.1@100",
                "3: Buy 0.2@100.5",
                "3: 0@99.98 200@100.48 | 0@100.02 200@100.52",
            ]
        );
    }

    #[test]
    fn a_kline_becomes_four_trades_in_the_order_of_its_direction() {
        let up = "0,100,103,99,102,1.002,30,0,0,0,0,0";
        let trades = |text: &str| read(text, 1).into_iter().filter(|told| !told.contains('|')).collect::<Vec<_>>();
        assert_eq!(trades(up), ["0: Buy 0.25@100", "10: Sell 0.25@99", "20: Buy 0.25@103", "30: Sell 0.252@102"]);
        let down = "0,102,103,99,100,1,30,0,0,0,0,0";
        assert_eq!(trades(down), ["0: Buy 0.25@102", "10: Buy 0.25@103", "20: Sell 0.25@99", "30: Buy 0.25@100"]);
        let tiny = "0,102,103,99,100,0.003,30,0,0,0,0,0";
        assert_eq!(trades(tiny), ["30: Buy 0.003@100"], "less than a step each: all of it at the close");
        let none = "0,102,103,99,100,0,30,0,0,0,0,0";
        assert_eq!(trades(none), [] as [&str; 0]);
    }

    #[test]
    fn quotes_stay_within_what_a_symbol_takes() {
        let [first, ..] = &read("1,0.01,100,1,1,true,true", 1)[..] else { panic!("nothing was read") };
        assert_eq!(first, "1:  | 1000@0.02", "no bid at zero, and no more than the largest order");
    }
}
