//! Recordings: files into typed records, lazily, each with the number of its line. Nothing here knows a venue.

mod rows;
mod streams;
mod synthetic;

pub(super) use crate::commands::lines::{BadLine, FileProgress};

use super::grid::Grid;
use super::numbers::{Price, Quantity};
use crate::Failure;
use crate::commands::lines::Lines;
use emporion_model::Side;
use rows::Rows;
use std::path::Path;
use streams::Streams;
use synthetic::Synthetic;

/// What is recorded at one line, in the order in which it is to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The line it stands on.
    pub(super) line: u64,
    /// When it was recorded: nanoseconds since the epoch.
    pub(super) at_ns: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Levels are now these.
    Book(Changes),
    Trade(Trade),
}

/// Levels with their quantities from now on; zero is no level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) bids: Vec<(Price, Quantity)>,
    pub(super) asks: Vec<(Price, Quantity)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trade {
    pub(super) price: Price,
    pub(super) quantity: Quantity,
    /// The side that took.
    pub(super) taker: Side,
}

/// How a file says what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Lines of a combined stream with one snapshot.
    Streams,
    /// Binance's public CSV of trades.
    Trades,
    /// Binance's public CSV of aggregate trades.
    AggTrades,
    /// Binance's public CSV of klines.
    Klines,
}

impl Format {
    /// As people are told.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Streams => "raw stream lines with a depth snapshot",
            Self::Trades => "CSV of trades",
            Self::AggTrades => "CSV of aggregate trades",
            Self::Klines => "CSV of klines",
        }
    }

    /// Whether the file has no book, so that one is made up around its prices.
    pub(super) fn is_without_book(self) -> bool {
        self != Self::Streams
    }
}

/// A file that was recognised and whose beginning is good.
pub(super) struct Opened {
    pub(super) format: Format,
    pub(super) progress: FileProgress,
    content: Content,
}

enum Content {
    Streams(Streams),
    Rows(Rows),
}

impl Opened {
    /// Recognises the file and reads up to its first book or row.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let unread = |error| Failure::usage(format!("the recording {} cannot be read: {error}", path.display()));
        let (lines, progress) = Lines::open(path).map_err(unread)?;
        let (format, content) = recognise(lines).map_err(|bad| bad_line(path, &bad))?;
        Ok(Self { format, progress, content })
    }

    /// Its records on a symbol with these steps.
    pub(super) fn records(self, grid: &Grid, spread_ticks: u64) -> Records {
        match self.content {
            Content::Streams(streams) => Records::Streams(streams),
            Content::Rows(rows) => Records::Synthetic(Box::new(Synthetic::new(rows, grid.clone(), spread_ticks))),
        }
    }
}

/// The sentence about a bad line.
pub(super) fn bad_line(path: &Path, bad: &BadLine) -> Failure {
    Failure::usage(format!("the recording {} is not right at line {}: {}", path.display(), bad.line, bad.what))
}

fn recognise(mut lines: Lines) -> Result<(Format, Content), BadLine> {
    let Some((number, first)) = lines.next()? else { return Err(BadLine::new(1, "the file is empty")) };
    if streams::is_line(first) {
        let first = first.to_owned();
        return Ok((Format::Streams, Content::Streams(Streams::begin(lines, number, &first)?)));
    }
    let first = first.to_owned();
    let rows = Rows::begin(lines, number, &first)?;
    Ok((rows.format(), Content::Rows(rows)))
}

/// Records one after another.
pub(super) enum Records {
    Streams(Streams),
    Synthetic(Box<Synthetic>),
}

impl Iterator for Records {
    type Item = Result<Record, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Streams(streams) => streams.next().transpose(),
            Self::Synthetic(synthetic) => synthetic.next().transpose(),
        }
    }
}

/// A price that is one.
fn positive_price(line: u64, text: &str) -> Result<Price, BadLine> {
    let price = Price::parse(text).map_err(|error| BadLine::new(line, format!("the price {text:?} {error}")))?;
    if price.0 == 0 { Err(BadLine::new(line, "a price is zero")) } else { Ok(price) }
}

/// A quantity above zero.
fn positive_quantity(line: u64, text: &str) -> Result<Quantity, BadLine> {
    let quantity = quantity(line, text)?;
    if quantity == Quantity::ZERO { Err(BadLine::new(line, "a quantity is zero")) } else { Ok(quantity) }
}

/// A quantity, which may be zero.
fn quantity(line: u64, text: &str) -> Result<Quantity, BadLine> {
    Quantity::parse(text).map_err(|error| BadLine::new(line, format!("the quantity {text:?} {error}")))
}
