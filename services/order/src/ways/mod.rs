//! The two ways of an order from a gateway to the sequencer: directly, and over lanes that keep what cannot be taken at
//! once. The engine drops what it has seen, so a command may take both.
//!
//! A gateway holds [`TwoWays`]; the process that leads runs a [`LaneConsumer`]; outcomes come back over the direct way or
//! by the feed ([`Answers`]). What must not live here: any transport, and rules that the engine judges.

mod accounts;
mod answers;
mod aside;
mod backlog;
mod canary;
mod consumer;
mod direct;
mod message;
mod outage;
mod sender;
#[cfg(test)]
mod tests;
mod two_ways;

pub use answers::{Answers, Expected};
pub use canary::{Canary, LaneHealth};
pub use consumer::{ConsumerOptions, LaneConsumer};
pub use direct::{Direct, DirectError};
pub use message::{LaneBody, lane_of};
pub use two_ways::{QueueMode, TwoWays, WaysOptions, WaysParts};
