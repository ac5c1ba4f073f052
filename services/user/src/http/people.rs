//! `/v1/users`, `/v1/sessions`, `/v1/me`.

use axum::response::IntoResponse;
use emporion_api::v1;
use emporion_edge::{Json, Request};
use emporion_ports::users::{AccountLink, LinkState, Owner};
use http::StatusCode;

use super::{Service, body, millis, no_query, person};
use crate::error::UserError;

/// Sign up. The answer is the same whether the name was free or taken; who signed up under a free name can log
/// in right after.
#[utoipa::path(
    post, path = "/v1/users", tag = "people", request_body = v1::SignUp,
    responses(
        (status = 202, description = "Accepted: if the name was free, it is yours now."),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
pub(super) async fn sign_up(service: Service, request: Request) -> Result<impl IntoResponse, UserError> {
    let v1::SignUp { name, password } = body(&request)?;
    service.people.sign_up(&name, password, request.address).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Log in.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "people", request_body = v1::LogIn,
    responses(
        (status = 201, description = "A session; its token is shown this once.", body = v1::Session),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
pub(super) async fn log_in(service: Service, request: Request) -> Result<impl IntoResponse, UserError> {
    let v1::LogIn { name, password } = body(&request)?;
    let opened = service.people.log_in(&name, password, request.address).await?;
    let token = opened.token.expose().to_owned();
    let session = v1::Session { token, expires_at_ms: millis(opened.expires_at) };
    Ok((StatusCode::CREATED, Json(session)))
}

/// Log out: end the session of this request's token.
#[utoipa::path(
    delete, path = "/v1/sessions/current", tag = "people", security(("session" = [])),
    responses(
        (status = 204, description = "The session has ended."),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
pub(super) async fn log_out(service: Service, request: Request) -> Result<impl IntoResponse, UserError> {
    no_query(&request)?;
    let person = person(&service, &request).await?;
    service.people.log_out(&person).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The person of this session and his accounts.
#[utoipa::path(
    get, path = "/v1/me", tag = "people", security(("session" = [])),
    responses(
        (status = 200, description = "The person.", body = v1::Me),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
pub(super) async fn me(service: Service, request: Request) -> Result<impl IntoResponse, UserError> {
    no_query(&request)?;
    let person = person(&service, &request).await?;
    let (user, accounts) = service.people.me(&person).await?;
    Ok(Json(v1::Me {
        name: user.name.as_str().to_owned(),
        created_at_ms: millis(user.created_at),
        accounts: accounts.into_iter().map(account).collect(),
    }))
}

/// Change the password. All sessions of the person end, this one too; API keys go on working.
#[utoipa::path(
    put, path = "/v1/me/password", tag = "people", security(("session" = [])), request_body = v1::ChangePassword,
    responses(
        (status = 204, description = "Changed; log in again."),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
pub(super) async fn change_password(service: Service, request: Request) -> Result<impl IntoResponse, UserError> {
    let person = person(&service, &request).await?;
    let v1::ChangePassword { current_password, new_password } = body(&request)?;
    service.people.change_password(&person, current_password, new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn account(link: AccountLink) -> v1::Account {
    let label = match &link.owner {
        Owner::User(_, label) => label.clone(),
        Owner::Operator(name) => name.as_str().to_owned(),
    };
    let state = match link.state {
        LinkState::Pending => v1::AccountState::Pending,
        LinkState::Open(_) => v1::AccountState::Open,
        LinkState::Refused(_) => v1::AccountState::Refused,
    };
    v1::Account { label, state, account_id: link.account_id().map(|id| id.0) }
}
