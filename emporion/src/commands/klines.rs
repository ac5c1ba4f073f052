//! `emporion klines …`: asks the running venue, as its operator.

use crate::Failure;
use crate::cli;
use crate::output::Output;

pub(super) fn run(_klines: cli::Klines, _output: Output) -> Result<(), Failure> {
    Err(Failure::failed("this command is not there yet"))
}
