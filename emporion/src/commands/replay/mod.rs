//! `emporion replay`: a recorded market, played through real orders.

use crate::Failure;
use crate::cli;
use crate::output::Output;

pub(super) fn run(_arguments: &cli::ReplayArgs, _output: Output) -> Result<(), Failure> {
    Err(Failure::failed("this command is not there yet"))
}
