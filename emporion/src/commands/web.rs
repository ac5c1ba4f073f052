//! `emporion web export`: the page as files.

use crate::Failure;
use crate::output::Output;
use std::path::Path;

pub(super) fn export(_folder: &Path, _output: Output) -> Result<(), Failure> {
    Err(Failure::failed("this command is not there yet"))
}
