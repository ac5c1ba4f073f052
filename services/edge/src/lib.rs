//! What every public HTTP service shares: the accept loop, sockets, request limits, authentication, and the one
//! place where errors become HTTP; and the WebSocket API, which calls the handlers of all services.
//!
//! A service writes handlers, `async fn(State, Request) -> Result<Json<_>, ApiError>`, and hangs them on
//! [`Routes`] by the entries of the path table; [`serve()`] answers a listener with them. What must not live
//! here: anything that only one service does, any adapter, and reading of configuration.

mod auth;
mod clock;
mod edge;
mod limits;
mod metrics;
mod network;
mod readiness;
mod request;
mod request_line;
mod respond;
mod routes;
mod serve;
pub mod socket;
mod stream;
pub mod user_data;
mod ws_api;

pub use auth::{Authenticator, Caller};
pub use clock::Clock;
pub use edge::{Edge, EdgeOptions};
pub use limits::{LimitOverride, LimitPolicy, Limits, LimitsOptions};
pub use network::{Network, Peer, client_address};
pub use readiness::Readiness;
pub use request::Request;
pub use respond::{Json, OrderCounts, OrderLimits};
pub use routes::Routes;
pub use serve::{ServeOptions, serve};
