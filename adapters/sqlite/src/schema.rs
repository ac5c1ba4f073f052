//! Which schema a file has, and whether this build may use it.
//!
//! A migration that has left the building is never edited; the next change is a new one. Each says the oldest
//! build that may still use its result (`compatible_from`): expanding steps keep the older number, contracting
//! ones raise it.

use emporion_ports::store::StoreError;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::database::failure;

/// The schema of one kind of file.
pub(crate) struct Schema {
    /// The file's name, for sentences.
    pub(crate) file: &'static str,
    /// Marks the file as ours in SQLite's header.
    pub(crate) application_id: i32,
    /// The steps to this build's schema, in order.
    pub(crate) migrations: &'static [Migration],
}

/// One step of a schema.
pub(crate) struct Migration {
    /// The version it ends in; one more than the step before.
    pub(crate) version: u32,
    /// Builds that know at least this version may use its result.
    pub(crate) compatible_from: u32,
    /// The step itself.
    pub(crate) sql: &'static str,
}

/// What a file says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The version it has; 0 when it has none yet.
    pub(crate) version: u32,
    compatible_from: u32,
}

const CREATE: &str = "create table schema (
    one integer primary key check (one = 1), version integer not null, compatible_from integer not null) strict";
const READ: &str = "select version, compatible_from from schema";
const WRITE: &str = "insert into schema (one, version, compatible_from) values (1, ?1, ?2)
    on conflict do update set version = excluded.version, compatible_from = excluded.compatible_from";

impl Schema {
    /// The version that this build writes.
    pub(crate) fn version(&self) -> u32 {
        self.migrations.last().map_or(0, |last| last.version)
    }

    /// What the file has, unless it is another application's or only for newer builds. Writes nothing.
    pub(crate) fn check(&self, connection: &Connection) -> Result<Found, StoreError> {
        let found = self.read(connection)?;
        if found.compatible_from <= self.version() {
            return Ok(found);
        }
        Err(StoreError::Unusable(format!(
            "{} has schema {}, which needs a build that knows schema {}; this build knows schema {}: use a newer build",
            self.file,
            found.version,
            found.compatible_from,
            self.version()
        )))
    }

    /// Brings the file to this build's schema in one transaction, or refuses it untouched.
    pub(crate) fn migrate(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let failed = |error| failure(self.file, &error);
        let found = self.check(connection)?;
        if found.version >= self.version() {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        if found.version == 0 {
            transaction.pragma_update(None, "application_id", self.application_id).map_err(failed)?;
            transaction.execute_batch(CREATE).map_err(failed)?;
        }
        for step in self.migrations.iter().filter(|step| step.version > found.version) {
            transaction.execute_batch(step.sql).map_err(failed)?;
            transaction.execute(WRITE, (step.version, step.compatible_from)).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    fn read(&self, connection: &Connection) -> Result<Found, StoreError> {
        let failed = |error| failure(self.file, &error);
        let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(failed);
        let (application, tables) = (number("pragma application_id")?, number("select count(*) from sqlite_schema")?);
        if (application, tables) == (0, 0) {
            return Ok(Found { version: 0, compatible_from: 0 });
        }
        if application != self.application_id {
            return Err(StoreError::Unusable(format!("{} is another application's file", self.file)));
        }
        let found = connection
            .query_row(READ, [], |row| Ok(Found { version: row.get(0)?, compatible_from: row.get(1)? }))
            .optional()
            .map_err(failed)?;
        found.ok_or_else(|| StoreError::Damaged(format!("{} does not say which schema it has", self.file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { version: 1, compatible_from: 1, sql: "create table a (x integer) strict" };
    const EXPAND: Migration = Migration { version: 2, compatible_from: 1, sql: "alter table a add column y integer" };
    const CONTRACT: Migration = Migration { version: 3, compatible_from: 3, sql: "alter table a drop column x" };
    const BROKEN: Migration = Migration { version: 2, compatible_from: 1, sql: "alter table b add column y integer" };

    const fn schema(migrations: &'static [Migration]) -> Schema {
        Schema { file: "some.db", application_id: 7, migrations }
    }

    /// Migrates one empty file to each schema in turn: the version it then has, and what the last step came to.
    fn migrate(schemas: &[Schema]) -> (u32, Result<(), StoreError>) {
        let mut connection = Connection::open_in_memory().unwrap();
        let outcomes: Vec<_> = schemas.iter().map(|schema| schema.migrate(&mut connection)).collect();
        let found = schemas[0].read(&connection).unwrap();
        (found.version, outcomes.into_iter().next_back().unwrap())
    }

    #[test]
    fn steps_are_taken_once_and_in_order() {
        assert_eq!(migrate(&[schema(&[FIRST])]), (1, Ok(())));
        assert_eq!(migrate(&[schema(&[FIRST]), schema(&[FIRST])]), (1, Ok(())));
        assert_eq!(migrate(&[schema(&[FIRST]), schema(&[FIRST, EXPAND, CONTRACT])]), (3, Ok(())));
    }

    #[test]
    fn a_newer_schema_is_used_while_it_is_compatible() {
        assert_eq!(migrate(&[schema(&[FIRST, EXPAND]), schema(&[FIRST])]), (2, Ok(())));
        let sentence = "some.db has schema 3, which needs a build that knows schema 3; this build knows schema 2: use a \
                        newer build";
        let refused = Err(StoreError::Unusable(sentence.to_owned()));
        assert_eq!(migrate(&[schema(&[FIRST, EXPAND, CONTRACT]), schema(&[FIRST, EXPAND])]), (3, refused));
    }

    #[test]
    fn a_failed_step_leaves_the_schema_before_it() {
        let (version, outcome) = migrate(&[schema(&[FIRST]), schema(&[FIRST, BROKEN])]);
        assert!(version == 1 && outcome.is_err());
    }

    #[test]
    fn another_applications_file_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("create table theirs (x)").unwrap();
        let refused = Err(StoreError::Unusable("some.db is another application's file".to_owned()));
        assert_eq!(schema(&[FIRST]).migrate(&mut connection), refused);
    }
}
