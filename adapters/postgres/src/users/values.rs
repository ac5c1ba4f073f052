//! How the port's values look in columns, and back.

use emporion_model::{AccountId, TimeUs};
use emporion_ports::store::StoreError;
use emporion_ports::users::{LinkState, StoreResult, UserState};
use tokio_postgres::Row;

/// A column's integer; PostgreSQL has no unsigned ones. Times and counters stay below 2^63 for ages.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time's column.
pub(super) fn us(time: TimeUs) -> i64 {
    integer(time.0)
}

/// An unsigned column.
pub(super) fn unsigned(row: &Row, column: &str) -> StoreResult<u64> {
    u64::try_from(row.get::<_, i64>(column)).map_err(|_| not_ours(column))
}

/// An unsigned column that may be null.
pub(super) fn unsigned_if_any(row: &Row, column: &str) -> StoreResult<Option<u64>> {
    row.get::<_, Option<i64>>(column).map(|value| u64::try_from(value).map_err(|_| not_ours(column))).transpose()
}

/// A time column.
pub(super) fn time(row: &Row, column: &str) -> StoreResult<TimeUs> {
    unsigned(row, column).map(TimeUs)
}

/// A time column that may be null.
pub(super) fn time_if_any(row: &Row, column: &str) -> StoreResult<Option<TimeUs>> {
    Ok(unsigned_if_any(row, column)?.map(TimeUs))
}

/// A text column that must satisfy a parser.
pub(super) fn parsed<T>(row: &Row, column: &str, parse: impl FnOnce(&str) -> Option<T>) -> StoreResult<T> {
    parse(row.get(column)).ok_or_else(|| not_ours(column))
}

/// A column of 32 bytes.
pub(super) fn bytes32(row: &Row, column: &str) -> StoreResult<[u8; 32]> {
    row.get::<_, &[u8]>(column).try_into().map_err(|_| not_ours(column))
}

/// The error for a value that this store never writes.
pub(super) fn not_ours(column: &str) -> StoreError {
    StoreError::Damaged(format!("column {column} of the user store holds a value that this build does not know"))
}

/// The error for a rule of the store that does not hold; nothing is changed.
pub(super) fn broken(rule: &str) -> StoreError {
    StoreError::Failed(format!("the user store refused a change: {rule}"))
}

pub(super) fn user_state_text(state: UserState) -> &'static str {
    match state {
        UserState::Active => "active",
        UserState::Suspended => "suspended",
    }
}

pub(super) fn user_state(text: &str) -> Option<UserState> {
    [UserState::Active, UserState::Suspended].into_iter().find(|state| user_state_text(*state) == text)
}

/// A link's state out of the columns `link_state`, `account_id` and `link_reject`.
pub(super) fn link_state(row: &Row) -> StoreResult<LinkState> {
    match row.get("link_state") {
        "pending" => Ok(LinkState::Pending),
        "open" => Ok(LinkState::Open(AccountId(unsigned(row, "account_id")?))),
        "refused" => Ok(LinkState::Refused(row.get("link_reject"))),
        _ => Err(not_ours("link_state")),
    }
}
