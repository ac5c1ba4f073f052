//! `GET trades`, `GET historicalTrades` and `GET aggTrades`.

use super::selection::named;
use super::{time_range, unavailable};
use crate::fold::{Listing, View};
use crate::trades::from_tape;
use crate::{MarketData, PATIENCE};
use emporion_api::wire::{AggTrade, PublicTrade};
use emporion_api::{ApiError, Code, TimeUnit};
use emporion_edge::{Json, Request};
use emporion_model::{AggTradeId, Side, SymbolName, TradeId};
use emporion_ports::tables::{AggTradeRow, ListRange, TradeRow, Waited};

const ROWS_DEFAULT: u32 = 500;
const ROWS_MAX: u32 = 1_000;

/// `GET trades`: the newest ones.
pub(super) async fn trades(data: MarketData, request: Request) -> Result<Json<Vec<PublicTrade>>, ApiError> {
    let (symbol, limit) = request.read(|reader| {
        let symbol: SymbolName = reader.required("symbol")?;
        Ok((symbol, reader.limit(ROWS_DEFAULT, ROWS_MAX)?))
    })?;
    list_trades(&data, symbol, ListRange::LATEST, limit, request.time_unit).await
}

/// `GET historicalTrades`: from an id on, or the newest ones.
pub(super) async fn historical_trades(data: MarketData, request: Request) -> Result<Json<Vec<PublicTrade>>, ApiError> {
    let (symbol, limit, from) = request.read(|reader| {
        let symbol: SymbolName = reader.required("symbol")?;
        Ok((symbol, reader.limit(ROWS_DEFAULT, ROWS_MAX)?, reader.optional::<u64>("fromId")?))
    })?;
    let range = from.map_or(ListRange::LATEST, |from| ListRange::FromId(TradeId(from)));
    list_trades(&data, symbol, range, limit, request.time_unit).await
}

/// `GET aggTrades`: from an id on, or of a range of time, but not both (-1128).
pub(super) async fn agg_trades(data: MarketData, request: Request) -> Result<Json<Vec<AggTrade>>, ApiError> {
    let (symbol, limit, range) = request.read(|reader| {
        let symbol: SymbolName = reader.required("symbol")?;
        let limit = reader.limit(ROWS_DEFAULT, ROWS_MAX)?;
        let range = match (reader.optional::<u64>("fromId")?, time_range(reader)?) {
            (None, (start, end)) => ListRange::Times { start, end },
            (Some(from), (None, None)) => ListRange::FromId(AggTradeId(from)),
            (Some(_), _) => return Err(Code::OptionalParamsBadCombo.into()),
        };
        Ok((symbol, limit, range))
    })?;
    let view = data.current().await?;
    let listing = named(&view.venue, &symbol)?;
    let on_tape = from_tape(listing.market.read().tape().runs(), range, limit);
    let rows = match on_tape {
        Some(rows) => rows,
        None => {
            reach_tables(&data, &view).await?;
            data.tables.trades.agg_trades(listing.symbol.id, range, limit).await.map_err(unavailable)?.value
        }
    };
    Ok(Json(rows.iter().map(|run| agg_trade(listing, run, request.time_unit)).collect()))
}

async fn list_trades(
    data: &MarketData,
    symbol: SymbolName,
    range: ListRange<TradeId>,
    limit: u32,
    unit: TimeUnit,
) -> Result<Json<Vec<PublicTrade>>, ApiError> {
    let view = data.current().await?;
    let listing = named(&view.venue, &symbol)?;
    let on_tape = from_tape(listing.market.read().tape().trades(), range, limit);
    let rows = match on_tape {
        Some(rows) => rows,
        None => {
            reach_tables(data, &view).await?;
            data.tables.trades.trades(listing.symbol.id, range, limit).await.map_err(unavailable)?.value
        }
    };
    Ok(Json(rows.iter().map(|trade| public_trade(listing, trade, unit)).collect()))
}

/// Waits until the tables hold what the view does, so that a list out of them is as new as one from the tape.
async fn reach_tables(data: &MarketData, view: &View) -> Result<(), ApiError> {
    match data.tables.projection.wait_projected(view.seq, PATIENCE).await.map_err(unavailable)? {
        Waited::Reached => Ok(()),
        Waited::TimedOut => Err(ApiError::busy(1)),
    }
}

fn public_trade(listing: &Listing, trade: &TradeRow, unit: TimeUnit) -> PublicTrade {
    PublicTrade {
        id: trade.trade_id.0,
        price: listing.price(trade.price),
        qty: listing.quantity(trade.quantity),
        quote_qty: listing.quote_amount(trade.notional),
        time: unit.of(trade.time),
        is_buyer_maker: trade.taker_side == Side::Sell,
        is_best_match: true,
    }
}

fn agg_trade(listing: &Listing, run: &AggTradeRow, unit: TimeUnit) -> AggTrade {
    AggTrade {
        id: run.agg_trade_id.0,
        price: listing.price(run.price),
        quantity: listing.quantity(run.quantity),
        first_trade_id: run.first_trade_id.0,
        last_trade_id: run.last_trade_id.0,
        time: unit.of(run.time),
        is_buyer_maker: run.taker_side == Side::Sell,
        is_best_match: true,
    }
}
