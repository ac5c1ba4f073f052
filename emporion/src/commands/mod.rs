//! One module per command. Each does what its arguments ask for and answers on standard output.

use crate::Failure;
use crate::cli::{Cli, Command};
use crate::config::DEFAULTS;
use crate::output::print;

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Config => print(DEFAULTS),
        _ => Err(Failure::failed("not yet")),
    }
}
