//! The shared store: journal, tables and users in PostgreSQL 15 or newer.
//!
//! What must not live here: anything that decides. The ports say what is asked; this crate answers from the database,
//! and the journal's head there says who may write.

mod connect;
mod failure;
mod migrate;
mod options;
mod pool;
mod postgres;
mod tables;
#[cfg(test)]
mod testing;
mod tls;
mod users;

pub use migrate::{Applied, migrate};
pub use options::{Durability, PostgresOptions};
pub use postgres::Postgres;
