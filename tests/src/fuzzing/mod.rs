//! The bodies of the fuzz targets in `fuzz/`, and what lets a normal test run them over the committed corpus
//! and thousands of deterministic mutations of it, without nightly.
//!
//! A body takes any bytes. It must not panic unless a promise is broken: what is read is written again byte
//! for byte, what is restored keeps every invariant, what was not signed does not verify.

mod codec;
mod decimals;
mod mutate;
mod requests;

pub use mutate::mutations;

/// A fuzz target: its name, which is also its corpus folder's, and its body.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// What it does with bytes.
    pub body: fn(&[u8]),
}

/// Every fuzz target.
pub const TARGETS: &[Target] = &[
    Target { name: "decimal", body: decimals::decimal },
    Target { name: "command", body: codec::command },
    Target { name: "event", body: codec::event },
    Target { name: "journal_row", body: codec::journal_row },
    Target { name: "snapshot", body: codec::snapshot },
    Target { name: "params", body: requests::params },
    Target { name: "signature", body: requests::signature },
];

/// Runs a target's body; the name is one of [`TARGETS`].
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of the list");
    (target.body)(bytes);
}
