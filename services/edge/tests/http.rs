//! The edge over a real socket: a tiny service with an open and a signed endpoint, spoken to in raw HTTP.

use async_trait::async_trait;
use emporion_api::signing::{Query, Signer};
use emporion_api::{ApiError, Role, paths, v1};
use emporion_edge::{
    Caller, Clock, Edge, EdgeOptions, Json, LimitPolicy, LimitsOptions, OrderCounts, Readiness, Request, Routes,
    ServeOptions, serve,
};
use emporion_model::{AccountId, TimeUs};
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord, Secret, VerifyingKey};
use emporion_ports::users::{ApiKeyName, IpRule, Permissions};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const NOW_MS: u64 = 1_700_000_000_000;
const SECRET: &str = "the secret of every key here";

/// Keys by what is special about them; each name is 64 times the same letter.
struct Keys(HashMap<ApiKeyName, Arc<KeyRecord>>);

fn key_name(letter: char) -> ApiKeyName {
    ApiKeyName::parse(&String::from(letter).repeat(64)).expect("64 letters")
}

impl Keys {
    fn new() -> Self {
        let record = |letter, read, trade, ip_rule: Option<&str>| KeyRecord {
            name: key_name(letter),
            account: AccountId(1_000),
            permissions: Permissions { read, trade },
            ip_rules: ip_rule.map(|text| IpRule::parse(text).expect("a rule")).into_iter().collect(),
            verifying_key: VerifyingKey::Hmac(Secret::new(SECRET)),
        };
        let records = [
            record('A', true, true, None),
            record('R', true, false, None),
            record('T', false, true, None),
            record('E', true, true, Some("192.0.2.0/24")),
            record('L', true, true, Some("127.0.0.0/8")),
        ];
        Self(records.into_iter().map(|record| (record.name.clone(), Arc::new(record))).collect())
    }
}

#[async_trait]
impl KeyDirectory for Keys {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        if *name == key_name('X') {
            return Err(KeyError("the store is away".to_owned()));
        }
        Ok(self.0.get(name).cloned())
    }
}

#[derive(Clone)]
struct Service {
    greeting: &'static str,
    now: Arc<AtomicU64>,
}

async fn ping(_: Service, request: Request) -> Result<Json<HashMap<&'static str, String>>, ApiError> {
    request.read(|_| Ok(()))?;
    Ok(Json(HashMap::new()))
}

async fn time(service: Service, request: Request) -> Result<Json<HashMap<&'static str, i64>>, ApiError> {
    request.read(|_| Ok(()))?;
    let now = TimeUs(service.now.load(Ordering::Relaxed));
    Ok(Json(HashMap::from([("serverTime", request.time_unit.of(now).number())])))
}

async fn account(service: Service, caller: Caller, request: Request) -> Result<Json<String>, ApiError> {
    let name = request.read(|reader| reader.optional::<emporion_model::ClientOrderId>("name"))?;
    let name = name.map_or_else(|| caller.account.to_string(), |name| name.to_string());
    Ok(Json(format!("{}, {name}", service.greeting)))
}

async fn place(_: Service, _: Caller, request: Request) -> Result<(OrderCounts, Json<&'static str>), ApiError> {
    let price = request.read(|reader| reader.required::<u64>("price"))?;
    if price == 0 {
        Err(ApiError::filter_failure("PRICE_FILTER"))
    } else {
        Ok((OrderCounts { ten_seconds: 1, day: 7 }, Json("placed")))
    }
}

async fn greet(_: Service, request: Request) -> Result<Json<HashMap<String, String>>, v1::Error> {
    request.v1_body().map(Json)
}

struct Server {
    address: SocketAddr,
    now: Arc<AtomicU64>,
    readiness: Readiness,
    shutdown: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(LimitPolicy::BINANCE, ServeOptions::default()).await
    }

    async fn start_with(policy: LimitPolicy, options: ServeOptions) -> Self {
        let limits = LimitsOptions { policy, ..LimitsOptions::default() };
        Self::start_edge(EdgeOptions { limits, ..EdgeOptions::default() }, options).await
    }

    async fn start_edge(edge_options: EdgeOptions, options: ServeOptions) -> Self {
        let now = Arc::new(AtomicU64::new(NOW_MS * 1_000));
        let readiness = Readiness::new();
        let clock = Clock::new({
            let now = now.clone();
            move || TimeUs(now.load(Ordering::Relaxed))
        });
        let edge = Edge::new(edge_options, Arc::new(Keys::new()), readiness.clone(), clock);
        let service = Service { greeting: "hello", now: now.clone() };
        let router = Routes::new(edge)
            .metrics(|| "up 1\n".to_owned())
            .open(&paths::PING, &service, ping)
            .open(&paths::TIME, &service, time)
            .signed(&paths::ACCOUNT, &service, account)
            .signed(&paths::PLACE_ORDER, &service, place)
            .v1(&paths::SIGN_UP, &service, greet)
            .into_router();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (shutdown, signal) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router, options, async {
            let _ = signal.await;
        }));
        Self { address, now, readiness, shutdown: Some(shutdown), task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server listens")
    }

    /// Sends raw bytes on a connection of their own and reads until the server closes it.
    async fn send(&self, raw: &str) -> String {
        let mut socket = self.connect().await;
        socket.write_all(raw.as_bytes()).await.expect("written");
        read_all(&mut socket).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.request(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }

    async fn signed(&self, method: &str, path: &str, letter: char, query: &str, body: &str) -> Answer {
        let key = String::from(letter).repeat(64);
        self.request(&format!(
            "{method} {path}?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-mbx-apikey: {}\r\ncontent-length: {}\r\n\r\n{body}",
            key,
            body.len()
        ))
        .await
    }

    async fn request(&self, raw: &str) -> Answer {
        Answer::parse(&self.send(raw).await)
    }
}

async fn read_all(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is as good as a close.
    let _ = socket.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).expect("answers are text")
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { status: status.expect("a status"), headers: headers.collect(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    #[track_caller]
    fn check(&self, status: u16, body: &str) -> &Self {
        assert_eq!((self.status, self.body.as_str()), (status, body));
        self
    }

    #[track_caller]
    fn check_code(&self, status: u16, code: i32) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.body.starts_with(&format!("{{\"code\":{code},\"msg\":\"")), "{self:?}");
        self
    }
}

fn query(timestamp_ms: u64) -> Query {
    Query::new().with("timestamp", timestamp_ms)
}

fn signed(query: Query) -> String {
    query.signed(&Signer::hmac(SECRET))
}

#[tokio::test]
async fn an_open_endpoint_answers_with_the_used_weight() {
    let server = Server::start().await;
    let answer = server.get("/api/v3/ping").await;
    answer.check(200, "{}");
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    assert_eq!(answer.header("x-mbx-used-weight"), "1");
    assert_eq!(answer.header("x-mbx-used-weight-1m"), "1");
    server
        .get("/api/v3/ping?a=1")
        .await
        .check(400, r#"{"code":-1101,"msg":"Too many parameters; expected '0' and received '1'."}"#);
    assert_eq!(server.get("/api/v3/ping").await.header("x-mbx-used-weight-1m"), "3");
}

#[tokio::test]
async fn a_list_may_be_sent_without_percent_escapes() {
    let server = Server::start().await;
    let refusal = r#"{"code":-1101,"msg":"Too many parameters; expected '0' and received '1'."}"#;
    server.get(r#"/api/v3/ping?symbols=["BTCUSDT","ETHUSDT"]"#).await.check(400, refusal);
    server.get("/api/v3/ping?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D").await.check(400, refusal);
    server.get("/api/v3/ping?name=é").await.check(400, refusal);
}

#[tokio::test]
async fn times_come_in_the_unit_that_the_client_asks_for() {
    let server = Server::start().await;
    server.get("/api/v3/time").await.check(200, r#"{"serverTime":1700000000000}"#);
    let ask =
        |unit| format!("GET /api/v3/time HTTP/1.1\r\nhost: x\r\nconnection: close\r\nX-MBX-TIME-UNIT: {unit}\r\n\r\n");
    server.request(&ask("MICROSECOND")).await.check(200, r#"{"serverTime":1700000000000000}"#);
    server.request(&ask("minute")).await.check_code(400, -1194);
}

#[tokio::test]
async fn a_signature_opens_a_signed_endpoint_wherever_it_stands() {
    let server = Server::start().await;
    let whole = signed(query(NOW_MS));
    server.signed("GET", "/api/v3/account", 'A', &whole, "").await.check(200, "\"hello, 1000\"");
    server.signed("GET", "/api/v3/account", 'L', &whole, "").await.check(200, "\"hello, 1000\"");
    server.signed("GET", "/api/v3/account", 'A', "", &whole).await.check(200, "\"hello, 1000\"");
    let named = signed(query(NOW_MS).with("name", "Ada:1").with("recvWindow", "60000.000"));
    server.signed("GET", "/api/v3/account", 'A', &named, "").await.check(200, "\"hello, Ada:1\"");
    let (first, last) = named.rsplit_once('&').expect("more than one");
    server.signed("GET", "/api/v3/account", 'A', first, last).await.check(200, "\"hello, Ada:1\"");
    server.signed("GET", "/api/v3/account", 'A', &format!("{last}&{first}"), "").await.check(200, "\"hello, Ada:1\"");
}

#[tokio::test]
async fn a_json_content_type_without_a_body_is_nothing_special() {
    let server = Server::start().await;
    let raw = format!(
        "GET /api/v3/account?{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json;charset=utf-8\r\nX-MBX-APIKEY: {}\r\n\r\n",
        signed(query(NOW_MS)),
        key_name('A').as_str()
    );
    server.request(&raw).await.check(200, "\"hello, 1000\"");
}

#[tokio::test]
async fn authentication_refuses_in_the_documented_order() {
    let server = Server::start().await;
    let good = signed(query(NOW_MS));
    let account = async |letter, query: &str| server.signed("GET", "/api/v3/account", letter, query, "").await;

    server
        .get(&format!("/api/v3/account?{good}"))
        .await
        .check(401, r#"{"code":-2014,"msg":"API-key format invalid."}"#);
    account('!', "").await.check_code(401, -2014);
    account('U', "").await.check(401, r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#);
    account('E', &good).await.check_code(401, -2015);
    account('T', &good).await.check_code(401, -2015);
    server.signed("POST", "/api/v3/order", 'R', &good, "").await.check_code(401, -2015);
    account('X', &good).await.check_code(503, -1008);

    account('A', "").await.check_code(400, -1102).check(
        400,
        r#"{"code":-1102,"msg":"Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."}"#,
    );
    account('A', &signed(query(NOW_MS - 5_001))).await.check_code(400, -1021);
    account('A', &signed(query(NOW_MS + 1_000)))
        .await
        .check(400, r#"{"code":-1021,"msg":"Timestamp for this request was 1000ms ahead of the server's time."}"#);
    account('A', query(NOW_MS).as_str()).await.check(
        400,
        r#"{"code":-1102,"msg":"Mandatory parameter 'signature' was not sent, was empty/null, or malformed."}"#,
    );
    account('A', &good.replace("signature=", "signature=0")).await.check_code(400, -1022);
    account('A', &format!("{good}&name=Eve"))
        .await
        .check(400, r#"{"code":-1022,"msg":"Signature for this request is not valid."}"#);
    account('A', &signed(query(NOW_MS).with("nickname", "Ada"))).await.check(
        400,
        r#"{"code":-1104,"msg":"Not all sent parameters were read; read '2' parameter(s) but was sent '3'."}"#,
    );
}

#[tokio::test]
async fn an_order_costs_weight_only_when_it_fails() {
    let server = Server::start().await;
    let placed = server.signed("POST", "/api/v3/order", 'A', "", &signed(query(NOW_MS).with("price", 1))).await;
    placed.check(200, "\"placed\"");
    assert_eq!(placed.header("x-mbx-used-weight-1m"), "0");
    assert_eq!((placed.header("x-mbx-order-count-10s"), placed.header("x-mbx-order-count-1d")), ("1", "7"));
    let refused = server.signed("POST", "/api/v3/order", 'A', "", &signed(query(NOW_MS).with("price", 0))).await;
    refused.check(400, r#"{"code":-1013,"msg":"Filter failure: PRICE_FILTER"}"#);
    assert_eq!((refused.header("x-mbx-used-weight-1m"), refused.header("x-mbx-order-count-10s")), ("1", ""));
}

#[tokio::test]
async fn limits_answer_429_then_418() {
    let policy = LimitPolicy { weight_per_minute: Some(2), ..LimitPolicy::OFF };
    let server = Server::start_with(policy, ServeOptions::default()).await;
    server.get("/api/v3/ping").await.check(200, "{}");
    server.get("/api/v3/ping").await.check(200, "{}");
    let refused = server.get("/api/v3/ping").await;
    refused.check_code(429, -1003);
    // 1,700,000,000 s is 20 s into its minute.
    assert_eq!((refused.header("retry-after"), refused.header("x-mbx-used-weight-1m")), ("40", "3"));
    server.get("/healthz").await.check(200, "ok");

    let banned = loop {
        let answer = server.get("/api/v3/ping").await;
        if answer.status != 429 {
            break answer;
        }
    };
    banned.check_code(418, -1003);
    assert_eq!(banned.header("retry-after"), "120");
    assert!(banned.body.contains("IP banned until 1700000120000."), "{banned:?}");
    server.now.fetch_add(120_000_000, Ordering::Relaxed);
    server.get("/api/v3/ping").await.check(200, "{}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let server = Server::start().await;
    server.get("/api/v3/pong").await.check(404, r#"{"code":-1020,"msg":"This operation is not supported."}"#);
    server.get("/api/v3/ping/").await.check_code(404, -1020);
    let page = server
        .request("GET /api/v3/exchangie HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: text/html,*/*\r\n\r\n")
        .await;
    page.check(404, "<html><body><h2>404 Not found</h2></body></html>");
    assert_eq!(page.header("content-type"), "text/html;charset=UTF-8");
    let wrong = server.request("DELETE /api/v3/ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    wrong.check_code(405, -1020);
    assert!(wrong.header("allow").contains("GET"), "{wrong:?}");
    assert_eq!(wrong.header("x-mbx-used-weight-1m"), "4");
}

#[tokio::test]
async fn probes_tell_the_process_state() {
    let server = Server::start().await;
    server.get("/readyz").await.check(503, r#"{"status":"starting","degraded":[]}"#);
    server.readiness.ready();
    server.readiness.set_degraded("cache", true);
    server.get("/readyz").await.check(200, r#"{"status":"ready","degraded":["cache"]}"#);
    server.get("/metrics").await.check(200, "up 1\n");
}

#[tokio::test]
async fn a_json_body_is_not_read_as_parameters() {
    let server = Server::start().await;
    let post = |body: &str| {
        format!(
            "POST /v1/users HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    server.request(&post(r#"{"name":"100%"}"#)).await.check(200, r#"{"name":"100%"}"#);
    for (body, reason) in [
        ("{", "The body is not JSON of the documented shape: see line 1, column 1."),
        (r#"["100%"]"#, "The body is not a JSON object."),
        ("", "The body is not a JSON object."),
    ] {
        let refusal = format!(r#"{{"error":{{"code":"invalid_request","message":"{reason}"}}}}"#);
        let answer = server.request(&post(body)).await;
        answer.check(400, &refusal);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn bodies_are_bounded_in_size() {
    let server = Server::start().await;
    let post = |length: usize, body: &str| {
        format!("POST /api/v3/order HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let too_large = server.request(&post(1 << 30, "a=1")).await;
    too_large.check_code(413, -1101);
    assert_eq!(too_large.header("connection"), "close");
    let full = "a".repeat(64 * 1024);
    server
        .request(&post(full.len(), &full).replace("host: x", "host: x\r\nconnection: close"))
        .await
        .check_code(401, -2014);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_awaited_for_long() {
    let options = EdgeOptions { body_timeout: Duration::from_millis(50), ..EdgeOptions::default() };
    let server = Server::start_edge(options, ServeOptions::default()).await;
    let slow = server.request("POST /api/v3/order HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\na=1").await;
    slow.check_code(408, -1102);
    assert_eq!(slow.header("connection"), "close");
}

#[tokio::test]
async fn a_requests_length_has_one_spelling() {
    let server = Server::start().await;
    let chunked = "POST /api/v3/order HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n";
    for raw in [
        format!("{chunked}\r\n3\r\na=1\r\n0\r\n\r\n"),
        format!("{chunked}content-length: 3\r\n\r\n3\r\na=1\r\n0\r\n\r\nGET /api/v3/ping HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("{chunked}\r\nnot a chunk\r\n"),
    ] {
        let text = server.send(&raw).await;
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{raw:?}: {text}");
        Answer::parse(&text).check_code(411, -1102);
    }
    for raw in [
        "POST /api/v3/order HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\na=1",
        "POST /api/v3/order HTTP/1.1\r\nhost: x\r\ncontent-length: +3\r\n\r\na=1",
        "GET /api/v3/ping HTTP/1.1\r\nhost: x\r\n folded: 1\r\n\r\n",
        "GET /api/v3/ping HTTP/1.1\r\nhost : x\r\n\r\n",
        "GET /api/v3/ping\x01 HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let text = server.send(raw).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{raw:?}: {text}");
    }
    let header = format!("GET /api/v3/ping HTTP/1.1\r\nhost: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(server.send(&header).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start().await;
    let one = |path: &str, rest: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n{rest}\r\n");
    let text = server
        .send(&[one("/api/v3/time", ""), one("/nowhere", ""), one("/api/v3/ping", "connection: close\r\n")].concat())
        .await;
    let statuses: Vec<&str> = text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200"]);
}

/// Options under which a test need not wait long, and one is told from the other.
fn impatient() -> ServeOptions {
    let (soon, never) = (Duration::from_millis(50), Duration::from_secs(3_600));
    ServeOptions {
        first_byte_timeout: never,
        header_timeout: soon,
        idle_timeout: never,
        write_timeout: never,
        ..ServeOptions::default()
    }
}

#[tokio::test]
async fn who_stalls_is_cut() {
    let soon = Duration::from_millis(50);
    let header = Server::start_with(LimitPolicy::OFF, impatient()).await;
    assert_eq!(header.send("GET /api/v3/ping HTTP/1.1\r\nhost: x\r\n").await, "");

    let options = ServeOptions { first_byte_timeout: soon, header_timeout: Duration::from_secs(3_600), ..impatient() };
    let first_byte = Server::start_with(LimitPolicy::OFF, options.clone()).await;
    assert_eq!(first_byte.send("").await, "");

    let options = ServeOptions { first_byte_timeout: Duration::from_secs(3_600), idle_timeout: soon, ..options };
    let idle = Server::start_with(LimitPolicy::OFF, options).await;
    let text = idle.send("GET /api/v3/ping HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(Answer::parse(&text).status, 200);
}

#[tokio::test]
async fn a_pause_between_requests_is_not_a_slow_header() {
    let server = Server::start_with(LimitPolicy::OFF, impatient()).await;
    let mut pausing = server.connect().await;
    let ping = b"GET /api/v3/ping HTTP/1.1\r\nhost: x\r\n\r\n";
    pausing.write_all(ping).await.expect("written");
    assert_ne!(pausing.read(&mut [0; 1024]).await.expect("served"), 0);
    // Once this one is cut, the other has paused for longer than a header may take.
    assert_eq!(server.send("GET /api/v3/ping HTTP/1.1\r\n").await, "");
    pausing.write_all(ping).await.expect("written");
    assert_ne!(pausing.read(&mut [0; 1024]).await.expect("kept alive"), 0);
}

#[tokio::test]
async fn connections_are_bounded() {
    let options = ServeOptions { connections_per_network_max: Some(2), ..ServeOptions::default() };
    let server = Server::start_with(LimitPolicy::OFF, options).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for socket in [&mut first, &mut second] {
        socket.write_all(b"GET /api/v3/ping HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
        assert_ne!(socket.read(&mut [0; 1024]).await.expect("served"), 0);
    }
    let mut third = server.connect().await;
    assert_eq!(read_all(&mut third).await, "");
    drop(first);
    while server.send("GET /api/v3/ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.is_empty() {}
}

#[tokio::test]
async fn a_shutdown_finishes_what_has_begun() {
    let mut server = Server::start().await;
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    for socket in [&mut idle, &mut busy] {
        socket.write_all(b"GET /api/v3/ping HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
        assert_ne!(socket.read(&mut [0; 1024]).await.expect("served"), 0);
    }
    busy.write_all(b"POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        .await
        .expect("written");
    let mut interim = [0; 1024];
    let read = busy.read(&mut interim).await.expect("the server asks for the body");
    assert!(interim[..read].starts_with(b"HTTP/1.1 100 "));

    server.shutdown.take().expect("once").send(()).expect("serving");
    assert_eq!(read_all(&mut idle).await, "");
    busy.write_all(b"{}").await.expect("written");
    Answer::parse(&read_all(&mut busy).await).check(200, "{}");
    server.task.await.expect("the server returns");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_process_knows_which_endpoints_it_does_not_serve() {
    let edge = Edge::new(EdgeOptions::default(), Arc::new(Keys::new()), Readiness::new(), Clock::system());
    let service = Service { greeting: "", now: Arc::default() };
    let routes = Routes::new(edge).open(&paths::PING, &service, ping);
    let missing = routes.missing(&[Role::MarketData]);
    assert!(missing.iter().any(|endpoint| endpoint.path == paths::TIME.path));
    assert!(missing.iter().all(|endpoint| endpoint.path != paths::PING.path && endpoint.role == Role::MarketData));
    let missing: Vec<&str> = routes.missing(&[Role::Process]).iter().map(|endpoint| endpoint.path).collect();
    assert!(missing.contains(&paths::METRICS.path) && !missing.contains(&paths::HEALTH.path), "{missing:?}");
}
