//! Imported klines.

use std::collections::BTreeSet;

use emporion_model::event::Bucket;
use emporion_model::{Interval, Quantity, SymbolId, TimeUs, TradeId};
use emporion_ports::imported::{ImportedRange, KlineImport};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::values::{integer, not_ours, us};
use crate::values::{get, number, unsigned};

const IMPORT: &str = "insert or replace into imported_klines (symbol, interval, start, open, high, low, close, base,
         quote, taker_buy_base, taker_buy_quote, trades, source, imported_us)
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
const NEXT_SERIES: &str = "select symbol, interval from imported_klines where (symbol, interval) > (?1, ?2)
     order by symbol, interval limit 1";
const RANGE: &str = "select min(start), max(start), count(*) from imported_klines where symbol = ?1 and interval = ?2";
const LAST_SOURCE: &str = "select source from imported_klines where symbol = ?1 and interval = ?2
     order by start desc limit 1";

macro_rules! select_klines {
    ($rest:literal) => {
        concat!(
            "select symbol, start, open, high, low, close, base, quote, taker_buy_base, taker_buy_quote, trades
             from imported_klines where symbol = ?1 and interval = ?2 and ",
            $rest
        )
    };
}

const KLINES: &str = select_klines!("start >= ?3 and start < ?4 order by start limit ?5");
const NEWEST: &str = select_klines!("start < ?3 order by start desc limit 1");

pub(super) fn import(db: &Connection, import: &KlineImport) -> Result<()> {
    let mut insert = db.prepare_cached(IMPORT)?;
    for kline in &import.klines {
        insert.execute(params![
            import.symbol.0,
            import.interval.as_str(),
            number(kline.second),
            number(kline.open.0),
            number(kline.high.0),
            number(kline.low.0),
            number(kline.close.0),
            kline.base.0,
            kline.quote.0,
            kline.taker_buy_base.0,
            kline.taker_buy_quote.0,
            number(kline.trades),
            import.source,
            us(import.at),
        ])?;
    }
    Ok(())
}

/// The symbols and intervals of which there are klines: one look-up each, however many klines there are.
pub(super) fn series(db: &Connection) -> Result<BTreeSet<(SymbolId, Interval)>> {
    let mut next = db.prepare_cached(NEXT_SERIES)?;
    let mut found = BTreeSet::new();
    let mut after = (-1i64, String::new());
    while let Some(row) =
        next.query_row(params![after.0, after.1], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).optional()?
    {
        let symbol = u16::try_from(row.0).map_err(|_| not_ours("symbol"))?;
        let interval = Interval::named(&row.1).ok_or_else(|| not_ours("interval"))?;
        found.insert((SymbolId(symbol), interval));
        after = row;
    }
    Ok(found)
}

pub(super) fn ranges(db: &Connection) -> Result<Vec<ImportedRange>> {
    let range = |(symbol, interval): (SymbolId, Interval)| {
        let key = (symbol.0, interval.as_str());
        let counted = |row: &Row<'_>| Ok((unsigned(row, 0)?, unsigned(row, 1)?, unsigned(row, 2)?));
        let (first, last, klines) = db.prepare_cached(RANGE)?.query_row(key, counted)?;
        let source = db.prepare_cached(LAST_SOURCE)?.query_row(key, |row| row.get(0))?;
        Ok(ImportedRange { symbol, interval, first, last, klines, source })
    };
    series(db)?.into_iter().map(range).collect()
}

pub(super) fn klines(
    db: &Connection,
    symbol: SymbolId,
    interval: Interval,
    from: u64,
    until: u64,
    limit: u32,
) -> Result<Vec<Bucket>> {
    let key = (symbol.0, interval.as_str(), integer(from), integer(until), limit);
    db.prepare_cached(KLINES)?.query_map(key, row)?.collect()
}

pub(super) fn newest(db: &Connection, symbol: SymbolId, interval: Interval, before: u64) -> Result<Option<Bucket>> {
    db.prepare_cached(NEWEST)?.query_row((symbol.0, interval.as_str(), integer(before)), row).optional()
}

fn row(row: &Row<'_>) -> Result<Bucket> {
    Ok(Bucket {
        symbol: get(row, 0)?,
        second: unsigned(row, 1)?,
        open: get(row, 2)?,
        high: get(row, 3)?,
        low: get(row, 4)?,
        close: get(row, 5)?,
        last_quantity: Quantity::ZERO,
        last_time: TimeUs::default(),
        base: get(row, 6)?,
        quote: get(row, 7)?,
        taker_buy_base: get(row, 8)?,
        taker_buy_quote: get(row, 9)?,
        trades: unsigned(row, 10)?,
        first_trade_id: TradeId::default(),
        last_trade_id: TradeId::default(),
    })
}
