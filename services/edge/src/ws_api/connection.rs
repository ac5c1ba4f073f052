//! One connection: from each message to its method.

use super::choices::Choices;
use super::in_flight::{InFlight, Place};
use super::log_on::{Denied, LogOn, Sender};
use super::methods::Method;
use super::reply::Reply;
use super::subscriptions::Subscriptions;
use super::{UNREAD_BYTES_MAX, WsApi, metrics};
use crate::Request;
use crate::edge::{STRAY_WEIGHT, weigh};
use crate::socket::{Opening, Outbox, Session};
use async_trait::async_trait;
use emporion_api::ws_api::{Message, MessageId, SessionMethod, Unreadable};
use emporion_api::{ApiError, Code, Params};
use emporion_model::TimeUs;
use std::net::IpAddr;

/// One connection's state.
pub(super) struct Connection {
    api: WsApi,
    outbox: Outbox,
    address: IpAddr,
    pub(super) opened_at: TimeUs,
    pub(super) choices: Choices,
    pub(super) log_on: Option<LogOn>,
    pub(super) subscriptions: Subscriptions,
    in_flight: InFlight,
}

/// What a message is for.
#[derive(Clone)]
enum Target {
    Endpoint(Method),
    Session(SessionMethod),
}

impl Target {
    fn name(&self) -> &'static str {
        match self {
            Self::Endpoint(method) => method.name,
            Self::Session(method) => method.name(),
        }
    }

    /// What a message weighs at once, and what in addition when it fails.
    fn weigh(&self, params: Option<&Params>) -> (u32, u32) {
        match self {
            Self::Endpoint(method) => weigh(method.endpoint, params),
            Self::Session(_) => (SessionMethod::WEIGHT, 0),
        }
    }
}

/// A message as far as its text says what it is.
struct Read {
    id: MessageId,
    target: Result<Target, ApiError>,
    params: Result<Params, ApiError>,
}

#[async_trait]
impl Session for Connection {
    async fn receive(&mut self, text: &str) {
        self.outbox.drained_to(UNREAD_BYTES_MAX).await;
        let place = self.in_flight.place().await;
        let received_at = self.api.0.edge.clock().now();
        let Read { id, target, params } = self.read(text);
        let (mut reply, verdict) = self.charge(id, target.as_ref().ok(), params.as_ref().ok(), received_at).await;
        let admitted = verdict.and(target).and_then(|target| {
            let params = params?;
            reply.shows_rate_limits = self.shows_rate_limits(&params)?;
            Ok((target, params))
        });
        match admitted {
            Ok((Target::Endpoint(method), params)) => self.call(&method, params, reply, place).await,
            Ok((Target::Session(method), params)) => self.serve(method, &params, reply).await,
            Err(error) => reply.fail(&error),
        }
    }
}

impl Connection {
    pub(super) fn new(api: WsApi, opening: &Opening, choices: Choices, outbox: Outbox) -> Self {
        let Opening { address, opened_at, .. } = *opening;
        let subscriptions = Subscriptions::new(api.clone(), outbox.clone(), address, choices.time_unit);
        let in_flight = InFlight::new();
        Self { api, outbox, address, opened_at, choices, log_on: None, subscriptions, in_flight }
    }

    fn read(&self, text: &str) -> Read {
        let message = match Message::parse(text) {
            Ok(message) => message,
            Err(Unreadable { id, error }) => return Read { id, target: Err(error), params: Ok(Params::default()) },
        };
        let endpoint = self.api.0.methods.get(message.method()).cloned().map(Target::Endpoint);
        let target = endpoint.or_else(|| SessionMethod::parse(message.method()).map(Target::Session));
        let target = target.ok_or_else(|| Code::UnsupportedOperation.into());
        Read { params: message.params(), id: message.id, target }
    }

    /// Counts a message.
    async fn charge(
        &self,
        id: MessageId,
        target: Option<&Target>,
        params: Option<&Params>,
        began_at: TimeUs,
    ) -> (Reply, Result<(), ApiError>) {
        let (weight, weight_on_failure) = target.map_or((STRAY_WEIGHT, 0), |target| target.weigh(params));
        let charge = self.api.0.edge.limits().charge(self.address, weight, began_at).await;
        let reply = Reply {
            api: self.api.clone(),
            outbox: self.outbox.clone(),
            method: target.map_or(metrics::OTHER, Target::name),
            id,
            address: self.address,
            began_at,
            used_weight: charge.used_weight,
            weight_on_failure,
            shows_rate_limits: self.choices.return_rate_limits,
        };
        (reply, charge.verdict)
    }

    fn shows_rate_limits(&self, params: &Params) -> Result<bool, ApiError> {
        let chosen = params.peek(|reader| reader.optional("returnRateLimits"))?;
        Ok(chosen.unwrap_or(self.choices.return_rate_limits))
    }

    /// Hands a message to its endpoint's handler.
    async fn call(&mut self, method: &Method, params: Params, reply: Reply, place: Place) {
        let security = method.endpoint.security;
        let received_at = reply.began_at;
        let caller = if security.is_signed() {
            let caller = self.sender(&params, received_at).caller(security, self.log_on.as_ref()).await;
            match caller {
                Ok(caller) => Some(caller),
                Err(denied) => return self.deny(denied, reply),
            }
        } else {
            None
        };
        let request = Request::message(method.endpoint, params, self.address, received_at, self.choices.time_unit);
        let outcome = method.call(caller, request);
        let call = Box::pin(async move { reply.finish_response(outcome.await).await });
        self.in_flight.start(place, call).await;
    }

    pub(super) fn deny(&mut self, denied: Denied, reply: Reply) {
        match denied {
            Denied::Refused(error) => reply.fail(&error),
            Denied::Revoked => {
                self.forget_log_on();
                reply.revoke();
            }
        }
    }

    pub(super) fn sender<'m>(&'m self, params: &'m Params, received_at: TimeUs) -> Sender<'m> {
        Sender { api: &self.api, params, address: self.address, received_at }
    }
}
