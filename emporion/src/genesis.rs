//! What an empty venue begins with: a file that the operator gives, or one of two that are compiled in.

use crate::Failure;
use crate::config::sentence_of_error;
use crate::files::check_toml;
use emporion_api::v1::{AddSymbols, AssetDescription, SymbolDescription};
use emporion_engine::{RULES_VERSIONS, check_genesis};
use emporion_model::{Genesis, Mode, Options};
use emporion_order::operator::describe;
use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;
use std::path::Path;

const SANDBOX: &str = include_str!("../genesis/sandbox.toml");
const DEMO: &str = include_str!("../genesis/demo.toml");
/// Where all fields are explained.
const MANUAL: &str = "`genesis.example.toml` explains every field";

/// A genesis as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisFile {
    mode: ModeName,
    #[serde(default)]
    assets: Vec<AssetDescription>,
    #[serde(default)]
    symbols: Vec<SymbolDescription>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModeName {
    Live,
    Sandbox,
}

/// The genesis that the file at `path` describes, with the options that the config asks for.
///
/// # Errors
/// One sentence: which file, which field, and what is wrong with it.
pub(crate) fn from_file(path: &Path, options: Options) -> Result<Genesis, Failure> {
    check_toml("genesis file", path)?;
    let figment = Figment::from(Toml::file_exact(path));
    from_figment(&figment, options)
        .map_err(|problem| Failure::usage(format!("the genesis file {} cannot be used: {problem}", path.display())))
}

/// The assets and symbols that the file at `path` describes, to be added to a running venue. A mode is not for it to
/// choose.
pub(crate) fn symbols_of_file(path: &Path) -> Result<AddSymbols, Failure> {
    check_toml("symbols file", path)?;
    let figment = Figment::from(Toml::file_exact(path));
    figment.extract().map_err(|error| {
        let sentence = sentence_of_error(&figment, &error, MANUAL);
        Failure::usage(format!("the symbols file {} cannot be used: {sentence}", path.display()))
    })
}

/// What a venue begins with when nobody says otherwise: BTC, ETH, USDT and their three symbols, play money.
pub(crate) fn sandbox(options: Options) -> Genesis {
    compiled_in(SANDBOX, options)
}

/// What a demo begins with: a dozen symbols, play money.
pub(crate) fn demo(options: Options) -> Genesis {
    compiled_in(DEMO, options)
}

fn compiled_in(text: &str, options: Options) -> Genesis {
    from_figment(&Figment::from(Toml::string(text)), options).expect("a test reads what is compiled in")
}

fn from_figment(figment: &Figment, options: Options) -> Result<Genesis, String> {
    let file: GenesisFile = figment
        .extract()
        .map_err(|error| sentence_of_error(figment, &error, "`genesis.example.toml` explains every field"))?;
    let assets = file.assets.iter().map(describe::asset).collect::<Result<Vec<_>, _>>()?;
    let symbols = file.symbols.iter().map(|symbol| describe::symbol(symbol, &assets)).collect::<Result<_, _>>()?;
    let mode = match file.mode {
        ModeName::Live => Mode::Live,
        ModeName::Sandbox => Mode::Sandbox,
    };
    let genesis = Genesis { mode, assets, symbols, options, rules_version: *RULES_VERSIONS.end() };
    check_genesis(&genesis)?;
    Ok(genesis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_model::SymbolStatus;

    /// Price × quantity of every symbol fits what clients see.
    fn check_displayed_sums(genesis: &Genesis) {
        for symbol in &genesis.symbols {
            let quote = &genesis.assets[usize::from(symbol.quote.0)];
            assert!(symbol.price_scale + symbol.quantity_scale <= quote.display_scale, "{}", symbol.name);
            assert_eq!(symbol.status, SymbolStatus::Trading);
        }
    }

    #[test]
    fn what_is_compiled_in_can_be_used() {
        let names =
            |genesis: &Genesis| genesis.symbols.iter().map(|symbol| symbol.name.to_string()).collect::<Vec<_>>();
        let sandbox = sandbox(Options::default());
        assert_eq!(names(&sandbox), ["BTCUSDT", "ETHUSDT", "ETHBTC"]);
        check_displayed_sums(&sandbox);
        let demo = demo(Options::default());
        assert_eq!(demo.symbols.len(), 12);
        check_displayed_sums(&demo);
        assert_eq!((sandbox.mode, demo.mode), (Mode::Sandbox, Mode::Sandbox));
    }

    #[test]
    fn the_example_can_be_used() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("genesis.example.toml");
        let genesis = from_file(&path, Options::default()).unwrap();
        assert_eq!((genesis.assets.len(), genesis.symbols.len()), (2, 1));
        check_displayed_sums(&genesis);
    }

    #[track_caller]
    fn check(change: impl FnOnce(String) -> String, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("genesis.toml");
        std::fs::write(&path, change(SANDBOX.to_owned())).unwrap();
        let sentence = from_file(&path, Options::default()).unwrap_err().sentence;
        assert!(sentence.contains(expected), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }

    #[test]
    fn what_is_wrong_is_told_in_a_sentence() {
        check(|text| text.replace("mode = \"sandbox\"", "mode = \"test\""), "`mode` in the file ");
        check(|text| text.replace("mode = \"sandbox\"", ""), "`mode` is missing");
        check(|text| text.replacen("ledgerScale", "ledgerscale", 1), "`assets.0.ledgerscale` in the file ");
        check(|text| text.replacen("\"1000000000000\"", "21000000", 1), "must be a text");
        check(
            |text| text.replacen("tick = \"0.01\"", "tick = \"0,01\"", 1),
            "symbol BTCUSDT: price.tick \"0,01\" is not",
        );
        let again = "[[assets]]\ncode = \"BTC\"\nledgerScale = 8\ndisplayScale = 8\nsupplyCap = \"1\"\n[[symbols]]";
        check(|text| text.replacen("[[symbols]]", again, 1), "asset BTC stands twice");
        check(|text| text.replacen("name = \"ETHBTC\"", "name = \"BTCUSDT\"", 1), "symbol BTCUSDT stands twice");
        check(|text| text.replacen("quote = \"USDT\"", "quote = \"EUR\"", 1), "symbol BTCUSDT: there is no asset EUR");
        check(|text| text.replacen("[[symbols]]", "[[symbols", 1), "is not TOML at line ");
    }
}
