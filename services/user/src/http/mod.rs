//! `/v1` over HTTP: wire types to domain values and back. Nothing is decided here.

mod failure;
mod keys;
mod openapi;
mod operator;
mod people;

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use emporion_api::{ApiError, paths};
use emporion_edge::{Request, Routes};
use emporion_model::TimeUs;
use http::{HeaderValue, header};
use serde::de::DeserializeOwned;

pub use openapi::openapi_json;

use crate::error::UserError;
use crate::people::Person;
use crate::service::UserService;

/// Serves every path of the role `user`.
pub fn add_routes(routes: Routes, service: &Arc<UserService>) -> Routes {
    routes
        .open(&paths::SIGN_UP, service, v1(people::sign_up))
        .open(&paths::LOG_IN, service, v1(people::log_in))
        .open(&paths::LOG_OUT, service, v1(people::log_out))
        .open(&paths::ME, service, v1(people::me))
        .open(&paths::CHANGE_PASSWORD, service, v1(people::change_password))
        .open(&paths::ADD_API_KEY, service, v1(keys::add))
        .open(&paths::API_KEYS, service, v1(keys::list))
        .open(&paths::REVOKE_API_KEY, service, v1(keys::revoke))
        .open(&paths::MAKE_ACCOUNT, service, v1(operator::make_account))
        .open(&paths::DEPOSIT, service, v1(operator::deposit))
        .open(&paths::SET_USER_STATE, service, v1(operator::set_user_state))
}

type Service = Arc<UserService>;

/// A handler whose errors get the shape of `/v1`. No answer may be kept by a cache: many hold secrets.
fn v1<H, F, T>(handler: H) -> impl Fn(Service, Request) -> BoxedAnswer + Clone + Send + Sync + 'static
where
    H: Fn(Service, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<T, UserError>> + Send + 'static,
    T: IntoResponse,
{
    move |service, request| {
        let answer = handler(service, request);
        Box::pin(async move {
            let mut response = answer.await.map_or_else(failure::response, T::into_response);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        })
    }
}

type BoxedAnswer = std::pin::Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// The body as `T`, and nothing else in the request.
fn body<T: DeserializeOwned>(request: &Request) -> Result<T, UserError> {
    no_query(request)?;
    let body = request.raw_body().trim_ascii_start();
    if !body.starts_with(b"{") {
        return Err(UserError::InvalidRequest("The body is not a JSON object.".to_owned()));
    }
    // Where it is wrong, but not what stands there: it may be a password.
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        UserError::InvalidRequest(format!(
            "The body is not JSON of the documented shape: see line {line}, column {column}."
        ))
    })
}

fn no_query(request: &Request) -> Result<(), UserError> {
    if request.raw_query().is_empty() {
        return Ok(());
    }
    Err(UserError::InvalidRequest("The request takes no query string.".to_owned()))
}

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

fn millis(time: TimeUs) -> u64 {
    time.millis()
}
