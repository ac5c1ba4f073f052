//! The command line: names, arguments and their help. It is stable: scripts rely on it.
//!
//! Nothing is decided here; [`crate::commands`] does what was asked.

use crate::config::Profile;
use clap::{ArgAction, Args, Parser, Subcommand};
use emporion_bench::load::{Mix, Spike};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A spot exchange in one process, for teams that run one and bot authors who test against one.
///
/// Answers go to standard output, progress and logs to standard error. Exit codes: 0 done, 1 could not be done,
/// 2 wrong arguments, config or file, 3 an audit or restore found a difference, 42 somebody else leads this
/// venue, 70 a bug in this program.
#[derive(Debug, Parser)]
#[command(name = "emporion", version, disable_help_subcommand = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// Write the answer to standard output as one JSON document.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the venue until it gets SIGINT or SIGTERM.
    Serve(Box<Serve>),
    /// Begin an empty venue as a file describes it: assets, symbols, fees, real or play money.
    Genesis {
        /// The description; `genesis.example.toml` explains every line.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Bring the schema of the PostgreSQL in `store.url` to what this build needs, as the schema's owner. Processes of
    /// the venue may run meanwhile.
    Migrate {
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Make the database users of the roles in the PostgreSQL of `store.url`, as one who may, and grant each what its
    /// processes need. Can be run again at any time.
    Roles {
        /// A TOML file with the passwords: owner, sequencer, user, order, market_data.
        #[arg(long, value_name = "FILE")]
        passwords: PathBuf,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Work with accounts of a running venue.
    #[command(subcommand)]
    Account(Account),
    /// Work with symbols of a running venue.
    #[command(subcommand)]
    Symbol(Symbol),
    /// Replay the journal, check every rule, and compare the tables with what comes out. Reads only, also
    /// beside a running venue.
    Audit {
        /// Begin at the oldest snapshot that is kept instead of at the journal's beginning.
        #[arg(long)]
        from_snapshot: bool,
        /// Stop at the end of the batch that holds this seq; tables beyond it are then not compared.
        #[arg(long, value_name = "N")]
        at_seq: Option<u64>,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Copy a venue, running or not, into a new folder.
    Backup {
        /// The folder to write; it must be empty or not there.
        folder: PathBuf,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Make a venue out of a backup, in an empty data folder, and check that it is the same.
    Restore {
        /// The folder that `backup` wrote.
        folder: PathBuf,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Put a venue under load and measure its answers.
    Bench(Box<BenchArgs>),
    /// Play a recorded market on a running venue of play money, through real orders.
    Replay(Box<ReplayArgs>),
    /// Work with imported klines of a running venue.
    #[command(subcommand)]
    Klines(Klines),
    /// Print settings for a client library, filled in with a running venue's addresses.
    ClientConfig {
        /// Which client.
        name: ClientName,
        /// Where the venue answers, instead of asking the data folder: such as http://127.0.0.1:8080
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// The key to put in; without it, a placeholder.
        #[arg(long, value_name = "KEY")]
        api_key: Option<String>,
        /// The secret to put in; without it, a placeholder.
        #[arg(long, value_name = "KEY")]
        secret_key: Option<String>,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Work with the page that the venue shows to browsers.
    #[command(subcommand)]
    Web(Web),
    /// Print the default config, which explains every key.
    Config,
}

/// Which venue a command is about.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct VenueArgs {
    /// The venue's data folder.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The venue's config file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// How to run the venue.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Serve {
    /// The config file; without one, the defaults that `emporion config` prints.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Which services this process runs.
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// The address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// The data folder, which is created when it is missing.
    #[arg(long, value_name = "DIR", conflicts_with = "ephemeral")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Keep everything in a temporary folder, without waiting for the disk, and remove it at the end.
    #[arg(long)]
    pub(crate) ephemeral: bool,
    /// A dozen symbols, funded accounts and bots that trade on them. Only with play money.
    #[arg(long)]
    pub(crate) demo: bool,
    /// What the demo's bots decide by.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How much clients may ask for.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) rate_limits: Option<Profile>,
    /// Write a JSON file with addresses, processes and demo accounts once the venue answers.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// Accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Open an account with an API key and print both.
    Create {
        /// Its name: 1 to 48 letters, digits and the characters . _ -
        #[arg(long)]
        name: String,
        /// What it begins with, as ASSET=AMOUNT; may be given for several assets.
        #[arg(long = "deposit", value_name = "ASSET=AMOUNT", action = ArgAction::Append)]
        deposits: Vec<Deposit>,
        /// A PEM file with an Ed25519 public key to check signatures with, instead of a shared secret.
        #[arg(long, value_name = "FILE")]
        ed25519_public_key: Option<PathBuf>,
        #[command(flatten)]
        venue: VenueArgs,
    },
}

/// An amount of an asset, as text: its scale is the venue's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deposit {
    pub(crate) asset: String,
    pub(crate) amount: String,
}

impl std::str::FromStr for Deposit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (asset, amount) = text.split_once('=').ok_or("write it as ASSET=AMOUNT, such as USDT=10000")?;
        asset.parse::<emporion_model::AssetCode>().map_err(|error| format!("the asset {error}"))?;
        emporion_model::decimal::significant_decimals(amount).map_err(|error| format!("the amount {error}"))?;
        Ok(Self { asset: asset.to_owned(), amount: amount.to_owned() })
    }
}

/// Symbols.
#[derive(Debug, Subcommand)]
pub(crate) enum Symbol {
    /// List all symbols with their status.
    List {
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Add the symbols of a file, and the assets that are missing for them.
    Add {
        /// The description, in the form of a genesis file without its mode.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Stop trading on a symbol; cancels stay possible.
    Halt {
        /// Its name, such as BTCUSDT.
        symbol: String,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// Let trading on a symbol go on.
    Resume {
        /// Its name, such as BTCUSDT.
        symbol: String,
        #[command(flatten)]
        venue: VenueArgs,
    },
}

/// A recorded market to play.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The recording: raw stream lines (one snapshot, diffs, trades), or Binance's public CSV of trades, aggTrades
    /// or klines; plain or gzip.
    pub(crate) file: PathBuf,
    /// The symbol to play it on; nobody else should trade there.
    #[arg(long)]
    pub(crate) symbol: String,
    /// How many times faster than it was recorded; 0 is as fast as the venue can.
    #[arg(long, value_name = "X", default_value = "1", allow_hyphen_values = true)]
    pub(crate) speed: String,
    /// Of recordings without a book: how far the two quotes stand from each trade's price, in ticks.
    #[arg(long, value_name = "TICKS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) spread_ticks: u64,
    #[command(flatten)]
    pub(crate) venue: VenueArgs,
}

/// Imported klines.
#[derive(Debug, Subcommand)]
pub(crate) enum Klines {
    /// Import Binance's public CSV of klines. They are kept apart from the venue's own and marked as imported.
    Import {
        /// The CSV, plain or gzip.
        file: PathBuf,
        /// Whose klines they are.
        #[arg(long)]
        symbol: String,
        /// How long each is: 1s, 1m, … 1d, 3d, 1w, 1M
        #[arg(long)]
        interval: String,
        #[command(flatten)]
        venue: VenueArgs,
    },
    /// List what is imported.
    List {
        #[command(flatten)]
        venue: VenueArgs,
    },
}

/// A client library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ClientName {
    /// CCXT over REST.
    Ccxt,
    /// CCXT pro over WebSockets.
    CcxtPro,
    /// python-binance.
    PythonBinance,
    /// NautilusTrader.
    NautilusTrader,
    /// freqtrade.
    Freqtrade,
}

/// The page for browsers.
#[derive(Debug, Subcommand)]
pub(crate) enum Web {
    /// Write it as files, for a CDN.
    Export {
        /// The folder to write; it must be empty or not there.
        folder: PathBuf,
    },
}

/// The load to make. It is open-loop: requests are due at fixed times, and latency counts from then.
#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArgs {
    /// Requests a second.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) rate: u64,
    /// For so many seconds.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) duration: u64,
    /// Accounts that trade; made on first use.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) accounts: u64,
    /// The most open connections, each with one request at a time; more are opened when more requests wait.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    pub(crate) connections: u64,
    /// Shares in percent that add up to 100; limit orders, cancels, market orders and reads.
    #[arg(long, default_value = "place=40,cancel=30,market=10,read=20")]
    pub(crate) mix: Mix,
    /// In the middle of the run, so many times the rate for so long, such as 20x10s.
    #[arg(long, value_name = "FACTORxSECONDSs")]
    pub(crate) spike: Option<Spike>,
    /// Afterwards, look into what became of every order and cancel; unknown ones are asked for until that is final.
    #[arg(long)]
    pub(crate) check: bool,
    /// For so many seconds after it was sent a request may take effect.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) recv_window: u64,
    /// Look for the highest rate at which 99 % of the answers take less than so many milliseconds, beginning with
    /// `--rate`, each rate for `--duration`; and for the same of `GET ping`.
    #[arg(long, value_name = "MS", conflicts_with_all = ["spike", "check", "sockets"])]
    pub(crate) highest: Option<u64>,
    /// Also write the answer as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Make this file when the spike begins.
    #[arg(long, value_name = "FILE", requires = "spike")]
    pub(crate) spike_file: Option<PathBuf>,
    /// Another way to the venue of the data folder, such as a proxy.
    #[arg(long, value_name = "ADDR")]
    pub(crate) target: Option<SocketAddr>,
    /// The symbol to trade on.
    #[arg(long, default_value = "BTCUSDT")]
    pub(crate) symbol: String,
    /// The assets of the symbol, in which the accounts are funded.
    #[arg(long, value_name = "ASSET", value_delimiter = ',', default_value = "BTC,USDT")]
    pub(crate) assets: Vec<String>,
    /// The price around which to place orders while the symbol has none.
    #[arg(long, default_value = "65000")]
    pub(crate) price: String,
    /// Decides what is sent.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Beforehand, measure for so many seconds each what the server does at most; 0 leaves it out.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) capacity: u64,
    /// Beside the requests, read market streams with so many sockets.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=100_000))]
    pub(crate) sockets: u64,
    /// Of these sockets, so many that never read; the load then runs twice, first without them.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "sockets")]
    pub(crate) stuck: u64,
    /// The streams of each socket; without it, five of the symbol: trade, aggTrade, bookTicker, depth@100ms, kline_1m.
    #[arg(long, value_name = "STREAM", value_delimiter = ',', requires = "sockets")]
    pub(crate) streams: Vec<String>,
    #[command(flatten)]
    pub(crate) venue: VenueArgs,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn deposits_are_an_asset_and_an_exact_amount() {
        let deposit = Deposit { asset: "USDT".to_owned(), amount: "10000.5".to_owned() };
        assert_eq!("USDT=10000.5".parse(), Ok(deposit));
        for bad in ["USDT", "=1", "USDT=", "USDT=-1", "USDT=1e5", "usdt=1", "USDT=1=2"] {
            assert!(bad.parse::<Deposit>().is_err(), "{bad}");
        }
    }
}
