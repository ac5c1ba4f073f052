//! The contract suites: what every adapter of a port must do, run by the adapter's own tests.
//!
//! A suite is a list of cases, each an async function on a fresh store, and a macro that turns the list into
//! one test per case. Only behind the feature `contract`, for tests: the cases panic where a promise is broken.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod counts;
pub mod feed;
pub mod imported;
pub mod lanes;
pub mod leases;
pub mod prices;
pub mod segments;
pub mod signals;
pub mod store;
pub mod users;
