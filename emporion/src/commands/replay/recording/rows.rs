//! Rows of Binance's public CSV files: trades, aggregate trades and klines, with or without a header line, with
//! times in milliseconds or microseconds.

use super::{BadLine, Format, Trade, positive_price, positive_quantity, quantity};
use crate::commands::lines::Lines;
use crate::commands::replay::numbers::{Price, Quantity};
use emporion_model::Side;

/// Times from here on are microseconds: as milliseconds they would lie beyond the year 5000.
const MICROSECONDS_FROM: u64 = 100_000_000_000_000;

/// A file past its first row.
pub(in super::super) struct Rows {
    lines: Lines,
    format: Format,
    first: Option<Row>,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) at_ns: u64,
    pub(super) content: RowContent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowContent {
    Trade(Trade),
    Kline(Kline),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kline {
    pub(super) open: Price,
    pub(super) high: Price,
    pub(super) low: Price,
    pub(super) close: Price,
    pub(super) volume: Quantity,
    /// From its beginning to its end.
    pub(super) length_ns: u64,
}

impl Rows {
    /// Recognises the columns by the first row.
    pub(super) fn begin(mut lines: Lines, number: u64, first: &str) -> Result<Self, BadLine> {
        let has_header = first.starts_with(|c: char| c.is_alphabetic() || c == '"');
        let (number, row) = if has_header {
            let foreign = || BadLine::new(number, FOREIGN);
            let next = lines.next()?.filter(|_| first.contains(',')).ok_or_else(foreign)?;
            (next.0, next.1.to_owned())
        } else {
            (number, first.to_owned())
        };
        let format = recognise(&row).ok_or_else(|| BadLine::new(number, FOREIGN))?;
        let first = parse(format, number, &row)?;
        Ok(Self { lines, format, first: Some(first) })
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// The next row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>, BadLine> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some((number, row)) = self.lines.next()? else { return Ok(None) };
        parse(self.format, number, row).map(Some)
    }
}

const FOREIGN: &str =
    "it is neither a raw stream line nor a row of Binance's public CSV of trades, aggTrades or klines";

/// By the number of columns, and by where a truth value stands.
fn recognise(row: &str) -> Option<Format> {
    let columns: Vec<_> = row.split(',').collect();
    let truth = |index: usize| columns.get(index).is_some_and(|text| truth(text).is_some());
    match columns.len() {
        12 => Some(Format::Klines),
        6 | 7 if truth(5) => Some(Format::Trades),
        7 | 8 if truth(6) => Some(Format::AggTrades),
        _ => None,
    }
}

fn parse(format: Format, line: u64, row: &str) -> Result<Row, BadLine> {
    let columns: Vec<_> = row.split(',').collect();
    let expected: &[usize] = match format {
        Format::Trades => &[6, 7],
        Format::AggTrades => &[7, 8],
        Format::Klines | Format::Streams => &[12],
    };
    if !expected.contains(&columns.len()) {
        return Err(BadLine::new(line, format!("it has {} columns, unlike a {}", columns.len(), format.name())));
    }
    let (at_ns, content) = match format {
        Format::Trades => (time_ns(line, columns[4])?, trade(line, &columns, 5)?),
        Format::AggTrades => (time_ns(line, columns[5])?, trade(line, &columns, 6)?),
        Format::Klines | Format::Streams => (time_ns(line, columns[0])?, kline(line, &columns)?),
    };
    Ok(Row { line, at_ns, content })
}

fn trade(line: u64, columns: &[&str], maker: usize) -> Result<RowContent, BadLine> {
    let is_maker = truth(columns[maker]);
    let buyer_is_maker =
        is_maker.ok_or_else(|| BadLine::new(line, "whether the buyer is maker is not true or false"))?;
    let taker = if buyer_is_maker { Side::Sell } else { Side::Buy };
    let (price, quantity) = (positive_price(line, columns[1])?, positive_quantity(line, columns[2])?);
    Ok(RowContent::Trade(Trade { price, quantity, taker }))
}

fn kline(line: u64, columns: &[&str]) -> Result<RowContent, BadLine> {
    let price = |index: usize| positive_price(line, columns[index]);
    let (open, high, low, close) = (price(1)?, price(2)?, price(3)?, price(4)?);
    if low > open.min(close) || high < open.max(close) {
        return Err(BadLine::new(line, "its open and close are not between its low and its high"));
    }
    let length_ns = time_ns(line, columns[6])?.saturating_sub(time_ns(line, columns[0])?);
    Ok(RowContent::Kline(Kline { open, high, low, close, volume: quantity(line, columns[5])?, length_ns }))
}

fn time_ns(line: u64, text: &str) -> Result<u64, BadLine> {
    let time: u64 = text.parse().map_err(|_| BadLine::new(line, format!("the time {text:?} is not a whole number")))?;
    let factor = if time < MICROSECONDS_FROM { 1_000_000 } else { 1_000 };
    time.checked_mul(factor).ok_or_else(|| BadLine::new(line, format!("the time {text} is too far away")))
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use std::slice::from_ref;

    fn read(text: &str) -> Result<(Format, Vec<Row>), BadLine> {
        let mut lines = Lines::of(Cursor::new(text.to_owned().into_bytes())).unwrap();
        let (number, first) = lines.next().unwrap().map(|(number, text)| (number, text.to_owned())).unwrap();
        let mut rows = Rows::begin(lines, number, &first)?;
        let format = rows.format();
        let rows: Result<Vec<_>, _> = std::iter::from_fn(|| rows.next().transpose()).collect();
        Ok((format, rows?))
    }

    fn trade_row(line: u64, at_ns: u64, quantity: &str, taker: Side) -> Row {
        let (price, quantity) = (Price::parse("100.5").unwrap(), Quantity::parse(quantity).unwrap());
        Row { line, at_ns, content: RowContent::Trade(Trade { price, quantity, taker }) }
    }

    #[test]
    fn every_format_is_recognised_by_its_columns() {
        #[track_caller]
        fn check(text: &str, format: Format, rows: &[Row]) {
            assert_eq!(read(text), Ok((format, rows.to_vec())), "{text}");
        }
        const MS: u64 = 1_700_000_000_000;
        let (sold, bought) = (trade_row(1, MS * 1_000_000, "2", Side::Sell), trade_row(2, 5_000_000, "1", Side::Buy));
        check(
            "9,100.5,2,201,1700000000000,true,true\n10,100.5,1,100.5,5,false,true\n",
            Format::Trades,
            &[sold.clone(), bought.clone()],
        );
        check("9,100.5,2,201,1700000000000000,True", Format::Trades, from_ref(&sold));
        check("\u{feff}9,100.5,2,201,1700000000000,True\r\n", Format::Trades, from_ref(&sold));
        check(
            "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch\n1,100.5,1,100.5,5,false,true",
            Format::Trades,
            from_ref(&bought),
        );
        check("9,100.5,2,3,4,1700000000000,true,true", Format::AggTrades, from_ref(&sold));
        check("9,100.5,2,3,4,1700000000000,True", Format::AggTrades, from_ref(&sold));
        let [open, high, low, close] = ["2", "4", "1", "3"].map(|text| Price::parse(text).unwrap());
        let volume = Quantity::parse("8").unwrap();
        let kline = Kline { open, high, low, close, volume, length_ns: 59_999 * 1_000_000 };
        let row = Row { line: 1, at_ns: MS * 1_000_000, content: RowContent::Kline(kline) };
        check("1700000000000,2,4,1,3,8,1700000059999,20,5,4,10,0", Format::Klines, &[row]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        #[track_caller]
        fn check(text: &str, line: u64, what: &str) {
            let bad = read(text).unwrap_err();
            assert_eq!(bad.line, line, "{bad:?}");
            assert!(bad.what.contains(what), "{bad:?}");
        }
        const GOOD: &str = "9,100.5,2,201,1700000000000,true,true\n";
        check("hello", 1, "neither a raw stream line nor");
        check("date,open\n2020,1", 2, "neither a raw stream line nor");
        check("1,2,3", 1, "neither a raw stream line nor");
        check(&format!("{GOOD}9,100.5,2"), 2, "it has 3 columns, unlike a CSV of trades");
        check(&format!("{GOOD}9,1e5,2,201,1700000000000,true,true"), 2, "the price \"1e5\" is not a plain decimal");
        check(&format!("{GOOD}9,1,0,201,1700000000000,true,true"), 2, "a quantity is zero");
        check(&format!("{GOOD}9,1,1,201,17x,true,true"), 2, "the time \"17x\" is not a whole number");
        check(&format!("{GOOD}9,1,1,201,17,yes,true"), 2, "not true or false");
        check("17,2,4,1,5,8,18,20,5,4,10,0", 1, "not between its low and its high");
    }
}
