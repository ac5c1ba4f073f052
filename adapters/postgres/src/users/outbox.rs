//! The outbox: numbers given without a gap, rows kept until pruned.

use emporion_model::{AccountId, SourceId, TimeUs};
use emporion_ports::users::{Answer, OutboxHead, OutboxRow, Payload, Recorded, Stamp, StoreResult};
use tokio_postgres::Row;

use super::accounts;
use super::change::{Ask, Change};
use super::values::{broken, integer, not_ours, time, unsigned, unsigned_if_any, us};

pub(super) const SOURCE: i32 = SourceId::USERS.0 as i32;

const PUSH: &str = "with numbered as (update outbox_head set last_n = last_n + 1 where source = $1 returning last_n)
     insert into outbox (source, n, payload, created_us) select $1, last_n, $2, $3 from numbered returning n";
const HEAD: &str = "select last_n,
         (select min(n) from outbox o where o.source = h.source) as oldest_n,
         (select min(n) from outbox o where o.source = h.source and answer is null) as unanswered_n
     from outbox_head h where source = $1";
const ROW: &str = "select n, payload, created_us, answer, account_id, reject from outbox where source = $1 and n = $2";
const ANSWER: &str = "update outbox set answered_us = $3, answer = $4, account_id = $5, reject = $6
     where source = $1 and n = $2";
const PRUNE: &str = "delete from outbox where source = $1
     and n < (select coalesce(min(n), 9223372036854775807) from outbox
              where source = $1 and (answer is null or created_us >= $2))
     returning n";

/// Gives the next number to a command, inside the change that is its cause.
pub(super) async fn push(db: &mut Change<'_>, payload: &Payload, stamp: &Stamp) -> StoreResult<u64> {
    let pushed = db.row(PUSH, &[&SOURCE, &payload.0, &us(stamp.at)]).await?;
    unsigned(&pushed.ok_or_else(|| broken("the outbox has no head"))?, "n")
}

pub(super) async fn head(db: &mut impl Ask) -> StoreResult<OutboxHead> {
    let head = db.row(HEAD, &[&SOURCE]).await?.ok_or_else(|| broken("the outbox has no head"))?;
    let last_n = unsigned(&head, "last_n")?;
    let before = |first: Option<u64>| first.map_or(last_n, |n| n - 1);
    let (oldest_n, unanswered_n) = (unsigned_if_any(&head, "oldest_n")?, unsigned_if_any(&head, "unanswered_n")?);
    Ok(OutboxHead { last_n, pruned_n: before(oldest_n), answered_n: before(unanswered_n) })
}

pub(super) async fn row(db: &mut impl Ask, n: u64) -> StoreResult<Option<OutboxRow>> {
    let Some(row) = db.row(ROW, &[&SOURCE, &integer(n)]).await? else { return Ok(None) };
    Ok(Some(OutboxRow {
        n: unsigned(&row, "n")?,
        payload: Payload(row.get("payload")),
        created_at: time(&row, "created_us")?,
        answer: answer(&row)?,
    }))
}

pub(super) async fn record_answer(
    db: &mut Change<'_>,
    n: u64,
    answer: &Answer,
    follow_ups: &[(String, Payload)],
    stamp: &Stamp,
) -> StoreResult<Recorded> {
    match row(db, n).await?.ok_or_else(|| broken("the answered outbox row does not exist"))?.answer {
        Some(stands) if stands == *answer => return Ok(Recorded::Before),
        Some(stands) => return Ok(Recorded::Differs(stands)),
        None => {}
    }
    let (text, account_id, reject) = match answer {
        Answer::AccountOpened(account_id) => ("account_opened", Some(integer(account_id.0)), None),
        Answer::Done => ("done", None, None),
        Answer::Refused(reject) => ("refused", None, Some(reject)),
    };
    db.execute(ANSWER, &[&SOURCE, &integer(n), &us(stamp.at), &text, &account_id, &reject]).await?;
    accounts::take_answer(db, n, answer, follow_ups, stamp).await?;
    Ok(Recorded::Now)
}

pub(super) async fn prune(db: &mut impl Ask, before: TimeUs) -> StoreResult<u64> {
    Ok(db.rows(PRUNE, &[&SOURCE, &us(before)]).await?.len() as u64)
}

fn answer(row: &Row) -> StoreResult<Option<Answer>> {
    match row.get("answer") {
        None => Ok(None),
        Some("account_opened") => Ok(Some(Answer::AccountOpened(AccountId(unsigned(row, "account_id")?)))),
        Some("done") => Ok(Some(Answer::Done)),
        Some("refused") => Ok(Some(Answer::Refused(row.get("reject")))),
        Some(_) => Err(not_ours("answer")),
    }
}
