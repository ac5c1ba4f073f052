//! The engine against an oracle, against its own replay, and against every reject, boundary and bound.

mod bounds;
mod oracle;
mod properties;
mod rejects;
mod replay;
mod support;
