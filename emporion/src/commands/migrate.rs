//! `emporion migrate`: brings the database's schema to what this build needs.

use super::{block_on, database_config};
use crate::Failure;
use crate::cli::VenueArgs;
use crate::output::Output;
use serde::Serialize;

/// What was done.
#[derive(Serialize)]
struct Migrated {
    applied: Vec<String>,
}

pub(super) fn run(venue: &VenueArgs, output: Output) -> Result<(), Failure> {
    let config = database_config(venue)?;
    let applied = block_on(async { Ok(emporion_postgres::migrate(config.store.url.expose()).await?) })?;
    let applied = applied.iter().map(|step| format!("{:04} {}", step.version, step.name)).collect();
    let migrated = Migrated { applied };
    output.answer(&migrated, || match migrated.applied.as_slice() {
        [] => "nothing to do: the schema is what this build needs".to_owned(),
        steps => format!("applied: {}", steps.join(", ")),
    })
}
