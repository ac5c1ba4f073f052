//! The Order Service: gateway, sequencer and projector.
#![cfg_attr(test, allow(clippy::unwrap_used))]
pub mod gateway;
pub mod operator;
pub mod projector;
pub mod replay;
pub mod sequencer;
#[cfg(test)]
mod testing;
pub mod user_data;
pub mod ways;
