//! The tables: written by the projector alone, read by everybody, built again when in doubt.
//!
//! Open orders are in a small table of their own and move to a partitioned one when they close. Everything is asked of
//! the primary, but history lists of the read address, once the copy there holds what was promised.

mod answer;
mod maintenance;
mod project;
mod queries;
mod read;
#[cfg(test)]
mod tests;
mod values;
mod waiting;
mod write;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use deadpool_postgres::{ClientWrapper, Object};
use emporion_model::Seq;
use emporion_ports::store::StoreError;
use emporion_ports::tables::{ProjectError, ProjectedHead, TableChanges, Tables};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::pool::{Pools, failed};
use waiting::Standing;

/// The tables in a database.
pub struct PgTables {
    source: Source,
    /// Where the tables at the write address stand, as far as this process has seen.
    standing: Standing,
    /// Where the copy at the read address stands.
    replica: Standing,
    /// The last seq that somebody was told is there. No later answer is older.
    promised: AtomicU64,
    /// A query came upon damage: the next projection says so, and the tables are built again.
    damaged: AtomicBool,
}

/// Where connections come from.
#[derive(Clone)]
pub(super) enum Source {
    /// A pool to each address.
    Pools(Pools),
    /// One connection with a state of its own: temporary tables, or a transaction that reads one state.
    One(Arc<Mutex<ClientWrapper>>),
}

/// A connection to use.
#[expect(clippy::large_enum_variant, reason = "it is held for one question and never kept in numbers")]
pub(super) enum Lent {
    Pooled(Object),
    One(OwnedMutexGuard<ClientWrapper>),
}

impl Deref for Lent {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        match self {
            Self::Pooled(object) => object,
            Self::One(guard) => guard,
        }
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        match self {
            Self::Pooled(object) => object,
            Self::One(guard) => guard,
        }
    }
}

impl Lent {
    /// Closes the connection instead of giving it back.
    pub(super) fn discard(self) {
        if let Self::Pooled(object) = self {
            drop(Object::take(object));
        }
    }
}

impl Source {
    pub(super) async fn write(&self) -> Result<Lent, StoreError> {
        match self {
            Self::Pools(pools) => pools.write().await.map(Lent::Pooled),
            Self::One(connection) => Ok(Lent::One(Arc::clone(connection).lock_owned().await)),
        }
    }

    pub(super) async fn read(&self) -> Result<Lent, StoreError> {
        match self {
            Self::Pools(pools) => pools.read().await.map(Lent::Pooled),
            Self::One(_) => self.write().await,
        }
    }

    fn has_replica(&self) -> bool {
        matches!(self, Self::Pools(pools) if pools.has_replica())
    }
}

impl crate::Postgres {
    /// The tables. To be called once: what the handle knows of waiting and of promises is its own.
    pub fn tables(&self) -> Arc<PgTables> {
        Arc::new(PgTables::new(self.pools().clone()))
    }
}

impl PgTables {
    /// The tables that these pools lead to. Nothing is asked yet.
    pub(crate) fn new(pools: Pools) -> Self {
        Self::of(Source::Pools(pools))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            standing: Standing::default(),
            replica: Standing::default(),
            promised: AtomicU64::new(0),
            damaged: AtomicBool::new(false),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.damaged.load(Ordering::Acquire) {
            return Err(StoreError::Damaged("the tables are damaged: a query came upon it".to_owned()));
        }
        Ok(())
    }

    fn promised(&self) -> Seq {
        Seq(self.promised.load(Ordering::Acquire))
    }

    async fn head(&self) -> Result<ProjectedHead, StoreError> {
        let connection = self.source.write().await?;
        project::read_head(&connection, project::SELECT_HEAD).await
    }
}

#[async_trait]
impl Tables for PgTables {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        self.check()?;
        self.head().await
    }

    async fn project(&self, expected: &ProjectedHead, changes: TableChanges) -> Result<(), ProjectError> {
        self.check()?;
        let seq = changes.head.seq;
        // It is done even if the caller gives up waiting: a connection never goes back amid a transaction.
        let project = project::project(self.source.clone(), *expected, changes);
        let stopped = |_| StoreError::Failed("the process is stopping".to_owned());
        tokio::spawn(project).await.map_err(stopped)??;
        self.standing.reached(seq);
        Ok(())
    }

    async fn clear(&self) -> Result<(), StoreError> {
        const CLEAR: &str = "begin;
            truncate assets, symbols, accounts, balances, order_counts, open_orders, closed_orders, trades,
                prevented_matches, transfers, klines;
            update venue set mode = null, rules_version = null, options = null;
            update projection_head set history = 0, seq = 0, chain = decode(repeat('00', 32), 'hex'), time = 0;
            commit";
        let connection = self.source.write().await?;
        if let Err(error) = connection.batch_execute(CLEAR).await {
            connection.discard();
            return Err(failed(error));
        }
        self.damaged.store(false, Ordering::Release);
        self.promised.store(0, Ordering::Release);
        self.standing.begin_again();
        self.replica.begin_again();
        Ok(())
    }
}
