//! The clients: one maintained connection to each peer, and the ports that it implements.
//!
//! What must not live here: what a server does with a request.

mod commands;
mod connect;
mod key_cache;
mod keys;
mod leader;
mod orders;
mod peer;
mod session;

pub use commands::CommandsLink;
pub use key_cache::CachedKeys;
pub use keys::{KeysLink, RemoteKeys};
pub use leader::{LeaderAddress, LeaderLink};
pub use orders::{DirectQueue, LinkError, OrderLink};
