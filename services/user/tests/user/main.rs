//! The user service over its own HTTP routes, on a real file, against an engine that is a few lines long.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod keys;
mod operator;
mod outbox;
mod paths;
mod people;
mod secrets;
mod support;
