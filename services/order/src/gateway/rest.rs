//! The gateway's endpoints over HTTP: each reads its parameters, calls the gateway and answers in JSON.

use super::{
    AccountQuery, AllOrdersQuery, CancelAllRequest, CancelOrderRequest, CommissionQuery, Gateway, OpenOrdersQuery,
    OrderQuery, PlaceOrderRequest, TestOrderRequest, TradesQuery, sapi,
};
use axum::response::{IntoResponse, Response};
use emporion_api::wire::{Account, CanceledOrder, Commission, Empty, MyTrade, Order, OrderCount};
use emporion_api::{ApiError, paths};
use emporion_edge::{Caller, Json, Request, Routes};

type Answer<T> = Result<Json<T>, ApiError>;

/// Adds every endpoint of the Order Service.
pub(super) fn routes(gateway: &Gateway, routes: Routes) -> Routes {
    let routes = routes
        .signed(&paths::PLACE_ORDER, gateway, place_order)
        .signed(&paths::TEST_ORDER, gateway, test_order)
        .signed(&paths::CANCEL_ORDER, gateway, cancel_order)
        .signed(&paths::CANCEL_OPEN_ORDERS, gateway, cancel_open_orders)
        .signed(&paths::QUERY_ORDER, gateway, query_order)
        .signed(&paths::OPEN_ORDERS, gateway, open_orders)
        .signed(&paths::ALL_ORDERS, gateway, all_orders)
        .signed(&paths::ACCOUNT, gateway, account)
        .signed(&paths::MY_TRADES, gateway, my_trades)
        .signed(&paths::COMMISSION, gateway, commission)
        .signed(&paths::ORDER_COUNT, gateway, order_count);
    sapi::routes(gateway, routes)
}

async fn place_order(gateway: Gateway, caller: Caller, request: Request) -> Result<impl IntoResponse, ApiError> {
    let order = request.read(PlaceOrderRequest::read)?;
    let placed = gateway.place(&caller, &order, request.time_unit).await?;
    // After the order: nothing may hold up a message's command, or a later one would overtake it.
    let limits = if request.is_message() { gateway.order_limits(&caller).await } else { None };
    Ok((placed.counts, limits, Json(placed.order)))
}

async fn test_order(gateway: Gateway, caller: Caller, request: Request) -> Result<Response, ApiError> {
    let order = request.read(TestOrderRequest::read)?;
    Ok(match gateway.test_order(&caller, &order).await? {
        Some(commission) => Json(commission).into_response(),
        None => Json(Empty {}).into_response(),
    })
}

async fn cancel_order(gateway: Gateway, caller: Caller, request: Request) -> Answer<CanceledOrder> {
    let cancel = request.read(CancelOrderRequest::read)?;
    gateway.cancel(&caller, &cancel, request.time_unit).await.map(Json)
}

async fn cancel_open_orders(gateway: Gateway, caller: Caller, request: Request) -> Answer<Vec<CanceledOrder>> {
    let cancel = request.read(CancelAllRequest::read)?;
    gateway.cancel_all(&caller, &cancel, request.time_unit).await.map(Json)
}

async fn query_order(gateway: Gateway, caller: Caller, request: Request) -> Answer<Order> {
    let query = request.read(OrderQuery::read)?;
    gateway.order(&caller, &query, request.time_unit).await.map(Json)
}

async fn open_orders(gateway: Gateway, caller: Caller, request: Request) -> Answer<Vec<Order>> {
    let query = request.read(OpenOrdersQuery::read)?;
    gateway.open_orders(&caller, &query, request.time_unit).await.map(Json)
}

async fn all_orders(gateway: Gateway, caller: Caller, request: Request) -> Answer<Vec<Order>> {
    let query = request.read(AllOrdersQuery::read)?;
    gateway.all_orders(&caller, &query, request.time_unit).await.map(Json)
}

async fn account(gateway: Gateway, caller: Caller, request: Request) -> Answer<Account> {
    let query = request.read(AccountQuery::read)?;
    gateway.account(&caller, &query, request.time_unit).await.map(Json)
}

async fn my_trades(gateway: Gateway, caller: Caller, request: Request) -> Answer<Vec<MyTrade>> {
    let query = request.read(TradesQuery::read)?;
    gateway.trades(&caller, &query, request.time_unit).await.map(Json)
}

async fn commission(gateway: Gateway, caller: Caller, request: Request) -> Answer<Commission> {
    let query = request.read(CommissionQuery::read)?;
    gateway.commission(&caller, &query).await.map(Json)
}

async fn order_count(gateway: Gateway, caller: Caller, request: Request) -> Answer<Vec<OrderCount>> {
    request.read(|_| Ok(()))?;
    gateway.order_rate_limits(&caller).await.map(Json)
}
