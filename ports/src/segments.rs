//! Where parts of the journal go when they leave the database: segments, each kept as one piece under a name.
//!
//! What must not live here: what a segment holds, and when a part of the journal may leave.

use async_trait::async_trait;
use bytes::Bytes;

use crate::store::StoreError;

/// A place for segments that outlives the database: a folder, or a bucket.
#[async_trait]
pub trait SegmentStore: Send + Sync {
    /// Keeps `bytes` under `name`, a plain file name that does not begin with a dot. A reader finds all of it or
    /// nothing, and after `Ok` it stays. What stands under the name already is never replaced.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: something else is kept under the name. [`StoreError::Unusable`]: it is no name, or the
    /// place needs an operator. [`StoreError::Failed`]: it may or may not be kept; the same may be put again.
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError>;

    /// What was kept under the name, if anything was.
    async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError>;

    /// The names of everything that is kept, in order.
    async fn list(&self) -> Result<Vec<String>, StoreError>;
}

/// Whether `name` is a plain file name, which leads nowhere else.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}
