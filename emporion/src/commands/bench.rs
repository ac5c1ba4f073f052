//! `emporion bench`: makes accounts on the running venue and puts it under load.

use super::{block_on, config_of};
use crate::Failure;
use crate::cli::BenchArgs;
use crate::client::OperatorClient;
use crate::output::Output;
use crate::serve::find_running;
use emporion_api::v1::{AccountMade, AccountPurpose, AccountRequest, AssetAmount};
use emporion_bench::load::{Credentials, LoadConfig, Mix, Report, run as load};
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
    let report = block_on(async {
        let accounts = accounts(&client, arguments).await?;
        let config = load_config(arguments, target, accounts);
        load(config).await.map_err(|error| Failure::failed(format!("the load cannot be sent: {error}")))
    })?;
    print(&report, output)
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

fn print(report: &Report, output: Output) -> Result<(), Failure> {
    output.answer(report, || report.to_string())
}
