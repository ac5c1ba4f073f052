//! Pools of connections: to the primary for writing, to a replica for reading where there is one.
//!
//! What must not live here: the journal's commits, which have a connection of their own whose notices are seen.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use emporion_ports::store::StoreError;
use tokio_postgres::Client;

pub(crate) use crate::failure::failed;
use crate::failure::{NOT_PRIMARY, is_outdated};
use crate::options::{Address, PostgresOptions};
use crate::tls;

/// A query of a client waits this long for a free connection, and for a new one.
const WAIT: Duration = Duration::from_secs(5);
const SETTINGS: &str = "-c statement_timeout=60s -c lock_timeout=10s";
/// The first version of PostgreSQL that is supported, as the server counts.
const VERSION_MIN: i32 = 150_000;

/// The pools of one process.
#[derive(Clone, Debug)]
pub(crate) struct Pools {
    write: Pool,
    read: Option<Pool>,
}

impl Pools {
    /// Pools that connect when they are first asked.
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self, StoreError> {
        let pool = |url: &str, purpose: Purpose| {
            let address = Address::parse(url, &options.application_name, SETTINGS)?;
            pool(&address, options.connections_max.max(1), purpose)
        };
        Ok(Self {
            write: pool(&options.url, Purpose::Write)?,
            read: options.read_url.as_deref().map(|url| pool(url, Purpose::Read)).transpose()?,
        })
    }

    /// A connection to the primary.
    pub(crate) async fn write(&self) -> Result<Object, StoreError> {
        self.write.get().await.map_err(failed)
    }

    /// Whether there is a read address.
    pub(crate) fn has_replica(&self) -> bool {
        self.read.is_some()
    }

    /// A connection to the replica, or to the primary where there is none or it does not answer.
    pub(crate) async fn read(&self) -> Result<Object, StoreError> {
        let Some(read) = &self.read else { return self.write().await };
        match read.get().await {
            Ok(connection) => Ok(connection),
            Err(error) => {
                tracing::warn!(error = %failed(error), "the read address does not answer; the primary is read");
                self.write().await
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Write,
    Read,
}

fn pool(address: &Address, connections_max: usize, purpose: Purpose) -> Result<Pool, StoreError> {
    let manager = Manager::from_config(
        address.config.clone(),
        tls::connector(&address.trust)?,
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    let check = Hook::async_fn(move |client, _| {
        Box::pin(async move {
            check_server(client, purpose == Purpose::Write).await.map_err(|error| HookError::message(error.to_string()))
        })
    });
    let discard_outdated = Hook::sync_fn(|_, metrics| {
        if is_outdated(metrics.created) {
            return Err(HookError::message("it leads to a server that may have been demoted"));
        }
        Ok(())
    });
    Pool::builder(manager)
        .max_size(connections_max)
        .timeouts(Timeouts { wait: Some(WAIT), create: Some(WAIT), recycle: Some(WAIT) })
        .runtime(Runtime::Tokio1)
        .post_create(check)
        .pre_recycle(discard_outdated)
        .build()
        .map_err(|error| StoreError::Unusable(format!("the pool of connections cannot be made: {error}")))
}

/// Refuses a server that is too old and, for writing, one that does not write or does not keep what it has written.
pub(crate) async fn check_server(client: &Client, for_writing: bool) -> Result<(), StoreError> {
    let row = client
        .query_one(
            "select current_setting('server_version_num')::int4, current_setting('server_version'),
                pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
                current_setting('synchronous_commit')",
            &[],
        )
        .await
        .map_err(failed)?;
    let (number, version): (i32, String) = (row.get(0), row.get(1));
    let (in_recovery, read_only, synchronous): (bool, bool, String) = (row.get(2), row.get(3), row.get(4));
    let unusable = |reason: String| Err(StoreError::Unusable(reason));
    check_version(number, &version)?;
    if !for_writing {
        return Ok(());
    }
    if in_recovery {
        return unusable(format!("{NOT_PRIMARY}: it is a standby; name the primary in store.url"));
    }
    if read_only {
        return unusable(format!("{NOT_PRIMARY}: it is read-only, but transaction_read_only must be off"));
    }
    if !matches!(synchronous.as_str(), "on" | "remote_apply") {
        return unusable(format!(
            "the database does not wait until what it acknowledges is kept: set synchronous_commit = on instead of \
             {synchronous}"
        ));
    }
    Ok(())
}

/// Refuses a server that is too old. The number is as the server counts: 150004 for 15.4.
fn check_version(number: i32, version: &str) -> Result<(), StoreError> {
    if number < VERSION_MIN {
        return Err(StoreError::Unusable(format!("the database is PostgreSQL {version}, but 15 or newer is needed")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_named() {
        for (number, version) in [(150_000, "15.0"), (150_018, "15.18 (Debian 15.18-0+deb12u1)"), (180_001, "18.1")] {
            assert_eq!(check_version(number, version), Ok(()));
        }
        for (number, version) in [(90_624, "9.6.24"), (140_022, "14.22"), (149_999, "14.99")] {
            let reason = check_version(number, version).unwrap_err().to_string();
            assert_eq!(reason, format!("the database is PostgreSQL {version}, but 15 or newer is needed"));
        }
    }
}
