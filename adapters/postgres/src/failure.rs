//! What went wrong between this process and the database, in one sentence without secrets.

use std::time::Instant;

use deadpool_postgres::{HookError, PoolError};
use emporion_ports::store::StoreError;
use parking_lot::Mutex;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// An error of the driver or of a pool of its connections.
pub(crate) enum Failure {
    Driver(Error),
    Pool(PoolError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

/// How every sentence about a server that does not write begins.
pub(crate) const NOT_PRIMARY: &str = "the database at store.url is not a primary that can be written";

/// Whether time may mend this: while a database fails over, its address may lead to a standby or to nobody.
pub(crate) fn is_passing(error: &StoreError) -> bool {
    match error {
        StoreError::Failed(_) => true,
        StoreError::Unusable(reason) => reason.starts_with(NOT_PRIMARY),
        StoreError::Damaged(_) => false,
    }
}

/// Turns an error into what a port says of it.
pub(crate) fn failed(error: impl Into<Failure>) -> StoreError {
    match error.into() {
        Failure::Driver(error)
        | Failure::Pool(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error))) => {
            driver(&error)
        }
        Failure::Pool(PoolError::PostCreateHook(HookError::Message(reason))) => {
            StoreError::Unusable(reason.into_owned())
        }
        Failure::Pool(PoolError::Timeout(_)) => {
            StoreError::Failed("no connection to the database became free in time".to_owned())
        }
        Failure::Pool(PoolError::Closed | PoolError::NoRuntimeSpecified) => {
            StoreError::Failed("the process is stopping".to_owned())
        }
    }
}

fn driver(error: &Error) -> StoreError {
    let Some(db) = error.as_db_error() else {
        return StoreError::Failed(match std::error::Error::source(error) {
            Some(source) => format!("the database cannot be reached: {error}: {source}"),
            None => format!("the database cannot be reached: {error}"),
        });
    };
    // The detail may quote rows; the message does not.
    let message = db.message();
    let code = db.code();
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        *LAST_READ_ONLY.lock() = Some(Instant::now());
        return StoreError::Unusable(format!("{NOT_PRIMARY}: {message}"));
    }
    if [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(code) {
        if message.contains("client certificate") {
            return StoreError::Unusable(format!(
                "the database asks for a client certificate, and this build has none: let this user log in with a \
                 password, without clientcert in pg_hba.conf ({message})"
            ));
        }
        return StoreError::Unusable(format!("the database does not accept the user of the URL: {message}"));
    }
    if *code == SqlState::INVALID_CATALOG_NAME {
        return StoreError::Unusable(format!("the database of the URL is not there: {message}"));
    }
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return StoreError::Unusable(format!(
            "the database user of the URL may not do what this process does ({message}): is it the role's own user?"
        ));
    }
    if [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_FUNCTION, SqlState::UNDEFINED_COLUMN].contains(code) {
        return StoreError::Unusable(format!(
            "the database lacks what this build needs ({message}): run `emporion migrate`"
        ));
    }
    if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) {
        return StoreError::Damaged(format!("the database reports damage: {message}"));
    }
    StoreError::Failed(format!("the database refuses: {message} (SQLSTATE {})", code.code()))
}

/// When a statement was last refused because its connection leads to a server that is no longer the primary.
static LAST_READ_ONLY: Mutex<Option<Instant>> = Mutex::new(None);

/// Whether a connection of this age may lead to a server that was demoted since.
pub(crate) fn is_outdated(created: Instant) -> bool {
    LAST_READ_ONLY.lock().is_some_and(|last| created <= last)
}
