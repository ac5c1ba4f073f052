//! The User Service: people, sessions, API keys, and the accounts behind them.
//!
//! It decides; the user store remembers; the engine alone knows balances. What it wants from the engine goes
//! through its outbox. What must not live here: an adapter, another service, reading of configuration.

pub mod api_keys;
pub mod budgets;
mod error;
pub mod http;
mod key_directory;
pub mod operator;
pub mod outbox;
pub mod passwords;
pub mod people;
mod random;
pub mod seal;
mod service;
pub mod sessions;

pub use error::UserError;
pub use key_directory::StoredKeys;
pub use service::{StartError, UserOptions, UserParts, UserService};
