//! The traits a service needs, their in-process twins and their contract suites.

pub mod commands;
pub mod feed;
pub mod keys;
pub mod store;
pub mod tables;
pub mod users;
