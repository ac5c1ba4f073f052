//! The gateway over its routes: signed requests in, bodies, statuses and headers out. Behind it a real engine,
//! a journal and tables in memory, and a clock that the tests set.

pub(crate) mod support;

mod accounts;
mod cancels;
mod failures;
mod freshness;
mod listings;
mod lists;
mod parameters;
mod placement;
mod prevention;
mod queries;
mod testing_orders;
