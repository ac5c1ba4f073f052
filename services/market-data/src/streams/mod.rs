//! The market streams: what happens in a symbol, sent to whoever subscribed, as it happens.
//!
//! [`name`] knows which streams there are, [`event`] carries what happened in one of them, and the [`hub`] brings it
//! to all who subscribed; a [`session`] is one of those. What must not live here: what an event says. That is decided
//! where the fold is read, once for all subscribers; here nobody knows a price.

mod control;
pub(crate) mod event;
pub(crate) mod hub;
pub(crate) mod name;
pub(crate) mod publish;
mod session;
#[cfg(test)]
mod tests;

use crate::MarketData;
use emporion_api::{ApiError, paths};
use emporion_edge::Routes;
use emporion_edge::socket::{Opening, Outbox, Session, SocketPolicy};
use event::Shape;
use session::StreamSession;

/// The most messages of a client in a second, pings and pongs too; as documented.
const MESSAGES_PER_SECOND_MAX: u32 = 5;

/// Hangs the streams on the path table.
pub(crate) fn add_routes(data: &MarketData, routes: Routes) -> Routes {
    let policy = SocketPolicy {
        messages_per_second_max: Some(MESSAGES_PER_SECOND_MAX),
        outbox: data.outbox,
        weight: 0,
        is_stream: true,
    };
    routes
        .socket(&paths::RAW_STREAMS, data, policy, open_raw)
        .socket(&paths::NAMED_RAW_STREAMS, data, policy, open_raw)
        .socket(&paths::COMBINED_STREAMS, data, policy, open_combined)
}

fn open_raw(data: &MarketData, opening: Opening, outbox: Outbox) -> Result<Box<dyn Session>, ApiError> {
    Ok(Box::new(StreamSession::open(&data.hub, &opening, outbox, Shape::Raw)?))
}

fn open_combined(data: &MarketData, opening: Opening, outbox: Outbox) -> Result<Box<dyn Session>, ApiError> {
    Ok(Box::new(StreamSession::open(&data.hub, &opening, outbox, Shape::Combined)?))
}
