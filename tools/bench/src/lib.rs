//! The load generator of `emporion bench` and what the benchmarks share.
//!
//! Speeds are only ever told as ratios within one run: beside a peer, beside the machine's own limit, or
//! beside the same server's cheapest answer.

pub mod cpu;
pub mod load;
pub mod metrics;
pub mod sockets;
pub mod stream;
