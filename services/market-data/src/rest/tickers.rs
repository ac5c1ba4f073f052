//! `GET avgPrice` and the tickers.

use super::selection::{Selection, named};
use crate::MarketData;
use crate::fold::series::AVERAGE_MINUTES;
use crate::fold::{Day, DayStatistics, Listing};
use crate::rounding::{percent_change_nearest, ratio_nearest};
use axum::response::{IntoResponse, Response};
use emporion_api::names::TickerType;
use emporion_api::wire::{AveragePrice, BookTicker, Decimal, MiniTicker, PriceTicker, Ticker, VALUE_PLACES};
use emporion_api::{ApiError, TimeUnit};
use emporion_edge::{Json, Request};
use emporion_model::{Amount, Price, SymbolName, TimeUs, TradeId};

/// The decimals of a percentage.
const PERCENT_PLACES: u8 = 3;

/// `GET avgPrice`. A symbol that never traded has the price zero, and the epoch as its last trade's time.
pub(super) async fn average_price(data: MarketData, request: Request) -> Result<Json<AveragePrice>, ApiError> {
    let symbol: SymbolName = request.read(|reader| reader.required("symbol"))?;
    let view = data.current().await?;
    let listing = named(&view.venue, &symbol)?;
    let market = listing.market.read();
    let last_time = market.series().last().map_or(TimeUs::default(), |last| last.last_time);
    Ok(Json(AveragePrice {
        mins: AVERAGE_MINUTES,
        price: listing.price_or_zero(market.average_price()),
        close_time: request.time_unit.of(last_time),
    }))
}

/// `GET ticker/24hr`: the last 24 hours, from the start of the second in which they began until now.
pub(super) async fn day(data: MarketData, request: Request) -> Result<Response, ApiError> {
    let (selection, ticker_type) = request.read(|reader| {
        let selection = Selection::read(reader)?;
        Ok((selection, reader.optional::<TickerType>("type")?.unwrap_or_default()))
    })?;
    let view = data.current().await?;
    let ticker = |listing: &Listing| ticker(listing, view.time, request.time_unit);
    Ok(match ticker_type {
        TickerType::Full => Json(selection.show(&view.venue, ticker)?).into_response(),
        TickerType::Mini => {
            Json(selection.show(&view.venue, |listing| MiniTicker::from(ticker(listing)))?).into_response()
        }
    })
}

/// `GET ticker/price`. A symbol that never traded has the price zero.
pub(super) async fn price(data: MarketData, request: Request) -> Result<Response, ApiError> {
    let selection = request.read(Selection::read)?;
    let view = data.current().await?;
    let newest = data.newest(&view, &selection.listings(&view.venue)?).await;
    let shown = selection.show(&view.venue, |listing| PriceTicker {
        symbol: listing.symbol.spec.name.into(),
        price: listing.price_or_zero(newest.last(listing)),
    })?;
    Ok(newest.marked(Json(shown), request.received_at))
}

/// `GET ticker/bookTicker`. An empty side has price and quantity zero.
pub(super) async fn book(data: MarketData, request: Request) -> Result<Response, ApiError> {
    let selection = request.read(Selection::read)?;
    let view = data.current().await?;
    let newest = data.newest(&view, &selection.listings(&view.venue)?).await;
    let shown = selection.show(&view.venue, |listing| {
        let best = newest.best(listing).map(|level| listing.level_or_zero(level));
        let [[bid_price, bid_qty], [ask_price, ask_qty]] = best;
        BookTicker { symbol: listing.symbol.spec.name.into(), bid_price, bid_qty, ask_price, ask_qty }
    })?;
    Ok(newest.marked(Json(shown), request.received_at))
}

/// The ticker at the engine time `now`, or later if the market is further.
fn ticker(listing: &Listing, now: TimeUs, unit: TimeUnit) -> Ticker {
    let statistics = listing.market.read().day_statistics();
    show(listing, &DayStatistics { time: statistics.time.max(now), ..statistics }, unit)
}

/// The ticker that tells these statistics.
pub(crate) fn show(listing: &Listing, statistics: &DayStatistics, unit: TimeUnit) -> Ticker {
    let [[bid_price, bid_qty], [ask_price, ask_qty]] =
        [statistics.bid, statistics.ask].map(|best| listing.level_or_zero(best));
    let day = statistics.day.unwrap_or_else(|| quiet_day(statistics.last.map(|(price, _)| price)));
    let traded = day.trades > 0;
    Ticker {
        symbol: listing.symbol.spec.name.into(),
        price_change: Decimal::new(i128::from(day.close.0) - i128::from(day.open.0), listing.symbol.spec.price_scale),
        price_change_percent: percent_change(&day),
        weighted_avg_price: weighted_average(listing, &day),
        prev_close_price: listing.price_or_zero(statistics.close_before),
        last_price: listing.price(day.close),
        last_qty: statistics.last.map_or(Decimal::ZERO, |(_, quantity)| listing.quantity(quantity)),
        bid_price,
        bid_qty,
        ask_price,
        ask_qty,
        open_price: listing.price(day.open),
        high_price: listing.price(day.high),
        low_price: listing.price(day.low),
        volume: listing.base_amount(day.base),
        quote_volume: listing.quote_amount(day.quote),
        open_time: unit.of(TimeUs::from_second(statistics.open_second)),
        close_time: unit.of(statistics.time),
        first_id: id(traded, day.first_trade_id),
        last_id: id(traded, day.last_trade_id),
        count: day.trades,
    }
}

/// A day without trades: the last price all day long, or zero.
pub(crate) fn quiet_day(last: Option<Price>) -> Day {
    let price = last.unwrap_or_default();
    Day {
        open: price,
        high: price,
        low: price,
        close: price,
        base: Amount::ZERO,
        quote: Amount::ZERO,
        trades: 0,
        first_trade_id: TradeId::default(),
        last_trade_id: TradeId::default(),
    }
}

pub(crate) fn percent_change(day: &Day) -> Decimal {
    let thousandths = if day.open.0 == 0 { 0 } else { percent_change_nearest(day.open.0, day.close.0) };
    Decimal::new(thousandths, PERCENT_PLACES).with_places(PERCENT_PLACES)
}

/// Quote volume by volume; zero without volume.
pub(crate) fn weighted_average(listing: &Listing, day: &Day) -> Decimal {
    let (quote_scale, base_scale) = (listing.quote.ledger_scale, listing.base.ledger_scale);
    let average = ratio_nearest(day.quote.0, quote_scale, day.base.0, base_scale, VALUE_PLACES);
    average.map_or(Decimal::ZERO, |average| Decimal::new(average, VALUE_PLACES))
}

pub(crate) fn id(traded: bool, id: TradeId) -> i64 {
    if traded { i64::try_from(id.0).unwrap_or(i64::MAX) } else { -1 }
}
