//! `emporion bench`: makes accounts on the running venue and puts it under load.

use super::{block_on, config_of};
use crate::Failure;
use crate::cli::BenchArgs;
use crate::client::OperatorClient;
use crate::descriptors;
use crate::output::Output;
use crate::serve::find_running;
use emporion_api::v1::{AccountMade, AccountPurpose, AccountRequest, AssetAmount};
use emporion_bench::load::{Credentials, LoadConfig, Mix, Report, run as load};
use emporion_bench::sockets::{SocketConfig, SocketReport, Sockets};
use serde::Serialize;
use std::net::SocketAddr;
use std::time::Duration;

/// What each account of the load begins with, of each asset.
const DEPOSIT: &str = "1000000";
/// Digits and letters of a run's name: as many as a load takes.
const RUN_LETTERS: usize = 8;

pub(super) fn run(arguments: &BenchArgs, output: Output) -> Result<(), Failure> {
    let config = config_of(&arguments.venue)?;
    let client = OperatorClient::find(&config)?;
    let (address, _) = find_running(&config.data_dir)?;
    let target = match arguments.target {
        Some(target) => target,
        None => socket(&address.rest)?,
    };
    if arguments.stuck > arguments.sockets {
        return Err(Failure::usage("`--stuck` is more than `--sockets`: it says how many of them never read"));
    }
    descriptors::raise_limit();
    let rounds = block_on(async {
        let accounts = accounts(&client, arguments).await?;
        let mut rounds = Vec::new();
        for stuck in rounds_of(arguments) {
            let config = load_config(arguments, target, accounts.clone());
            rounds.push(round(config, sockets_config(arguments, target, stuck), address.pid).await?);
        }
        Ok(rounds)
    })?;
    print(&rounds, output)
}

/// One run of the load.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Round {
    #[serde(flatten)]
    load: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<SocketReport>,
    /// The venue's memory at the end, in KiB, where the system tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    venue_memory_kib: Option<u64>,
}

/// How many sockets are stuck in each run: where some are, there is one without them to compare with.
fn rounds_of(arguments: &BenchArgs) -> Vec<u64> {
    if arguments.stuck == 0 { vec![0] } else { vec![0, arguments.stuck] }
}

async fn round(config: LoadConfig, sockets: SocketConfig, pid: u32) -> Result<Round, Failure> {
    let is_read = sockets.readers + sockets.stuck > 0;
    let open = match is_read {
        true => Some(Sockets::open(sockets).await.map_err(|error| Failure::failed(error.to_string()))?),
        false => None,
    };
    let load = load(config).await.map_err(|error| Failure::failed(format!("the load cannot be sent: {error}")))?;
    let venue_memory_kib = memory_kib(pid).filter(|_| is_read);
    let sockets = match open {
        Some(open) => Some(open.close().await),
        None => None,
    };
    Ok(Round { load, sockets, venue_memory_kib })
}

/// The resident memory of a process.
fn memory_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Of all sockets the last ones are stuck; in the run without stuck ones they are not there.
fn sockets_config(arguments: &BenchArgs, target: SocketAddr, stuck: u64) -> SocketConfig {
    let symbol = arguments.symbol.to_lowercase();
    let usual = ["trade", "aggTrade", "bookTicker", "depth@100ms", "kline_1m"].map(|kind| format!("{symbol}@{kind}"));
    let count = |count: u64| usize::try_from(count).expect("the range was checked");
    SocketConfig {
        target,
        readers: count(arguments.sockets - arguments.stuck),
        stuck: count(stuck),
        streams: if arguments.streams.is_empty() { usual.to_vec() } else { arguments.streams.clone() },
    }
}

fn socket(url: &str) -> Result<SocketAddr, Failure> {
    let address = url.trim_start_matches("http://").parse();
    address.map_err(|_| Failure::failed(format!("the venue's address {url} is not one that can be put under load")))
}

/// Accounts of the load; an earlier load's are used again.
async fn accounts(client: &OperatorClient, arguments: &BenchArgs) -> Result<Vec<Credentials>, Failure> {
    let mut accounts = Vec::new();
    for number in 1..=arguments.accounts {
        let deposit = |asset: &String| AssetAmount { asset: asset.clone(), amount: DEPOSIT.to_owned() };
        let request = AccountRequest {
            name: format!("bench-{}-{number}", arguments.assets.join("-")),
            deposits: arguments.assets.iter().map(deposit).collect(),
            ed25519_public_key: None,
            kind: AccountPurpose::Trading,
        };
        let made: AccountMade = client.post("/v1/operator/accounts", &request).await?;
        let secret_key =
            made.secret_key.ok_or_else(|| Failure::failed("the venue made an account without a secret"))?;
        accounts.push(Credentials { api_key: made.api_key, secret_key });
    }
    Ok(accounts)
}

fn load_config(arguments: &BenchArgs, target: SocketAddr, accounts: Vec<Credentials>) -> LoadConfig {
    let run: u64 = rand::random();
    LoadConfig {
        target,
        accounts,
        symbol: arguments.symbol.clone(),
        price_if_none: arguments.price.clone(),
        rate: arguments.rate,
        duration: Duration::from_secs(arguments.duration),
        connections: arguments.connections,
        mix: Mix::default(),
        seed: arguments.seed,
        run: format!("{run:016x}")[..RUN_LETTERS].to_owned(),
        capacity: Duration::from_secs(arguments.capacity),
        acknowledged: None,
    }
}

fn print(rounds: &[Round], output: Output) -> Result<(), Failure> {
    let text = |round: &Round| {
        let sockets = round.sockets.as_ref().map(ToString::to_string).unwrap_or_default();
        let memory = round.venue_memory_kib.map(|kib| format!("  memory of the venue: {} MB\n", kib / 1_000));
        format!("{}{sockets}{}", round.load, memory.unwrap_or_default())
    };
    match rounds {
        [round] => output.answer(round, || text(round)),
        rounds => output.answer(&rounds, || rounds.iter().map(text).collect::<Vec<_>>().join("\n")),
    }
}
