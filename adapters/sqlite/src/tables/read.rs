//! Rows into answers. Every function here runs inside one read transaction.

pub(super) mod accounts;
pub(super) mod bound;
pub(super) mod digest;
pub(super) mod klines;
pub(super) mod orders;
pub(super) mod trades;
pub(super) mod venue;

use emporion_model::History;
use emporion_model::journal::Chain;
use emporion_ports::tables::ProjectedHead;
use rusqlite::Connection;

use crate::values::get;

const SELECT_HEAD: &str = "select history, seq, chain, time from projection_head";

/// Where the tables stand.
pub(super) fn read_projected(connection: &Connection) -> rusqlite::Result<ProjectedHead> {
    connection.prepare_cached(SELECT_HEAD)?.query_row([], |row| {
        Ok(ProjectedHead {
            history: History(row.get(0)?),
            seq: get(row, 1)?,
            chain: Chain(row.get(2)?),
            time: get(row, 3)?,
        })
    })
}
