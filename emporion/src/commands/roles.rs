//! `emporion roles`: makes the database users of the roles.

use super::{block_on, database_config};
use crate::Failure;
use crate::cli::VenueArgs;
use crate::files::{check_toml, read_text};
use crate::output::Output;
use emporion_postgres::{RolePasswords, create_roles};
use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Serialize;
use std::path::Path;

/// What was done.
#[derive(Serialize)]
struct Made {
    users: [&'static str; 5],
}

pub(super) fn run(passwords: &Path, venue: &VenueArgs, output: Output) -> Result<(), Failure> {
    let config = database_config(venue)?;
    check_toml("file of passwords", passwords)?;
    let text = read_text("file of passwords", passwords)?;
    let parsed: Result<RolePasswords, figment::Error> = Figment::from(Toml::string(&text)).extract();
    let passwords = parsed.map_err(|_| {
        // What the parser says may repeat a password.
        let keys = "owner, sequencer, user, order and market_data";
        Failure::usage(format!(
            "the file of passwords {} must hold {keys}, each a text, and nothing else",
            passwords.display()
        ))
    })?;
    block_on(async { Ok(create_roles(config.store.url.expose(), &passwords).await?) })?;
    let users = ["emporion_owner", "emporion_sequencer", "emporion_user", "emporion_order", "emporion_market_data"];
    output.answer(&Made { users }, || format!("the database users are there: {}", users.join(", ")))
}
