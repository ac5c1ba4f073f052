//! Changes: one transaction each, with its audit rows, one after the other over all processes.
//!
//! Every change begins with the lock on the last row of the audit trail. What the chain needs anyway makes the rest
//! easy to believe: whatever a change reads is what the one before it left. What must not live here: what changes.

use std::collections::HashMap;
use std::time::Duration;

use emporion_model::TimeUs;
use emporion_ports::store::StoreError;
use emporion_ports::users::{AuditAction, AuditRow, Stamp, StoreResult};
use futures_util::future::try_join;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::values::{bytes32, integer, unsigned, us};
use crate::PostgresOptions;
use crate::connect::{Connection, connect};
use crate::pool::failed;

const LOCK: &str = "select seq, chain from audit_head where id = 1 for update";
const APPEND: &str = "with moved as (update audit_head set seq = $1, chain = $7 where id = 1)
     insert into audit (seq, at_us, actor, address, action, subject, chain) values ($1, $2, $3, $4, $5, $6, $7)";
const ROWS_AFTER: &str = "select seq, at_us, actor, address, action, subject, chain
     from audit where seq > $1 order by seq limit $2";

const SETTINGS: &str = "-c statement_timeout=10s -c lock_timeout=10s";
/// How long a change waits for those of this process before it.
const WAIT: Duration = Duration::from_secs(10);
/// How long a commit may wait for the standby: no time-out of the server ends that.
const COMMIT_MAX: Duration = Duration::from_secs(10);

/// Who can be asked: a pooled connection, or a change.
pub(super) trait Ask: Send {
    /// All rows of the answer.
    fn rows(
        &mut self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = StoreResult<Vec<Row>>> + Send;

    /// The row of the answer, if there is one.
    fn row(
        &mut self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = StoreResult<Option<Row>>> + Send {
        async move { Ok(self.rows(sql, values).await?.into_iter().next()) }
    }
}

impl Ask for deadpool_postgres::Object {
    async fn rows(&mut self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> StoreResult<Vec<Row>> {
        let statement = self.prepare_cached(sql).await.map_err(failed)?;
        self.query(&statement, values).await.map_err(failed)
    }
}

/// The one connection on which a process changes people. It is thrown away with whatever was under way on it unless
/// the change is committed, and another takes its place.
pub(super) struct Changes {
    url: String,
    application_name: String,
    session: Mutex<Option<Session>>,
}

struct Session {
    connection: Connection,
    statements: HashMap<&'static str, Statement>,
}

impl Changes {
    pub(super) fn new(options: &PostgresOptions) -> Self {
        let (url, application_name) = (options.url.clone(), options.application_name.clone());
        Self { url, application_name, session: Mutex::new(None) }
    }

    /// Begins a change, after all those that were begun before it, here or elsewhere.
    pub(super) async fn begin(&self) -> StoreResult<Change<'_>> {
        let waited = timeout(WAIT, self.session.lock()).await;
        let mut place = waited
            .map_err(|_| StoreError::Failed("the database does not keep up with changes of people".to_owned()))?;
        if let Some(mut session) = place.take() {
            // The server may have gone while nothing was asked of it; nothing of the change is sent yet.
            match session.begin().await {
                Ok((seq, chain)) => return Ok(Change { place, session, seq, chain }),
                Err(error) => tracing::debug!(%error, "the connection for changes is made anew"),
            }
        }
        let connection = connect(&self.url, &self.application_name, SETTINGS).await?;
        let mut session = Session { connection, statements: HashMap::new() };
        let (seq, chain) = session.begin().await?;
        Ok(Change { place, session, seq, chain })
    }
}

impl Session {
    /// Begins a transaction, takes the lock, and gives the last audit row's number and chain.
    async fn begin(&mut self) -> StoreResult<(u64, [u8; 32])> {
        self.connection.take_warning();
        let lock = self.statement(LOCK).await?;
        let client = &self.connection.client;
        let ((), head) = try_join(client.batch_execute("begin"), client.query_one(&lock, &[])).await.map_err(failed)?;
        Ok((unsigned(&head, "seq")?, bytes32(&head, "chain")?))
    }

    async fn statement(&mut self, sql: &'static str) -> StoreResult<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client().prepare(sql).await.map_err(failed)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    fn client(&self) -> &Client {
        &self.connection.client
    }
}

/// A change under way, which nobody sees before it is committed. Dropped, it never happened.
pub(super) struct Change<'a> {
    place: MutexGuard<'a, Option<Session>>,
    session: Session,
    /// The last audit row's number.
    seq: u64,
    /// The last audit row's chain.
    chain: [u8; 32],
}

impl Change<'_> {
    /// Runs a statement and tells how many rows it touched.
    pub(super) async fn execute(&mut self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> StoreResult<u64> {
        let statement = self.session.statement(sql).await?;
        self.session.client().execute(&statement, values).await.map_err(failed)
    }

    /// Appends the audit row that tells of this change.
    pub(super) async fn audit(&mut self, stamp: &Stamp, action: AuditAction, subject: String) -> StoreResult<()> {
        let row = AuditRow::new(self.seq + 1, &self.chain, stamp, action, subject);
        let (seq, at, chain) = (integer(row.seq), us(row.at), &row.chain[..]);
        self.execute(APPEND, &[&seq, &at, &row.actor, &row.from, &row.action, &row.subject, &chain]).await?;
        (self.seq, self.chain) = (row.seq, row.chain);
        Ok(())
    }

    /// Commits, and then gives `value`.
    ///
    /// # Errors
    /// [`StoreError::Failed`]: nobody knows whether it happened.
    pub(super) async fn commit<T>(self, value: T) -> StoreResult<T> {
        let Self { mut place, session, .. } = self;
        let committed = timeout(COMMIT_MAX, session.client().batch_execute("commit")).await;
        committed.map_err(|_| unknown("the database did not answer in time"))?.map_err(failed)?;
        if let Some(warning) = session.connection.take_warning() {
            return Err(unknown(&warning));
        }
        *place = Some(session);
        Ok(value)
    }
}

impl Ask for Change<'_> {
    async fn rows(&mut self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> StoreResult<Vec<Row>> {
        let statement = self.session.statement(sql).await?;
        self.session.client().query(&statement, values).await.map_err(failed)
    }
}

fn unknown(reason: &str) -> StoreError {
    StoreError::Failed(format!("it is not known whether a change of people is kept: {reason}"))
}

pub(super) async fn audit_after(db: &mut impl Ask, seq: u64, rows_max: u32) -> StoreResult<Vec<AuditRow>> {
    db.rows(ROWS_AFTER, &[&integer(seq), &i64::from(rows_max)]).await?.iter().map(audit_row).collect()
}

fn audit_row(row: &Row) -> StoreResult<AuditRow> {
    Ok(AuditRow {
        seq: unsigned(row, "seq")?,
        at: TimeUs(unsigned(row, "at_us")?),
        actor: row.get("actor"),
        from: row.get("address"),
        action: row.get("action"),
        subject: row.get("subject"),
        chain: bytes32(row, "chain")?,
    })
}
