//! The outbox: numbers given without a gap, rows kept until pruned.

use async_trait::async_trait;
use emporion_model::{AccountId, SourceId, TimeUs};
use emporion_ports::users::{Answer, OutboxHead, OutboxRow, OutboxTurn, Payload, Recorded, Stamp};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::accounts;
use super::values::{broken, integer, not_ours, time, unsigned, us};

const SOURCE: u16 = SourceId::USERS.0;

const NEXT_N: &str = "insert into outbox_head (source, last_n) values (?1, 1)
     on conflict do update set last_n = last_n + 1 returning last_n";
const INSERT: &str = "insert into outbox (source, n, payload, created_us) values (?1, ?2, ?3, ?4)";
const LAST_N: &str = "select last_n from outbox_head where source = ?1";
const OLDEST_N: &str = "select min(n) from outbox where source = ?1";
const FIRST_UNANSWERED_N: &str = "select min(n) from outbox where source = ?1 and answer is null";
const ROW: &str = "select n, payload, created_us, answer, account_id, reject from outbox where source = ?1 and n = ?2";
const ANSWER: &str = "update outbox set answered_us = ?3, answer = ?4, account_id = ?5, reject = ?6
     where source = ?1 and n = ?2";
const PRUNE: &str = "delete from outbox where source = ?1
     and n < (select ifnull(min(n), 9223372036854775807) from outbox
              where source = ?1 and (answer is null or created_us >= ?2))";

/// Gives the next number to a command, inside the transaction that records its cause. The writer is one
/// thread and the transaction holds the write lock, so numbers appear in commit order without a gap.
pub(super) fn push(db: &Connection, payload: &Payload, stamp: &Stamp) -> Result<u64> {
    let n: u64 = db.prepare_cached(NEXT_N)?.query_row([SOURCE], |row| unsigned(row, "last_n"))?;
    db.prepare_cached(INSERT)?.execute(params![SOURCE, integer(n), payload.0, us(stamp.at)])?;
    Ok(n)
}

pub(super) fn head(db: &Connection) -> Result<OutboxHead> {
    let number = |sql: &str| -> Result<Option<u64>> {
        let found: Option<i64> = db.prepare_cached(sql)?.query_row([SOURCE], |row| row.get(0)).optional()?.flatten();
        found.map(|n| u64::try_from(n).map_err(|_| not_ours("n"))).transpose()
    };
    let last_n = number(LAST_N)?.unwrap_or(0);
    let before = |first: Option<u64>| first.map_or(last_n, |n| n - 1);
    Ok(OutboxHead { last_n, pruned_n: before(number(OLDEST_N)?), answered_n: before(number(FIRST_UNANSWERED_N)?) })
}

pub(super) fn row(db: &Connection, n: u64) -> Result<Option<OutboxRow>> {
    let read = |row: &Row<'_>| {
        Ok(OutboxRow {
            n: unsigned(row, "n")?,
            payload: Payload(row.get("payload")?),
            created_at: time(row, "created_us")?,
            answer: answer(row)?,
        })
    };
    db.prepare_cached(ROW)?.query_row((SOURCE, integer(n)), read).optional()
}

pub(super) fn record_answer(
    db: &Connection,
    n: u64,
    answer: &Answer,
    follow_ups: &[(String, Payload)],
    stamp: &Stamp,
) -> Result<Recorded> {
    match row(db, n)?.ok_or_else(|| broken("the answered outbox row does not exist"))?.answer {
        Some(stands) if stands == *answer => return Ok(Recorded::Before),
        Some(stands) => return Ok(Recorded::Differs(stands)),
        None => {}
    }
    let (text, account_id, reject) = match answer {
        Answer::AccountOpened(account_id) => ("account_opened", Some(integer(account_id.0)), None),
        Answer::Done => ("done", None, None),
        Answer::Refused(reject) => ("refused", None, Some(reject)),
    };
    let values = params![SOURCE, integer(n), us(stamp.at), text, account_id, reject];
    db.prepare_cached(ANSWER)?.execute(values)?;
    accounts::take_answer(db, n, answer, follow_ups, stamp)?;
    Ok(Recorded::Now)
}

/// The turn of the one process that may have the file open.
pub(super) struct OnlyProcess;

#[async_trait]
impl OutboxTurn for OnlyProcess {
    async fn is_held(&mut self) -> bool {
        true
    }

    async fn wait_for_others(&mut self) {
        std::future::pending().await
    }
}

pub(super) fn prune(db: &Connection, before: TimeUs) -> Result<u64> {
    let deleted = db.prepare_cached(PRUNE)?.execute(params![SOURCE, us(before)])?;
    Ok(deleted as u64)
}

fn answer(row: &Row<'_>) -> Result<Option<Answer>> {
    let Some(text) = row.get::<_, Option<String>>("answer")? else { return Ok(None) };
    match text.as_str() {
        "account_opened" => Ok(Some(Answer::AccountOpened(AccountId(unsigned(row, "account_id")?)))),
        "done" => Ok(Some(Answer::Done)),
        "refused" => Ok(Some(Answer::Refused(row.get("reject")?))),
        _ => Err(not_ours("answer")),
    }
}
