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

/// Requests that wait for their answers at the same time: as many as the venue begins of one connection. Far more,
/// all refused for a limit, would get this network banned.
const IN_FLIGHT_MAX: usize = 64;
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

impl Answer {
    /// Whether it was refused because requests were too many.
    pub(super) fn is_limited(&self) -> bool {
        matches!(self.status, 418 | 429)
    }
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
        let mut limited: Option<Answer> = None;
        loop {
            while limited.is_none()
                && owed.len() < IN_FLIGHT_MAX
                && let Some((index, request)) = waiting.next()
            {
                self.next_id += 1;
                owed.insert(self.next_id, index);
                let message = self.message(request);
                self.socket()?.feed(message).await.map_err(|error| error.to_string())?;
            }
            if owed.is_empty() {
                // What comes after a limit would be refused as well, so it is not even sent.
                waiting.for_each(|(index, _)| answers[index] = limited.clone());
                return Ok(());
            }
            self.socket()?.flush().await.map_err(|error| error.to_string())?;
            // As much as there is room for goes out in one go.
            let few = if waiting.len() == 0 || limited.is_some() { 0 } else { IN_FLIGHT_MAX / 2 };
            while owed.len() > few {
                let (id, answer) = self.answer().await?;
                if answer.is_limited() {
                    limited = Some(answer.clone());
                }
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

/// A venue that answers as it is told, for tests.
#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use std::collections::VecDeque;
    use std::sync::Arc;
    use tokio::net::TcpListener;
    use tokio::sync::Mutex;

    const SECRET: &str = "secret";

    pub(in super::super) fn key() -> Key {
        Key { api_key: "key".to_owned(), signer: Signer::hmac(SECRET) }
    }

    /// Takes one connection after another.
    pub(in super::super) struct Server {
        pub(in super::super) address: String,
        /// What was asked for, log-ons left out.
        pub(in super::super) asked: Arc<Mutex<Vec<Value>>>,
    }

    impl Server {
        /// Answers with these, a status and a body each, `None` by closing the connection. With nothing left it
        /// is silent.
        pub(in super::super) async fn start(answers: Vec<Option<(u16, Value)>>) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let asked = Arc::new(Mutex::new(Vec::new()));
            let server = Self { address, asked: asked.clone() };
            tokio::spawn(async move {
                let mut answers = VecDeque::from(answers);
                while let Ok((stream, _)) = listener.accept().await {
                    serve(stream, &mut answers, &asked).await;
                }
            });
            server
        }
    }

    async fn serve(stream: TcpStream, answers: &mut VecDeque<Option<(u16, Value)>>, asked: &Mutex<Vec<Value>>) {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let request: Value = serde_json::from_str(text.as_str()).unwrap();
            let (status, body) = if request["method"] == "session.logon" {
                let params = &request["params"];
                let payload = format!("apiKey=key&timestamp={}", params["timestamp"]);
                assert_eq!(params["signature"], Signer::hmac(SECRET).sign(payload.as_bytes()));
                (200, Value::Null)
            } else {
                asked.lock().await.push(request.clone());
                let Some(answer) = answers.pop_front() else { continue };
                let Some(answer) = answer else {
                    // What came meanwhile is read, because closing on it would take back what was answered.
                    let _ = socket.close(None).await;
                    while let Some(Ok(_)) = socket.next().await {}
                    return;
                };
                answer
            };
            let member = if status == 200 { "result" } else { "error" };
            let stray = json!({ "id": null, "status": 401, "error": {} }).to_string();
            socket.send(Message::text(stray)).await.unwrap();
            let answer = json!({ "id": request["id"], "status": status, member: body }).to_string();
            socket.send(Message::text(answer)).await.unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Server, key};
    use super::*;

    fn requests(count: usize) -> Vec<Request> {
        let request = |n: usize| Request { method: "order.place", parameters: vec![("n", n.to_string())] };
        (0..count).map(request).collect()
    }

    #[tokio::test]
    async fn more_than_may_be_in_flight_is_answered_in_order() {
        let count = 3 * IN_FLIGHT_MAX + 1;
        let server = Server::start((0..count).map(|n| Some((200, json!(n)))).collect()).await;
        let mut line = Line::open(&server.address, key()).await.unwrap();
        let answers = line.exchange(&requests(count)).await.unwrap();
        let expected = (0..count).map(|n| Some(Answer { status: 200, body: json!(n) }));
        assert!(answers.into_iter().eq(expected));
        let asked = server.asked.lock().await;
        assert!(asked.iter().enumerate().all(|(n, request)| request["params"]["n"] == json!(n.to_string())));
        assert!(asked.iter().all(|request| request["params"]["timestamp"].is_u64()));
    }

    #[tokio::test]
    async fn a_lost_connection_is_told_and_made_again() {
        let good = |n: u64| Some((200, json!(n)));
        let server = Server::start(vec![good(1), None, good(2), good(3)]).await;
        let mut line = Line::open(&server.address, key()).await.unwrap();
        let answer = |n: u64| Some(Answer { status: 200, body: json!(n) });
        assert_eq!(line.exchange(&requests(3)).await.unwrap(), [answer(1), None, None]);
        assert_eq!(line.exchange(&requests(2)).await.unwrap(), [answer(2), answer(3)]);
    }

    #[tokio::test]
    async fn nothing_more_is_sent_once_a_limit_is_reached() {
        let limited = (0..IN_FLIGHT_MAX).map(|_| Some((429, json!({ "code": -1003 })))).collect();
        let server = Server::start(limited).await;
        let mut line = Line::open(&server.address, key()).await.unwrap();
        let answers = line.exchange(&requests(5 * IN_FLIGHT_MAX)).await.unwrap();
        assert_eq!(answers.len(), 5 * IN_FLIGHT_MAX);
        assert!(answers.iter().all(|answer| answer.as_ref().is_some_and(Answer::is_limited)));
        assert_eq!(server.asked.lock().await.len(), IN_FLIGHT_MAX);
    }

    #[tokio::test]
    async fn who_is_not_there_is_named() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let failure = Line::open(&address, key()).await.err().unwrap();
        assert!(failure.sentence.contains(&address) && failure.sentence.contains("refused"), "{failure}");
    }
}
