//! Klines of the stored intervals.

use emporion_model::event::Bucket;
use emporion_model::time::SECOND_US;
use emporion_model::{SymbolId, TimeUs};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{Kline, KlineInterval};

use crate::tables::answer::{Question, question};
use crate::tables::values::{Cells, bound};

macro_rules! klines {
    ($order:literal) => {
        question!(
            "select symbol, seconds, start, open, high, low, close, last_quantity, last_time, base, quote,
                taker_buy_base, taker_buy_quote, trades, first_trade_id, last_trade_id
             from klines where symbol = $1 and seconds = $2 and start >= $3 and start <= $4 order by ",
            $order,
            " limit $5"
        )
    };
}

const ASCENDING: &str = klines!("start");
const DESCENDING: &str = klines!("start desc");

pub(crate) fn klines(
    symbol: SymbolId,
    interval: KlineInterval,
    start: Option<TimeUs>,
    end: Option<TimeUs>,
    limit: u32,
) -> Question {
    // A kline begins on a whole second, so the first one is at or after the start, the last one at or before the end.
    let first = start.map_or(0, |time| time.0.div_ceil(SECOND_US));
    let last = end.map_or(u64::MAX, TimeUs::second);
    Question {
        sql: if start.is_some() { ASCENDING } else { DESCENDING },
        values: vec![
            Box::new(i32::from(symbol.0)),
            Box::new(interval.seconds() as i32),
            Box::new(bound(first)),
            Box::new(bound(last)),
            Box::new(i64::from(limit)),
        ],
    }
}

pub(crate) fn read_kline(cells: &mut Cells<'_>) -> Result<Kline, StoreError> {
    let (symbol, interval) = (cells.get()?, cells.get()?);
    let bucket = Bucket {
        symbol,
        second: cells.get()?,
        open: cells.get()?,
        high: cells.get()?,
        low: cells.get()?,
        close: cells.get()?,
        last_quantity: cells.get()?,
        last_time: cells.get()?,
        base: cells.get()?,
        quote: cells.get()?,
        taker_buy_base: cells.get()?,
        taker_buy_quote: cells.get()?,
        trades: cells.get()?,
        first_trade_id: cells.get()?,
        last_trade_id: cells.get()?,
    };
    Ok(Kline { interval, bucket })
}
