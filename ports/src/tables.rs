//! The tables: what the journal says, arranged for questions. They follow it at their own pace, are exactly
//! the state at their projected seq, and can be built again from the journal at any time.
//!
//! [`changes`] is what is written, [`rows`] what is read, [`queries`] the questions. What must not live here:
//! anything that is not in the journal.

pub mod changes;
pub mod queries;
pub mod range;
pub mod rows;

use async_trait::async_trait;
use emporion_model::journal::{Chain, Head};
use emporion_model::{History, Seq, TimeUs};

use crate::store::StoreError;

pub use changes::{AccountChange, OrderChange, PreventedChange, TableChanges, TradeChange};
pub use queries::{
    AccountQueries, Answer, At, KlineQueries, OrderQueries, Projection, Queries, TableDigest, TradeQueries,
    VenueQueries, Waited,
};
pub use range::ListRange;
pub use rows::{
    AccountRow, AggTradeRow, BalanceRow, BookSnapshot, FillRow, Kline, KlineInterval, Level, OrderRow,
    PreventedMatchRow, TradeRow, TransferRow, Venue,
};

/// Where the tables stand. Empty tables stand at the default, as an empty journal's head does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectedHead {
    /// The stretch of the journal.
    pub history: History,
    /// The last seq that is in the tables.
    pub seq: Seq,
    /// The chain of the row that ends with it.
    pub chain: Chain,
    /// The time of that row.
    pub time: TimeUs,
}

impl From<Head> for ProjectedHead {
    fn from(head: Head) -> Self {
        Self { history: head.history, seq: head.seq, chain: head.chain, time: head.time }
    }
}

/// Why changes were not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// The tables are not where the changes begin, and nothing was written: somebody else projects.
    #[error("the tables are at seq {}, not where the changes begin", found.seq)]
    Moved {
        /// Where they are.
        found: ProjectedHead,
    },
    /// The storage failed, and nothing was written.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// The writing side of the tables; the projector's alone.
#[async_trait]
pub trait Tables: Send + Sync {
    /// Where the tables stand. [`StoreError::Damaged`] when they can only be built again.
    async fn projected(&self) -> Result<ProjectedHead, StoreError>;

    /// Writes `changes` and moves the tables to `changes.head`, in one transaction, if they stand at `expected`.
    async fn project(&self, expected: &ProjectedHead, changes: TableChanges) -> Result<(), ProjectError>;

    /// Throws all tables away, whatever state they are in, and leaves empty ones.
    async fn clear(&self) -> Result<(), StoreError>;
}
