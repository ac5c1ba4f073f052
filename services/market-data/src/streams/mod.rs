//! The market streams: what happens in a symbol, sent to whoever subscribed, as it happens.
//!
//! [`name`] knows which streams there are, [`event`] carries what happened in one of them, and the [`hub`] brings it
//! to all who subscribed. What must not live here: what an event says. That is decided where the fold is read, once
//! for all subscribers; here nobody knows a price.

#![expect(dead_code, reason = "the publisher and the sessions are about to come")]

pub(crate) mod event;
pub(crate) mod hub;
pub(crate) mod name;
