//! `/v1/operator/symbols`: wire types to domain values and back. Nothing is decided here.

use super::Operator;
use axum::response::{IntoResponse, Response};
use emporion_api::v1::{AddSymbols, Error, ErrorCode, SymbolStatusRequest};
use emporion_api::{ApiError, paths};
use emporion_edge::{Json, Request, Routes, V1Failure};
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use std::pin::Pin;
use std::sync::Arc;

/// Serves the operator's paths of the role `order`.
pub fn add_routes(routes: Routes, operator: &Arc<Operator>) -> Routes {
    routes.open(&paths::OPERATOR_SYMBOLS, operator, v1(list)).open(&paths::ADD_SYMBOLS, operator, v1(add)).open(
        &paths::SET_SYMBOL_STATUS,
        operator,
        v1(set_status),
    )
}

async fn list(operator: Arc<Operator>, _: Request) -> Result<Response, Error> {
    Ok(Json(operator.symbols().await?).into_response())
}

async fn add(operator: Arc<Operator>, request: Request) -> Result<Response, Error> {
    let wish: AddSymbols = body(&request)?;
    Ok(Json(operator.add(wish).await?).into_response())
}

async fn set_status(operator: Arc<Operator>, request: Request) -> Result<Response, Error> {
    let SymbolStatusRequest { status } = body(&request)?;
    let symbol = request.path_text().unwrap_or_default();
    operator.set_status(symbol, &status).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Error> {
    serde_json::from_slice(request.raw_body()).map_err(|error| {
        Error::new(ErrorCode::InvalidRequest, format!("The body is not of the documented shape: {error}."))
    })
}

type BoxedAnswer = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// A handler for the operator alone, whose errors get the shape of `/v1`.
fn v1<H, F>(handler: H) -> impl Fn(Arc<Operator>, Request) -> BoxedAnswer + Clone + Send + Sync + 'static
where
    H: Fn(Arc<Operator>, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Error>> + Send + 'static,
{
    move |operator, request| {
        let handler = handler.clone();
        Box::pin(async move {
            if !request.bearer_token().is_some_and(|token| (operator.is_operator)(token)) {
                return Ok(unauthenticated());
            }
            Ok(handler(operator, request).await.unwrap_or_else(|error| V1Failure(error).into_response()))
        })
    }
}

fn unauthenticated() -> Response {
    let error = Error::new(ErrorCode::Unauthenticated, "The token is missing, unknown or has run out.");
    let mut response = V1Failure(error).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
