//! The audit trail's rows.

use emporion_ports::users::{AUDIT_CHAIN_START, AuditAction, AuditRow, Stamp};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::values::{integer, time, unsigned, us};

const LAST_ROW: &str = "select seq, chain from audit order by seq desc limit 1";
const APPEND: &str = "insert into audit (seq, at_us, actor, address, action, subject, chain)
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const ROWS_AFTER: &str = "select seq, at_us, actor, address, action, subject, chain
     from audit where seq > ?1 order by seq limit ?2";

/// Appends the row for one change, inside that change's transaction.
pub(super) fn append(db: &Connection, stamp: &Stamp, action: AuditAction, subject: String) -> Result<()> {
    let last = |row: &Row<'_>| Ok((unsigned(row, "seq")?, row.get("chain")?));
    let (seq, chain) = db.prepare_cached(LAST_ROW)?.query_row([], last).optional()?.unwrap_or((0, AUDIT_CHAIN_START));
    let row = AuditRow::new(seq + 1, &chain, stamp, action, subject);
    let values = params![integer(row.seq), us(row.at), row.actor, row.from, row.action, row.subject, row.chain];
    db.prepare_cached(APPEND)?.execute(values)?;
    Ok(())
}

pub(super) fn after(db: &Connection, seq: u64, rows_max: u32) -> Result<Vec<AuditRow>> {
    db.prepare_cached(ROWS_AFTER)?.query_map((integer(seq), rows_max), row)?.collect()
}

fn row(row: &Row<'_>) -> Result<AuditRow> {
    Ok(AuditRow {
        seq: unsigned(row, "seq")?,
        at: time(row, "at_us")?,
        actor: row.get("actor")?,
        from: row.get("address")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
        chain: row.get("chain")?,
    })
}
