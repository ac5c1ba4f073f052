//! The Market Data Service: a fold of the feed and the public queries on it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cold_start;
pub mod fold;
#[cfg(test)]
mod testing;
