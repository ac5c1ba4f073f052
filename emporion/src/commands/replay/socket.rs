//! One account's connection to the venue's WebSocket API: requests go out in order, many at once, and answers are
//! matched by their ids. A lost connection is made again; what was not answered on it is told as such.

use crate::Failure;
use emporion_api::signing::Signer;
use emporion_edge::Clock;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Requests that wait for their answers at the same time.
const IN_FLIGHT_MAX: usize = 256;
/// How long the venue may be silent while it owes answers; it says "not finished" before.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long a connection is tried to be made again.
const RECONNECT_MAX: Duration = Duration::from_secs(30);
/// Between two tries.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// How late the venue may still begin a request, in milliseconds: what waits in a queue is not stale.
const RECEIVE_WINDOW_MS: u64 = 60_000;

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) parameters: Vec<(&'static str, String)>,
}

/// What came back: `result` with status 200, else `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// Who asks.
pub(super) struct Key {
    pub(super) api_key: String,
    pub(super) signer: Signer,
}

/// A connection that is logged on.
pub(super) struct Line {
    address: String,
    key: Key,
    clock: Clock,
    socket: Option<WebSocketStream<TcpStream>>,
    next_id: u64,
}

impl Line {
    /// Connects to the venue at `address`, a host and port, and logs on.
    pub(super) async fn open(address: &str, key: Key) -> Result<Self, Failure> {
        let clock = Clock::system();
        let mut line = Self { address: address.to_owned(), key, clock, socket: None, next_id: 0 };
        line.connect().await.map_err(|reason| line.failed(&reason))?;
        Ok(line)
    }

    /// Sends all requests and gives their answers, in their order. None is what a lost connection left open:
    /// such a request was executed or was not.
    pub(super) async fn exchange(&mut self, requests: &[Request]) -> Result<Vec<Option<Answer>>, Failure> {
        self.reconnect().await?;
        let mut answers = vec![None; requests.len()];
        if let Err(reason) = self.try_exchange(requests, &mut answers).await {
            tracing::debug!(reason, "A connection to the venue was lost.");
            self.socket = None;
        }
        Ok(answers)
    }

    async fn try_exchange(&mut self, requests: &[Request], answers: &mut [Option<Answer>]) -> Result<(), String> {
        let mut owed = BTreeMap::new();
        let mut waiting = requests.iter().enumerate();
        loop {
            while owed.len() < IN_FLIGHT_MAX
                && let Some((index, request)) = waiting.next()
            {
                self.next_id += 1;
                owed.insert(self.next_id, index);
                let message = self.message(request);
                self.socket()?.feed(message).await.map_err(|error| error.to_string())?;
            }
            if owed.is_empty() {
                return Ok(());
            }
            self.socket()?.flush().await.map_err(|error| error.to_string())?;
            // As much as there is room for goes out in one go.
            let few = if waiting.len() == 0 { 0 } else { IN_FLIGHT_MAX / 2 };
            while owed.len() > few {
                let (id, answer) = self.answer().await?;
                if let Some(index) = owed.remove(&id) {
                    answers[index] = Some(answer);
                }
            }
        }
    }

    fn message(&self, request: &Request) -> Message {
        let mut params: Map<String, Value> =
            request.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
        params.insert("timestamp".to_owned(), self.clock.now().millis().into());
        params.insert("recvWindow".to_owned(), RECEIVE_WINDOW_MS.into());
        Message::text(json!({ "id": self.next_id, "method": request.method, "params": params }).to_string())
    }

    /// The next answer with its id.
    async fn answer(&mut self) -> Result<(u64, Answer), String> {
        loop {
            let message = timeout(SILENCE_MAX, self.socket()?.next()).await;
            let message = message.map_err(|_| format!("it did not answer within {} s", SILENCE_MAX.as_secs()))?;
            if let Some(text) = text_of(message)? {
                let mut answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
                let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
                let Some((id, status)) = answer["id"].as_u64().zip(status) else { continue };
                let member = if status == 200 { "result" } else { "error" };
                return Ok((id, Answer { status, body: answer[member].take() }));
            }
        }
    }

    /// Reads what comes unasked until then, so that the venue's pings are answered.
    pub(super) async fn idle(&mut self) {
        loop {
            let Some(socket) = &mut self.socket else { return std::future::pending().await };
            if text_of(socket.next().await).is_err() {
                self.socket = None;
            }
        }
    }

    fn socket(&mut self) -> Result<&mut WebSocketStream<TcpStream>, String> {
        self.socket.as_mut().ok_or_else(|| "the connection is closed".to_owned())
    }

    async fn reconnect(&mut self) -> Result<(), Failure> {
        let until = Instant::now() + RECONNECT_MAX;
        while self.socket.is_none() {
            let Err(reason) = self.connect().await else { return Ok(()) };
            if Instant::now() >= until {
                return Err(self.failed(&reason));
            }
            pause(RECONNECT_PAUSE).await;
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), String> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let url = format!("ws://{}/ws-api/v3?returnRateLimits=false", self.address);
        let opened = timeout(SILENCE_MAX, client_async(url, stream)).await;
        let opened = opened.map_err(|_| format!("it did not answer within {} s", SILENCE_MAX.as_secs()))?;
        self.socket = Some(opened.map_err(|error| error.to_string())?.0);
        let done = self.log_on().await;
        if done.is_err() {
            self.socket = None;
        }
        done
    }

    async fn log_on(&mut self) -> Result<(), String> {
        let timestamp = self.clock.now().millis();
        let payload = format!("apiKey={}&timestamp={timestamp}", self.key.api_key);
        let signature = self.key.signer.sign(payload.as_bytes());
        let params = json!({ "apiKey": self.key.api_key, "timestamp": timestamp, "signature": signature });
        self.next_id += 1;
        let message = json!({ "id": self.next_id, "method": "session.logon", "params": params }).to_string();
        self.socket()?.send(Message::text(message)).await.map_err(|error| error.to_string())?;
        match self.answer().await? {
            (_, Answer { status: 200, .. }) => Ok(()),
            (_, Answer { body, .. }) => Err(body["msg"].as_str().unwrap_or("it refused to log on").to_owned()),
        }
    }

    fn failed(&self, reason: &str) -> Failure {
        Failure::failed(format!("the WebSocket API of the venue at {} cannot be used: {reason}", self.address))
    }
}

/// The text of a message; `None` for one that has none.
fn text_of(message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> Result<Option<String>, String> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
        Some(Ok(Message::Close(_))) | None => Err("it closed the connection".to_owned()),
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(error.to_string()),
    }
}

/// Before something is asked for again.
#[expect(clippy::disallowed_methods, reason = "the venue gives no sign when it has room or is back")]
pub(super) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
