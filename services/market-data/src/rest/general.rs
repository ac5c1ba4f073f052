//! What needs no market: the test of the connection, the time, and answers that are the same for ever.

use emporion_api::ApiError;
use emporion_api::wire::{Empty, ServerTime, SystemStatus};
use emporion_edge::{Json, Request};

/// `GET ping`.
pub(super) async fn ping((): (), request: Request) -> Result<Json<Empty>, ApiError> {
    request.read(|_| Ok(Json(Empty {})))
}

/// `GET time`: this server's clock, by which signed requests are judged.
pub(super) async fn time((): (), request: Request) -> Result<Json<ServerTime>, ApiError> {
    request.read(|_| Ok(Json(ServerTime { server_time: request.time_unit.of(request.received_at) })))
}

/// `GET margin/allPairs` and `GET margin/isolated/allPairs`: there is no margin trading. Clients may sign these
/// or not.
pub(super) async fn no_margin_pairs((): (), request: Request) -> Result<Json<[(); 0]>, ApiError> {
    request.read(|reader| {
        for name in ["symbol", "timestamp", "recvWindow", "signature"] {
            reader.text(name);
        }
        Ok(Json([]))
    })
}

/// `GET system/status`: who gets an answer is served.
pub(super) async fn system_status((): (), request: Request) -> Result<Json<SystemStatus>, ApiError> {
    request.read(|_| Ok(Json(SystemStatus { status: 0, msg: "normal".to_owned() })))
}
