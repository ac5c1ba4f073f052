//! Where the journal's rows go when they leave the database: segments, each one file that proves itself whole.
//!
//! What must not live here: when a row may leave the database ([`crate::retention`]).

mod file;
mod folder;

use async_trait::async_trait;
use bytes::Bytes;
use emporion_ports::store::StoreError;

pub use file::{Segment, SegmentHeader};
pub use folder::FolderSegments;

/// A place for segments that outlives the database: a folder, or a bucket.
#[async_trait]
pub trait SegmentStore: Send + Sync {
    /// Keeps `bytes` under `name`. A reader finds all of it or nothing, and after `Ok` it stays. What stood under the
    /// name is replaced.
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError>;

    /// What was kept under the name, if anything was.
    async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError>;

    /// The names of everything that is kept, in order.
    async fn list(&self) -> Result<Vec<String>, StoreError>;
}
