//! WebSockets over real sockets: a small service with sessions of the test's own, spoken to by a client that
//! knows the protocol, and by one that breaks it.

use async_trait::async_trait;
use emporion_api::{ApiError, Code, paths};
use emporion_edge::socket::{Cut, LatestKey, Opening, Outbox, OutboxLimits, Session, SocketOptions, SocketPolicy};
use emporion_edge::{Clock, Edge, EdgeOptions, LimitPolicy, LimitsOptions, Readiness, Routes, ServeOptions, serve};
use emporion_model::TimeUs;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord};
use emporion_ports::users::ApiKeyName;
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};

const NOW_MS: u64 = 1_700_000_000_000;

/// Only a guard: every wait here is for an event.
const GUARD: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3_600);

const POLICY: SocketPolicy = SocketPolicy {
    messages_per_second_max: None,
    outbox: OutboxLimits { messages_max: 16_384, bytes_max: 4 << 20 },
    weight: 2,
    is_stream: true,
};

struct NoKeys;

#[async_trait]
impl KeyDirectory for NoKeys {
    async fn lookup(&self, _: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        Ok(None)
    }
}

/// Sends back what it gets, tells the test, and waits for a permit where the test asks it to.
struct Echo {
    outbox: Outbox,
    received: mpsc::Sender<String>,
    permits: Option<Arc<Semaphore>>,
}

#[async_trait]
impl Session for Echo {
    async fn receive(&mut self, text: &str) {
        self.received.send(text.to_owned()).await.expect("the test listens");
        if let Some(permits) = &self.permits {
            permits.acquire().await.expect("open").forget();
        }
        self.outbox.push(format!("echo {text}").into());
    }
}

/// What the test sees of a session that was opened.
struct Opened {
    opening: Opening,
    outbox: Outbox,
    received: mpsc::Receiver<String>,
    permits: Arc<Semaphore>,
}

struct Server {
    address: SocketAddr,
    opened: mpsc::Receiver<Opened>,
    shutdown: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

type Client = WebSocketStream<TcpStream>;

/// Nothing happens by itself.
fn patient() -> ServeOptions {
    let socket = SocketOptions { ping_interval: HOUR, pong_timeout: HOUR, lifetime: HOUR, farewell: HOUR };
    ServeOptions { socket, ..ServeOptions::default() }
}

impl Server {
    async fn start() -> Self {
        Self::start_with(LimitPolicy::OFF, patient(), POLICY).await
    }

    async fn start_with(limits: LimitPolicy, options: ServeOptions, policy: SocketPolicy) -> Self {
        let limits = LimitsOptions { policy: limits, ..LimitsOptions::default() };
        let edge_options = EdgeOptions { limits, ..EdgeOptions::default() };
        let clock = Clock::new(|| TimeUs::from_millis(NOW_MS));
        let edge = Edge::new(edge_options, Arc::new(NoKeys), Readiness::new(), clock);
        let (tell, opened) = mpsc::channel(1_024);
        let mut routes = Routes::new(edge);
        for endpoint in [&paths::RAW_STREAMS, &paths::NAMED_RAW_STREAMS, &paths::COMBINED_STREAMS] {
            routes = routes.socket(endpoint, &tell, policy, open);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (shutdown, signal) = oneshot::channel();
        let task = tokio::spawn(serve(listener, routes.into_router(), options, async {
            let _ = signal.await;
        }));
        Self { address, opened, shutdown: Some(shutdown), task }
    }

    async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server listens")
    }

    /// Opens a socket and gives both its ends.
    async fn connect(&mut self, path: &str) -> (Client, Opened) {
        let request = format!("ws://{}{path}", self.address);
        let (client, _) = client_async(request, self.dial().await).await.expect("upgraded");
        (client, self.opened.recv().await.expect("opened"))
    }

    /// Tries to open a socket with these headers in addition, and gives the status of the answer.
    async fn status(&self, headers: &[(&'static str, &str)]) -> u16 {
        let mut request = format!("ws://{}/ws", self.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("legal"));
        }
        match client_async(request, self.dial().await).await {
            Ok((_, answer)) => answer.status().as_u16(),
            Err(Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                assert!(body.is_empty() || body.starts_with(b"{\"code\":-"), "{answer:?}");
                answer.status().as_u16()
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends raw bytes and reads until the server closes the connection.
    async fn send(&self, raw: &[u8]) -> String {
        let mut socket = self.dial().await;
        socket.write_all(raw).await.expect("written");
        let mut bytes = Vec::new();
        let _ = guarded(socket.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn open(tell: &mpsc::Sender<Opened>, opening: Opening, outbox: Outbox) -> Result<Box<dyn Session>, ApiError> {
    if opening.uri.query() == Some("refuse") {
        return Err(Code::BadSymbol.into());
    }
    let (received, receiver) = mpsc::channel(100_000);
    let permits = Arc::new(Semaphore::new(0));
    let waits = opening.uri.query() == Some("wait");
    let session = Echo { outbox: outbox.clone(), received, permits: waits.then(|| permits.clone()) };
    if opening.uri.query() == Some("greet") {
        outbox.push("welcome".into());
    }
    let opened = Opened { opening, outbox, received: receiver, permits };
    tell.try_send(opened).expect("the test listens");
    Ok(Box::new(session))
}

async fn guarded<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, event).await.expect("it should have happened long ago")
}

/// A request that is answered with 101.
const UPGRADE: &str = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn next(client: &mut Client) -> Message {
    guarded(client.next()).await.expect("not closed").expect("no error")
}

async fn next_text(client: &mut Client) -> String {
    match next(client).await {
        Message::Text(text) => text.to_string(),
        other => panic!("no text: {other:?}"),
    }
}

async fn say(client: &mut Client, message: impl Into<Message>) {
    guarded(client.send(message.into())).await.expect("sent");
}

/// Reads on until the connection is closed, and gives the texts with the code and reason of the close frame.
async fn rest(client: &mut Client) -> (Vec<String>, Option<(u16, String)>) {
    let (mut texts, mut closed) = (Vec::new(), None);
    while let Some(Ok(message)) = guarded(client.next()).await {
        match message {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(frame) => closed = frame.map(|frame| (frame.code.into(), frame.reason.to_string())),
            _ => {}
        }
    }
    (texts, closed)
}

#[track_caller]
fn check_closed(closed: Option<(u16, String)>, code: u16, reason: &str) {
    assert_eq!(closed, Some((code, reason.to_owned())));
}

#[tokio::test]
async fn a_session_speaks_with_its_client() {
    let mut server = Server::start().await;
    let (mut client, mut opened) = server.connect("/ws/btcusdt@trade?greet").await;
    assert_eq!(opened.opening.uri.path(), "/ws/btcusdt@trade");
    assert_eq!(opened.opening.address.to_string(), "127.0.0.1");
    assert_eq!(opened.opening.opened_at, TimeUs::from_millis(NOW_MS));
    assert!(opened.opening.headers.contains_key("host"));
    say(&mut client, "Ada").await;
    assert_eq!(opened.received.recv().await.as_deref(), Some("Ada"));
    assert_eq!(next_text(&mut client).await, "welcome");
    assert_eq!(next_text(&mut client).await, "echo Ada");
    let goodbye = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    client.close(Some(goodbye)).await.expect("closing");
    check_closed(rest(&mut client).await.1, 1000, "bye");
    assert_eq!(guarded(opened.received.recv()).await, None, "the session is dropped");
    assert!(opened.outbox.is_ending());
}

#[tokio::test]
async fn a_frame_may_come_with_the_request() {
    let mut server = Server::start().await;
    let mut socket = server.dial().await;
    let frame = [0x81, 0x84, 0, 0, 0, 0, b'"', b'h', b'i', b'"'];
    socket.write_all(&[UPGRADE.as_bytes(), &frame].concat()).await.expect("written");
    let mut opened = guarded(server.opened.recv()).await.expect("opened");
    assert_eq!(guarded(opened.received.recv()).await.as_deref(), Some("\"hi\""));
}

#[tokio::test]
async fn what_is_no_upgrade_is_refused_in_json() {
    let server = Server::start().await;
    let check = async |raw: &str, status: u16, parts: &[&str]| {
        let close = "connection: close\r\nhost: x\r\n";
        let answer = server.send(raw.replace("host: x\r\n", close).as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{raw}: {answer}");
        for part in parts {
            assert!(answer.contains(part), "{raw}: {answer}");
        }
    };
    let missing = "{\"code\":-1102,\"msg\":\"Mandatory parameter 'Upgrade' was not sent";
    check("GET /ws HTTP/1.1\r\nhost: x\r\n\r\n", 400, &[missing, "x-mbx-used-weight-1m: 2\r\n"]).await;
    let version = ["sec-websocket-version: 13\r\n", "upgrade: websocket\r\n", "{\"code\":-1020,"];
    check(&UPGRADE.replace("version: 13", "version: 12"), 426, &version).await;
    check(&UPGRADE.replace("Q==", "Q="), 400, &["{\"code\":-1102,"]).await;
    check(&UPGRADE.replace("/ws", "/ws?refuse"), 400, &["{\"code\":-1121,\"msg\":\"Invalid symbol.\"}"]).await;
    check(&UPGRADE.replace("GET", "POST"), 405, &[]).await;
}

#[tokio::test]
async fn cookies_come_from_our_own_pages_only() {
    let server = Server::start().await;
    let ours = format!("http://{}", server.address);
    let (cookie, foreign) = (("cookie", "session=1"), ("origin", "https://evil.example"));
    assert_eq!(server.status(&[cookie, foreign]).await, 403);
    assert_eq!(server.status(&[cookie, ("origin", &ours)]).await, 101);
    assert_eq!(server.status(&[foreign]).await, 101);
    assert_eq!(server.status(&[cookie]).await, 101);
}

#[tokio::test]
async fn attempts_to_connect_are_limited() {
    let limits = LimitPolicy { connections_per_five_minutes: Some(2), ..LimitPolicy::OFF };
    let server = Server::start_with(limits, patient(), POLICY).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(server.status(&[]).await);
    }
    assert_eq!(statuses, [101, 101, 429, 429]);
    // 1,700,000,000 s is 200 s into its five minutes.
    assert!(
        server.send(UPGRADE.replace("host", "connection: close\r\nhost").as_bytes()).await.contains("retry-after: 100")
    );
}

#[tokio::test]
async fn messages_keep_their_order() {
    let mut server = Server::start().await;
    let (mut client, opened) = server.connect("/ws").await;
    let sent: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    for text in &sent {
        opened.outbox.push(text.into());
    }
    opened.outbox.close(Cut::RESTART);
    let (texts, closed) = rest(&mut client).await;
    assert_eq!(texts, sent);
    check_closed(closed, 1012, "service restart");
}

/// More than the kernel holds for a client that does not read.
fn flood(outbox: &Outbox) -> Vec<String> {
    let texts: Vec<String> = (0..60).map(|n| n.to_string().repeat(30_000)).collect();
    for text in &texts {
        outbox.push(text.into());
    }
    texts
}

#[tokio::test]
async fn a_slow_reader_gets_everything_and_of_values_the_latest() {
    let mut server = Server::start().await;
    let (mut client, opened) = server.connect("/ws").await;
    let mut expected = flood(&opened.outbox);
    assert_eq!(next_text(&mut client).await, expected.remove(0));
    for n in 0..1_000 {
        opened.outbox.push_latest(LatestKey(1), format!("latest {n}").into());
    }
    opened.outbox.push("last".into());
    opened.outbox.close(Cut::RESTART);
    expected.extend(["latest 999".to_owned(), "last".to_owned()]);
    assert_eq!(rest(&mut client).await.0, expected);
}

#[tokio::test]
async fn a_reader_that_never_reads_is_cut_and_no_one_else() {
    let outbox = OutboxLimits { messages_max: 1_000, bytes_max: 1 << 20 };
    let mut server = Server::start_with(LimitPolicy::OFF, patient(), SocketPolicy { outbox, ..POLICY }).await;
    let (stuck_client, mut stuck) = server.connect("/ws").await;
    let (mut client, opened) = server.connect("/ws").await;
    let text = Utf8Bytes::from("x".repeat(16 * 1024));
    let mut pushed = 0;
    while !stuck.outbox.is_ending() {
        stuck.outbox.push(text.clone());
        opened.outbox.push(text.clone());
        assert_eq!(next_text(&mut client).await.len(), text.len());
        pushed += text.len();
        assert!(pushed < 32 << 20, "someone holds more than he should");
    }
    assert_eq!(guarded(stuck.received.recv()).await, None);
    say(&mut client, "still here").await;
    assert_eq!(next_text(&mut client).await, "echo still here");
    drop(stuck_client);
}

#[tokio::test]
async fn a_stuck_write_ends_by_its_timeout_or_by_a_cut() {
    let soon = ServeOptions { write_timeout: Duration::from_millis(50), ..patient() };
    let mut server = Server::start_with(LimitPolicy::OFF, soon, POLICY).await;
    let (_client, mut opened) = server.connect("/ws").await;
    flood(&opened.outbox);
    assert_eq!(guarded(opened.received.recv()).await, None);

    let never = ServeOptions { write_timeout: HOUR, ..patient() };
    let mut server = Server::start_with(LimitPolicy::OFF, never, POLICY).await;
    let (mut client, mut opened) = server.connect("/ws").await;
    flood(&opened.outbox);
    next_text(&mut client).await;
    opened.outbox.cut(Cut::RESTART);
    assert_eq!(guarded(opened.received.recv()).await, None);
}

#[tokio::test]
async fn a_cut_says_why() {
    let mut server = Server::start().await;
    let (mut client, opened) = server.connect("/ws").await;
    opened.outbox.cut(Cut::SLOW);
    let (texts, closed) = rest(&mut client).await;
    assert_eq!(texts, Vec::<String>::new());
    check_closed(closed, 1008, "slow consumer");
}

fn text_frame(payload: Vec<u8>, is_final: bool) -> Message {
    Message::Frame(Frame::message(payload, OpCode::Data(Data::Text), is_final))
}

#[tokio::test]
async fn messages_that_no_protocol_has_end_the_connection() {
    let mut server = Server::start().await;
    let (mut client, _opened) = server.connect("/ws").await;
    let largest = "x".repeat(64 * 1024);
    say(&mut client, largest.as_str()).await;
    assert_eq!(next_text(&mut client).await.len(), "echo ".len() + largest.len());

    let half = vec![b'x'; 40 * 1024];
    let next_half = Message::Frame(Frame::message(half.clone(), OpCode::Data(Data::Continue), true));
    for (messages, code, reason) in [
        (vec![Message::text("x".repeat(5 << 20))], 1009, "message too big"),
        (vec![text_frame(half, false), next_half], 1009, "message too big"),
        (vec![Message::binary(&b"\0"[..])], 1003, "binary messages are not accepted"),
        (vec![text_frame(vec![0xc3, 0x28], true)], 1007, "invalid UTF-8"),
        (vec![text_frame(vec![b'x'], false), text_frame(vec![b'x'], true)], 1002, "protocol error"),
    ] {
        let (mut client, mut opened) = server.connect("/ws").await;
        for message in messages {
            say(&mut client, message).await;
        }
        let (texts, closed) = rest(&mut client).await;
        assert_eq!(texts, Vec::<String>::new());
        check_closed(closed, code, reason);
        assert_eq!(guarded(opened.received.recv()).await, None);
    }
}

#[tokio::test]
async fn garbage_after_the_upgrade_is_a_protocol_error() {
    let mut server = Server::start().await;
    let long = "GET /ws HTTP/1.1\r\nhost: x\r\n".repeat(10);
    for garbage in [
        &b"\x81\x01x"[..],
        b"\xf1\x81\0\0\0\0x",
        b"\x83\x80\0\0\0\0",
        b"\x80\x80\0\0\0\0",
        b"\x09\x80\0\0\0\0",
        b"\x88\x81\0\0\0\0x",
        long.as_bytes(),
    ] {
        let mut socket = server.dial().await;
        socket.write_all(&[UPGRADE.as_bytes(), garbage].concat()).await.expect("written");
        let mut answer = Vec::new();
        guarded(socket.read_to_end(&mut answer)).await.expect("no reset");
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        assert!(answer.ends_with(b"\x88\x10\x03\xeaprotocol error"), "{garbage:?}: {answer:?}");
        guarded(server.opened.recv()).await.expect("opened");
    }
}

#[tokio::test]
async fn no_bytes_harm_anyone_else() {
    let mut server = Server::start().await;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for _ in 0..200 {
        let mut socket = server.dial().await;
        let bytes: Vec<u8> = (0..32).flat_map(|_| noise()).collect();
        socket.write_all(&[UPGRADE.as_bytes(), &bytes].concat()).await.expect("written");
        let mut opened = guarded(server.opened.recv()).await.expect("opened");
        socket.shutdown().await.expect("open");
        while guarded(opened.received.recv()).await.is_some() {}
    }
    let (mut client, _opened) = server.connect("/ws").await;
    say(&mut client, "Ada").await;
    assert_eq!(next_text(&mut client).await, "echo Ada");
}

#[tokio::test]
async fn five_messages_in_a_second_are_enough() {
    let policy = SocketPolicy { messages_per_second_max: Some(5), ..POLICY };
    let mut server = Server::start_with(LimitPolicy::OFF, patient(), policy).await;
    let (mut client, _opened) = server.connect("/ws").await;
    for n in 0..5 {
        say(&mut client, n.to_string().as_str()).await;
        assert_eq!(next_text(&mut client).await, format!("echo {n}"));
    }

    let (mut client, _opened) = server.connect("/ws").await;
    for _ in 0..2 {
        for message in [Message::text("x"), Message::Ping("x".into()), Message::Pong("x".into())] {
            guarded(client.feed(message)).await.expect("fed");
        }
    }
    guarded(client.flush()).await.expect("sent");
    check_closed(rest(&mut client).await.1, 1008, "too many messages");
}

#[tokio::test]
async fn pings_are_answered() {
    let mut server = Server::start().await;
    let (mut client, _opened) = server.connect("/ws").await;
    say(&mut client, Message::Ping("abc".into())).await;
    assert_eq!(next(&mut client).await, Message::Pong("abc".into()));
    // Allowed, and of no consequence.
    say(&mut client, Message::Pong("unasked".into())).await;
    say(&mut client, "x").await;
    assert_eq!(next_text(&mut client).await, "echo x");
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_cut_and_who_does_lives() {
    let mut options = patient();
    (options.socket.ping_interval, options.socket.pong_timeout) = (Duration::from_millis(10), Duration::from_secs(1));
    let soon = Duration::from_millis(50);
    (options.first_byte_timeout, options.header_timeout, options.idle_timeout) = (soon, soon, soon);
    let mut server = Server::start_with(LimitPolicy::OFF, options, POLICY).await;
    let (mut client, _opened) = server.connect("/ws").await;
    let answers = tokio::spawn(async move {
        for _ in 0..150 {
            assert_eq!(next(&mut client).await, Message::Ping(NOW_MS.to_string().into()));
        }
    });
    let silent = server.send(UPGRADE.as_bytes()).await;
    assert!(silent.contains("1700000000000") && silent.ends_with("no pong"), "{silent}");
    answers.await.expect("never cut");
}

#[tokio::test]
async fn a_session_that_waits_holds_its_reader_back_and_no_writer() {
    let mut server = Server::start().await;
    let (mut client, mut opened) = server.connect("/ws?wait").await;
    say(&mut client, "a").await;
    say(&mut client, "b").await;
    assert_eq!(guarded(opened.received.recv()).await.as_deref(), Some("a"));
    for n in 0..10 {
        opened.outbox.push(n.to_string().into());
        assert_eq!(next_text(&mut client).await, n.to_string());
    }
    assert!(opened.received.try_recv().is_err(), "b is read only once a is answered");
    opened.permits.add_permits(2);
    assert_eq!(guarded(opened.received.recv()).await.as_deref(), Some("b"));
    assert_eq!([next_text(&mut client).await, next_text(&mut client).await], ["echo a", "echo b"]);
}

#[tokio::test]
async fn a_socket_keeps_its_seat_until_it_ends() {
    let options = ServeOptions { connections_per_network_max: Some(1), ..patient() };
    let mut server = Server::start_with(LimitPolicy::OFF, options, POLICY).await;
    let (client, _opened) = server.connect("/ws").await;
    assert_eq!(server.send(UPGRADE.as_bytes()).await, "");
    drop(client);
    let request = format!("ws://{}/ws", server.address);
    while client_async(request.as_str(), server.dial().await).await.is_err() {}
}

const FAREWELL: &str = r#"{"e":"serverShutdown","E":1700000000000}"#;
const COMBINED_FAREWELL: &str = r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1700000000000}}"#;

#[tokio::test]
async fn a_connections_life_has_an_announced_end() {
    let mut options = patient();
    (options.socket.lifetime, options.socket.farewell) = (Duration::from_millis(50), Duration::from_millis(10));
    for (path, is_stream, expected) in [
        ("/ws", true, FAREWELL),
        ("/ws/btcusdt@trade", true, FAREWELL),
        ("/stream?streams=btcusdt@trade", true, COMBINED_FAREWELL),
        ("/stream", false, FAREWELL),
    ] {
        let policy = SocketPolicy { is_stream, ..POLICY };
        let mut server = Server::start_with(LimitPolicy::OFF, options.clone(), policy).await;
        let (mut client, _opened) = server.connect(path).await;
        let (texts, closed) = rest(&mut client).await;
        assert_eq!(texts, [expected]);
        check_closed(closed, 1001, "end of the connection's life");
    }
}

#[tokio::test]
async fn a_process_that_stops_tells_its_sockets_first() {
    let mut options = ServeOptions { drain_timeout: Duration::from_secs(4), ..patient() };
    options.socket.farewell = Duration::from_millis(10);
    let mut server = Server::start_with(LimitPolicy::OFF, options, POLICY).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(server.connect("/ws").await);
    }
    server.shutdown.take().expect("once").send(()).expect("serving");
    for (client, _) in &mut clients {
        let (texts, closed) = rest(client).await;
        assert_eq!(texts, [FAREWELL]);
        check_closed(closed, 1001, "server shutdown");
    }
    guarded(server.task).await.expect("the server returns");
}

#[tokio::test]
async fn a_process_that_stops_waits_for_no_one_longer_than_it_may() {
    let options = ServeOptions { drain_timeout: Duration::from_millis(100), write_timeout: HOUR, ..patient() };
    let mut server = Server::start_with(LimitPolicy::OFF, options, POLICY).await;
    let (mut client, opened) = server.connect("/ws").await;
    flood(&opened.outbox);
    next_text(&mut client).await;
    server.shutdown.take().expect("once").send(()).expect("serving");
    guarded(server.task).await.expect("the server returns");
}
