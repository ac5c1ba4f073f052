//! `emporion account …`: asks the running venue, as its operator.

use super::{block_on, config_of};
use crate::Failure;
use crate::cli;
use crate::client::OperatorClient;
use crate::files::read_text;
use crate::output::Output;
use emporion_api::v1::{AccountMade, AccountPurpose, AccountRequest, AssetAmount, DepositState};
use serde::Serialize;

/// What `account create` prints; the names are stable.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    account_id: u64,
    api_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
}

pub(super) fn run(account: cli::Account, output: Output) -> Result<(), Failure> {
    let cli::Account::Create { name, deposits, ed25519_public_key, venue } = account;
    let key = ed25519_public_key.map(|path| read_text("public key", &path)).transpose()?;
    let deposits = deposits.into_iter().map(|deposit| AssetAmount { asset: deposit.asset, amount: deposit.amount });
    let request =
        AccountRequest { name, deposits: deposits.collect(), ed25519_public_key: key, kind: AccountPurpose::Trading };
    let client = OperatorClient::find(&config_of(&venue)?)?;
    let made: AccountMade = block_on(client.post("/v1/operator/accounts", &request))?;
    print(&made, output)?;
    refused_deposits(&made)
}

fn print(made: &AccountMade, output: Output) -> Result<(), Failure> {
    let AccountMade { account_id, api_key, secret_key, .. } = made;
    let created = Created { account_id: *account_id, api_key: api_key.clone(), secret_key: secret_key.clone() };
    output.answer(&created, || {
        let secret = secret_key.as_ref().map(|secret| format!("\nsecret   {secret}"));
        format!("account  {account_id}\nkey      {api_key}{}", secret.unwrap_or_default())
    })
}

/// The account is there all the same, so its key was printed before this.
fn refused_deposits(made: &AccountMade) -> Result<(), Failure> {
    let refused = made.deposits.iter().filter(|deposit| deposit.state == DepositState::Refused);
    let refused = refused.map(|deposit| {
        format!("{} {} ({})", deposit.amount, deposit.asset, deposit.reject.as_deref().unwrap_or("no reason was given"))
    });
    let refused: Vec<_> = refused.collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("the account was made, but the venue refused these deposits: {}", refused.join(", "))))
}
