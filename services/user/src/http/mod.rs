//! `/v1` over HTTP: wire types to domain values and back. Nothing is decided here.

mod failure;
mod keys;
mod operator;
mod people;

use std::sync::Arc;

use emporion_api::paths;
use emporion_edge::{Request, Routes};

use crate::error::UserError;
use crate::people::Person;
use crate::service::UserService;

/// Serves every path of the role `user`.
pub fn add_routes(routes: Routes, service: &Arc<UserService>) -> Routes {
    add_operator_routes(add_people_routes(routes, service), service)
}

/// Serves what people do.
pub fn add_people_routes(routes: Routes, service: &Arc<UserService>) -> Routes {
    routes
        .v1(&paths::SIGN_UP, service, people::sign_up)
        .v1(&paths::LOG_IN, service, people::log_in)
        .v1(&paths::LOG_OUT, service, people::log_out)
        .v1(&paths::ME, service, people::me)
        .v1(&paths::CHANGE_PASSWORD, service, people::change_password)
        .v1(&paths::ADD_API_KEY, service, keys::add)
        .v1(&paths::API_KEYS, service, keys::list)
        .v1(&paths::REVOKE_API_KEY, service, keys::revoke)
}

/// Serves what the operator does, which belongs on a listener of its own.
pub fn add_operator_routes(routes: Routes, service: &Arc<UserService>) -> Routes {
    routes.v1(&paths::MAKE_ACCOUNT, service, operator::make_account).v1(&paths::DEPOSIT, service, operator::deposit).v1(
        &paths::SET_USER_STATE,
        service,
        operator::set_user_state,
    )
}

type Service = Arc<UserService>;

/// The person whose session token the request carries.
async fn person(service: &UserService, request: &Request) -> Result<Person, UserError> {
    let token = request.bearer_token().ok_or(UserError::Unauthenticated)?;
    service.people.person(token, request.address).await
}

/// Refuses who does not carry the operator's token.
fn require_operator(service: &UserService, request: &Request) -> Result<(), UserError> {
    let authorised = request.bearer_token().is_some_and(|token| service.operator_token.matches(token));
    if authorised { Ok(()) } else { Err(UserError::Unauthenticated) }
}
