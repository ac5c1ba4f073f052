//! The whole store of a process, its parts made from one set of options.

use std::sync::Arc;

use emporion_ports::store::StoreError;

use crate::head::PostgresHead;
use crate::journal::PostgresJournal;
use crate::leases::PostgresLeases;
use crate::migrate::check_schema;
use crate::options::PostgresOptions;
use crate::pool::Pools;
use crate::snapshots::PostgresSnapshots;
use crate::startup::check_durability;

/// A database that was checked: of a version, schema and durability that this build can rely on.
#[derive(Clone, Debug)]
pub struct Postgres {
    pools: Pools,
    journal: Arc<PostgresJournal>,
    snapshots: Arc<PostgresSnapshots>,
    leases: Arc<PostgresLeases>,
    head: Arc<PostgresHead>,
}

impl Postgres {
    /// Connects to the primary and checks it.
    ///
    /// # Errors
    /// One sentence: the database cannot be reached or used, is too old, not the primary or read-only, its schema does
    /// not get along with this build, or it is not set up to keep what it acknowledges.
    pub async fn open(options: PostgresOptions) -> Result<Self, StoreError> {
        let pools = Pools::new(&options)?;
        let connection = pools.write().await?;
        check_schema(&connection).await?;
        check_durability(&connection, options.durability).await?;
        drop(connection);
        Ok(Self {
            journal: Arc::new(PostgresJournal::new(pools.clone(), &options)?),
            snapshots: Arc::new(PostgresSnapshots::new(pools.clone(), options)),
            leases: Arc::new(PostgresLeases::new(pools.clone())),
            head: Arc::new(PostgresHead::new(pools.clone())),
            pools,
        })
    }

    /// The journal and its head. Only the process that leads commits; others read.
    pub fn journal(&self) -> Arc<PostgresJournal> {
        Arc::clone(&self.journal)
    }

    /// The saved states.
    pub fn snapshots(&self) -> Arc<PostgresSnapshots> {
        Arc::clone(&self.snapshots)
    }

    /// The lease, and who follows the journal.
    pub fn leases(&self) -> Arc<PostgresLeases> {
        Arc::clone(&self.leases)
    }

    /// How far the journal is committed, for reads.
    pub fn head(&self) -> Arc<PostgresHead> {
        Arc::clone(&self.head)
    }

    /// The connections that parts share.
    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }
}
