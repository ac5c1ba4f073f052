//! What the tests share: small venues to test on, and a venue that checks itself after every command.

pub(crate) mod fold;
pub(crate) mod generate;
pub(crate) mod venue;
pub(crate) mod worlds;
