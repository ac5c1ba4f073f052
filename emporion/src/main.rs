//! The `emporion` binary.

fn main() {}
