//! Who leads, as it is told: it says only when to try to lead, never who may write. That, the journal's head says
//! inside every commit.
//!
//! What must not live here: any promise that only one holds the lease, and any clock: a lease is alive while its beat
//! changes, and whoever watches measures that with a clock of its own.

use crate::store::StoreError;
use async_trait::async_trait;
use emporion_model::{Epoch, Seq};

/// What the present leader says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The process, for people: host and process id.
    pub holder: String,
    /// The epoch in which it leads.
    pub epoch: Epoch,
    /// `host:port` of the internal stream on which it takes commands.
    pub address: String,
    /// Raised with every [`Leases::beat`]; a beat that stands still for longer than the watcher's patience says that
    /// the leader is gone.
    pub beat: u64,
    /// The leader has stopped of its own will and everything that it took is committed: whoever waits may lead at once.
    pub released: bool,
}

/// A process that follows the journal and must find the rows that it has not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerPosition {
    /// Who: a name that survives restarts, such as `standby/pod-1` or `region/eu-west-1`.
    pub name: String,
    /// The last seq that it has.
    pub seq: Seq,
}

/// The one lease of a venue, and the positions of those who follow its journal.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Tells who leads and that it lives: stores the lease with the stored beat plus one (or 1), unless a lease of a
    /// later epoch is there; then `false`.
    async fn beat(&self, holder: &str, epoch: Epoch, address: &str, released: bool) -> Result<bool, StoreError>;

    /// The lease as it stands; `None` before the first beat.
    async fn lease(&self) -> Result<Option<Lease>, StoreError>;

    /// Notes how far a follower is; a position never moves backwards within a registration.
    async fn follow(&self, position: &FollowerPosition) -> Result<(), StoreError>;

    /// Forgets a follower that will not come back.
    async fn forget(&self, name: &str) -> Result<(), StoreError>;

    /// All followers, by name.
    async fn followers(&self) -> Result<Vec<FollowerPosition>, StoreError>;
}
