//! From the outcome of a call to the answer on the wire.

use super::{WsApi, metrics};
use crate::respond::{OrderCounts, OrderLimits};
use crate::socket::{Cut, Outbox};
use axum::response::Response;
use emporion_api::names::{LimitInterval, RateLimitType};
use emporion_api::wire::OrderCount;
use emporion_api::ws_api::{Answer, ErrorBody, MessageId};
use emporion_api::{ApiError, Code};
use emporion_model::TimeUs;
use http_body_util::BodyExt;
use std::net::IpAddr;

/// The client went on after being told to stop.
const BANNED: Cut = Cut { code: 1008, reason: "banned" };
/// What the answer would have been, nobody knows.
const LOST: Cut = Cut { code: 1011, reason: "internal error" };

/// What a call that succeeded has for its client.
pub(super) struct Success {
    body: String,
    orders: Vec<OrderCount>,
}

impl Success {
    /// This JSON.
    pub(super) fn new(body: String) -> Self {
        Self { body, orders: Vec::new() }
    }

    pub(super) fn of(body: &impl serde::Serialize) -> Self {
        Self::new(serde_json::to_string(body).expect("texts and numbers always serialise"))
    }
}

/// The answer that a message waits for. If the one who owes it panics, the client is cut off: it would wait for
/// ever.
pub(super) struct Reply {
    pub(super) api: WsApi,
    pub(super) outbox: Outbox,
    pub(super) method: &'static str,
    pub(super) id: MessageId,
    pub(super) address: IpAddr,
    pub(super) began_at: TimeUs,
    pub(super) used_weight: u32,
    pub(super) weight_on_failure: u32,
    pub(super) shows_rate_limits: bool,
}

impl Reply {
    /// Answers with what a handler gave.
    pub(super) async fn finish_response(self, outcome: Result<Response, ApiError>) {
        match outcome {
            Ok(response) => match read(response).await {
                Ok(success) => self.succeed(&success),
                Err(error) => self.fail(&error),
            },
            Err(error) => self.fail(&error),
        }
    }

    /// Answers with the result.
    pub(super) fn succeed(self, success: &Success) {
        self.send(200, &success.body, &success.orders);
    }

    /// Answers with an error. Who was banned is also cut off.
    pub(super) fn fail(mut self, error: &ApiError) {
        if self.weight_on_failure > 0 {
            let limits = self.api.0.edge.limits();
            let (used, weight) = (self.used_weight, self.weight_on_failure);
            self.used_weight = limits.add_soon(self.address, used, weight, self.began_at);
        }
        let body = ErrorBody::new(error, self.api.0.edge.clock().now()).to_json();
        self.send(error.status, &body, &[]);
        if error.status == 418 {
            self.outbox.close(BANNED);
        }
    }

    /// Says that the key which was logged on works no more. As documented, this answer has no id.
    pub(super) fn revoke(mut self) {
        self.id = MessageId::NULL;
        self.shows_rate_limits = false;
        self.fail(&Code::RejectedApiKey.into());
    }

    fn send(&self, status: u16, body: &str, orders: &[OrderCount]) {
        let rate_limits = self.shows_rate_limits.then(|| [orders, self.weight().as_slice()].concat());
        let answer = Answer { id: &self.id, status, body, rate_limits: rate_limits.as_deref() };
        self.outbox.push(answer.to_json().into());
        metrics::answered(self.method, status);
    }

    /// The weight used in this minute, if it is limited.
    fn weight(&self) -> Option<OrderCount> {
        let limit = self.api.0.edge.limits().policy_of(self.address).weight_per_minute?;
        Some(OrderCount {
            rate_limit_type: RateLimitType::RequestWeight.into(),
            interval: LimitInterval::Minute.into(),
            interval_num: 1,
            limit,
            count: self.used_weight,
        })
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.outbox.cut(LOST);
        }
    }
}

/// The body of a handler's answer, which is in memory already.
async fn read(response: Response) -> Result<Success, ApiError> {
    let (head, body) = response.into_parts();
    let unusable = |reason: &str| {
        tracing::error!(reason, status = head.status.as_u16(), "a handler's answer cannot be put into a message");
        ApiError::from(Code::Unknown)
    };
    if !head.status.is_success() {
        return Err(unusable("it is no success"));
    }
    let body = body.collect().await.map_err(|_| unusable("it cannot be read"))?.to_bytes();
    let body = String::from_utf8(body.into()).map_err(|_| unusable("it is not text"))?;
    let counts = head.extensions.get::<OrderCounts>().copied();
    let limits = head.extensions.get::<OrderLimits>().copied().unwrap_or_default();
    Ok(Success { body, orders: counts.map(|counts| orders(counts, limits)).unwrap_or_default() })
}

/// The counts of an account's unfilled orders, where there is a limit.
fn orders(counts: OrderCounts, limits: OrderLimits) -> Vec<OrderCount> {
    let order = |interval: LimitInterval, interval_num, limit: Option<u32>, count| {
        let (rate_limit_type, interval) = (RateLimitType::Orders.into(), interval.into());
        limit.map(|limit| OrderCount { rate_limit_type, interval, interval_num, limit, count })
    };
    let ten_seconds = order(LimitInterval::Second, 10, limits.ten_seconds, counts.ten_seconds);
    let day = order(LimitInterval::Day, 1, limits.day, counts.day);
    ten_seconds.into_iter().chain(day).collect()
}
