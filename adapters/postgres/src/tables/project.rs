//! One projection: a transaction of two round trips, whatever it changes, that is never half done and never guessed at.

use deadpool_postgres::ClientWrapper;
use emporion_model::journal::Chain;
use emporion_model::{History, Seq, TimeUs};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{ProjectError, ProjectedHead, TableChanges};
use futures_util::future::{join, join_all};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};

use super::Source;
use super::values::{Cells, number};
use super::write::{Value, Write, writes};
use crate::pool::failed;

pub(super) const SELECT_HEAD: &str = "select history, seq, chain, time from projection_head";
/// Waits for a commit of ours that the server may still be at.
const LOCK_HEAD: &str = "select history, seq, chain, time from projection_head for update";

/// The tables are rebuildable, so nobody waits for a standby to have them; but they are flushed, because only what is
/// flushed reaches a replica.
///
/// A projector that is frozen between its two round trips holds the tables' head, for which the one of the next leader
/// waits: so the server gives it up soon. One that was only slow finds that out at its commit, and tries again.
const BEGIN: &str = "begin; set local synchronous_commit = local; set local idle_in_transaction_session_timeout = '1s'";

/// Divides by zero where the tables are not at the expected head, so that nothing that was sent behind it is done.
const MOVE_HEAD: &str = "with moved as (
        update projection_head set history = $1, seq = $2, chain = $3, time = $4
        where history = $5 and seq = $6 and chain = $7 returning 1)
    select 1 / count(*) from moved";

/// How often changes are sent whose commit did not arrive.
const TRIES: usize = 3;

enum Outcome {
    Written,
    /// The tables are elsewhere.
    Elsewhere(ProjectedHead),
    Failed(StoreError),
    /// The commit was sent and not answered.
    Unknown(StoreError),
}

/// Writes `changes` and moves the tables to their head, if they stand at `expected`.
pub(super) async fn project(
    source: Source,
    expected: ProjectedHead,
    changes: TableChanges,
) -> Result<(), ProjectError> {
    let mut reason = None;
    for _ in 0..TRIES {
        match attempt(&source, &expected, &changes).await {
            Outcome::Written => return Ok(()),
            Outcome::Elsewhere(found) => return Err(ProjectError::Moved { found }),
            Outcome::Failed(error) => return Err(error.into()),
            Outcome::Unknown(error) => {
                tracing::warn!(%error, "a commit of the tables was not answered; their head says what became of it");
                let connection = source.write().await?;
                match read_head(&connection, LOCK_HEAD).await? {
                    found if found == changes.head => return Ok(()),
                    found if found == expected => reason = Some(error),
                    found => return Err(ProjectError::Moved { found }),
                }
            }
        }
    }
    Err(ProjectError::Failed(reason.unwrap_or_else(|| StoreError::Failed("the tables were not written".to_owned()))))
}

async fn attempt(source: &Source, expected: &ProjectedHead, changes: &TableChanges) -> Outcome {
    let connection = match source.write().await {
        Ok(connection) => connection,
        Err(error) => return Outcome::Failed(error),
    };
    let outcome = match write(&connection, expected, changes).await {
        Ok(()) => match connection.batch_execute("commit").await {
            Ok(()) => return Outcome::Written,
            Err(error) => Outcome::Unknown(failed(error)),
        },
        Err(Refused::Elsewhere) => match rolled_back(&connection).await {
            Ok(found) => return Outcome::Elsewhere(found),
            Err(error) => Outcome::Failed(error),
        },
        Err(Refused::Failed(error)) => match rolled_back(&connection).await {
            Ok(_) => return Outcome::Failed(error),
            Err(_) => Outcome::Failed(error),
        },
    };
    connection.discard();
    outcome
}

/// Where the tables stand after nothing was written.
async fn rolled_back(connection: &ClientWrapper) -> Result<ProjectedHead, StoreError> {
    connection.batch_execute("rollback").await.map_err(failed)?;
    read_head(connection, SELECT_HEAD).await
}

enum Refused {
    Elsewhere,
    Failed(StoreError),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => contradiction(),
            _ => failed(error),
        })
    }
}

fn contradiction() -> StoreError {
    StoreError::Damaged("the tables are damaged: the journal's changes contradict their rows".to_owned())
}

/// Sends everything in one go and then looks at the answers: the first error is the cause of those that follow.
async fn write(connection: &ClientWrapper, expected: &ProjectedHead, changes: &TableChanges) -> Result<(), Refused> {
    let to = &changes.head;
    let head: Vec<Value> = vec![
        Box::new(i64::from(to.history.0)),
        Box::new(number(to.seq.0)),
        Box::new(to.chain.0.to_vec()),
        Box::new(number(to.time.0)),
        Box::new(i64::from(expected.history.0)),
        Box::new(number(expected.seq.0)),
        Box::new(expected.chain.0.to_vec()),
    ];
    let mut writes = writes(changes);
    writes.insert(0, Write { sql: MOVE_HEAD, values: head, rows: 1 });
    let prepared = join_all(writes.iter().map(|write| connection.prepare_cached(write.sql))).await;
    let statements: Vec<Statement> = prepared.into_iter().collect::<Result<_, _>>()?;
    // Each of these sends when it is first polled, which happens in this order.
    let sent = writes.iter().zip(&statements).map(|(write, statement)| execute(connection, statement, &write.values));
    let (begun, changed) = join(connection.batch_execute(BEGIN), join_all(sent)).await;
    begun?;
    for (at, (write, changed)) in writes.iter().zip(changed).enumerate() {
        match changed {
            Err(error) if at == 0 && error.code() == Some(&SqlState::DIVISION_BY_ZERO) => {
                return Err(Refused::Elsewhere);
            }
            Ok(rows) if rows != write.rows => return Err(Refused::Failed(contradiction())),
            changed => changed.map(drop)?,
        }
    }
    Ok(())
}

async fn execute(connection: &ClientWrapper, statement: &Statement, values: &[Value]) -> Result<u64, Error> {
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
    connection.execute(statement, &values).await
}

/// Where the tables stand.
pub(super) async fn read_head(connection: &ClientWrapper, sql: &str) -> Result<ProjectedHead, StoreError> {
    let statement = connection.prepare_cached(sql).await.map_err(failed)?;
    let row = connection.query_opt(&statement, &[]).await.map_err(failed)?;
    let row = row.ok_or_else(|| StoreError::Damaged("the tables do not say where they stand".to_owned()))?;
    let mut cells = Cells::new(&row, 0);
    Ok(ProjectedHead {
        history: History(cells.get::<u64>()? as u32),
        seq: cells.get::<Seq>()?,
        chain: Chain(cells.get()?),
        time: cells.get::<TimeUs>()?,
    })
}
