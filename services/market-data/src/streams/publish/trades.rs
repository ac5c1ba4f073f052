//! `@trade` and `@aggTrade`: each trade, and each run of trades, as it is committed.

use super::{Audience, Kind, Stream, StreamEvent, text};
use crate::fold::Listing;
use crate::fold::tape::runs_of;
use emporion_api::wire::{AggTradeEvent, TradeEvent};
use emporion_model::Side;
use emporion_ports::tables::{AggTradeRow, TradeRow};
use std::sync::Arc;

/// Tells the trades of one symbol in one batch, oldest first. A run ends with its command, so none goes on in a
/// later batch.
pub(super) fn tell(listing: &Arc<Listing>, trades: &[TradeRow], audience: &impl Audience) {
    let name = listing.symbol.spec.name;
    let (each, runs) = (Stream::Of(name, Kind::Trade), Stream::Of(name, Kind::AggTrade));
    if audience.is_wanted(each) {
        trades.iter().for_each(|trade| audience.publish(trade_event(each, listing.clone(), *trade)));
    }
    if audience.is_wanted(runs) {
        runs_of(trades).into_iter().for_each(|run| audience.publish(run_event(runs, listing.clone(), run)));
    }
}

fn trade_event(stream: Stream, listing: Arc<Listing>, trade: TradeRow) -> StreamEvent {
    StreamEvent::new(stream, move |unit| {
        text(serde_json::to_string(&TradeEvent {
            event_time: unit.of(trade.time),
            symbol: listing.symbol.spec.name.into(),
            trade_id: trade.trade_id.0,
            price: listing.price(trade.price),
            quantity: listing.quantity(trade.quantity),
            time: unit.of(trade.time),
            is_buyer_maker: trade.taker_side == Side::Sell,
            is_best_match: true,
        }))
    })
}

fn run_event(stream: Stream, listing: Arc<Listing>, run: AggTradeRow) -> StreamEvent {
    StreamEvent::new(stream, move |unit| {
        text(serde_json::to_string(&AggTradeEvent {
            event_time: unit.of(run.time),
            symbol: listing.symbol.spec.name.into(),
            id: run.agg_trade_id.0,
            price: listing.price(run.price),
            quantity: listing.quantity(run.quantity),
            first_trade_id: run.first_trade_id.0,
            last_trade_id: run.last_trade_id.0,
            time: unit.of(run.time),
            is_buyer_maker: run.taker_side == Side::Sell,
            is_best_match: true,
        }))
    })
}
