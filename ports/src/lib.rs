//! The traits a service needs, their in-process twins and their contract suites.

pub mod commands;
pub mod committed;
#[cfg(feature = "contract")]
pub mod contract;
pub mod counts;
pub mod feed;
pub mod imported;
pub mod keys;
pub mod lanes;
pub mod leases;
pub mod orders;
pub mod prices;
pub mod sealed;
pub mod segments;
pub mod signals;
pub mod store;
pub mod tables;
pub mod users;
