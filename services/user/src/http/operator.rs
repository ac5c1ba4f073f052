//! `/v1/operator/…`.

use axum::response::IntoResponse;
use emporion_api::v1;
use emporion_edge::{Json, Request};
use emporion_model::{AccountId, AccountKind, decimal};
use emporion_ports::users::{Deposit, DepositState, UserState};
use http::StatusCode;

use super::keys::secret_text;
use super::{Service, require_operator};
use crate::operator::{AccountWish, DepositWish};

pub(super) async fn make_account(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    require_operator(&service, &request)?;
    let v1::AccountRequest { name, deposits, ed25519_public_key, kind } = request.v1_body()?;
    let deposits = deposits.into_iter().map(|deposit| (deposit.asset, deposit.amount)).collect();
    let kind = match kind {
        v1::AccountPurpose::Trading => AccountKind::User,
        v1::AccountPurpose::Replayer => AccountKind::Replayer,
    };
    let wish = AccountWish { name, kind, deposits, ed25519_public_pem: ed25519_public_key };
    let made = service.operator.make_account(wish).await?;
    Ok(Json(v1::AccountMade {
        account_id: made.account_id.0,
        api_key: made.api_key,
        secret_key: made.secret.as_ref().map(secret_text),
        deposits: made.deposits.iter().map(|(deposit, scale)| first_deposit(deposit, *scale)).collect(),
    }))
}

pub(super) async fn deposit(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    require_operator(&service, &request)?;
    let v1::DepositRequest { reference, account_id, asset, amount } = request.v1_body()?;
    let wish = DepositWish { reference, account_id: AccountId(account_id), asset, amount };
    let made = service.operator.deposit(wish).await?;
    let (state, reject) = decision(&made.state);
    Ok(Json(v1::DepositMade { reference: made.deposit.reference, state, reject }))
}

pub(super) async fn set_user_state(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    require_operator(&service, &request)?;
    let v1::UserStateRequest { name, state } = request.v1_body()?;
    let state = match state {
        v1::UserState::Active => UserState::Active,
        v1::UserState::Suspended => UserState::Suspended,
    };
    service.operator.set_user_state(&name, state).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn first_deposit(deposit: &Deposit, scale: u8) -> v1::FirstDeposit {
    let (state, reject) = decision(&deposit.state);
    let amount = decimal::format(deposit.deposit.amount.0, scale, scale);
    v1::FirstDeposit { asset: deposit.deposit.asset.to_string(), amount, state, reject }
}

/// The engine's decision; only decided deposits get here.
fn decision(state: &DepositState) -> (v1::DepositState, Option<String>) {
    match state {
        DepositState::Refused(reject) => (v1::DepositState::Refused, Some(reject.clone())),
        DepositState::Done | DepositState::Sent | DepositState::Waiting => (v1::DepositState::Done, None),
    }
}
