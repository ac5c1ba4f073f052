//! The methods that are the same call as an endpoint, each with the endpoint's handler.

use crate::{Caller, Request};
use axum::response::Response;
use emporion_api::{ApiError, Endpoint, paths};
use futures_util::future::{BoxFuture, FutureExt};
use std::collections::HashMap;
use std::sync::Arc;

/// What comes of a call.
pub(super) type Outcome = Result<Response, ApiError>;

type Handler = Arc<dyn Fn(Option<Caller>, Request) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// One method.
#[derive(Clone)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) endpoint: &'static Endpoint,
    handler: Handler,
}

impl Method {
    /// The handler's future; `caller` is there if the endpoint asks for a signature.
    pub(super) fn call(&self, caller: Option<Caller>, request: Request) -> BoxFuture<'static, Outcome> {
        (self.handler)(caller, request)
    }
}

/// The methods of a process, by their names.
#[derive(Default)]
pub(crate) struct Methods(HashMap<&'static str, Method>);

impl Methods {
    /// Adds the method of `endpoint`, if it has one.
    pub(crate) fn add<F>(
        &mut self,
        endpoint: &'static Endpoint,
        handler: impl Fn(Option<Caller>, Request) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Outcome> + Send + 'static,
    {
        if let Some((name, _)) = paths::WS_METHODS.iter().find(|(_, of)| std::ptr::eq(*of, endpoint)) {
            let handler: Handler = Arc::new(move |caller, request| handler(caller, request).boxed());
            self.0.insert(name, Method { name, endpoint, handler });
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Method> {
        self.0.get(name)
    }
}
