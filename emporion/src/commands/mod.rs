//! One module per command. Each does what its arguments ask for and answers on standard output.

mod account;
mod audit;
mod backup;
mod bench;
mod client_config;
mod genesis;
mod klines;
mod lines;
mod migrate;
mod replay;
mod restore;
mod roles;
mod symbol;
mod web;

use crate::cli::{self, Cli, Command, VenueArgs};
use crate::config::{Config, DEFAULTS, Sources};
use crate::output::{Output, print};
use crate::{Failure, serve, telemetry};
use serde::Serialize;
use serde::ser::Serializer;

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let output = if cli.json { Output::Json } else { Output::Text };
    if let Command::Serve(arguments) = cli.command {
        return serve::run(*arguments);
    }
    telemetry::quiet_logs();
    match cli.command {
        Command::Serve(_) => unreachable!("it was run above"),
        Command::Genesis { file, venue } => genesis::run(&file, &venue, output),
        Command::Migrate { venue } => migrate::run(&venue, output),
        Command::Roles { passwords, venue } => roles::run(&passwords, &venue, output),
        Command::Account(account) => account::run(account, output),
        Command::Symbol(symbol) => symbol::run(symbol, output),
        Command::Audit { from_snapshot, at_seq, venue } => audit::run(from_snapshot, at_seq, &venue, output),
        Command::Backup { folder, venue } => backup::run(&folder, &venue, output),
        Command::Restore { folder, venue } => restore::run(&folder, &venue, output),
        Command::Bench(arguments) => bench::run(&arguments, output),
        Command::Replay(arguments) => replay::run(&arguments, output),
        Command::Klines(klines) => klines::run(klines, output),
        Command::ClientConfig { name, url, api_key, secret_key, venue } => {
            client_config::run(name, url, api_key.as_deref(), secret_key.as_deref(), &venue, output)
        }
        Command::Web(cli::Web::Export { folder }) => web::export(&folder, output),
        Command::Config => print(DEFAULTS),
    }
}

/// The config that a command's arguments lead to.
fn config_of(venue: &VenueArgs) -> Result<Config, Failure> {
    let folder = venue.data_dir.as_ref().map(|path| path.display().to_string());
    Config::load(Sources::of_process(venue.config.clone())?.flag("data_dir", folder))
}

/// The same, of a venue whose store is a database.
fn database_config(venue: &VenueArgs) -> Result<Config, Failure> {
    let config = config_of(venue)?;
    if !config.store.is_shared() {
        let sentence =
            "`store.url` is empty: this is for venues in PostgreSQL; files are brought up to date by `serve`";
        return Err(Failure::usage(sentence));
    }
    Ok(config)
}

/// The same, of a venue whose store is a folder.
fn folder_config(venue: &VenueArgs) -> Result<Config, Failure> {
    let config = config_of(venue)?;
    if config.store.is_shared() {
        let sentence = "this venue is in PostgreSQL (`store.url`), which has backups of its own: base backups with \
                        point-in-time recovery, or pg_dump";
        return Err(Failure::usage(sentence));
    }
    Ok(config)
}

/// Runs a command's work to its end.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(format!("the process cannot start: {error}")))?.block_on(work)
}

/// A fingerprint that prints as hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hash([u8; 32]);

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
