//! How the port's values look in columns, and back.

use emporion_model::TimeUs;
use emporion_ports::users::{LinkState, UserState};
use rusqlite::types::Type;
use rusqlite::{Result, Row};

/// A column's integer; SQLite has no unsigned ones. Times and counters stay below 2^63 for ages.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time's column.
pub(super) fn us(time: TimeUs) -> i64 {
    integer(time.0)
}

/// An unsigned column.
pub(super) fn unsigned(row: &Row<'_>, column: &str) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| not_ours(column))
}

/// A time column.
pub(super) fn time(row: &Row<'_>, column: &str) -> Result<TimeUs> {
    unsigned(row, column).map(TimeUs)
}

/// An unsigned column that may be null.
pub(super) fn unsigned_if_any(row: &Row<'_>, column: &str) -> Result<Option<u64>> {
    row.get::<_, Option<i64>>(column)?.map(|_| unsigned(row, column)).transpose()
}

/// A time column that may be null.
pub(super) fn time_if_any(row: &Row<'_>, column: &str) -> Result<Option<TimeUs>> {
    Ok(unsigned_if_any(row, column)?.map(TimeUs))
}

/// A text column that must satisfy a parser.
pub(super) fn parsed<T>(row: &Row<'_>, column: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| not_ours(column))
}

/// The error for a value that this store never writes.
pub(super) fn not_ours(column: &str) -> rusqlite::Error {
    let problem = format!("column {column} holds a value that this build does not know");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, problem.into())
}

/// The error for a rule of the store that does not hold; the transaction is rolled back.
pub(super) fn broken(rule: &str) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(rule.into())
}

/// The rule, if the error is one of [`broken`].
pub(super) fn rule_broken(error: &rusqlite::Error) -> Option<String> {
    match error {
        rusqlite::Error::ToSqlConversionFailure(rule) => Some(rule.to_string()),
        _ => None,
    }
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
pub(super) fn link_state(row: &Row<'_>) -> Result<LinkState> {
    match row.get::<_, String>("link_state")?.as_str() {
        "pending" => Ok(LinkState::Pending),
        "open" => Ok(LinkState::Open(emporion_model::AccountId(unsigned(row, "account_id")?))),
        "refused" => Ok(LinkState::Refused(row.get("link_reject")?)),
        _ => Err(not_ours("link_state")),
    }
}
