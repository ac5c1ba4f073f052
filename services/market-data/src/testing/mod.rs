//! What tests need: a venue that really trades, and the tables and the journal that follow it.

mod tables;
mod venue;

pub(crate) use tables::FakeTables;
pub(crate) use venue::{ALICE, BOB, BTCUSDT, ETHBTC, TestVenue};
