//! Imported klines.
//!
//! They are read at the primary like everything of the users: a reader finds what was imported a moment ago.

use std::collections::{BTreeMap, BTreeSet};

use emporion_model::event::Bucket;
use emporion_model::{Amount, Interval, Price, Quantity, SymbolId, TimeUs, TradeId};
use emporion_ports::imported::{ImportedRange, KlineImport};
use emporion_ports::users::StoreResult;
use tokio_postgres::Row;

use super::change::Ask;
use super::values::{integer, not_ours, parsed, us};
use crate::pool::failed;

/// Klines in one statement.
const CHUNK: usize = 5_000;

const IMPORT: &str = "insert into imported_klines (symbol, span, start, open, high, low, close, base, quote,
         taker_buy_base, taker_buy_quote, trades, source, imported_us)
     select $1, $2, start, open, high, low, close, base::numeric, quote::numeric, taker_buy_base::numeric,
         taker_buy_quote::numeric, trades, $3, $4
     from unnest($5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::text[], $11::text[], $12::text[],
         $13::text[], $14::int8[])
         as k (start, open, high, low, close, base, quote, taker_buy_base, taker_buy_quote, trades)
     on conflict (symbol, span, start) do update set open = excluded.open, high = excluded.high, low = excluded.low,
         close = excluded.close, base = excluded.base, quote = excluded.quote,
         taker_buy_base = excluded.taker_buy_base, taker_buy_quote = excluded.taker_buy_quote,
         trades = excluded.trades, source = excluded.source, imported_us = excluded.imported_us";

/// One look-up for each symbol and span, however many klines there are.
macro_rules! with_series {
    ($rest:literal) => {
        concat!(
            "with recursive series as (
                 (select symbol, span from imported_klines order by symbol, span limit 1)
                 union all
                 select next.symbol, next.span from series s cross join lateral (
                     select k.symbol, k.span from imported_klines k where (k.symbol, k.span) > (s.symbol, s.span)
                     order by k.symbol, k.span limit 1) next) ",
            $rest
        )
    };
}

const SERIES: &str = with_series!("select symbol, span from series");
const RANGES: &str = with_series!(
    "select s.symbol, s.span, r.first, r.last, r.klines, l.source from series s
     cross join lateral (
         select min(start) as first, max(start) as last, count(*) as klines from imported_klines k
         where k.symbol = s.symbol and k.span = s.span) r
     cross join lateral (
         select source from imported_klines k where k.symbol = s.symbol and k.span = s.span
         order by start desc limit 1) l"
);

macro_rules! select_klines {
    ($rest:literal) => {
        concat!(
            "select symbol, start, open, high, low, close, base::text as base, quote::text as quote,
                 taker_buy_base::text as taker_buy_base, taker_buy_quote::text as taker_buy_quote, trades
             from imported_klines where symbol = $1 and span = $2 and ",
            $rest
        )
    };
}

const KLINES: &str = select_klines!("start >= $3 and start < $4 order by start limit $5");
const NEWEST: &str = select_klines!("start < $3 order by start desc limit 1");

pub(super) async fn import(db: &mut deadpool_postgres::Object, import: &KlineImport) -> StoreResult<()> {
    // One statement may touch a row once; and in the order of their starts two imports never wait for each other.
    let by_start: BTreeMap<u64, &Bucket> = import.klines.iter().map(|kline| (kline.second, kline)).collect();
    let klines: Vec<&Bucket> = by_start.into_values().collect();
    let transaction = db.transaction().await.map_err(failed)?;
    let statement = transaction.prepare_cached(IMPORT).await.map_err(failed)?;
    for chunk in klines.chunks(CHUNK) {
        let numbers = |of: fn(&Bucket) -> u64| chunk.iter().map(|kline| of(kline).cast_signed()).collect::<Vec<_>>();
        let amounts = |of: fn(&Bucket) -> Amount| chunk.iter().map(|kline| of(kline).0.to_string()).collect::<Vec<_>>();
        transaction
            .execute(
                &statement,
                &[
                    &i32::from(import.symbol.0),
                    &import.interval.as_str(),
                    &import.source,
                    &us(import.at),
                    &numbers(|kline| kline.second),
                    &numbers(|kline| kline.open.0),
                    &numbers(|kline| kline.high.0),
                    &numbers(|kline| kline.low.0),
                    &numbers(|kline| kline.close.0),
                    &amounts(|kline| kline.base),
                    &amounts(|kline| kline.quote),
                    &amounts(|kline| kline.taker_buy_base),
                    &amounts(|kline| kline.taker_buy_quote),
                    &numbers(|kline| kline.trades),
                ],
            )
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// The symbols and intervals of which there are klines.
pub(super) async fn series(db: &mut impl Ask) -> StoreResult<BTreeSet<(SymbolId, Interval)>> {
    db.rows(SERIES, &[]).await?.iter().map(|row| Ok((symbol(row)?, interval(row)?))).collect()
}

pub(super) async fn ranges(db: &mut impl Ask) -> StoreResult<Vec<ImportedRange>> {
    let mut ranges = db.rows(RANGES, &[]).await?.iter().map(range).collect::<StoreResult<Vec<_>>>()?;
    ranges.sort_by_key(|range| (range.symbol, range.interval));
    Ok(ranges)
}

pub(super) async fn klines(
    db: &mut impl Ask,
    (symbol, interval): (SymbolId, Interval),
    from: u64,
    until: u64,
    limit: u32,
) -> StoreResult<Vec<Bucket>> {
    let (symbol, from, until) = (i32::from(symbol.0), integer(from), integer(until));
    let rows = db.rows(KLINES, &[&symbol, &interval.as_str(), &from, &until, &i64::from(limit)]).await?;
    rows.iter().map(kline).collect()
}

pub(super) async fn newest(
    db: &mut impl Ask,
    (symbol, interval): (SymbolId, Interval),
    before: u64,
) -> StoreResult<Option<Bucket>> {
    let row = db.row(NEWEST, &[&i32::from(symbol.0), &interval.as_str(), &integer(before)]).await?;
    row.as_ref().map(kline).transpose()
}

fn symbol(row: &Row) -> StoreResult<SymbolId> {
    u16::try_from(row.get::<_, i32>("symbol")).map(SymbolId).map_err(|_| not_ours("symbol"))
}

fn interval(row: &Row) -> StoreResult<Interval> {
    parsed(row, "span", Interval::named)
}

fn range(row: &Row) -> StoreResult<ImportedRange> {
    Ok(ImportedRange {
        symbol: symbol(row)?,
        interval: interval(row)?,
        first: number(row, "first"),
        last: number(row, "last"),
        klines: number(row, "klines"),
        source: row.get("source"),
    })
}

fn kline(row: &Row) -> StoreResult<Bucket> {
    let amount = |column| parsed(row, column, |text| text.parse().ok().map(Amount));
    Ok(Bucket {
        symbol: symbol(row)?,
        second: number(row, "start"),
        open: Price(number(row, "open")),
        high: Price(number(row, "high")),
        low: Price(number(row, "low")),
        close: Price(number(row, "close")),
        last_quantity: Quantity::ZERO,
        last_time: TimeUs::default(),
        base: amount("base")?,
        quote: amount("quote")?,
        taker_buy_base: amount("taker_buy_base")?,
        taker_buy_quote: amount("taker_buy_quote")?,
        trades: number(row, "trades"),
        first_trade_id: TradeId::default(),
        last_trade_id: TradeId::default(),
    })
}

/// An unsigned number, bit by bit.
fn number(row: &Row, column: &str) -> u64 {
    row.get::<_, i64>(column).cast_unsigned()
}
