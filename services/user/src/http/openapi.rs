//! The description of `/v1` that `api/openapi.json` holds.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{keys, operator, people};

/// Gathers the handlers' descriptions.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Emporion /v1",
        description = "People, sessions, API keys and operator actions. Trading and market data speak the Binance Spot API under /api/v3.",
    ),
    paths(
        people::sign_up, people::log_in, people::log_out, people::me, people::change_password,
        keys::add, keys::list, keys::revoke,
        operator::make_account, operator::deposit, operator::set_user_state,
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

/// The description as pretty JSON with a line end.
pub fn openapi_json() -> String {
    V1::openapi().to_pretty_json().expect("the description is plain data") + "\n"
}
