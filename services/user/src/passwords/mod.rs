//! Passwords: what is accepted as one, and its hash.

mod hasher;
mod rules;

pub use hasher::{HashPool, Hashing, TooManyWaiting};
pub use rules::{Password, PasswordProblem, check_new};
