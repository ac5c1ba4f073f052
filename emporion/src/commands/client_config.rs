//! `emporion client-config`: settings for client libraries.

use crate::Failure;
use crate::cli::{ClientName, VenueArgs};
use crate::output::Output;

pub(super) fn run(
    _name: ClientName,
    _url: Option<String>,
    _api_key: Option<&str>,
    _secret_key: Option<&str>,
    _venue: &VenueArgs,
    _output: Output,
) -> Result<(), Failure> {
    Err(Failure::failed("this command is not there yet"))
}
