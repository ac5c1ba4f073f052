//! The real binary, from outside: started, asked, stopped, killed, and refused.
//!
//! Every test that runs a venue ends with its audit: the money of every asset balances, a replay gives every
//! event again, and the tables are what the journal says.
#![allow(clippy::unwrap_used)]

mod commands;
mod damage;
mod demo;
mod kills;
mod klines;
mod protocol;
mod refusals;
mod replay;
mod scenarios;
mod serving;
mod sockets;
mod streams;
#[expect(dead_code, reason = "a venue that runs already is what tests/cluster has")]
mod support;
mod symbols;
