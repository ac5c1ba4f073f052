//! `emporion symbol …`: asks the running venue, as its operator.

use super::{block_on, config_of};
use crate::Failure;
use crate::cli;
use crate::client::OperatorClient;
use crate::genesis;
use crate::output::Output;
use emporion_api::v1::{SymbolList, SymbolStatusRequest, SymbolsAdded};
use serde::Serialize;

const SYMBOLS: &str = "/v1/operator/symbols";

/// What `halt` and `resume` print.
#[derive(Serialize)]
struct StatusSet {
    symbol: String,
    status: &'static str,
}

pub(super) fn run(symbol: cli::Symbol, output: Output) -> Result<(), Failure> {
    match symbol {
        cli::Symbol::List { venue } => list(&venue, output),
        cli::Symbol::Add { file, venue } => {
            let wish = genesis::symbols_of_file(&file)?;
            let client = OperatorClient::find(&config_of(&venue)?)?;
            let done: SymbolsAdded = block_on(client.post(SYMBOLS, &wish))?;
            output.answer(&done, || {
                let lines = done.added.iter().map(|name| format!("added    {name}"));
                let existing = done.existing.iter().map(|name| format!("existed  {name}"));
                lines.chain(existing).collect::<Vec<_>>().join("\n")
            })
        }
        cli::Symbol::Halt { symbol, venue } => set_status(symbol, "HALT", &venue, output),
        cli::Symbol::Resume { symbol, venue } => set_status(symbol, "TRADING", &venue, output),
    }
}

fn list(venue: &cli::VenueArgs, output: Output) -> Result<(), Failure> {
    let client = OperatorClient::find(&config_of(venue)?)?;
    let list: SymbolList = block_on(client.get(SYMBOLS))?;
    output.answer(&list, || {
        let lines = list.symbols.iter().map(|symbol| format!("{:<24} {}", symbol.symbol, symbol.status));
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn set_status(symbol: String, status: &'static str, venue: &cli::VenueArgs, output: Output) -> Result<(), Failure> {
    // Checked here, because it becomes a part of a path.
    symbol.parse::<emporion_model::SymbolName>().map_err(|error| Failure::usage(format!("a symbol's name {error}")))?;
    let client = OperatorClient::find(&config_of(venue)?)?;
    let request = SymbolStatusRequest { status: status.to_owned() };
    block_on(client.put(&format!("{SYMBOLS}/{symbol}/status"), &request))?;
    output.answer(&StatusSet { symbol: symbol.clone(), status }, || format!("{symbol:<24} {status}"))
}
