//! The methods that belong to the connection: logging on and out, and subscriptions.

use super::connection::Connection;
use super::log_on::{Denied, LogOn};
use super::reply::{Reply, Success};
use super::subscriptions::{Basis, Begun, Subscriber};
use crate::auth::{Purpose, permit};
use emporion_api::ws_api::{SessionMethod, SessionStatus};
use emporion_api::{Code, Params, Security};
use emporion_model::TimeUs;

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

impl Connection {
    /// Answers a method of the session.
    pub(super) async fn serve(&mut self, method: SessionMethod, params: &Params, reply: Reply) {
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

    pub(super) fn forget_log_on(&mut self) {
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
}
