//! One symbol's market: book, tape and series, moved on by events.

use super::FoldError;
use super::book::{Book, Level};
use super::series::{DAY_SECONDS, Day, Series};
use super::tape::Tape;
use emporion_model::event::{OrderClosed, SelfTradePrevented, Trade};
use emporion_model::{Event, Price, Quantity, Scales, Seq, Side, TimeUs};
use emporion_ports::tables::TradeRow;

/// What is known of one symbol's market. Readers lock it briefly; the fold alone changes it.
#[derive(Clone, Debug)]
pub struct Market {
    /// The factors between the symbol's integers and the ledger's.
    scales: Scales,
    /// The engine time of the last change or whole second.
    time: TimeUs,
    /// The book holds what commands up to this one did, or later ones.
    book_from: Seq,
    book: Book,
    tape: Tape,
    series: Series,
}

impl Market {
    /// A market without orders and trades.
    pub fn new(scales: Scales, time: TimeUs) -> Self {
        Self::restore(scales, time, Seq::ZERO, Book::default(), Tape::default(), Series::default())
    }

    /// A market out of parts, which may be of different seqs: the book as after `book_seq`, and each of the
    /// others with all trades up to its last one. Events that come next may begin earlier; a part takes only
    /// what it does not have.
    pub fn restore(scales: Scales, time: TimeUs, book_seq: Seq, book: Book, tape: Tape, series: Series) -> Self {
        let mut market = Self { scales, time, book_from: book_seq, book, tape, series };
        market.advance(time);
        market
    }

    /// Lets engine time pass.
    pub fn advance(&mut self, time: TimeUs) {
        self.time = self.time.max(time);
        self.series.advance(time.second());
    }

    /// Applies an event of this symbol, caused by the command `seq` at `time`.
    pub fn apply(&mut self, seq: Seq, time: TimeUs, event: &Event) -> Result<(), FoldError> {
        if seq > self.book_from {
            self.change_book(seq, event)?;
        }
        match event {
            Event::Traded(trade) => self.record(&public(trade, time)),
            _ => Ok(()),
        }
    }

    /// Adds a trade, unless it is there already.
    pub fn record(&mut self, trade: &TradeRow) -> Result<(), FoldError> {
        let base = self.scales.base(trade.quantity).ok_or(FoldError::Amount)?;
        self.tape.record(trade);
        self.series.record(trade, base);
        Ok(())
    }

    /// The engine time of the last change or whole second.
    pub fn time(&self) -> TimeUs {
        self.time
    }

    /// The resting quantity.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The newest trades.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The trades over time.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// The five-minute average price, as the engine computes it; `None` when the symbol never traded.
    pub fn average_price(&self) -> Option<Price> {
        self.series.average(&self.scales)
    }

    /// What the 24-hour tickers tell.
    pub fn day_statistics(&self) -> DayStatistics {
        let (book, series) = (&self.book, &self.series);
        DayStatistics {
            day: series.day(),
            close_before: series.close_before_day(),
            last: series.last().map(|last| (last.close, last.last_quantity)),
            bid: book.best(Side::Buy),
            ask: book.best(Side::Sell),
            open_second: series.now().saturating_sub(DAY_SECONDS),
            time: self.time,
        }
    }

    fn change_book(&mut self, seq: Seq, event: &Event) -> Result<(), FoldError> {
        match LevelChange::by(event) {
            Some(LevelChange::Grown(side, price, quantity)) => {
                self.book.grow(side, price, quantity, seq);
                Ok(())
            }
            Some(LevelChange::Shrunk(side, price, quantity)) => self.book.shrink(side, price, quantity, seq),
            None => Ok(()),
        }
    }
}

/// What the 24-hour tickers tell of a symbol, all of it of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayStatistics {
    /// The last 24 hours, if there were trades in them.
    pub day: Option<Day>,
    /// The last price before them.
    pub close_before: Option<Price>,
    /// The last trade's price and quantity, however long ago.
    pub last: Option<(Price, Quantity)>,
    /// The best bid.
    pub bid: Option<Level>,
    /// The best ask.
    pub ask: Option<Level>,
    /// The second in which the 24 hours began.
    pub open_second: u64,
    /// The moment.
    pub time: TimeUs,
}

/// What an event does to a level of its symbol's book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LevelChange {
    Grown(Side, Price, Quantity),
    Shrunk(Side, Price, Quantity),
}

impl LevelChange {
    /// The one change that an event makes, if any. No event changes two levels.
    pub(crate) fn by(event: &Event) -> Option<Self> {
        match event {
            Event::OrderRested(rested) => Some(Self::Grown(rested.side, rested.price, rested.quantity)),
            Event::Traded(trade) => Some(Self::Shrunk(trade.taker_side.opposite(), trade.price, trade.quantity)),
            Event::SelfTradePrevented(SelfTradePrevented { taker_side, price, maker_quantity, .. }) => {
                Some(Self::Shrunk(taker_side.opposite(), *price, *maker_quantity))
            }
            Event::OrderClosed(OrderClosed { side, price: Some(price), removed, .. }) => {
                Some(Self::Shrunk(*side, *price, *removed))
            }
            _ => None,
        }
    }

    /// Which level.
    pub(crate) fn level(self) -> (Side, Price) {
        let (Self::Grown(side, price, _) | Self::Shrunk(side, price, _)) = self;
        (side, price)
    }
}

/// The part of a trade that everybody may see.
pub(crate) fn public(trade: &Trade, time: TimeUs) -> TradeRow {
    TradeRow {
        symbol: trade.symbol,
        trade_id: trade.trade_id,
        agg_trade_id: trade.agg_trade_id,
        price: trade.price,
        quantity: trade.quantity,
        notional: trade.notional,
        taker_side: trade.taker_side,
        time,
    }
}
