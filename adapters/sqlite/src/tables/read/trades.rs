//! Trades, aggregated trades and fills.

use emporion_model::{AccountId, AggTradeId, OrderId, Quantity, Side, SymbolId, TradeId};
use emporion_ports::tables::{AggTradeRow, FillRow, ListRange, TradeRow};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::bound::{self, List, Part};
use crate::values::{get, number, unsigned};

macro_rules! select_trades {
    ($rest:literal) => {
        concat!(
            "select symbol, trade_id, agg_trade_id, price, quantity, notional, taker_side, time from trades
             where symbol = ?1 and trade_id >= ?2 and trade_id < ?3 order by trade_id ",
            $rest
        )
    };
}

const TRADES_ASCENDING: &str = select_trades!("limit ?4");
const TRADES_DESCENDING: &str = select_trades!("desc limit ?4");
const PROBE_TRADES: &str = "select trade_id, time, agg_trade_id from trades
    where symbol = ?1 and trade_id >= ?2 order by trade_id limit 1";
const LAST_TRADE: &str = "select coalesce(max(trade_id), 0) from trades where symbol = ?1";

pub(crate) fn trades(
    connection: &Connection,
    symbol: SymbolId,
    range: ListRange<TradeId>,
    limit: u32,
) -> rusqlite::Result<Vec<TradeRow>> {
    let part = Part::of(range, |id| id.0, &Trades { connection, symbol, by: By::Time })?;
    let sql = if part.newest_first { TRADES_DESCENDING } else { TRADES_ASCENDING };
    let mut statement = connection.prepare_cached(sql)?;
    let key = (symbol.0, number(part.first), number(part.until), limit);
    let rows = statement.query_map(key, read_trade)?.collect::<rusqlite::Result<_>>()?;
    Ok(part.ascending(rows))
}

/// An aggregated trade is a run of neighbours, so it is put together while reading. All of a run has one time:
/// no range by time cuts one in two.
pub(crate) fn agg_trades(
    connection: &Connection,
    symbol: SymbolId,
    range: ListRange<AggTradeId>,
    limit: u32,
) -> rusqlite::Result<Vec<AggTradeRow>> {
    let part = match range {
        ListRange::FromId(id) => {
            Part::from_id(bound::first_at(&Trades { connection, symbol, by: By::AggTradeId }, id.0)?)
        }
        ListRange::Times { start, end } => Part::between(&Trades { connection, symbol, by: By::Time }, start, end)?,
    };
    let sql = if part.newest_first { TRADES_DESCENDING } else { TRADES_ASCENDING };
    let mut statement = connection.prepare_cached(sql)?;
    // Without a limit in SQL: how many trades make up so many runs is only known once they are read.
    let trades = statement.query_map((symbol.0, number(part.first), number(part.until), -1), read_trade)?;
    let mut runs: Vec<AggTradeRow> = Vec::new();
    for trade in trades {
        let trade = trade?;
        let is_enough = runs.len() as u64 >= u64::from(limit);
        match runs.last_mut() {
            Some(run) if run.agg_trade_id == trade.agg_trade_id => extend(run, &trade),
            _ if is_enough => break,
            _ => runs.push(run_of(&trade)),
        }
    }
    Ok(part.ascending(runs))
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

/// The whole run is part of one order's quantity, so its sum is one too.
fn extend(run: &mut AggTradeRow, trade: &TradeRow) {
    run.quantity = Quantity(run.quantity.0.saturating_add(trade.quantity.0));
    run.first_trade_id = run.first_trade_id.min(trade.trade_id);
    run.last_trade_id = run.last_trade_id.max(trade.trade_id);
}

/// What of a trade its id is compared with.
enum By {
    Time,
    AggTradeId,
}

/// A symbol's trades: ids, and times or ids of their runs.
struct Trades<'a> {
    connection: &'a Connection,
    symbol: SymbolId,
    by: By,
}

impl List for Trades<'_> {
    fn probe(&self, trade_id: u64) -> rusqlite::Result<Option<(u64, u64)>> {
        let column = match self.by {
            By::Time => 1,
            By::AggTradeId => 2,
        };
        let read = |row: &Row<'_>| Ok((unsigned(row, 0)?, unsigned(row, column)?));
        let key = (self.symbol.0, number(trade_id));
        self.connection.prepare_cached(PROBE_TRADES)?.query_row(key, read).optional()
    }

    fn last_id(&self) -> rusqlite::Result<u64> {
        self.connection.prepare_cached(LAST_TRADE)?.query_row([self.symbol.0], |row| unsigned(row, 0))
    }
}

fn read_trade(row: &Row<'_>) -> rusqlite::Result<TradeRow> {
    Ok(TradeRow {
        symbol: get(row, 0)?,
        trade_id: get(row, 1)?,
        agg_trade_id: get(row, 2)?,
        price: get(row, 3)?,
        quantity: get(row, 4)?,
        notional: get(row, 5)?,
        taker_side: get(row, 6)?,
        time: get(row, 7)?,
    })
}

/// A party's halves of trades: `$party` is `maker` or `taker`. Of one order (`?5`) or of all.
macro_rules! select_fills {
    ($party:literal, $index:literal, $filter:literal, $order:literal) => {
        concat!(
            "select symbol, trade_id, ",
            $party,
            "_order_id, taker_side, price, quantity, notional, ",
            $party,
            "_fee_asset, ",
            $party,
            "_fee, time from trades indexed by ",
            $index,
            " where ",
            $party,
            "_account = ?1 and symbol = ?2 and trade_id >= ?3 and trade_id < ?4 ",
            $filter,
            " order by trade_id ",
            $order
        )
    };
}

/// The statements for one party, by whether an order is named and by the end that is read from.
struct FillStatements {
    all: [&'static str; 2],
    of_order: [&'static str; 2],
}

const MAKER_FILLS: FillStatements = FillStatements {
    all: [
        select_fills!("maker", "trades_of_maker", "", "limit ?5"),
        select_fills!("maker", "trades_of_maker", "", "desc limit ?5"),
    ],
    of_order: [
        select_fills!("maker", "trades_of_maker_order", "and maker_order_id = ?6", "limit ?5"),
        select_fills!("maker", "trades_of_maker_order", "and maker_order_id = ?6", "desc limit ?5"),
    ],
};
const TAKER_FILLS: FillStatements = FillStatements {
    all: [
        select_fills!("taker", "trades_of_taker", "", "limit ?5"),
        select_fills!("taker", "trades_of_taker", "", "desc limit ?5"),
    ],
    of_order: [
        select_fills!("taker", "trades_of_taker_order", "and taker_order_id = ?6", "limit ?5"),
        select_fills!("taker", "trades_of_taker_order", "and taker_order_id = ?6", "desc limit ?5"),
    ],
};

pub(crate) fn fills(
    connection: &Connection,
    account: AccountId,
    symbol: SymbolId,
    order_id: Option<OrderId>,
    range: ListRange<TradeId>,
    limit: u32,
) -> rusqlite::Result<Vec<FillRow>> {
    let part = Part::of(range, |id| id.0, &Trades { connection, symbol, by: By::Time })?;
    let wanted = FillsWanted { account, symbol, order_id, part, limit };
    let mut rows = wanted.read(connection, &MAKER_FILLS, true)?;
    rows.extend(wanted.read(connection, &TAKER_FILLS, false)?);
    rows.sort_by_key(|row| (row.trade_id, !row.is_maker));
    let limit = limit as usize;
    if part.newest_first {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    rows.truncate(limit);
    Ok(rows)
}

struct FillsWanted {
    account: AccountId,
    symbol: SymbolId,
    order_id: Option<OrderId>,
    part: Part,
    limit: u32,
}

impl FillsWanted {
    fn read(&self, connection: &Connection, sql: &FillStatements, is_maker: bool) -> rusqlite::Result<Vec<FillRow>> {
        let order_id = self.order_id.map(|id| number(id.0));
        let sql = if order_id.is_some() { &sql.of_order } else { &sql.all };
        let mut statement = connection.prepare_cached(sql[usize::from(self.part.newest_first)])?;
        let (first, until) = (number(self.part.first), number(self.part.until));
        let key = params![number(self.account.0), self.symbol.0, first, until, self.limit, order_id];
        let key: &[&dyn ToSql] = if order_id.is_some() { key } else { &key[..5] };
        statement.query_map(key, |row| read_fill(row, is_maker))?.collect()
    }
}

fn read_fill(row: &Row<'_>, is_maker: bool) -> rusqlite::Result<FillRow> {
    let taker_side: Side = get(row, 3)?;
    Ok(FillRow {
        symbol: get(row, 0)?,
        trade_id: get(row, 1)?,
        order_id: get(row, 2)?,
        side: if is_maker { taker_side.opposite() } else { taker_side },
        is_maker,
        price: get(row, 4)?,
        quantity: get(row, 5)?,
        notional: get(row, 6)?,
        fee_asset: get(row, 7)?,
        fee: get(row, 8)?,
        time: get(row, 9)?,
    })
}
