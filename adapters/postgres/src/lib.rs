//! The shared store: journal, tables and users in PostgreSQL 15 or newer.
//!
//! What must not live here: anything that decides. The ports say what is asked; this crate answers from the database,
//! and the journal's head there says who may write.

mod connect;
mod failure;
mod head;
mod journal;
mod leases;
mod migrate;
mod options;
mod pool;
mod postgres;
mod retention;
mod roles;
mod segments;
mod snapshots;
mod startup;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod users;
mod values;

pub use head::PostgresHead;
pub use journal::PostgresJournal;
pub use leases::PostgresLeases;
pub use migrate::{Applied, migrate};
pub use options::{Durability, PostgresOptions};
pub use postgres::Postgres;
pub use retention::{Retention, RetentionRound};
pub use roles::{RolePasswords, create_roles};
pub use segments::{FolderSegments, Segment, SegmentHeader};
pub use snapshots::PostgresSnapshots;
pub use tables::PgTables;
pub use users::PostgresUsers;
