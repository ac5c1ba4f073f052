//! The Market Data Service: a fold of the feed and the public queries on it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cold_start;
pub mod fold;
mod klines;
#[cfg(test)]
mod testing;

use std::time::Duration;

/// How long a request waits for the fold, or the tables, to hold what was committed when it came.
const PATIENCE: Duration = Duration::from_secs(2);
