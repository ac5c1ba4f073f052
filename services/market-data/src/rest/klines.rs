//! `GET klines` and `GET uiKlines`, which are the same here.

use super::selection::named;
use super::{time_range, unavailable};
use crate::MarketData;
use crate::fold::Listing;
use crate::klines::{Candle, Wanted, read};
use emporion_api::params::TimeZone;
use emporion_api::wire::{Decimal, Kline};
use emporion_api::{ApiError, TimeUnit};
use emporion_edge::{Json, Request};
use emporion_model::{Calendar, Interval, SymbolName, TimeUs};

const ROWS_DEFAULT: u32 = 500;
const ROWS_MAX: u32 = 1_000;

/// The klines of a symbol. The range is told by when they begin, and is UTC whatever the time zone.
pub(super) async fn klines(data: MarketData, request: Request) -> Result<Json<Vec<Kline>>, ApiError> {
    let (symbol, wanted) = request.read(|reader| {
        let symbol: SymbolName = reader.required("symbol")?;
        let interval: Interval = reader.required("interval")?;
        let (start, end) = time_range(reader)?;
        let time_zone: TimeZone = reader.optional("timeZone")?.unwrap_or_default();
        let limit = reader.limit(ROWS_DEFAULT, ROWS_MAX)?;
        Ok((symbol, Wanted { calendar: Calendar::new(interval, time_zone.minutes), start, end, limit }))
    })?;
    let view = data.current().await?;
    let listing = named(&view.venue, &symbol)?;
    let (symbol, market) = (listing.symbol.id, &listing.market);
    let candles = read(&data.tables, &*data.imported, view.seq, symbol, market, &wanted).await.map_err(unavailable)?;
    Ok(Json(candles.iter().map(|candle| kline(listing, candle, request.time_unit)).collect()))
}

/// A kline as the wire shows it.
pub(crate) fn kline(listing: &Listing, candle: &Candle, unit: TimeUnit) -> Kline {
    let time = |second: i64| TimeUs::from_second(u64::try_from(second).unwrap_or(0));
    let close = listing.price(candle.close);
    let flat = Kline {
        open_time: unit.of(time(candle.start)),
        open: close,
        high: close,
        low: close,
        close,
        volume: Decimal::ZERO,
        close_time: unit.of(TimeUs(time(candle.end).0.saturating_sub(1))),
        quote_volume: Decimal::ZERO,
        trades: 0,
        taker_buy_volume: Decimal::ZERO,
        taker_buy_quote_volume: Decimal::ZERO,
    };
    let Some(traded) = &candle.traded else { return flat };
    Kline {
        open: listing.price(traded.open),
        high: listing.price(traded.high),
        low: listing.price(traded.low),
        volume: listing.base_amount(traded.base),
        quote_volume: listing.quote_amount(traded.quote),
        trades: traded.trades,
        taker_buy_volume: listing.base_amount(traded.taker_buy_base),
        taker_buy_quote_volume: listing.quote_amount(traded.taker_buy_quote),
        ..flat
    }
}
