//! Streams as a client sees them, from the address to the last event; without a network between.

mod addresses;
mod control;
mod delivery;
mod hostile;
mod together;

use super::event::{Shape, StreamEvent};
use super::hub::Hub;
use super::name::Stream;
use super::session::StreamSession;
use emporion_api::{ApiError, TimeUnit};
use emporion_edge::socket::{Cut, Opening, Outbox, OutboxLimits, Session};
use emporion_model::TimeUs;
use http::{HeaderMap, Uri};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Longer than anything here takes.
const GUARD: Duration = Duration::from_secs(30);

/// A connection and what reached it.
struct Client {
    session: StreamSession,
    outbox: Outbox,
}

impl Client {
    fn new(hub: &Hub, address: &str) -> Self {
        Self::with_limits(hub, address, OutboxLimits::default())
    }

    fn with_limits(hub: &Hub, address: &str, limits: OutboxLimits) -> Self {
        Self::open(hub, address.parse().unwrap(), limits).unwrap()
    }

    fn open(hub: &Hub, uri: Uri, limits: OutboxLimits) -> Result<Self, ApiError> {
        let shape = if uri.path().starts_with("/stream") { Shape::Combined } else { Shape::Raw };
        let headers = HeaderMap::new();
        let opening = Opening { address: Ipv4Addr::LOCALHOST.into(), uri, headers, opened_at: TimeUs(0) };
        let outbox = Outbox::new(limits);
        Ok(Self { session: StreamSession::open(hub, &opening, outbox.clone(), shape)?, outbox })
    }

    async fn send(&mut self, text: &str) {
        self.session.receive(text).await;
    }

    /// Sends one message, before which nothing came, and gives what came after it.
    async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        let [answer] = <[String; 1]>::try_from(self.taken().await.unwrap()).unwrap();
        answer
    }

    async fn subscribe(&mut self, names: &[&str]) {
        let names = serde_json::to_string(names).unwrap();
        let request = format!(r#"{{"method":"SUBSCRIBE","params":{names},"id":1}}"#);
        assert_eq!(self.ask(&request).await, r#"{"result":null,"id":1}"#);
    }

    /// What the connection says it gets.
    async fn streams(&mut self) -> String {
        let answer = self.ask(r#"{"method":"LIST_SUBSCRIPTIONS","id":9}"#).await;
        answer.strip_prefix(r#"{"result":["#).unwrap().strip_suffix(r#"],"id":9}"#).unwrap().replace('"', "")
    }

    /// Everything that waits; waits for something itself.
    async fn taken(&self) -> Result<Vec<String>, Cut> {
        let mut texts = Vec::new();
        tokio::time::timeout(GUARD, self.outbox.take(&mut texts)).await.expect("something comes")?;
        Ok(texts.iter().map(|text| text.as_str().to_owned()).collect())
    }

    /// Expects exactly these texts to wait.
    #[track_caller]
    fn check<'a>(&'a self, expected: &'a [&str]) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            // So that there is something to take when nothing is expected.
            self.outbox.push("end".into());
            let mut texts = self.taken().await.unwrap();
            assert_eq!(texts.pop().as_deref(), Some("end"));
            assert_eq!(texts, expected, "{caller}");
        }
    }
}

fn stream(name: &str) -> Stream {
    Stream::parse(name).unwrap_or_else(|| panic!("{name} is no stream"))
}

/// Something that happened at a time, so many microseconds after the epoch.
fn event(name: &str, time: u64) -> StreamEvent {
    StreamEvent::new(stream(name), move |unit| format!(r#"{{"E":{}}}"#, unit.of(TimeUs(time)).number()))
}

/// Something that happened, told alike in all units.
fn note(name: &str, text: &'static str) -> StreamEvent {
    StreamEvent::new(stream(name), move |_: TimeUnit| format!(r#""{text}""#))
}
