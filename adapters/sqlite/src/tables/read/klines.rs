//! Klines of the stored intervals.

use emporion_model::event::Bucket;
use emporion_model::time::SECOND_US;
use emporion_model::{SymbolId, TimeUs};
use emporion_ports::tables::{Kline, KlineInterval};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::values::{get, number, unsigned};

macro_rules! select_klines {
    ($rest:literal) => {
        concat!(
            "select symbol, start, open, high, low, close, last_quantity, last_time, base, quote, taker_buy_base,
             taker_buy_quote, trades, first_trade_id, last_trade_id from klines
             where symbol = ?1 and interval = ?2 and start >= ?3 and start <= ?4 order by start ",
            $rest
        )
    };
}

const KLINES_ASCENDING: &str = select_klines!("limit ?5");
const KLINES_DESCENDING: &str = select_klines!("desc limit ?5");

pub(crate) fn klines(
    connection: &Connection,
    symbol: SymbolId,
    interval: KlineInterval,
    start: Option<TimeUs>,
    end: Option<TimeUs>,
    limit: u32,
) -> rusqlite::Result<Vec<Kline>> {
    // A kline begins on a whole second, so the first one is at or after the start, the last one at or before the end.
    let first = start.map_or(0, |time| time.0.div_ceil(SECOND_US));
    let last = end.map_or(i64::MAX.cast_unsigned(), TimeUs::second);
    let sql = if start.is_some() { KLINES_ASCENDING } else { KLINES_DESCENDING };
    let mut statement = connection.prepare_cached(sql)?;
    let key = (symbol.0, number(interval.seconds()), number(first), number(last), limit);
    let rows = statement.query_map(key, |row| read(row, interval))?;
    let mut klines = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    if start.is_none() {
        klines.reverse();
    }
    Ok(klines)
}

/// The kline that begins with this second.
pub(crate) fn read_kline(
    connection: &Connection,
    symbol: SymbolId,
    interval: KlineInterval,
    second: u64,
) -> rusqlite::Result<Option<Kline>> {
    let mut statement = connection.prepare_cached(KLINES_ASCENDING)?;
    let key = (symbol.0, number(interval.seconds()), number(second), number(second), 1);
    statement.query_row(key, |row| read(row, interval)).optional()
}

fn read(row: &Row<'_>, interval: KlineInterval) -> rusqlite::Result<Kline> {
    let bucket = Bucket {
        symbol: get(row, 0)?,
        second: unsigned(row, 1)?,
        open: get(row, 2)?,
        high: get(row, 3)?,
        low: get(row, 4)?,
        close: get(row, 5)?,
        last_quantity: get(row, 6)?,
        last_time: get(row, 7)?,
        base: get(row, 8)?,
        quote: get(row, 9)?,
        taker_buy_base: get(row, 10)?,
        taker_buy_quote: get(row, 11)?,
        trades: unsigned(row, 12)?,
        first_trade_id: get(row, 13)?,
        last_trade_id: get(row, 14)?,
    };
    Ok(Kline { interval, bucket })
}
