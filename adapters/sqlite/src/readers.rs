//! Reading connections: a few, opened when they are first needed, used off the async threads.

use std::sync::{Arc, RwLock};

use emporion_ports::store::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::database::Database;

/// Reads that run at the same time on one file. More wait for their turn.
const READERS_MAX: usize = 4;

/// The reading connections of one file.
pub(crate) struct Readers {
    turns: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// What reads and the one who replaces the file share.
pub(crate) struct Shared {
    database: Database,
    /// Readers hold it for reading while they use a connection, so that the file is never replaced under one.
    gate: RwLock<()>,
    idle: std::sync::Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(database: Database) -> Self {
        let shared = Shared { database, gate: RwLock::new(()), idle: std::sync::Mutex::default() };
        Self { turns: Arc::new(Semaphore::new(READERS_MAX)), shared: Arc::new(shared) }
    }

    /// Runs `work` in one read transaction: all that it sees is one state.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Failed("the process is stopping".to_owned());
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| stopped())?;
        let shared = Arc::clone(&self.shared);
        let run = move || {
            let _turn = turn;
            shared.read(work)
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| stopped())?
    }

    /// What the owner of the file needs to replace it.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Shared {
    /// Runs `replace` while no reading connection is open.
    pub(crate) fn without_readers<T>(&self, replace: impl FnOnce() -> T) -> T {
        let _alone = self.gate.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.idle().clear();
        replace()
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let _open = self.gate.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.database.open_reader()?,
        };
        let in_transaction = |connection: &mut Connection| work(&*connection.transaction()?);
        // A connection that failed is not used again.
        let value = in_transaction(&mut connection).map_err(|error| self.database.failure(&error))?;
        self.idle().push(connection);
        Ok(value)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // What is behind the lock is whole even if a holder panicked: a list of connections.
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
