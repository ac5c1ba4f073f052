//! Handlers hung on the path table.

use crate::respond::{Json, V1Failure, not_found, with_content_type};
use crate::socket::{Opening, Outbox, Session, SocketPolicy};
use crate::user_data::UserData;
use crate::ws_api::{self, Methods, WsApi};
use crate::{Caller, Edge, Request};
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use emporion_api::paths::{self, Method};
use emporion_api::{ApiError, Endpoint, Role, v1};
use http::{HeaderValue, StatusCode};
use std::sync::Arc;

/// The endpoints that a process serves. Services add theirs; the composition root turns the whole into a
/// router for [`crate::serve()`].
///
/// A handler is dropped where it waits when its client goes away. What must not be left half done belongs
/// into a task of its own.
pub struct Routes {
    edge: Arc<Edge>,
    router: Router,
    served: Vec<&'static Endpoint>,
    methods: Methods,
}

impl Routes {
    /// `/healthz` and `/readyz` alone. They are not limited: a probe must not be refused.
    pub fn new(edge: Arc<Edge>) -> Self {
        let readiness = edge.readiness().clone();
        let ready = move || {
            let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            std::future::ready((status, Json(readiness.report())).into_response())
        };
        let health = || std::future::ready("ok");
        Self { edge, router: Router::new(), served: Vec::new(), methods: Methods::default() }
            .probe(&paths::HEALTH, get(health))
            .probe(&paths::READY, get(ready))
    }

    /// `/metrics`, as `render` gives them in Prometheus' text format.
    pub fn metrics(self, render: impl Fn() -> String + Clone + Send + Sync + 'static) -> Self {
        const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");
        self.probe(&paths::METRICS, get(async move || with_content_type(StatusCode::OK, TEXT, render())))
    }

    /// Serves an endpoint that needs no signature with `handler`, and its method of the WebSocket API.
    pub fn open<S, H, F, R>(mut self, endpoint: &'static Endpoint, state: &S, handler: H) -> Self
    where
        S: Clone + Send + Sync + 'static,
        H: Fn(S, Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<R, ApiError>> + Send + 'static,
        R: IntoResponse,
    {
        assert!(!endpoint.security.is_signed(), "{} asks for a signature", endpoint.path);
        self.methods.add(endpoint, {
            let (handler, state) = (handler.clone(), state.clone());
            move |_, request| {
                let answer = handler(state.clone(), request);
                async move { answer.await.map(R::into_response) }
            }
        });
        let (edge, state) = (self.edge.clone(), state.clone());
        self.route(endpoint, async move |request: axum::extract::Request| {
            let (ticket, admitted) = edge.admit(endpoint, request).await;
            let outcome = match admitted {
                Ok((request, _)) => handler(state, request).await.map(R::into_response),
                Err(error) => Err(error),
            };
            edge.conclude(ticket, outcome).await
        })
    }

    /// Serves an endpoint of `/v1` with `handler`, which itself looks at the caller's token.
    pub fn v1<S, H, F, R>(self, endpoint: &'static Endpoint, state: &S, handler: H) -> Self
    where
        S: Clone + Send + Sync + 'static,
        H: Fn(S, Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<R, v1::Error>> + Send + 'static,
        R: IntoResponse,
    {
        assert!(endpoint.is_v1(), "{} is not in /v1", endpoint.path);
        self.open(endpoint, state, move |state, request| {
            let answer = handler(state, request);
            // To the edge, an error in the shape of /v1 is an answer like any other.
            async move { Ok(answer.await.map_err(V1Failure)) }
        })
    }

    /// Serves an endpoint that needs a signature with `handler`, which gets the one who signed, and its method of
    /// the WebSocket API.
    pub fn signed<S, H, F, R>(mut self, endpoint: &'static Endpoint, state: &S, handler: H) -> Self
    where
        S: Clone + Send + Sync + 'static,
        H: Fn(S, Caller, Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<R, ApiError>> + Send + 'static,
        R: IntoResponse,
    {
        assert!(endpoint.security.is_signed(), "{} asks for no signature", endpoint.path);
        self.methods.add(endpoint, {
            let (handler, state) = (handler.clone(), state.clone());
            move |caller, request| {
                let caller = caller.expect("the connection authenticates every message for a signed endpoint");
                let answer = handler(state.clone(), caller, request);
                async move { answer.await.map(R::into_response) }
            }
        });
        let (edge, state) = (self.edge.clone(), state.clone());
        self.route(endpoint, async move |request: axum::extract::Request| {
            let (ticket, admitted) = edge.admit(endpoint, request).await;
            let outcome = match admitted {
                Ok((request, caller)) => {
                    let caller = caller.expect("the edge authenticates every request for a signed endpoint");
                    handler(state, caller, request).await.map(R::into_response)
                }
                Err(error) => Err(error),
            };
            edge.conclude(ticket, outcome).await
        })
    }

    /// Serves an endpoint with WebSockets: `open` makes the session of each connection, or refuses the upgrade. What
    /// it pushes into the outbox goes out after the upgrade.
    pub fn socket<S, H>(self, endpoint: &'static Endpoint, state: &S, policy: SocketPolicy, open: H) -> Self
    where
        S: Clone + Send + Sync + 'static,
        H: Fn(&S, Opening, Outbox) -> Result<Box<dyn Session>, ApiError> + Clone + Send + Sync + 'static,
    {
        let (edge, state) = (self.edge.clone(), state.clone());
        self.route(endpoint, async move |request: axum::extract::Request| {
            let open = move |opening: Opening, outbox: Outbox| open(&state, opening, outbox);
            crate::socket::upgrade(&edge, endpoint, request, policy, open).await
        })
    }

    /// Serves `endpoint` with the WebSocket API: the methods of all endpoints that are served by now, the session's,
    /// and subscriptions to `user_data`. To be called last.
    pub fn ws_api(mut self, endpoint: &'static Endpoint, user_data: Arc<dyn UserData>) -> Self {
        let methods = std::mem::take(&mut self.methods);
        let api = WsApi::new(self.edge.clone(), methods, user_data);
        self.socket(endpoint, &api, ws_api::POLICY, |api, opening, outbox| api.open(opening, outbox))
    }

    /// The endpoints of these roles that nobody serves yet; empty in a process that is wired up.
    pub fn missing(&self, roles: &[Role]) -> Vec<&'static Endpoint> {
        let is_served = |endpoint: &Endpoint| self.served.iter().any(|served| std::ptr::eq(*served, endpoint));
        paths::ALL.iter().copied().filter(|endpoint| roles.contains(&endpoint.role) && !is_served(endpoint)).collect()
    }

    /// The router: 404 for unknown paths, 405 for wrong methods.
    pub fn into_router(self) -> Router {
        let (unknown, wrong) = (self.edge.clone(), self.edge);
        let unknown_path = async move |request: axum::extract::Request| {
            let mut ticket = unknown.ticket(None, &request);
            let headers = request.into_parts().0.headers;
            let verdict = unknown.admit_stray(&mut ticket).await;
            unknown.conclude(ticket, verdict.map(|()| not_found(&headers))).await
        };
        let wrong_method = async move |request: axum::extract::Request| {
            let mut ticket = wrong.ticket(None, &request);
            drop(request);
            let verdict = wrong.admit_stray(&mut ticket).await;
            wrong.conclude(ticket, verdict.and(Err(ApiError::wrong_method()))).await
        };
        self.router.fallback(unknown_path).method_not_allowed_fallback(wrong_method)
    }

    fn route<H, F>(self, endpoint: &'static Endpoint, serve: H) -> Self
    where
        H: FnOnce(axum::extract::Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let method = match endpoint.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Delete => MethodFilter::DELETE,
        };
        self.probe(endpoint, on(method, serve))
    }

    fn probe(mut self, endpoint: &'static Endpoint, methods: MethodRouter) -> Self {
        self.router = self.router.route(endpoint.path, methods);
        self.served.push(endpoint);
        self
    }
}
