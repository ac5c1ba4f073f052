//! What an audit reads: the files of a data folder, or a database. It writes to neither.

use super::found;
use crate::Failure;
use crate::config::Config;
use crate::serve::postgres_options;
use emporion_ports::store::{Journal, Snapshots};
use emporion_ports::tables::{Queries, Tables};
use emporion_postgres::{PgTables, Postgres};
use emporion_sqlite::{Durability, FolderLock, Store};
use std::sync::Arc;
use tempfile::TempDir;

/// A venue's store, of which the tables stand still.
pub(super) struct Audited {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) snapshots: Arc<dyn Snapshots>,
    pub(super) tables: Arc<dyn Queries>,
    kind: Kind,
}

enum Kind {
    /// The folder holds the copy of the tables.
    Files { _copy: TempDir },
    /// The tables of the database, and their one state.
    Database { tables: Arc<PgTables>, stand: Arc<PgTables> },
}

/// Tables to build again: the writing and the reading side of the same ones. A folder of their own goes with them.
pub(super) struct Rebuilt {
    pub(super) tables: Arc<dyn Tables>,
    pub(super) queries: Arc<dyn Queries>,
    _folder: Option<(FolderLock, TempDir)>,
}

impl Audited {
    /// Opens what the config names.
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        if config.store.is_shared() {
            let postgres = Postgres::open(postgres_options(config)).await?;
            let (journal, snapshots, tables) = (postgres.journal(), postgres.snapshots(), postgres.tables());
            let stand = Arc::new(tables.at_one_state().await?);
            let kind = Kind::Database { tables, stand: stand.clone() };
            return Ok(Self { journal, snapshots, tables: stand, kind });
        }
        let store = Store::open_read_only(&config.data_dir)?;
        let folder = temporary_folder()?;
        let tables = store.tables.copy_into(folder.path()).await.map_err(found)?;
        let kind = Kind::Files { _copy: folder };
        Ok(Self { journal: store.journal, snapshots: store.snapshots, tables: Arc::new(tables), kind })
    }

    /// Empty tables of the same kind.
    pub(super) async fn empty_tables(&self) -> Result<Rebuilt, Failure> {
        match &self.kind {
            Kind::Files { .. } => {
                let folder = temporary_folder()?;
                let lock = FolderLock::acquire(folder.path())?;
                let tables = Store::open(&lock, Durability::Ephemeral)?.tables;
                Ok(Rebuilt { tables: tables.clone(), queries: tables, _folder: Some((lock, folder)) })
            }
            Kind::Database { tables, stand } => {
                let scratch = Arc::new(tables.scratch(stand).await?);
                Ok(Rebuilt { tables: scratch.clone(), queries: scratch, _folder: None })
            }
        }
    }
}

fn temporary_folder() -> Result<TempDir, Failure> {
    tempfile::tempdir().map_err(|error| Failure::failed(format!("a temporary folder cannot be made: {error}")))
}
