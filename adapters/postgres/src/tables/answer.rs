//! Asking: one statement an answer, which says with its rows at which seq they are true.

use std::sync::atomic::Ordering;
use std::time::Duration;

use emporion_model::{Seq, TimeUs};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{Answer, At, Waited};
use tokio_postgres::types::ToSql;

use super::values::Cells;
use super::write::Value;
use super::{Lent, PgTables, project};
use crate::pool::failed;

/// Puts the head of the tables in front of each row of a question, and alone where it has none. The first column of
/// the question is never null.
macro_rules! question {
    ($($part:expr),+ $(,)?) => {
        concat!("select h.seq, h.time, q.* from projection_head h left join (", $($part),+, ") q on true")
    };
}
pub(super) use question;

/// How long a history list waits for the copy at the read address before the primary is asked.
const REPLICA_PATIENCE: Duration = Duration::from_millis(100);
/// How long the primary may be behind what was promised: it was then failed over, and is projected again.
const PRIMARY_PATIENCE: Duration = Duration::from_secs(2);

/// A question with its parameters.
pub(super) struct Question {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
}

impl PgTables {
    /// Asks the primary.
    pub(super) async fn ask<T>(
        &self,
        question: Question,
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Answer<Vec<T>> {
        let needed = self.promised();
        let answer = self.noted(answer(&self.source.write().await?, &question, read).await)?;
        if answer.seq >= needed {
            return Ok(answer);
        }
        // What was seen is there no more, so it is looked at anew.
        self.standing.begin_again();
        if self.wait_primary(needed, PRIMARY_PATIENCE).await? == Waited::TimedOut {
            return Err(StoreError::Failed(format!("the tables are at seq {} but were at {needed}", answer.seq)));
        }
        self.noted(self::answer(&self.source.write().await?, &question, read).await)
    }

    /// Asks the read address, if there is one and its copy holds what was promised; otherwise the primary.
    pub(super) async fn ask_history<T>(
        &self,
        question: Question,
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Answer<Vec<T>> {
        if !self.source.has_replica() {
            return self.ask(question, read).await;
        }
        let needed = self.promised();
        let look = || async { Ok(project::read_head(&*self.source.read().await?, project::SELECT_HEAD).await?.seq) };
        if let Ok(Waited::Reached) = self.replica.wait(needed, REPLICA_PATIENCE, look).await
            && let Ok(connection) = self.source.read().await
        {
            match answer(&connection, &question, read).await {
                Ok(answer) if answer.seq >= needed => return Ok(answer),
                Ok(_) => self.replica.begin_again(),
                Err(error) => tracing::warn!(%error, "the read address gives no answer; the primary is asked"),
            }
        }
        self.ask(question, read).await
    }

    /// Waits until the tables at the write address hold `seq`.
    pub(super) async fn wait_primary(&self, seq: Seq, patience: Duration) -> Result<Waited, StoreError> {
        let look = || async { Ok(self.head().await?.seq) };
        let waited = self.standing.wait(seq, patience, look).await?;
        if waited == Waited::Reached {
            self.promised.fetch_max(seq.0, Ordering::AcqRel);
        }
        Ok(waited)
    }

    /// Remembers damage.
    pub(super) fn noted<T>(&self, answer: Answer<T>) -> Answer<T> {
        if let Err(StoreError::Damaged(_)) = &answer {
            self.damaged.store(true, Ordering::Release);
        }
        answer
    }
}

async fn answer<T>(
    connection: &Lent,
    question: &Question,
    read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
) -> Answer<Vec<T>> {
    let statement = connection.prepare_cached(question.sql).await.map_err(failed)?;
    let values: Vec<&(dyn ToSql + Sync)> = question.values.iter().map(|value| &**value as _).collect();
    let rows = connection.query(&statement, &values).await.map_err(failed)?;
    let first = rows.first().ok_or_else(|| StoreError::Damaged("the tables do not say where they stand".to_owned()))?;
    let mut head = Cells::new(first, 0);
    let (seq, time): (Seq, TimeUs) = (head.get()?, head.get()?);
    let mut value = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut cells = Cells::new(row, 2);
        if !cells.is_null() {
            value.push(read(&mut cells)?);
        }
    }
    Ok(At { seq, time, value })
}
