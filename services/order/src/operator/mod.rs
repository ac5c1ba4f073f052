//! What an operator does to the venue's assets and symbols.

pub mod describe;
