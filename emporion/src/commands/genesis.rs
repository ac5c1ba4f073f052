//! `emporion genesis`: begins an empty venue. On one that has begun, it only says how the file differs.

use super::{block_on, config_of};
use crate::Failure;
use crate::cli::VenueArgs;
use crate::config::Config;
use crate::genesis::from_file;
use crate::output::Output;
use crate::serve::postgres_options;
use emporion_edge::Clock;
use emporion_model::{Action, Genesis, Mode, Seq};
use emporion_order::replay::{begin, recover};
use emporion_ports::store::{Journal, Snapshots};
use emporion_postgres::Postgres;
use emporion_sqlite::{Durability, FolderLock, Store, refuse_lost_end};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What was done.
#[derive(Serialize)]
struct Begun {
    /// Whether the venue begins with this, or had begun with the same before.
    began: bool,
    mode: &'static str,
    assets: usize,
    symbols: usize,
}

pub(super) fn run(file: &Path, venue: &VenueArgs, output: Output) -> Result<(), Failure> {
    let config = config_of(venue)?;
    let genesis = from_file(file, config.options())?;
    let mode = if genesis.mode == Mode::Live { "live" } else { "sandbox" };
    let (assets, symbols) = (genesis.assets.len(), genesis.symbols.len());
    let began = block_on(begin_in(&config, genesis))?;
    output.answer(&Begun { began, mode, assets, symbols }, || match began {
        true => format!("the venue begins: mode {mode}, assets {assets}, symbols {symbols}"),
        false => "nothing to do: the venue began with this file's assets and symbols".to_owned(),
    })
}

/// Whether the venue of the config begins now.
async fn begin_in(config: &Config, genesis: Genesis) -> Result<bool, Failure> {
    if config.store.is_shared() {
        let postgres = Postgres::open(postgres_options(config)).await?;
        return begin_or_compare(&*postgres.journal(), &*postgres.snapshots(), genesis).await;
    }
    let lock = FolderLock::acquire(&config.data_dir)?;
    refuse_lost_end(&lock)?;
    let store = Store::open(&lock, Durability::Durable)?;
    begin_or_compare(&*store.journal, &*store.snapshots, genesis).await
}

async fn begin_or_compare(journal: &dyn Journal, snapshots: &dyn Snapshots, genesis: Genesis) -> Result<bool, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    if let Some(first) = journal.row_of(Seq(1)).await? {
        let entries = first.entries().map_err(|error| failed(&error))?;
        return match entries.first().map(|(_, entry)| &entry.command.action) {
            Some(Action::Genesis(begun)) => compare(begun, &genesis).map(|()| false),
            _ => Err(Failure::failed("the journal does not begin with a genesis")),
        };
    }
    journal.take_over().await?;
    let empty = recover(journal, snapshots, 0, &|_, _| {}).await.map_err(|error| failed(&error))?;
    begin(journal, empty, genesis, Clock::system().now()).await.map_err(|error| failed(&error))?;
    Ok(true)
}

/// Says what of the file is not what the venue began with. Nothing of it is applied.
fn compare(begun: &Genesis, file: &Genesis) -> Result<(), Failure> {
    let mut differences = Vec::new();
    if begun.mode != file.mode {
        differences.push("the mode".to_owned());
    }
    let assets = |genesis: &Genesis| genesis.assets.iter().map(|asset| (asset.code, asset.clone())).collect();
    let symbols = |genesis: &Genesis| genesis.symbols.iter().map(|symbol| (symbol.name, symbol.clone())).collect();
    differences.extend(differing("asset", &assets(begun), &assets(file)));
    differences.extend(differing("symbol", &symbols(begun), &symbols(file)));
    if differences.is_empty() {
        return Ok(());
    }
    let differences = differences.join(", ");
    Err(Failure::failed(format!(
        "the venue has begun already, and nothing is applied; the file differs in {differences}"
    )))
}

fn differing<K: Ord + ToString, V: PartialEq>(
    what: &str,
    begun: &BTreeMap<K, V>,
    file: &BTreeMap<K, V>,
) -> Vec<String> {
    let missing = begun.keys().filter(|key| !file.contains_key(key));
    let other = file.iter().filter(|(key, value)| begun.get(key) != Some(value)).map(|(key, _)| key);
    missing.chain(other).map(|key| format!("{what} {}", key.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesis::{demo, sandbox};
    use emporion_model::Options;

    #[test]
    fn a_file_that_differs_is_told_how() {
        let begun = sandbox(Options::default());
        assert_eq!(compare(&begun, &begun), Ok(()));
        let mut other = begun.clone();
        other.mode = Mode::Live;
        other.assets[1].display_scale = 6;
        other.symbols.pop();
        let sentence = compare(&begun, &other).unwrap_err().sentence;
        assert!(sentence.ends_with("differs in the mode, asset ETH, symbol ETHBTC"), "{sentence}");
        assert!(compare(&begun, &demo(Options::default())).is_err());
    }
}
