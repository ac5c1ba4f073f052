//! Changes into statements: one for each table that changes, whatever the number of rows, each row touched once.
//!
//! What must not live here: sending them, see `project`.

mod accounts;
mod market;
mod orders;
mod venue;

use emporion_ports::tables::TableChanges;
use tokio_postgres::types::ToSql;

/// A parameter of a statement.
pub(super) type Value = Box<dyn ToSql + Sync + Send>;

/// A statement with its parameters.
pub(super) struct Write {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
    /// How many rows it must change: another number says that the tables are not what their head says.
    pub(super) rows: u64,
}

/// All that `changes` says, in this order: a new symbol is there before its depth id.
pub(super) fn writes(changes: &TableChanges) -> Vec<Write> {
    let mut writes = Vec::with_capacity(16);
    venue::write(changes, &mut writes);
    accounts::write(changes, &mut writes);
    orders::write(changes, &mut writes);
    market::write(changes, &mut writes);
    writes
}

/// What one column takes from each row.
fn column<'a, R: 'a, T>(rows: impl IntoIterator<Item = &'a R>, of: impl Fn(&R) -> T) -> Value
where
    T: ToSql + Sync + Send + 'static,
{
    Box::new(rows.into_iter().map(of).collect::<Vec<T>>())
}

/// Adds the statement, if there is anything to write.
fn push<R>(writes: &mut Vec<Write>, sql: &'static str, rows: &[R], values: impl FnOnce(&[R]) -> Vec<Value>) {
    if !rows.is_empty() {
        writes.push(Write { sql, values: values(rows), rows: rows.len() as u64 });
    }
}
