//! The embedded store: journal, tables and users in three SQLite files.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod users;
