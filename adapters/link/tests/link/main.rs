//! The internal stream over real sockets and certificates.
#![expect(clippy::unwrap_used, reason = "tests")]

mod certificates;
mod garbage;
mod keys;
mod orders;
mod parts;
mod tls;
