//! The internal stream over real sockets and certificates.

mod certificates;
mod orders;
mod parts;
mod tls;
