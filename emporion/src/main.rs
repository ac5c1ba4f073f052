//! The `emporion` binary: command line, config, telemetry, and the wiring of all parts into a venue.
//!
//! The only place that reads arguments, the environment and files, and that names an adapter. What must not
//! live here: rules of the venue.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cli;
mod client;
mod commands;
mod config;
mod demo;
mod descriptors;
mod failure;
mod files;
mod genesis;
mod output;
mod progress;
mod serve;
mod telemetry;

pub(crate) use failure::{Exit, Failure};

use clap::Parser;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    telemetry::log_panics();
    let done = catch_unwind(AssertUnwindSafe(|| commands::run(cli)));
    let done = done.unwrap_or_else(|_| Err(Failure::bug("a bug ended the program: the log above says where")));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when standard error is closed too.
            let _ = writeln!(progress::AboveBars, "emporion: {failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}
