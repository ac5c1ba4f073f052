//! The public promise: error codes, request parameters, signing, the path table and the wire types.
//!
//! Everything a client can observe about the shape of a request or an answer is written down here, once.
//! There is no I/O here, no clock, no async and no business logic: services convert their domain values into
//! [`wire`] types and the edge turns [`ApiError`] into HTTP.

pub mod code;
pub mod error;
pub mod names;
pub mod params;
pub mod paths;
pub mod reject;
pub mod signing;
pub mod time;
pub mod v1;
pub mod window;
pub mod wire;
pub mod ws_api;

pub use code::Code;
pub use error::ApiError;
pub use names::{Name, Named};
pub use params::{Params, Reader};
pub use paths::{Endpoint, Role, Security};
pub use reject::Refused;
pub use time::{Time, TimeUnit};
