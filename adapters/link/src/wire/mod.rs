//! What travels: frames of a bounded size, each with the layout's version, a kind, a request's number and a body.
//!
//! ```text
//! length of the rest (4 bytes, big endian) | version (1) | kind (1) | number (varint) | body
//! ```
//!
//! The layout has version 1 for ever, unless everything changes; what peers may say to each other is the protocol's
//! number, on which the greeting agrees. What must not live here: what is done with a frame.

mod frame;
mod key_record;
mod message;

pub(crate) use frame::{Frame, FrameError, FrameReader, Kind};
pub(crate) use key_record::{SentKey, SentName};
pub(crate) use message::{Answer, Blob, Farewell, Greeting, Hello, Request, ServiceAnswer, Text};

/// The newest protocol that this build speaks.
pub const PROTOCOL: u16 = 1;

/// The oldest protocol that this build speaks: that of the release before it.
pub const PROTOCOL_OLDEST: u16 = 1;

/// The largest frame that a server takes, in bytes.
pub const REQUEST_BYTES_MAX: usize = 256 * 1_024;

/// The largest frame that a client takes, in bytes.
pub const ANSWER_BYTES_MAX: usize = 16 * 1_024 * 1_024;
