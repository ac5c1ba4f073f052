//! The traits a service needs, their in-process twins and their contract suites.

pub mod commands;
#[cfg(feature = "contract")]
pub mod contract;
pub mod feed;
pub mod imported;
pub mod keys;
pub mod orders;
pub mod store;
pub mod tables;
pub mod users;
