//! What every path of `/v1` takes and gives, for `openapi.json`.
//!
//! The functions below carry descriptions and are never called; they stand beside the wire types because the
//! handlers are spread over services. A test compares them with the path table.
#![expect(dead_code, reason = "the functions only carry descriptions")]

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::v1;

/// Everything under `/v1`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Emporion /v1",
        description = "People, sessions, API keys and operator actions. Trading and market data speak the Binance Spot API under /api/v3.",
    ),
    paths(
        sign_up, log_in, log_out, me, change_password,
        add_api_key, api_keys, revoke_api_key,
        make_account, deposit, set_user_state,
        symbols, add_symbols, set_symbol_status,
        imported_klines, import_klines,
    ),
    modifiers(&Tokens),
)]
struct V1;

/// The two kinds of bearer token.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = |description: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
            SecurityScheme::Http(scheme.build())
        };
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("session", bearer("The token of a session."));
        components.add_security_scheme("operator", bearer("The operator's token."));
    }
}

/// The description as pretty JSON with a line end: what `openapi.json` holds.
pub fn openapi_json() -> String {
    V1::openapi().to_pretty_json().expect("the description is plain data") + "\n"
}

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
fn sign_up() {}

/// Log in.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "people", request_body = v1::LogIn,
    responses(
        (status = 201, description = "A session; its token is shown this once.", body = v1::Session),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn log_in() {}

/// Log out: end the session of this request's token.
#[utoipa::path(
    delete, path = "/v1/sessions/current", tag = "people", security(("session" = [])),
    responses(
        (status = 204, description = "The session has ended."),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn log_out() {}

/// The person of this session and his accounts.
#[utoipa::path(
    get, path = "/v1/me", tag = "people", security(("session" = [])),
    responses(
        (status = 200, description = "The person.", body = v1::Me),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn me() {}

/// Change the password. All sessions of the person end, this one too; API keys go on working.
#[utoipa::path(
    put, path = "/v1/me/password", tag = "people", security(("session" = [])), request_body = v1::ChangePassword,
    responses(
        (status = 204, description = "Changed; log in again."),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn change_password() {}

/// Make an API key for the main account. It works as soon as the account is open.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "api keys", security(("session" = [])), request_body = v1::AddApiKey,
    responses(
        (status = 201, description = "The key; the secret of an HMAC key is shown this once.", body = v1::AddedApiKey),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn add_api_key() {}

/// The person's API keys.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "api keys", security(("session" = [])),
    responses(
        (status = 200, description = "The keys.", body = v1::ApiKeyList),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn api_keys() {}

/// Revoke an API key for good. No request is accepted with it once this is answered.
#[utoipa::path(
    delete, path = "/v1/api-keys/{apiKey}", tag = "api keys", security(("session" = [])),
    params(("apiKey" = String, Path, description = "The key, as clients send it in `X-MBX-APIKEY`.")),
    responses(
        (status = 204, description = "Revoked."),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn revoke_api_key() {}

/// Make an account without a person, its first key and its first deposits. The same request again gives the same
/// account and deposits nothing twice.
#[utoipa::path(
    post, path = "/v1/operator/accounts", tag = "operator", security(("operator" = [])),
    request_body = v1::AccountRequest,
    responses(
        (status = 200, description = "The open account.", body = v1::AccountMade),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn make_account() {}

/// Credit a deposit of record to an account. The same request again credits nothing twice.
#[utoipa::path(
    post, path = "/v1/operator/deposits", tag = "operator", security(("operator" = [])),
    request_body = v1::DepositRequest,
    responses(
        (status = 200, description = "What the engine decided.", body = v1::DepositMade),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn deposit() {}

/// Suspend a person, or let him in again. A suspended person's sessions end and his keys are refused at once.
#[utoipa::path(
    put, path = "/v1/operator/user-state", tag = "operator", security(("operator" = [])),
    request_body = v1::UserStateRequest,
    responses(
        (status = 204, description = "It is so."),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn set_user_state() {}

/// All symbols with their status.
#[utoipa::path(
    get, path = "/v1/operator/symbols", tag = "operator", security(("operator" = [])),
    responses(
        (status = 200, description = "The symbols.", body = v1::SymbolList),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn symbols() {}

/// Add assets and symbols that are not there yet.
#[utoipa::path(
    post, path = "/v1/operator/symbols", tag = "operator", security(("operator" = [])),
    request_body = v1::AddSymbols,
    responses(
        (status = 200, description = "What was added and what was there.", body = v1::SymbolsAdded),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn add_symbols() {}

/// Give a symbol a status.
#[utoipa::path(
    put, path = "/v1/operator/symbols/{symbol}/status", tag = "operator", security(("operator" = [])),
    params(("symbol" = String, Path, description = "The symbol's name.")),
    request_body = v1::SymbolStatusRequest,
    responses(
        (status = 204, description = "It is so."),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn set_symbol_status() {}

/// What klines are imported, by symbol and interval.
#[utoipa::path(
    get, path = "/v1/operator/klines", tag = "operator", security(("operator" = [])),
    responses(
        (status = 200, description = "What is there.", body = v1::ImportedKlineList),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn imported_klines() {}

/// Import klines of before the symbol's first own trade, on a venue of play money. They are kept apart from what the
/// venue traded itself, and shown before it.
#[utoipa::path(
    post, path = "/v1/operator/klines", tag = "operator", security(("operator" = [])),
    request_body = v1::ImportKlines,
    responses(
        (status = 200, description = "They are in order and, unless they were only to be checked, imported.", body = v1::KlinesImported),
        (status = "4XX", description = "Refused.", body = v1::ErrorBody),
        (status = "5XX", description = "Failed.", body = v1::ErrorBody),
    ),
)]
fn import_klines() {}
