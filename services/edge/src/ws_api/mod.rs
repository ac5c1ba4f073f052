//! The WebSocket API: requests as messages on a socket, answered by the handlers of the REST endpoints.
//!
//! A method is found by its name, counted, authenticated and handed to its handler; the handler's answer goes back
//! in an envelope. What belongs to the connection alone, logging on and subscriptions, is answered here. What must
//! not live here: sockets (see [`crate::socket`]), and what any endpoint does.

mod choices;
mod connection;
mod in_flight;
mod log_on;
mod methods;
mod metrics;
mod reply;
mod session;
mod subscriptions;
#[cfg(test)]
mod tests;

pub(crate) use methods::Methods;

use crate::Edge;
use crate::socket::{Opening, Outbox, OutboxLimits, Session, SocketPolicy};
use crate::user_data::UserData;
use choices::Choices;
use connection::Connection;
use emporion_api::ApiError;
use emporion_api::ws_api::SessionMethod;
use std::sync::Arc;

/// What clients may do. Weights bound what they ask for, so their messages are not counted by the second; the
/// largest answers have some megabytes, and several may wait at once.
pub(crate) const POLICY: SocketPolicy = SocketPolicy {
    messages_per_second_max: None,
    outbox: OutboxLimits { messages_max: 16_384, bytes_max: 16 << 20 },
    weight: SessionMethod::WEIGHT,
    is_stream: false,
};

/// The most bytes of answers and events that may wait when the next message is read: who asks on without reading
/// is held back, not cut.
const UNREAD_BYTES_MAX: usize = 1 << 20;

/// What all connections share.
#[derive(Clone)]
pub(crate) struct WsApi(Arc<Shared>);

struct Shared {
    edge: Arc<Edge>,
    methods: Methods,
    user_data: Arc<dyn UserData>,
}

impl WsApi {
    pub(crate) fn new(edge: Arc<Edge>, methods: Methods, user_data: Arc<dyn UserData>) -> Self {
        metrics::describe();
        Self(Arc::new(Shared { edge, methods, user_data }))
    }

    /// A new connection's session, or why its URL asks for something that there is not.
    pub(crate) fn open(&self, opening: Opening, outbox: Outbox) -> Result<Box<dyn Session>, ApiError> {
        let choices = Choices::read(&opening.uri)?;
        Ok(Box::new(Connection::new(self.clone(), &opening, choices, outbox)))
    }
}
