//! The service as clients see it: answers byte by byte, and every parameter's errors.

mod answers;
mod exchange_info;
mod operator;
mod parameters;
mod prices;
mod staleness;
mod windows;
