//! Where the journal's rows go when they leave the database: segments, each one file that proves itself whole.
//!
//! What must not live here: when a row may leave the database ([`crate::retention`]).

mod file;
mod folder;

pub use file::{Segment, SegmentHeader};
pub use folder::FolderSegments;
