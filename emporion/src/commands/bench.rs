//! `emporion bench`: makes accounts on the running venue and puts it under load.

use super::{block_on, config_of};
use crate::Failure;
use crate::cli::BenchArgs;
use crate::client::OperatorClient;
use crate::descriptors;
use crate::files::{Readers, read_text, write_whole};
use crate::output::Output;
use crate::serve::find_running;
use emporion_api::v1::{AccountMade, AccountPurpose, AccountRequest, AssetAmount};
use emporion_bench::cpu::{CpuClock, CpuShare};
use emporion_bench::load::{Check, Credentials, Highest, Load, LoadConfig, Pace, Report, Search, Work};
use emporion_bench::metrics::{VenueReport, Watch};
use emporion_bench::sockets::{SocketConfig, SocketReport, Sockets};
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
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
    if arguments.spike.is_some_and(|spike| spike.duration > Duration::from_secs(arguments.duration)) {
        return Err(Failure::usage("`--spike` is longer than `--duration`, which it is a part of"));
    }
    descriptors::raise_limit();
    let bench = Bench { arguments, target, pid: address.pid, processes: processes(&config.data_dir, target)? };
    block_on(async {
        let accounts = accounts(&client, arguments).await?;
        if let Some(p99_max_ms) = arguments.highest {
            let found = bench.highest(accounts, Duration::from_millis(p99_max_ms)).await?;
            return answer(&found, found.to_string(), arguments, output);
        }
        let mut rounds = Vec::new();
        for stuck in rounds_of(arguments) {
            rounds.push(bench.round(accounts.clone(), stuck).await?);
        }
        let text = rounds.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        match &rounds[..] {
            [round] => answer(round, text, arguments, output),
            rounds => answer(&rounds, text, arguments, output),
        }
    })
}

/// The venue and what to do with it.
struct Bench<'a> {
    arguments: &'a BenchArgs,
    target: SocketAddr,
    pid: u32,
    /// Where processes tell their metrics.
    processes: Vec<SocketAddr>,
}

/// One run of the load.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Round {
    #[serde(flatten)]
    load: Report,
    /// What the venue's processes say about it.
    venue: VenueReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<CpuShare>,
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

impl Bench<'_> {
    async fn prepare(&self, accounts: Vec<Credentials>) -> Result<Load, Failure> {
        let load = Load::prepare(load_config(self.arguments, self.target, accounts)).await;
        let load = load.map_err(|error| Failure::failed(format!("the load cannot be sent: {error}")))?;
        Ok(load.with_recv_window(Duration::from_secs(self.arguments.recv_window)))
    }

    async fn highest(&self, accounts: Vec<Credentials>, p99_max: Duration) -> Result<Highest, Failure> {
        let step = Duration::from_secs(self.arguments.duration);
        Ok(self.prepare(accounts).await?.highest(Search { p99_max, step, start: self.arguments.rate }).await)
    }

    async fn round(&self, accounts: Vec<Credentials>, stuck: u64) -> Result<Round, Failure> {
        let arguments = self.arguments;
        let sockets = sockets_config(arguments, self.target, stuck);
        let is_read = sockets.readers + sockets.stuck > 0;
        let open = match is_read {
            true => Some(Sockets::open(sockets).await.map_err(|error| Failure::failed(error.to_string()))?),
            false => None,
        };
        let mut load = self.prepare(accounts).await?;
        if let Some(path) = arguments.spike_file.clone() {
            let notice = load.notice_of_spike();
            tokio::spawn(async move { notice.await.is_ok() && std::fs::write(path, "").is_ok() });
        }
        let pace =
            Pace { rate: arguments.rate, duration: Duration::from_secs(arguments.duration), spike: arguments.spike };
        let check = if arguments.check { Check::Orders } else { Check::Nothing };
        let (watch, clock) = (Watch::start(self.processes.clone()), CpuClock::start());
        let mut report = load.run(pace, Work::Mix, check).await;
        let cpu = clock.and_then(CpuClock::share);
        let venue = watch.end().await;
        report.outcomes = load.outcomes().await;
        let venue_memory_kib = memory_kib(self.pid).filter(|_| is_read);
        let sockets = match open {
            Some(open) => Some(open.close().await),
            None => None,
        };
        Ok(Round { load: report, venue, cpu, sockets, venue_memory_kib })
    }
}

/// Where the venue's processes tell their metrics: those of a cluster's folder, or the one that answers.
fn processes(folder: &Path, target: SocketAddr) -> Result<Vec<SocketAddr>, Failure> {
    let path = folder.join("ready.json");
    if !path.exists() {
        return Ok(vec![target]);
    }
    let ready: serde_json::Value = serde_json::from_str(&read_text("ready file", &path)?)
        .map_err(|error| Failure::usage(format!("the ready file {} is not JSON: {error}", path.display())))?;
    let addresses = ready["processes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let addresses: Vec<_> = addresses.iter().filter_map(|process| process["address"].as_str()?.parse().ok()).collect();
    Ok(if addresses.is_empty() { vec![target] } else { addresses })
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
        mix: arguments.mix,
        seed: arguments.seed,
        run: format!("{run:016x}")[..RUN_LETTERS].to_owned(),
        capacity: Duration::from_secs(arguments.capacity),
        acknowledged: None,
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.load, self.venue)?;
        if let Some(cpu) = &self.cpu {
            write!(f, "{cpu}")?;
        }
        if let Some(sockets) = &self.sockets {
            write!(f, "{sockets}")?;
        }
        match self.venue_memory_kib {
            Some(kib) => writeln!(f, "  memory of the venue: {} MB", kib / 1_000),
            None => Ok(()),
        }
    }
}

/// Answers, and writes the file that was asked for.
fn answer(value: &impl Serialize, text: String, arguments: &BenchArgs, output: Output) -> Result<(), Failure> {
    if let Some(path) = &arguments.report {
        let json = serde_json::to_string_pretty(value);
        let json = json.map_err(|error| Failure::bug(format!("an answer is no JSON: {error}")))?;
        write_whole(path, &format!("{json}\n"), Readers::Default)?;
    }
    output.answer(value, || text)
}
