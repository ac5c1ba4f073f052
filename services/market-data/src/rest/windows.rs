//! `GET ticker` and `GET ticker/tradingDay`: what the venue itself traded since a minute, or in a day.

use super::selection::{Names, Selection};
use super::tickers::{id, percent_change, quiet_day, weighted_average};
use super::unavailable;
use crate::MarketData;
use crate::fold::{Day, Listing, View};
use crate::klines::{Since, traded_since};
use axum::response::{IntoResponse, Response};
use emporion_api::names::TickerType;
use emporion_api::params::{Param, TimeZone};
use emporion_api::wire::{Decimal, MiniTicker, OneOrMany, WindowTicker};
use emporion_api::{ApiError, Reader, TimeUnit};
use emporion_edge::{Json, Request};
use emporion_model::event::Bucket;
use emporion_model::{Calendar, Interval, SymbolId, TimeUs};

/// The most symbols in one request.
const SYMBOLS_MAX: usize = 100;

/// A stretch of time that lasts until now.
#[derive(Clone, Copy, Debug)]
enum Window {
    /// So many seconds, from the start of the minute in which they began.
    Rolling(WindowSize),
    /// The calendar's day, until its end.
    TradingDay(Calendar),
}

/// `GET ticker`.
pub(super) async fn rolling(data: MarketData, request: Request) -> Result<Response, ApiError> {
    let (selection, ticker_type, size) = request.read(|reader| {
        let (selection, ticker_type) = selected(reader)?;
        Ok((selection, ticker_type, reader.optional::<WindowSize>("windowSize")?.unwrap_or_default()))
    })?;
    answer(&data, &selection, ticker_type, Window::Rolling(size), request.time_unit).await
}

/// `GET ticker/tradingDay`.
pub(super) async fn trading_day(data: MarketData, request: Request) -> Result<Response, ApiError> {
    let (selection, ticker_type, time_zone) = request.read(|reader| {
        let (selection, ticker_type) = selected(reader)?;
        Ok((selection, ticker_type, reader.optional::<TimeZone>("timeZone")?.unwrap_or_default()))
    })?;
    let window = Window::TradingDay(Calendar::new(Interval::Day1, time_zone.minutes));
    answer(&data, &selection, ticker_type, window, request.time_unit).await
}

/// Some symbols must be named, and not too many.
fn selected(reader: &mut Reader<'_>) -> Result<(Selection, TickerType), ApiError> {
    let selection = Selection::read(reader)?;
    match &selection.names {
        Names::All => return Err(ApiError::either_mandatory("symbol", "symbols")),
        Names::Many(names) if names.len() > SYMBOLS_MAX => {
            return Err(ApiError::too_many_values("symbols", SYMBOLS_MAX));
        }
        Names::One(_) | Names::Many(_) => {}
    }
    Ok((selection, reader.optional("type")?.unwrap_or_default()))
}

async fn answer(
    data: &MarketData,
    selection: &Selection,
    ticker_type: TickerType,
    window: Window,
    unit: TimeUnit,
) -> Result<Response, ApiError> {
    let view = data.current().await?;
    let tickers = match selection.show(&view.venue, |listing| listing.symbol.id)? {
        OneOrMany::One(symbol) => OneOrMany::One(ticker(data, &view, symbol, window, unit).await?),
        OneOrMany::Many(symbols) => {
            let mut tickers = Vec::with_capacity(symbols.len());
            for symbol in symbols {
                tickers.push(ticker(data, &view, symbol, window, unit).await?);
            }
            OneOrMany::Many(tickers)
        }
    };
    Ok(match (ticker_type, tickers) {
        (TickerType::Full, tickers) => Json(tickers).into_response(),
        (TickerType::Mini, OneOrMany::One(ticker)) => Json(MiniTicker::from(ticker)).into_response(),
        (TickerType::Mini, OneOrMany::Many(tickers)) => {
            Json(tickers.into_iter().map(MiniTicker::from).collect::<Vec<_>>()).into_response()
        }
    })
}

async fn ticker(
    data: &MarketData,
    view: &View,
    symbol: SymbolId,
    window: Window,
    unit: TimeUnit,
) -> Result<WindowTicker, ApiError> {
    let listing = view.venue.listing(symbol).map_err(unavailable)?;
    let now = view.time.max(listing.market.read().time());
    let open = window.open(now);
    let since = traded_since(&data.tables, view.seq, symbol, &listing.market, open).await.map_err(unavailable)?;
    let close_time = window.close_time(now.max(since.time));
    Ok(show(listing, &since, TimeUs::from_second(open), close_time, unit))
}

/// The ticker of a window with these times.
pub(crate) fn show(
    listing: &Listing,
    since: &Since,
    open_time: TimeUs,
    close_time: TimeUs,
    unit: TimeUnit,
) -> WindowTicker {
    let day = since.traded.map_or_else(|| quiet_day(since.last), statistics);
    let traded = day.trades > 0;
    WindowTicker {
        symbol: listing.symbol.spec.name.into(),
        price_change: Decimal::new(i128::from(day.close.0) - i128::from(day.open.0), listing.symbol.spec.price_scale),
        price_change_percent: percent_change(&day),
        weighted_avg_price: weighted_average(listing, &day),
        open_price: listing.price(day.open),
        high_price: listing.price(day.high),
        low_price: listing.price(day.low),
        last_price: listing.price(day.close),
        volume: listing.base_amount(day.base),
        quote_volume: listing.quote_amount(day.quote),
        open_time: unit.of(open_time),
        close_time: unit.of(close_time),
        first_id: id(traded, day.first_trade_id),
        last_id: id(traded, day.last_trade_id),
        count: day.trades,
    }
}

fn statistics(traded: Bucket) -> Day {
    Day {
        open: traded.open,
        high: traded.high,
        low: traded.low,
        close: traded.close,
        base: traded.base,
        quote: traded.quote,
        trades: traded.trades,
        first_trade_id: traded.first_trade_id,
        last_trade_id: traded.last_trade_id,
    }
}

impl Window {
    /// The second in which the window began.
    fn open(self, now: TimeUs) -> u64 {
        match self {
            Self::Rolling(size) => {
                let began = now.second().saturating_sub(size.seconds);
                began - began % 60
            }
            Self::TradingDay(days) => u64::try_from(days.start_of(now.second() as i64)).unwrap_or(0),
        }
    }

    /// The window's last moment.
    fn close_time(self, now: TimeUs) -> TimeUs {
        match self {
            Self::Rolling(_) => now,
            Self::TradingDay(days) => {
                let next = days.shift(days.start_of(now.second() as i64), 1);
                TimeUs(TimeUs::from_second(u64::try_from(next).unwrap_or(0)).0.saturating_sub(1))
            }
        }
    }
}

/// `1m` to `59m`, `1h` to `23h`, or `1d` to `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WindowSize {
    seconds: u64,
}

impl Default for WindowSize {
    fn default() -> Self {
        Self { seconds: 86_400 }
    }
}

impl Param<'_> for WindowSize {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        let units = [('m', 59, 60), ('h', 23, 3_600), ('d', 7, 86_400)];
        let size = units.into_iter().find_map(|(unit, most, seconds)| {
            let digits = text.strip_suffix(unit)?;
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
            let number: u64 = digits.parse().ok().filter(|_| is_plain)?;
            (1..=most).contains(&number).then_some(Self { seconds: number * seconds })
        });
        size.ok_or_else(|| ApiError::invalid_parameter(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_sizes_are_the_documented_ones() {
        for (text, seconds) in
            [("1m", 60), ("59m", 3_540), ("1h", 3_600), ("23h", 82_800), ("1d", 86_400), ("7d", 604_800)]
        {
            assert_eq!(WindowSize::read("windowSize", text), Ok(WindowSize { seconds }));
        }
        let invalid = Err(ApiError::invalid_parameter("windowSize"));
        for text in ["0m", "60m", "24h", "8d", "1w", "1M", "1", "m", "01m", "+1m", "1.5h", " 1m", "1mm", "-1d"] {
            assert_eq!(WindowSize::read("windowSize", text), invalid, "{text}");
        }
    }

    #[test]
    fn windows_begin_on_a_minute() {
        // 2023-11-14 22:13:20.5 UTC.
        let now = TimeUs(1_700_000_000_500_000);
        let rolling = |text| Window::Rolling(WindowSize::read("windowSize", text).unwrap());
        assert_eq!(rolling("1m").open(now), 1_699_999_920);
        assert_eq!(rolling("1d").open(now), 1_699_913_580);
        assert_eq!(rolling("1d").close_time(now), now);
        let day = |minutes| Window::TradingDay(Calendar::new(Interval::Day1, minutes));
        assert_eq!((day(0).open(now), day(0).close_time(now)), (1_699_920_000, TimeUs(1_700_006_399_999_999)));
        assert_eq!((day(480).open(now), day(480).close_time(now)), (1_699_977_600, TimeUs(1_700_063_999_999_999)));
    }
}
