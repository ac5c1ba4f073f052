//! Changes into rows: each changed row is touched once, by a statement that is prepared once.

mod accounts;
mod market;
mod orders;
mod venue;

use emporion_ports::tables::{ProjectedHead, TableChanges};
use rusqlite::{Connection, TransactionBehavior};

use super::read::read_projected;
use crate::values::number;

const MOVE_HEAD: &str = "update projection_head set history = ?1, seq = ?2, chain = ?3, time = ?4
    where history = ?5 and seq = ?6 and chain = ?7";

/// How it went.
pub(super) enum Written {
    /// All is written.
    All,
    /// The tables were somewhere else, and nothing is written.
    Nothing(ProjectedHead),
}

/// Writes `changes` in one transaction, if the tables stand at `expected`.
pub(super) fn project(
    connection: &mut Connection,
    expected: &ProjectedHead,
    changes: &TableChanges,
) -> rusqlite::Result<Written> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !move_head(&transaction, expected, &changes.head)? {
        return Ok(Written::Nothing(read_projected(&transaction)?));
    }
    venue::write(&transaction, changes)?;
    accounts::write(&transaction, changes)?;
    orders::write(&transaction, changes)?;
    market::write(&transaction, changes)?;
    transaction.commit()?;
    Ok(Written::All)
}

fn move_head(connection: &Connection, from: &ProjectedHead, to: &ProjectedHead) -> rusqlite::Result<bool> {
    let moved = connection.prepare_cached(MOVE_HEAD)?.execute((
        to.history.0,
        number(to.seq.0),
        to.chain.0,
        number(to.time.0),
        from.history.0,
        number(from.seq.0),
        from.chain.0,
    ))?;
    Ok(moved > 0)
}

/// A row that must be there was not.
fn require(changed: usize) -> rusqlite::Result<()> {
    if changed == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(changed)) }
}
