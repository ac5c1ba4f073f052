//! The durable codec: what this build writes is what every later one must read.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod golden;
mod journal;
mod round_trip;
mod samples;
mod strategies;
