//! Real parts for tests and the local cluster: PostgreSQL, Redis, an SQS emulator, haproxy, on free loopback ports; and
//! the venue of several processes on all of them.
//!
//! Everything that is started here is a child of this process, listens on 127.0.0.1 only, keeps its data in a
//! temporary folder and is stopped and reaped when its handle is dropped. What must not live here: rules of the venue.

pub mod certificates;
mod cluster;
pub mod fault_proxy;
pub mod haproxy;
pub mod lanes_server;
pub mod parts;
pub mod trio;

pub use cluster::{Cluster, Lanes, Network, Options, Process, Queue, RateLimits, down, http};
