//! The public queries: parameters in, wire types out. What must not live here: state, and anything that a
//! stream would have to do as well.

mod book;
mod exchange_info;
mod general;
pub(crate) mod klines;
mod numbers;
mod operator;
mod selection;
#[cfg(test)]
mod tests;
pub(crate) mod tickers;
mod trades;
pub(crate) mod windows;

use crate::MarketData;
use emporion_api::params::Param;
use emporion_api::{ApiError, Reader, paths};
use emporion_edge::{LimitPolicy, Routes};
use emporion_model::TimeUs;

/// Hangs every endpoint of the service on the path table.
pub(crate) fn add_routes(data: &MarketData, routes: Routes, limits: LimitPolicy) -> Routes {
    routes
        .open(&paths::PING, &(), general::ping)
        .open(&paths::TIME, &(), general::time)
        .open(&paths::EXCHANGE_INFO, &(data.clone(), limits), exchange_info::exchange_info)
        .open(&paths::DEPTH, data, book::depth)
        .open(&paths::TRADES, data, trades::trades)
        .open(&paths::HISTORICAL_TRADES, data, trades::historical_trades)
        .open(&paths::AGG_TRADES, data, trades::agg_trades)
        .open(&paths::KLINES, data, klines::klines)
        .open(&paths::UI_KLINES, data, klines::klines)
        .open(&paths::AVG_PRICE, data, tickers::average_price)
        .open(&paths::TICKER_24HR, data, tickers::day)
        .open(&paths::TICKER_TRADING_DAY, data, windows::trading_day)
        .open(&paths::TICKER, data, windows::rolling)
        .open(&paths::TICKER_PRICE, data, tickers::price)
        .open(&paths::TICKER_BOOK, data, tickers::book)
        .open(&paths::SAPI_MARGIN_PAIRS, &(), general::no_margin_pairs)
        .open(&paths::SAPI_ISOLATED_PAIRS, &(), general::no_margin_pairs)
        .open(&paths::SAPI_SYSTEM_STATUS, &(), general::system_status)
}

/// A fault of a part that all processes share: told to operators, and to the client that he may try again.
pub(crate) fn unavailable(error: impl std::fmt::Display) -> ApiError {
    tracing::error!(%error, "market data could not be read");
    ApiError::busy(1)
}

/// `startTime` and `endTime`, both within the range. Any time is taken: what lies outside of the data is as far
/// as the data goes.
fn time_range(reader: &mut Reader<'_>) -> Result<(Option<TimeUs>, Option<TimeUs>), ApiError> {
    let start = reader.optional("startTime")?;
    let end = reader.optional::<LastMoment>("endTime")?;
    Ok((start, end.map(|end| end.0)))
}

/// The last microsecond of a time that is sent in milliseconds, or in microseconds.
struct LastMoment(TimeUs);

impl Param<'_> for LastMoment {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        let (time, number) = (TimeUs::read(name, text)?, u64::read(name, text)?);
        let is_millis = time.0 != number || number == 0;
        Ok(Self(if is_millis { time.plus_us(999) } else { time }))
    }
}
