//! The internal stream between the processes of one venue: clients' sealed commands and services' commands on their
//! way to the leading sequencer, outcomes on their way back, and key lookups, over mutual TLS.
//!
//! A process that offers something runs [`serve`]; a process that needs something keeps one connection to each peer
//! ([`LeaderLink`], [`KeysLink`]). What must not live here: who leads (see [`LeaderAddress`]), the lanes that a command
//! takes when this way is closed, and any decision about a command.

mod client;
mod metrics;
mod options;
mod server;
mod tls;
mod wire;

pub use client::{
    CachedKeys, CommandsLink, DirectQueue, KeysLink, LeaderAddress, LeaderLink, LinkError, OrderLink, RemoteKeys,
};
pub use metrics::describe as describe_metrics;
pub use options::LinkOptions;
pub use server::{Handlers, Leading, SequencerDoor, serve};
pub use tls::{INTERNAL_NAME, LinkTls, TlsError, TlsFiles};
pub use wire::{ANSWER_BYTES_MAX, PROTOCOL, PROTOCOL_OLDEST, REQUEST_BYTES_MAX};
