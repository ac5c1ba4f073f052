//! The durable codec: what this build writes is what every later one must read.

mod golden;
mod journal;
mod round_trip;
mod samples;
mod strategies;
