//! The User Service: people, sessions, API keys.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod budgets;
pub mod passwords;
mod random;
pub mod seal;
