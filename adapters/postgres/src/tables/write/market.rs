//! Trades and klines.

use emporion_ports::tables::{Kline, KlineInterval, TableChanges};

use super::{Value, Write, column, push};
use crate::tables::values::{amount, number, price, quantity};

const INSERT_TRADES: &str = "insert into trades
    (symbol, trade_id, agg_trade_id, price, quantity, notional, taker_side, time, maker_account, maker_order_id,
     maker_fee_asset, maker_fee, taker_account, taker_order_id, taker_fee_asset, taker_fee)
    select * from unnest($1::int4[], $2::int8[], $3::int8[], $4::numeric[], $5::numeric[], $6::numeric[], $7::int2[],
        $8::int8[], $9::int8[], $10::int8[], $11::int4[], $12::numeric[], $13::int8[], $14::int8[], $15::int4[],
        $16::numeric[])";

macro_rules! write_klines {
    ($set:literal) => {
        concat!(
            "insert into klines as k (symbol, seconds, start, open, high, low, close, last_quantity, last_time, base,
                quote, taker_buy_base, taker_buy_quote, trades, first_trade_id, last_trade_id)
             select * from unnest($1::int4[], $2::int4[], $3::int8[], $4::numeric[], $5::numeric[], $6::numeric[],
                $7::numeric[], $8::numeric[], $9::int8[], $10::numeric[], $11::numeric[], $12::numeric[],
                $13::numeric[], $14::int8[], $15::int8[], $16::int8[])
             on conflict (symbol, seconds, start) do update set close = excluded.close,
                last_quantity = excluded.last_quantity, last_time = excluded.last_time,
                last_trade_id = excluded.last_trade_id, ",
            $set
        )
    };
}

/// A second is closed once and never grows.
const WRITE_SECONDS: &str = write_klines!(
    "open = excluded.open, high = excluded.high, low = excluded.low, base = excluded.base, quote = excluded.quote,
     taker_buy_base = excluded.taker_buy_base, taker_buy_quote = excluded.taker_buy_quote, trades = excluded.trades,
     first_trade_id = excluded.first_trade_id"
);
/// What is stored came earlier. A volume that leaves 128 bits stays at the end of them.
const GROW: &str = write_klines!(
    "high = greatest(k.high, excluded.high), low = least(k.low, excluded.low),
     base = least(k.base + excluded.base, 170141183460469231731687303715884105727),
     quote = least(k.quote + excluded.quote, 170141183460469231731687303715884105727),
     taker_buy_base = least(k.taker_buy_base + excluded.taker_buy_base, 170141183460469231731687303715884105727),
     taker_buy_quote = least(k.taker_buy_quote + excluded.taker_buy_quote, 170141183460469231731687303715884105727),
     trades = k.trades + excluded.trades"
);

pub(super) fn write(changes: &TableChanges, writes: &mut Vec<Write>) {
    push(writes, INSERT_TRADES, &changes.trades, |rows| {
        vec![
            column(rows, |row| i32::from(row.trade.symbol.0)),
            column(rows, |row| number(row.trade.trade_id.0)),
            column(rows, |row| number(row.trade.agg_trade_id.0)),
            column(rows, |row| price(row.trade.price)),
            column(rows, |row| quantity(row.trade.quantity)),
            column(rows, |row| amount(row.trade.notional)),
            column(rows, |row| row.trade.taker_side as i16),
            column(rows, |row| number(row.time.0)),
            column(rows, |row| number(row.trade.maker.account.0)),
            column(rows, |row| number(row.trade.maker.order_id.0)),
            column(rows, |row| i32::from(row.trade.maker.fee_asset.0)),
            column(rows, |row| amount(row.trade.maker.fee)),
            column(rows, |row| number(row.trade.taker.account.0)),
            column(rows, |row| number(row.trade.taker.order_id.0)),
            column(rows, |row| i32::from(row.trade.taker.fee_asset.0)),
            column(rows, |row| amount(row.trade.taker.fee)),
        ]
    });
    let (seconds, longer): (Vec<&Kline>, Vec<&Kline>) =
        changes.klines.iter().partition(|kline| kline.interval == KlineInterval::Second);
    push(writes, WRITE_SECONDS, &seconds, klines_of);
    push(writes, GROW, &longer, klines_of);
}

fn klines_of(rows: &[&Kline]) -> Vec<Value> {
    vec![
        column(rows, |row| i32::from(row.bucket.symbol.0)),
        // The longest is a day.
        column(rows, |row| row.interval.seconds() as i32),
        column(rows, |row| number(row.bucket.second)),
        column(rows, |row| price(row.bucket.open)),
        column(rows, |row| price(row.bucket.high)),
        column(rows, |row| price(row.bucket.low)),
        column(rows, |row| price(row.bucket.close)),
        column(rows, |row| quantity(row.bucket.last_quantity)),
        column(rows, |row| number(row.bucket.last_time.0)),
        column(rows, |row| amount(row.bucket.base)),
        column(rows, |row| amount(row.bucket.quote)),
        column(rows, |row| amount(row.bucket.taker_buy_base)),
        column(rows, |row| amount(row.bucket.taker_buy_quote)),
        column(rows, |row| number(row.bucket.trades)),
        column(rows, |row| number(row.bucket.first_trade_id.0)),
        column(rows, |row| number(row.bucket.last_trade_id.0)),
    ]
}
