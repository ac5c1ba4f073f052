//! One connection: from each message to its method.

use super::choices::Choices;
use super::in_flight::{InFlight, Place};
use super::log_on::{Denied, LogOn, Sender};
use super::methods::Method;
use super::reply::{Reply, Success};
use super::subscriptions::{Basis, Begun, Subscriber, Subscriptions};
use super::{WsApi, metrics};
use crate::Request;
use crate::auth::{Purpose, permit};
use crate::edge::{STRAY_WEIGHT, weigh};
use crate::socket::{Opening, Outbox, Session};
use async_trait::async_trait;
use emporion_api::ws_api::{Message, MessageId, SessionMethod, SessionStatus, Unreadable};
use emporion_api::{ApiError, Code, Params, Security};
use emporion_model::TimeUs;
use std::net::IpAddr;

/// One connection's state.
pub(super) struct Connection {
    api: WsApi,
    outbox: Outbox,
    address: IpAddr,
    opened_at: TimeUs,
    choices: Choices,
    log_on: Option<LogOn>,
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

/// What a method of the session gives, and the events that go out after it.
struct SessionAnswer {
    success: Success,
    begun: Option<Begun>,
}

impl From<Success> for SessionAnswer {
    fn from(success: Success) -> Self {
        Self { success, begun: None }
    }
}

#[async_trait]
impl Session for Connection {
    async fn receive(&mut self, text: &str) {
        let place = self.in_flight.place().await;
        let received_at = self.api.0.edge.clock().now();
        let Read { id, target, params } = self.read(text);
        let (mut reply, verdict) = self.charge(id, target.as_ref().ok(), params.as_ref().ok(), received_at);
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
    fn charge(
        &self,
        id: MessageId,
        target: Option<&Target>,
        params: Option<&Params>,
        began_at: TimeUs,
    ) -> (Reply, Result<(), ApiError>) {
        let (weight, weight_on_failure) = target.map_or((STRAY_WEIGHT, 0), |target| target.weigh(params));
        let charge = self.api.0.edge.limits().charge(self.address, weight, began_at);
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

    /// Answers a method of the session.
    async fn serve(&mut self, method: SessionMethod, params: &Params, reply: Reply) {
        let now = reply.began_at;
        let answer = match method {
            SessionMethod::LogOn => self.log_on(params, now).await,
            SessionMethod::Status => self.status(params, now).await,
            SessionMethod::LogOut => self.log_out(params, now),
            SessionMethod::Subscriptions => self.list(params),
            SessionMethod::Subscribe => self.subscribe(params, now).await,
            SessionMethod::SubscribeBySignature => self.subscribe_by_signature(params, now).await,
            SessionMethod::Unsubscribe => self.unsubscribe(params),
        };
        match answer {
            Ok(SessionAnswer { success, begun }) => {
                reply.succeed(&success);
                drop(begun);
            }
            Err(denied) => self.deny(denied, reply),
        }
    }

    fn deny(&mut self, denied: Denied, reply: Reply) {
        match denied {
            Denied::Refused(error) => reply.fail(&error),
            Denied::Revoked => {
                self.forget_log_on();
                reply.revoke();
            }
        }
    }

    /// Logs the connection on. Another key than before takes the place of the old one, with all that rested on it.
    async fn log_on(&mut self, params: &Params, now: TimeUs) -> Result<SessionAnswer, Denied> {
        let caller = self.sender(params, now).by_signature(Purpose::LogOn).await?;
        params.read_signed_message(|_| Ok(()))?;
        if self.log_on.as_ref().is_some_and(|log_on| log_on.key != caller.key) {
            self.forget_log_on();
        }
        self.log_on = Some(LogOn { key: caller.key, since: now });
        Ok(self.session_status(now))
    }

    async fn status(&self, params: &Params, now: TimeUs) -> Result<SessionAnswer, Denied> {
        params.read_message(|_| Ok(()))?;
        if let Some(log_on) = &self.log_on {
            self.sender(params, now).still_working(log_on).await?;
        }
        Ok(self.session_status(now))
    }

    fn log_out(&mut self, params: &Params, now: TimeUs) -> Result<SessionAnswer, Denied> {
        params.read_message(|_| Ok(()))?;
        self.forget_log_on();
        Ok(self.session_status(now))
    }

    fn list(&self, params: &Params) -> Result<SessionAnswer, Denied> {
        params.read_message(|_| Ok(()))?;
        Ok(Success::of(&self.subscriptions.ids()).into())
    }

    async fn subscribe(&mut self, params: &Params, now: TimeUs) -> Result<SessionAnswer, Denied> {
        params.read_message(|_| Ok(()))?;
        let log_on = self.log_on.as_ref().ok_or(Code::Unauthorized)?;
        let record = self.sender(params, now).still_working(log_on).await?;
        permit(&record, Purpose::Call(Security::UserData))?;
        let subscriber = Subscriber { account: record.account, key: log_on.key.clone(), basis: Basis::LogOn };
        self.begin(subscriber).await
    }

    async fn subscribe_by_signature(&mut self, params: &Params, now: TimeUs) -> Result<SessionAnswer, Denied> {
        let caller = self.sender(params, now).by_signature(Purpose::Call(Security::UserData)).await?;
        params.read_signed_message(|_| Ok(()))?;
        self.begin(Subscriber { account: caller.account, key: caller.key, basis: Basis::Signature }).await
    }

    async fn begin(&mut self, subscriber: Subscriber) -> Result<SessionAnswer, Denied> {
        let begun = self.subscriptions.subscribe(subscriber).await?;
        Ok(SessionAnswer { success: Success::of(&begun.id), begun: Some(begun) })
    }

    fn unsubscribe(&self, params: &Params) -> Result<SessionAnswer, Denied> {
        let id = params.read_message(|reader| reader.optional("subscriptionId"))?;
        self.subscriptions.unsubscribe(id)?;
        Ok(Success::new("{}".to_owned()).into())
    }

    fn forget_log_on(&mut self) {
        self.log_on = None;
        self.subscriptions.log_out();
    }

    fn session_status(&self, now: TimeUs) -> SessionAnswer {
        let unit = self.choices.time_unit;
        let status = SessionStatus {
            api_key: self.log_on.as_ref().map(|log_on| log_on.key.as_str().to_owned()),
            authorized_since: self.log_on.as_ref().map(|log_on| unit.of(log_on.since)),
            connected_since: unit.of(self.opened_at),
            return_rate_limits: self.choices.return_rate_limits,
            server_time: unit.of(now),
            user_data_stream: !self.subscriptions.ids().is_empty(),
        };
        Success::of(&status).into()
    }

    fn sender<'m>(&'m self, params: &'m Params, received_at: TimeUs) -> Sender<'m> {
        Sender { api: &self.api, params, address: self.address, received_at }
    }
}
