//! `/v1/users`, `/v1/sessions`, `/v1/me`.

use axum::response::IntoResponse;
use emporion_api::v1;
use emporion_edge::{Json, Request};
use emporion_ports::users::{AccountLink, LinkState, Owner};
use http::StatusCode;

use super::{Service, person};

pub(super) async fn sign_up(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    let v1::SignUp { name, password } = request.v1_body()?;
    service.people.sign_up(&name, password, request.address).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn log_in(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    let v1::LogIn { name, password } = request.v1_body()?;
    let opened = service.people.log_in(&name, password, request.address).await?;
    let token = opened.token.expose().to_owned();
    let session = v1::Session { token, expires_at_ms: opened.expires_at.millis() };
    Ok((StatusCode::CREATED, Json(session)))
}

pub(super) async fn log_out(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    request.refuse_query()?;
    let person = person(&service, &request).await?;
    service.people.log_out(&person).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn me(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    request.refuse_query()?;
    let person = person(&service, &request).await?;
    let (user, accounts) = service.people.me(&person).await?;
    Ok(Json(v1::Me {
        name: user.name.as_str().to_owned(),
        created_at_ms: user.created_at.millis(),
        accounts: accounts.into_iter().map(account).collect(),
    }))
}

pub(super) async fn change_password(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    let person = person(&service, &request).await?;
    let v1::ChangePassword { current_password, new_password } = request.v1_body()?;
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
