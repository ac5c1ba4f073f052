//! Trades, aggregated trades and fills.

use emporion_model::{AccountId, AggTradeId, OrderId, Quantity, Side, SymbolId, TradeId};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{AggTradeRow, FillRow, ListRange, TradeRow};

use super::range::Part;
use crate::tables::answer::{Question, question};
use crate::tables::values::{Cells, number};

macro_rules! trades {
    ($($rest:expr),+) => {
        question!("select symbol, trade_id, agg_trade_id, price, quantity, notional, taker_side, time from ", $($rest),+)
    };
}

const FROM_ID: &str = trades!("trades where symbol = $1 and trade_id >= $2 order by trade_id limit $3");
const ASCENDING: &str =
    trades!("trades where symbol = $1 and time >= $2 and time <= $3 order by time, trade_id limit $4");
const DESCENDING: &str =
    trades!("trades where symbol = $1 and time >= $2 and time <= $3 order by time desc, trade_id desc limit $4");

/// The trades of whole runs. The ranking stops once there are enough runs.
macro_rules! runs {
    ($condition:literal, $order:literal, $limit:literal) => {
        trades!(
            "(select *, dense_rank() over (order by ",
            $order,
            ") as run from trades where symbol = $1 and ",
            $condition,
            ") r where run <= ",
            $limit
        )
    };
}

const RUNS_FROM_ID: &str = runs!("agg_trade_id >= $2", "agg_trade_id", "$3");
const RUNS_ASCENDING: &str = runs!("time >= $2 and time <= $3", "time, agg_trade_id", "$4");
const RUNS_DESCENDING: &str = runs!("time >= $2 and time <= $3", "time desc, agg_trade_id desc", "$4");

/// One party's halves of trades. A trade id is looked for at its time, which rises with it.
macro_rules! half {
    ($party:literal, $is_maker:literal, $filter:literal, $order:literal) => {
        concat!(
            "(select symbol, trade_id, ", $party, "_order_id, ", $is_maker, " as is_maker, taker_side, price, quantity,
                notional, ", $party, "_fee_asset, ", $party, "_fee, time
              from trades where ", $party, "_account = $1 and symbol = $2 and trade_id >= $3 and time <= $5
                and time >= greatest($4::int8, coalesce(
                    (select t.time from trades t where t.symbol = $2 and t.trade_id >= $3 order by t.trade_id limit 1), 0))",
            $filter, " order by ", $order, " limit $6)"
        )
    };
}

macro_rules! fills {
    ($maker:literal, $taker:literal, $order:literal) => {
        question!(half!("maker", "true", $maker, $order), " union all ", half!("taker", "false", $taker, $order))
    };
}

const FILLS: [&str; 2] = [fills!("", "", "time, trade_id"), fills!("", "", "time desc, trade_id desc")];
const FILLS_OF_ORDER: [&str; 2] = [
    fills!(" and maker_order_id = $7", " and taker_order_id = $7", "time, trade_id"),
    fills!(" and maker_order_id = $7", " and taker_order_id = $7", "time desc, trade_id desc"),
];

fn of_symbol(sql: [&'static str; 3], symbol: SymbolId, part: Part, limit: u32) -> Question {
    let [from_id, ascending, descending] = sql;
    let (symbol, limit) = (Box::new(i32::from(symbol.0)), Box::new(i64::from(limit)));
    if part.by_id {
        return Question { sql: from_id, values: vec![symbol, Box::new(part.first), limit] };
    }
    let sql = if part.newest_first { descending } else { ascending };
    Question { sql, values: vec![symbol, Box::new(part.start), Box::new(part.end), limit] }
}

pub(crate) fn trades(symbol: SymbolId, range: ListRange<TradeId>, limit: u32) -> Question {
    of_symbol([FROM_ID, ASCENDING, DESCENDING], symbol, Part::of(range, |id| id.0), limit)
}

pub(crate) fn agg_trades(symbol: SymbolId, range: ListRange<AggTradeId>, limit: u32) -> Question {
    of_symbol([RUNS_FROM_ID, RUNS_ASCENDING, RUNS_DESCENDING], symbol, Part::of(range, |id| id.0), limit)
}

/// The runs of these trades, whose order does not matter.
pub(crate) fn runs_of(mut trades: Vec<TradeRow>) -> Vec<AggTradeRow> {
    trades.sort_unstable_by_key(|trade| trade.trade_id);
    let mut runs: Vec<AggTradeRow> = Vec::new();
    for trade in trades {
        match runs.last_mut() {
            Some(run) if run.agg_trade_id == trade.agg_trade_id => {
                // The whole run is part of one order's quantity, so its sum is one too.
                run.quantity = Quantity(run.quantity.0.saturating_add(trade.quantity.0));
                run.last_trade_id = trade.trade_id;
            }
            _ => runs.push(AggTradeRow {
                symbol: trade.symbol,
                agg_trade_id: trade.agg_trade_id,
                price: trade.price,
                quantity: trade.quantity,
                first_trade_id: trade.trade_id,
                last_trade_id: trade.trade_id,
                taker_side: trade.taker_side,
                time: trade.time,
            }),
        }
    }
    runs
}

pub(crate) fn fills(
    account: AccountId,
    symbol: SymbolId,
    order_id: Option<OrderId>,
    range: ListRange<TradeId>,
    limit: u32,
) -> Question {
    let part = Part::of(range, |id| id.0);
    let mut values: Vec<crate::tables::write::Value> = vec![
        Box::new(number(account.0)),
        Box::new(i32::from(symbol.0)),
        Box::new(part.first),
        Box::new(part.start),
        Box::new(part.end),
        Box::new(i64::from(limit)),
    ];
    let sql = match order_id {
        None => FILLS,
        Some(order_id) => {
            values.push(Box::new(number(order_id.0)));
            FILLS_OF_ORDER
        }
    };
    Question { sql: sql[usize::from(part.newest_first)], values }
}

/// At most `limit` fills from the end that was asked for, out of as many of each half; in ascending order.
pub(crate) fn limited(mut rows: Vec<FillRow>, range: ListRange<TradeId>, limit: u32) -> Vec<FillRow> {
    rows.sort_by_key(|row| (row.trade_id, !row.is_maker));
    let limit = limit as usize;
    if Part::of(range, |id| id.0).newest_first {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    rows.truncate(limit);
    rows
}

pub(crate) fn read_trade(cells: &mut Cells<'_>) -> Result<TradeRow, StoreError> {
    Ok(TradeRow {
        symbol: cells.get()?,
        trade_id: cells.get()?,
        agg_trade_id: cells.get()?,
        price: cells.get()?,
        quantity: cells.get()?,
        notional: cells.get()?,
        taker_side: cells.get()?,
        time: cells.get()?,
    })
}

pub(crate) fn read_fill(cells: &mut Cells<'_>) -> Result<FillRow, StoreError> {
    let (symbol, trade_id, order_id, is_maker) = (cells.get()?, cells.get()?, cells.get()?, cells.get()?);
    let taker_side: Side = cells.get()?;
    Ok(FillRow {
        symbol,
        trade_id,
        order_id,
        side: if is_maker { taker_side.opposite() } else { taker_side },
        is_maker,
        price: cells.get()?,
        quantity: cells.get()?,
        notional: cells.get()?,
        fee_asset: cells.get()?,
        fee: cells.get()?,
        time: cells.get()?,
    })
}
