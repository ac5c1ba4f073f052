//! What owners are told, against a real engine: scenarios, subscriptions over their life, and clients that rebuild
//! their accounts from what they hear.

mod lives;
mod mirror;
mod prevention;
mod scenarios;
mod support;
