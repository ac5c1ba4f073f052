//! Numbers and heads between Rust and SQL: PostgreSQL has no unsigned ones.

use emporion_model::journal::{Chain, Head, JournalRow};
use emporion_model::{Epoch, History, Seq, TimeUs};
use emporion_ports::store::StoreError;
use tokio_postgres::Row;

/// The columns of [`head_of`].
pub(crate) const HEAD_COLUMNS: &str = "history, epoch, seq, chain, engine_time_us, rules_version";
/// The columns of [`row_of`].
pub(crate) const ROW_COLUMNS: &str =
    "last_seq, first_seq, history, epoch, engine_time_us, rules_version, prev_chain, chain, payload";

/// A number as SQL keeps it; those beyond are larger than any that is kept.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that was kept.
pub(crate) fn unsigned(row: &Row, column: &str) -> Result<u64, StoreError> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| damaged(column))
}

/// A value of the column.
pub(crate) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, StoreError> {
    row.try_get(column).map_err(|_| damaged(column))
}

pub(crate) fn chain(row: &Row, column: &str) -> Result<Chain, StoreError> {
    get::<&[u8]>(row, column)?.try_into().map(Chain).map_err(|_| damaged(column))
}

fn small<T: TryFrom<u64>>(row: &Row, column: &str) -> Result<T, StoreError> {
    T::try_from(unsigned(row, column)?).map_err(|_| damaged(column))
}

fn rules_version(row: &Row) -> Result<u16, StoreError> {
    u16::try_from(get::<i32>(row, "rules_version")?).map_err(|_| damaged("rules_version"))
}

pub(crate) fn head_of(row: &Row) -> Result<Head, StoreError> {
    Ok(Head {
        history: History(small(row, "history")?),
        epoch: Epoch(unsigned(row, "epoch")?),
        seq: Seq(unsigned(row, "seq")?),
        chain: chain(row, "chain")?,
        time: TimeUs(unsigned(row, "engine_time_us")?),
        rules_version: rules_version(row)?,
    })
}

pub(crate) fn row_of(row: &Row) -> Result<JournalRow, StoreError> {
    Ok(JournalRow {
        last_seq: Seq(unsigned(row, "last_seq")?),
        first_seq: Seq(unsigned(row, "first_seq")?),
        history: History(small(row, "history")?),
        epoch: Epoch(unsigned(row, "epoch")?),
        time: TimeUs(unsigned(row, "engine_time_us")?),
        rules_version: rules_version(row)?,
        prev_chain: chain(row, "prev_chain")?,
        chain: chain(row, "chain")?,
        payload: get(row, "payload")?,
    })
}

fn damaged(column: &str) -> StoreError {
    StoreError::Damaged(format!("the database's column {column} holds what was never written there"))
}
