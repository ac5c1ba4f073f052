//! `GET depth`.

use super::selection::one;
use crate::MarketData;
use crate::fold::{Level, Listing};
use axum::response::Response;
use emporion_api::ApiError;
use emporion_api::wire::{Decimal, Depth};
use emporion_edge::{Json, Request};
use emporion_model::{Side, SymbolName, SymbolStatus};

const LEVELS_DEFAULT: u32 = 100;
const LEVELS_MAX: u32 = 5_000;

/// The best levels of both sides. More than 5,000 a side are cut off, not refused.
///
/// The market is locked only while its levels are copied; the whole answer is made afterwards.
pub(super) async fn depth(data: MarketData, request: Request) -> Result<Response, ApiError> {
    let (symbol, limit, status) = request.read(|reader| {
        let symbol: SymbolName = reader.required("symbol")?;
        Ok((symbol, reader.limit(LEVELS_DEFAULT, LEVELS_MAX)?, reader.optional::<SymbolStatus>("symbolStatus")?))
    })?;
    let view = data.current().await?;
    let listing = one(&view.venue, &symbol, status)?;
    let newest = data.newest(&view, &[&**listing]).await;
    let (depth_id, bids, asks) = newest.depth(listing, limit as usize).unwrap_or_else(|| {
        let market = listing.market.read();
        let book = market.book();
        (book.depth_id(), book.levels(Side::Buy, limit as usize), book.levels(Side::Sell, limit as usize))
    });
    let depth = Depth { last_update_id: depth_id.0, bids: rows(listing, &bids), asks: rows(listing, &asks) };
    Ok(newest.marked(Json(depth), request.received_at))
}

fn rows(listing: &Listing, levels: &[Level]) -> Vec<[Decimal; 2]> {
    levels.iter().map(|level| listing.level(level)).collect()
}
