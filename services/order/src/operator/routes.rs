//! `/v1/operator/symbols`: wire types to domain values and back. Nothing is decided here.

use super::Operator;
use axum::response::IntoResponse;
use emporion_api::paths;
use emporion_api::v1::{AddSymbols, Error, ErrorCode, SymbolList, SymbolStatusRequest, SymbolsAdded};
use emporion_edge::{Json, Request, Routes};
use http::StatusCode;
use std::sync::Arc;

/// Serves the operator's paths of the role `order`, which belong on a listener of their own.
pub fn add_routes(routes: Routes, operator: &Arc<Operator>) -> Routes {
    let routes = routes.v1(&paths::OPERATOR_SYMBOLS, operator, list).v1(&paths::ADD_SYMBOLS, operator, add);
    routes.v1(&paths::SET_SYMBOL_STATUS, operator, set_status)
}

async fn list(operator: Arc<Operator>, request: Request) -> Result<Json<SymbolList>, Error> {
    require_operator(&operator, &request)?;
    request.refuse_query()?;
    Ok(Json(operator.symbols().await?))
}

async fn add(operator: Arc<Operator>, request: Request) -> Result<Json<SymbolsAdded>, Error> {
    require_operator(&operator, &request)?;
    let wish: AddSymbols = request.v1_body()?;
    Ok(Json(operator.add(wish).await?))
}

async fn set_status(operator: Arc<Operator>, request: Request) -> Result<impl IntoResponse, Error> {
    require_operator(&operator, &request)?;
    let SymbolStatusRequest { status } = request.v1_body()?;
    let symbol = request.path_text().unwrap_or_default();
    operator.set_status(symbol, &status).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses who does not carry the operator's token.
fn require_operator(operator: &Operator, request: &Request) -> Result<(), Error> {
    if request.bearer_token().is_some_and(|token| (operator.is_operator)(token)) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::Unauthenticated, "The token is missing, unknown or has run out."))
}
