//! The schema of `users.db`: its migrations, and what this build makes of a file it did not write.
//!
//! A migration that has left the building is never edited; the next change is a new one. Each says the
//! oldest build that may still write to its result (`compatible_from`): expanding steps keep the older
//! number, contracting ones raise it.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// Marks the file as ours in SQLite's header: "EmpU".
const APPLICATION_ID: i32 = 0x456d_7055;

/// One step of the schema.
struct Migration {
    /// The schema version it ends in; one more than the step before.
    version: u32,
    /// Builds that know at least this version may use its result.
    compatible_from: u32,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, compatible_from: 1, sql: include_str!("schema/001_people_keys_outbox.sql") }];

const CREATE_SCHEMA: &str = "create table schema (one integer primary key check (one = 1), version integer not null, compatible_from integer not null) strict";
const READ_SCHEMA: &str = "select version, compatible_from from schema";
const WRITE_SCHEMA: &str = "insert into schema (one, version, compatible_from) values (1, ?1, ?2)
     on conflict do update set version = excluded.version, compatible_from = excluded.compatible_from";
const COUNT_TABLES: &str = "select count(*) from sqlite_schema where type = 'table'";

/// Why the file cannot be used, in one sentence, or SQLite's own error.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    #[error("{0}")]
    Refused(String),
    #[error("users.db cannot be read: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Brings the file to this build's schema in one transaction, or refuses it untouched.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    migrate_with(connection, MIGRATIONS)
}

/// Refuses a file that this build must not read.
pub(super) fn check(connection: &Connection) -> Result<(), SchemaError> {
    let known = MIGRATIONS.last().map_or(0, |last| last.version);
    match current(connection)? {
        Some(found) => refuse_newer(found, known),
        None => Err(SchemaError::Refused("users.db has no schema yet: start the venue once".to_owned())),
    }
}

fn migrate_with(connection: &mut Connection, migrations: &[Migration]) -> Result<(), SchemaError> {
    let known = migrations.last().map_or(0, |last| last.version);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = match current(&transaction)? {
        Some(found) => found,
        None => create(&transaction)?,
    };
    refuse_newer(found, known)?;
    for migration in migrations.iter().filter(|migration| migration.version > found.version) {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(WRITE_SCHEMA, (migration.version, migration.compatible_from))?;
    }
    transaction.commit()?;
    Ok(())
}

/// What a file says about itself.
#[derive(Clone, Copy)]
struct Found {
    version: u32,
    compatible_from: u32,
}

/// What the file says; `None` for an empty one.
fn current(connection: &Connection) -> Result<Option<Found>, SchemaError> {
    let application: i32 = connection.query_row("pragma application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row(COUNT_TABLES, [], |row| row.get(0))?;
    match (application, tables) {
        (APPLICATION_ID, _) => {}
        (0, 0) => return Ok(None),
        _ => return Err(SchemaError::Refused("users.db is another application's file".to_owned())),
    }
    let read = |row: &rusqlite::Row<'_>| Ok(Found { version: row.get(0)?, compatible_from: row.get(1)? });
    let found = connection.query_row(READ_SCHEMA, [], read).optional()?;
    found.map(Some).ok_or_else(|| SchemaError::Refused("users.db does not say which schema it has".to_owned()))
}

fn create(transaction: &Transaction<'_>) -> Result<Found, SchemaError> {
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.execute_batch(CREATE_SCHEMA)?;
    Ok(Found { version: 0, compatible_from: 0 })
}

fn refuse_newer(found: Found, known: u32) -> Result<(), SchemaError> {
    if found.compatible_from <= known {
        return Ok(());
    }
    let Found { version, compatible_from } = found;
    Err(SchemaError::Refused(format!(
        "users.db has schema {version}, which needs a build that knows schema {compatible_from}; this build knows \
         schema {known}: use a newer build"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { version: 1, compatible_from: 1, sql: "create table a (x integer) strict" };
    const EXPAND: Migration = Migration { version: 2, compatible_from: 1, sql: "alter table a add column y integer" };
    const CONTRACT: Migration = Migration { version: 3, compatible_from: 3, sql: "alter table a drop column x" };
    const BROKEN: Migration = Migration { version: 2, compatible_from: 1, sql: "alter table b add column y integer" };

    /// Migrates an empty file with each list in turn and returns what the last one came to.
    fn migrated(lists: &[&[Migration]]) -> (Connection, Result<(), SchemaError>) {
        let mut connection = Connection::open_in_memory().unwrap();
        let outcomes: Vec<_> = lists.iter().map(|list| migrate_with(&mut connection, list)).collect();
        (connection, outcomes.into_iter().next_back().unwrap())
    }

    fn check(lists: &[&[Migration]], version: u32, refusal: Option<&str>) {
        let (connection, outcome) = migrated(lists);
        assert_eq!(outcome.err().map(|error| error.to_string()).as_deref(), refusal);
        assert_eq!(current(&connection).unwrap().unwrap().version, version);
    }

    #[test]
    fn steps_are_taken_once_and_in_order() {
        check(&[&[FIRST]], 1, None);
        check(&[&[FIRST], &[FIRST]], 1, None);
        check(&[&[FIRST], &[FIRST, EXPAND, CONTRACT]], 3, None);
    }

    #[test]
    fn a_newer_schema_is_used_while_it_is_compatible() {
        check(&[&[FIRST, EXPAND], &[FIRST]], 2, None);
        let refusal = "users.db has schema 3, which needs a build that knows schema 3; this build knows schema 2: use a \
                       newer build";
        check(&[&[FIRST, EXPAND, CONTRACT], &[FIRST, EXPAND]], 3, Some(refusal));
    }

    #[test]
    fn a_failed_step_leaves_the_schema_before_it() {
        let (connection, outcome) = migrated(&[&[FIRST], &[FIRST, BROKEN]]);
        assert!(outcome.is_err());
        assert_eq!(current(&connection).unwrap().unwrap().version, 1);
    }

    #[test]
    fn another_applications_file_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("create table theirs (x)").unwrap();
        let refusal = migrate(&mut connection).unwrap_err().to_string();
        assert_eq!(refusal, "users.db is another application's file");
        assert_eq!(
            check_empty(&Connection::open_in_memory().unwrap()),
            "users.db has no schema yet: start the venue once"
        );
    }

    fn check_empty(connection: &Connection) -> String {
        super::check(connection).unwrap_err().to_string()
    }

    #[test]
    fn versions_count_from_one_without_a_gap() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version as usize, index + 1);
            assert!(migration.compatible_from <= migration.version);
        }
    }
}
