//! The one connection that appends to the journal, and what became of a commit whose answer was lost.
//!
//! An answer is good only when it came without a warning: a commit whose replication was given up warns. Anything else
//! is in doubt, and asked of the head itself on a fresh connection to whoever is the primary then: the row's own chain
//! there means committed, the chain before it not yet, so that the same bytes go out again; anything else that
//! somebody else leads. What must not live here: a guess.

use std::future::Future;
use std::time::Duration;

use emporion_model::Epoch;
use emporion_model::journal::{Head, JournalRow};
use emporion_ports::store::{CommitError, StoreError};
use tokio::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::connect::{Connection, connect};
use crate::failure::{failed, is_passing};
use crate::options::{Durability, PostgresOptions};
use crate::values::{HEAD_COLUMNS, chain, get, head_of, signed};

/// No time limit on statements: it would not end the wait for a standby, and a commit that was given up is in doubt.
const SETTINGS: &str = "-c statement_timeout=0 -c lock_timeout=10s";
const COMMIT: &str = "select * from commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
/// Writes to the log without touching a row, so that its commit waits for whoever a commit waits for.
const BARRIER: &str = "select pg_logical_emit_message(true, 'emporion', 'barrier')";
const END_BLOCKERS: &str = "select pg_terminate_backend(pid) from unnest(pg_blocking_pids($1)) as pid";
/// Somebody else's transaction may hold the head for so long before it is ended.
const GRACE: Duration = Duration::from_millis(500);
const PAUSES: [u64; 4] = [20, 100, 300, 1_000];

/// Who appends.
#[derive(Debug)]
pub(super) struct Writer {
    url: String,
    application_name: String,
    streaming: bool,
    /// A commit without an answer for so long is in doubt.
    answer_patience: Duration,
    /// What is in doubt for so long has failed.
    patience: Duration,
    /// Taken out while it is used: a call that is dropped on the way leaves none behind.
    link: Option<Link>,
    /// What went wrong; nothing is written while it stands.
    failed: Option<StoreError>,
}

#[derive(Debug)]
struct Link {
    connection: Connection,
    commit: Statement,
}

/// What a commit came to, as far as its answer says.
enum Answer {
    Committed,
    NotMoved(Head),
    NoPartition,
    /// It was refused for a reason that another try does not change, and nothing was written.
    Refused(StoreError),
    InDoubt(StoreError),
}

/// A try to raise the epoch from the one that was seen.
struct Raise {
    token: String,
    epoch: Epoch,
}

/// What the head says of a row in doubt.
enum Resolved {
    Committed,
    NotYet,
    Foreign(Head),
}

impl Writer {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, StoreError> {
        Ok(Self {
            url: options.url.clone(),
            application_name: format!("{} journal", options.application_name),
            streaming: options.durability == Durability::Streaming,
            answer_patience: options.answer_patience,
            patience: options.commit_patience,
            link: None,
            failed: None,
        })
    }

    /// See [`emporion_ports::store::Journal::commit`].
    pub(super) async fn commit(&mut self, row: &JournalRow) -> Result<(), CommitError> {
        if let Some(error) = &self.failed {
            return Err(error.clone().into());
        }
        let result = self.commit_patiently(row).await;
        if let Err(CommitError::Failed(error)) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    async fn commit_patiently(&mut self, row: &JournalRow) -> Result<(), CommitError> {
        let mut tries = Tries::new(self.patience);
        let mut was_sent = false;
        loop {
            // Nothing was sent yet when no connection can be had.
            let answer = match self.link().await {
                Ok(link) => self.send(link, row).await,
                Err(error) if was_sent => Answer::InDoubt(error),
                Err(error) => {
                    tries.pause_or(error).await?;
                    continue;
                }
            };
            let error = match answer {
                Answer::Committed => return Ok(()),
                Answer::NotMoved(found) if !was_sent => return Err(CommitError::Fenced { found }),
                Answer::NotMoved(_) => StoreError::Failed("the head moved on".to_owned()),
                Answer::Refused(error) => return Err(error.into()),
                Answer::NoPartition => {
                    self.make_partitions(row).await?;
                    continue;
                }
                Answer::InDoubt(error) => error,
            };
            was_sent = true;
            tracing::warn!(%error, seq = row.last_seq.0, "it is in doubt whether a batch was committed");
            loop {
                match self.resolve(row).await {
                    Ok(Resolved::Committed) => return Ok(()),
                    Ok(Resolved::NotYet) => break,
                    Ok(Resolved::Foreign(found)) => return Err(CommitError::Fenced { found }),
                    Err(error) => tries.pause_or(error).await?,
                }
            }
            tries.pause_or(error).await?;
        }
    }

    /// The connection that is there, or a new one.
    async fn link(&mut self) -> Result<Link, StoreError> {
        if let Some(link) = self.link.take() {
            return Ok(link);
        }
        let connection = self.connect().await?;
        let commit = connection.client.prepare(COMMIT).await.map_err(failed)?;
        Ok(Link { connection, commit })
    }

    async fn connect(&self) -> Result<Connection, StoreError> {
        connect(&self.url, &self.application_name, SETTINGS).await
    }

    async fn send(&mut self, link: Link, row: &JournalRow) -> Answer {
        let numbers = [u64::from(row.history.0), row.epoch.0, row.first_seq.0, row.last_seq.0, row.time.0].map(signed);
        let [history, epoch, first_seq, last_seq, time] = &numbers;
        let (rules_version, prev_chain, chain) =
            (i32::from(row.rules_version), &row.prev_chain.0[..], &row.chain.0[..]);
        let values: [&(dyn ToSql + Sync); 10] = [
            history,
            epoch,
            first_seq,
            last_seq,
            time,
            &rules_version,
            &prev_chain,
            &chain,
            &row.payload,
            &self.streaming,
        ];
        let answer = link.connection.client.query_one(&link.commit, &values);
        let answer = match tokio::time::timeout(self.answer_patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return of_error(error),
            Err(_) => return Answer::InDoubt(StoreError::Failed("the database does not answer".to_owned())),
        };
        match (get::<bool>(&answer, "moved"), head_of(&answer), link.connection.take_warning()) {
            (Ok(true), _, None) => {
                self.link = Some(link);
                Answer::Committed
            }
            (Ok(true), _, Some(warning)) => Answer::InDoubt(warned(&warning)),
            (Ok(false), Ok(found), _) => {
                self.link = Some(link);
                Answer::NotMoved(found)
            }
            (Err(error), _, _) | (_, Err(error), _) => Answer::InDoubt(error),
        }
    }

    /// Asks the head. `Committed` is said only of what is kept as a commit without doubt is.
    async fn resolve(&self, row: &JournalRow) -> Result<Resolved, StoreError> {
        let mut connection = self.connect().await?;
        let head = head_of(&self.locked_head(&mut connection).await?)?;
        if head.chain == row.prev_chain && head.epoch == row.epoch && head.history == row.history {
            return Ok(Resolved::NotYet);
        }
        if head.chain != row.chain && !holds(&connection, row).await? {
            return Ok(Resolved::Foreign(head));
        }
        self.barrier(&connection).await?;
        Ok(Resolved::Committed)
    }

    /// The head once nobody else's transaction changes it. A plain read could show the head of before while the server
    /// still commits for a client that is gone.
    async fn locked_head(&self, connection: &mut Connection) -> Result<Row, StoreError> {
        let pid = own_pid(connection).await?;
        let transaction = connection.client.transaction().await.map_err(failed)?;
        let sql = format!("select {HEAD_COLUMNS}, leader from engine_head where id = 1 for update");
        let head = self.ending_blockers(pid, transaction.query_one(&sql, &[])).await?;
        // Without a commit: that would wait for standbys, but nothing was written.
        transaction.rollback().await.map_err(failed)?;
        Ok(head)
    }

    /// Waits for a statement of the backend `pid`, and ends those backends that it waits for.
    async fn ending_blockers<T>(
        &self,
        pid: i32,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        let mut statement = std::pin::pin!(statement);
        let deadline = Instant::now() + self.answer_patience.max(GRACE * 4);
        loop {
            if let Ok(result) = tokio::time::timeout(GRACE, &mut statement).await {
                return result.map_err(failed);
            }
            if Instant::now() >= deadline {
                return Err(StoreError::Failed("the database does not answer".to_owned()));
            }
            let other = self.connect().await?;
            let ended = other.client.query(END_BLOCKERS, &[&pid]).await.map_err(failed)?;
            if !ended.is_empty() {
                tracing::warn!(count = ended.len(), "transactions that held the journal's head were ended");
            }
        }
    }

    /// Returns once everything that the primary has is kept as a commit without doubt is.
    async fn barrier(&self, connection: &Connection) -> Result<(), StoreError> {
        connection.take_warning();
        match tokio::time::timeout(self.answer_patience, connection.client.query_one(BARRIER, &[])).await {
            Ok(Ok(_)) => connection.take_warning().map_or(Ok(()), |warning| Err(warned(&warning))),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(StoreError::Failed("the database's standbys do not confirm".to_owned())),
        }
    }

    async fn make_partitions(&self, row: &JournalRow) -> Result<(), StoreError> {
        let connection = self.connect().await?;
        let sql = "select ensure_journal_partitions($1)";
        connection.client.query_one(sql, &[&signed(row.last_seq.0)]).await.map_err(failed)?;
        Ok(())
    }

    /// See [`emporion_ports::store::Journal::take_over`].
    pub(super) async fn take_over(&mut self) -> Result<Head, StoreError> {
        self.link = None;
        let mut tries = Tries::new(self.patience);
        let mut raise = None;
        loop {
            match self.try_take_over(&mut raise).await {
                Ok(head) => {
                    self.failed = None;
                    return Ok(head);
                }
                Err(error) if !is_passing(&error) => return Err(error),
                Err(error) => tries.pause_or(error).await?,
            }
        }
    }

    /// Raises the epoch, unless an earlier try did so and its answer was lost.
    async fn try_take_over(&mut self, raise: &mut Option<Raise>) -> Result<Head, StoreError> {
        let mut connection = self.connect().await?;
        let found = self.locked_head(&mut connection).await?;
        let (leader, mut head) = (get::<String>(&found, "leader")?, head_of(&found)?);
        if raise.as_ref().is_some_and(|raise| raise.token == leader) {
            self.barrier(&connection).await?;
        } else {
            // The same one is tried again as long as it can be done once only.
            let Raise { token, epoch } = match raise.take().filter(|raise| raise.epoch == head.epoch) {
                Some(same) => raise.insert(same),
                None => {
                    let sql = "select gen_random_uuid()::text as token";
                    let row = connection.client.query_one(sql, &[]).await.map_err(failed)?;
                    raise.insert(Raise { token: get(&row, "token")?, epoch: head.epoch })
                }
            };
            let pid = own_pid(&connection).await?;
            let sql = "select * from take_over($1, $2, $3)";
            let epoch = signed(epoch.0);
            let values: [&(dyn ToSql + Sync); 3] = [token, &self.streaming, &epoch];
            let raised = self.ending_blockers(pid, connection.client.query_opt(sql, &values)).await?;
            if let Some(warning) = connection.take_warning() {
                return Err(warned(&warning));
            }
            let raised = raised.ok_or_else(|| StoreError::Failed("somebody else takes the lead as well".to_owned()))?;
            head = head_of(&raised)?;
        }
        let commit = connection.client.prepare(COMMIT).await.map_err(failed)?;
        self.link = Some(Link { connection, commit });
        Ok(head)
    }
}

async fn own_pid(connection: &Connection) -> Result<i32, StoreError> {
    Ok(connection.client.query_one("select pg_backend_pid()", &[]).await.map_err(failed)?.get(0))
}

/// Whether the row is in the journal, below what others appended since.
async fn holds(connection: &Connection, row: &JournalRow) -> Result<bool, StoreError> {
    let sql = "select chain from journal where last_seq = $1";
    let found = connection.client.query_opt(sql, &[&signed(row.last_seq.0)]).await.map_err(failed)?;
    Ok(match found {
        Some(found) => chain(&found, "chain")? == row.chain,
        None => false,
    })
}

/// An error that came as the answer to a commit. A statement that was refused wrote nothing, but whether it was the
/// statement or its commit is not told; so all that may pass is in doubt.
fn of_error(error: tokio_postgres::Error) -> Answer {
    const CHECK_VIOLATION: &str = "23514";
    const NOT_DURABLE: &str = "EM";
    let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
    let message = error.as_db_error().map(|db| db.message().to_owned()).unwrap_or_default();
    let error = failed(error);
    match code.as_str() {
        CHECK_VIOLATION => Answer::NoPartition,
        code if code.starts_with(NOT_DURABLE) => Answer::Refused(StoreError::Unusable(format!(
            "the database would not keep what it acknowledges: {message}"
        ))),
        // Permissions, names and types: every later try says the same.
        code if code.starts_with("42") => Answer::Refused(error),
        _ => Answer::InDoubt(error),
    }
}

fn warned(warning: &str) -> StoreError {
    StoreError::Failed(format!("the database committed with a warning: {warning}"))
}

/// Tries again, less often as time goes by, until patience ends.
struct Tries {
    deadline: Instant,
    count: usize,
}

impl Tries {
    fn new(patience: Duration) -> Self {
        Self { deadline: Instant::now() + patience, count: 0 }
    }

    /// Waits before the next try, or gives up with `error`.
    #[expect(clippy::disallowed_methods, reason = "nobody tells when a database is back")]
    async fn pause_or(&mut self, error: StoreError) -> Result<(), StoreError> {
        if Instant::now() >= self.deadline {
            return Err(error);
        }
        let pause = PAUSES[self.count.min(PAUSES.len() - 1)];
        self.count += 1;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        Ok(())
    }
}
