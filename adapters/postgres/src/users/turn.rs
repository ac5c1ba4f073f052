//! The turn to send the outbox: a lock that lives and dies with a connection of its own.

use std::time::Duration;

use async_trait::async_trait;
use emporion_ports::users::{OutboxTurn, StoreResult};
use tokio::time::timeout;
use tokio_postgres::Statement;

use crate::PostgresOptions;
use crate::connect::{Connection, connect};
use crate::pool::failed;

/// Any number that no other application is likely to lock.
const ADVISORY_LOCK: i64 = 0x456d_704f_7574_626f;
const TRY: &str = "select pg_try_advisory_lock($1)";
/// A server that became a standby holds no turn.
const HELD: &str = "select not pg_is_in_recovery()";
/// The server ends the session, and with it the turn, of a process that no longer asks; whoever has the turn asks at
/// least every [`POLL`].
const SETTINGS: &str = "-c statement_timeout=5s -c idle_session_timeout=5s";
const POLL: Duration = Duration::from_millis(150);
const ANSWER_MAX: Duration = Duration::from_secs(2);

struct Turn {
    connection: Connection,
    held: Statement,
    is_lost: bool,
}

/// Waits until no other process has the turn.
pub(super) async fn wait(options: &PostgresOptions) -> StoreResult<Box<dyn OutboxTurn>> {
    let connection = connect(&options.url, &format!("{} outbox", options.application_name), SETTINGS).await?;
    let client = &connection.client;
    let take = client.prepare(TRY).await.map_err(failed)?;
    let held = client.prepare(HELD).await.map_err(failed)?;
    while !client.query_one(&take, &[&ADVISORY_LOCK]).await.map_err(failed)?.get::<_, bool>(0) {
        pause().await;
    }
    Ok(Box::new(Turn { connection, held, is_lost: false }))
}

#[async_trait]
impl OutboxTurn for Turn {
    async fn is_held(&mut self) -> bool {
        if !self.is_lost {
            let answer = timeout(ANSWER_MAX, self.connection.client.query_one(&self.held, &[])).await;
            self.is_lost = !matches!(answer, Ok(Ok(row)) if row.get(0));
        }
        !self.is_lost
    }

    async fn wait_for_others(&mut self) {
        pause().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "other processes write rows and end without telling")]
async fn pause() {
    tokio::time::sleep(POLL).await;
}
