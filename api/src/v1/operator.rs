//! What an operator does to accounts and people. Authorised by the operator token.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount of an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AssetAmount {
    /// The asset's code.
    #[schema(example = "USDT")]
    pub asset: String,
    /// A plain decimal number above zero, with no more decimals than the asset has.
    #[schema(example = "1000.50")]
    pub amount: String,
}

/// `POST /v1/operator/accounts`
///
/// The name makes it repeatable: the same request again gives the same account, key and secret and deposits
/// nothing twice; another request under the same name is a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AccountRequest {
    /// 1 to 48 ASCII letters, digits and `. _ -`; case counts.
    #[schema(example = "bot-1")]
    pub name: String,
    /// What it begins with, at most 100 entries.
    #[serde(default)]
    pub deposits: Vec<AssetAmount>,
    /// An Ed25519 public key as SubjectPublicKeyInfo PEM; missing: an HMAC key is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ed25519_public_key: Option<String>,
    /// What the account is for.
    #[serde(default)]
    pub kind: AccountPurpose,
}

/// What an account that an operator makes is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountPurpose {
    /// Trading, by the same rules as everybody.
    #[default]
    Trading,
    /// Playing a recorded market: its orders are bound by price and quantity steps, but by no limit on their number,
    /// distance or worth. Refused where money is real.
    Replayer,
}

/// An account that an operator made, open, with its deposits decided.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountMade {
    /// The account's number.
    pub account_id: u64,
    /// What clients send in `X-MBX-APIKEY`.
    pub api_key: String,
    /// The secret of an HMAC key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<String>,
    /// What became of the deposits, in the order asked for.
    pub deposits: Vec<FirstDeposit>,
}

/// One of the deposits that an account begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirstDeposit {
    /// The asset's code.
    pub asset: String,
    /// How much, in the asset's full precision.
    pub amount: String,
    /// What became of it.
    pub state: DepositState,
    /// Why the engine refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject: Option<String>,
}

/// What became of a deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DepositState {
    /// Credited.
    Done,
    /// The engine refused it; nothing was credited.
    Refused,
}

/// `POST /v1/operator/deposits`
///
/// The reference makes it repeatable: the same request again credits nothing twice; another request under the
/// same reference is a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DepositRequest {
    /// 1 to 64 ASCII letters, digits and `. _ -`, unique over all deposits: a ticket or a transaction.
    #[schema(example = "ticket-17")]
    pub reference: String,
    /// The account's number.
    pub account_id: u64,
    /// The asset's code.
    #[schema(example = "USDT")]
    pub asset: String,
    /// A plain decimal number above zero, with no more decimals than the asset has.
    #[schema(example = "1000.50")]
    pub amount: String,
}

/// A deposit that the engine decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepositMade {
    /// The reference.
    pub reference: String,
    /// What became of it.
    pub state: DepositState,
    /// Why the engine refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject: Option<String>,
}

/// Whether a person may use the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum UserState {
    /// May log in; the keys work.
    Active,
    /// May not log in, has no session, and the keys are refused.
    Suspended,
}

/// `PUT /v1/operator/user-state`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UserStateRequest {
    /// The person's name.
    pub name: String,
    /// The state from now on.
    pub state: UserState,
}
