//! What tests need: a venue that really trades, the tables and the journal that follow it, and the service
//! over them.

mod app;
mod journal;
mod tables;
mod venue;

pub(crate) use app::{App, OPERATOR_TOKEN};
pub(crate) use journal::FakeJournal;
pub(crate) use tables::FakeTables;
pub(crate) use venue::{ALICE, BOB, BTCUSDT, ETHBTC, TestVenue};
