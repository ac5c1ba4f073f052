//! The internal stream over real sockets and certificates.

mod certificates;
mod garbage;
mod keys;
mod orders;
mod parts;
mod tls;
