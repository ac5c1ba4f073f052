//! Trades and klines.

use emporion_ports::tables::{Kline, KlineInterval, TableChanges, TradeChange};
use rusqlite::{CachedStatement, Connection, params};

use crate::tables::read::klines::read_kline;
use crate::values::number;

const INSERT_TRADE: &str = "insert into trades
    (symbol, trade_id, agg_trade_id, price, quantity, notional, taker_side, time, maker_account, maker_order_id,
     maker_fee_asset, maker_fee, taker_account, taker_order_id, taker_fee_asset, taker_fee)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
const WRITE_KLINE: &str = "insert or replace into klines
    (symbol, interval, start, open, high, low, close, last_quantity, last_time, base, quote, taker_buy_base,
     taker_buy_quote, trades, first_trade_id, last_trade_id)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

pub(super) fn write(connection: &Connection, changes: &TableChanges) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(INSERT_TRADE)?;
    changes.trades.iter().try_for_each(|change| insert_trade(&mut insert, change))?;
    let mut write = connection.prepare_cached(WRITE_KLINE)?;
    for more in &changes.klines {
        let kline = grown(connection, more)?;
        write_kline(&mut write, &kline)?;
    }
    Ok(())
}

fn insert_trade(insert: &mut CachedStatement<'_>, change: &TradeChange) -> rusqlite::Result<()> {
    let trade = &change.trade;
    insert.execute(params![
        trade.symbol.0,
        number(trade.trade_id.0),
        number(trade.agg_trade_id.0),
        number(trade.price.0),
        number(trade.quantity.0),
        trade.notional.0,
        trade.taker_side as i64,
        number(change.time.0),
        number(trade.maker.account.0),
        number(trade.maker.order_id.0),
        trade.maker.fee_asset.0,
        trade.maker.fee.0,
        number(trade.taker.account.0),
        number(trade.taker.order_id.0),
        trade.taker.fee_asset.0,
        trade.taker.fee.0,
    ])?;
    Ok(())
}

/// What is stored of this kline, with `more` after it. A second is closed once and never grows.
fn grown(connection: &Connection, more: &Kline) -> rusqlite::Result<Kline> {
    if more.interval == KlineInterval::Second {
        return Ok(*more);
    }
    let mut kline = match read_kline(connection, more.bucket.symbol, more.interval, more.bucket.second)? {
        Some(stored) => stored,
        None => return Ok(*more),
    };
    kline.append(&more.bucket);
    Ok(kline)
}

fn write_kline(write: &mut CachedStatement<'_>, kline: &Kline) -> rusqlite::Result<()> {
    let bucket = &kline.bucket;
    write.execute(params![
        bucket.symbol.0,
        number(kline.interval.seconds()),
        number(bucket.second),
        number(bucket.open.0),
        number(bucket.high.0),
        number(bucket.low.0),
        number(bucket.close.0),
        number(bucket.last_quantity.0),
        number(bucket.last_time.0),
        bucket.base.0,
        bucket.quote.0,
        bucket.taker_buy_base.0,
        bucket.taker_buy_quote.0,
        number(bucket.trades),
        number(bucket.first_trade_id.0),
        number(bucket.last_trade_id.0),
    ])?;
    Ok(())
}
