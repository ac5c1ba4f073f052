//! The whole store of a process, its parts made from one set of options.

use emporion_ports::store::StoreError;

use crate::migrate::check_schema;
use crate::options::PostgresOptions;
use crate::pool::Pools;

/// A database that was checked: of a version, schema and durability that this build can rely on.
#[derive(Clone, Debug)]
pub struct Postgres {
    pools: Pools,
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
        Ok(Self { pools })
    }

    /// The connections that parts share.
    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }
}
