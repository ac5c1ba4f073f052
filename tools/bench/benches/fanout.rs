//! How many messages a second a process can give to many sockets, beside a bare loop that writes the same bytes to as
//! many sockets in the same run.
//!
//! The readers are a process of their own (this program again), which counts bytes and looks at none, so that both
//! sides are drained alike. Each round publishes some messages to all sockets and waits until the readers have all
//! of them. `cargo bench -p emporion-bench --bench fanout`
#![expect(clippy::print_stdout, reason = "a benchmark answers on standard output")]

use async_trait::async_trait;
use emporion_api::paths;
use emporion_bench::sockets::handshake;
use emporion_edge::socket::{Outbox, OutboxLimits, Session, SocketPolicy, Utf8Bytes};
use emporion_edge::{Clock, Edge, EdgeOptions, LimitPolicy, LimitsOptions, Readiness, Routes, ServeOptions, serve};
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord};
use emporion_ports::users::ApiKeyName;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

const SOCKETS: usize = 1_000;
/// Messages that each socket gets in one measurement.
const MESSAGES: usize = 512;
/// How many are published before the readers must have them: one shows the cost of each write, many what is saved by
/// writing together what waits together.
const ROUNDS: [usize; 3] = [1, 8, 64];
const EVENT: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1767225600000000,"s":"BTCUSDT","t":12345678,"p":"65000.01000000","q":"0.01234000","T":1767225600000000,"m":true,"M":true}}"#;

fn main() {
    #[expect(clippy::disallowed_methods, reason = "the readers are this program with an argument")]
    let is_reader = std::env::args().any(|argument| argument == "--read");
    if is_reader {
        return runtime().block_on(read());
    }
    println!("{SOCKETS} sockets, messages of {} bytes, {MESSAGES} to each", EVENT.len());
    println!("{:>10}{:>18}{:>18}{:>10}", "at a time", "venue, msg/s", "bare loop, msg/s", "ratio");
    for at_a_time in ROUNDS {
        let bare = bare(at_a_time);
        let venue = venue(at_a_time);
        println!("{at_a_time:>10}{venue:>18}{bare:>18}{:>9}%", venue * 100 / bare.max(1));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// One frame of the event, as RFC 6455 has it: text, final, a length of two bytes.
fn frame() -> Vec<u8> {
    let length = u16::try_from(EVENT.len()).expect("it is short").to_be_bytes();
    [&[0x81, 126], &length[..], EVENT.as_bytes()].concat()
}

/// The process that reads.
struct Readers {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    expected: u64,
}

impl Readers {
    fn start(address: SocketAddr, protocol: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.arg("--read").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program starts again");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut readers = Self { child, input, output, expected: 0 };
        writeln!(readers.input, "{protocol} {address}").expect("the readers listen");
        readers
    }

    fn hear(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the readers answer");
    }

    /// Waits until so many bytes more have come.
    fn expect(&mut self, bytes: u64) {
        self.expected += bytes;
        writeln!(self.input, "{}", self.expected).expect("the readers listen");
        self.hear();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Publishes in rounds and tells messages a second.
fn measure(readers: &mut Readers, at_a_time: usize, mut publish: impl FnMut(usize)) -> u64 {
    let bytes = frame().len() as u64;
    let start = Instant::now();
    for _ in 0..MESSAGES / at_a_time {
        publish(at_a_time);
        readers.expect(bytes * (SOCKETS * at_a_time) as u64);
    }
    let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    (SOCKETS * MESSAGES) as u64 * 1_000_000 / micros
}

fn bare(at_a_time: usize) -> u64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut readers = Readers::start(listener.local_addr().expect("bound"), "bare");
    let accept = |_| {
        let (socket, _) = listener.accept().expect("the readers connect");
        socket.set_nodelay(true).expect("a socket");
        socket
    };
    let mut sockets: Vec<TcpStream> = (0..SOCKETS).map(accept).collect();
    readers.hear();
    let frame = frame();
    measure(&mut readers, at_a_time, |messages| {
        for _ in 0..messages {
            for socket in &mut sockets {
                socket.write_all(&frame).expect("the readers read");
            }
        }
    })
}

fn venue(at_a_time: usize) -> u64 {
    let runtime = runtime();
    let outboxes: Arc<Mutex<Vec<Outbox>>> = Arc::default();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("bound");
    let options = ServeOptions { connections_per_network_max: None, ..ServeOptions::default() };
    runtime.spawn(serve(listener, routes(&outboxes).into_router(), options, std::future::pending()));
    let mut readers = Readers::start(address, "websocket");
    readers.hear();
    let outboxes = std::mem::take(&mut *outboxes.lock().expect("nobody panicked"));
    assert_eq!(outboxes.len(), SOCKETS);
    let text = Utf8Bytes::from_static(EVENT);
    let per_second = measure(&mut readers, at_a_time, |messages| {
        for _ in 0..messages {
            for outbox in &outboxes {
                outbox.push(text.clone());
            }
        }
    });
    drop(readers);
    runtime.shutdown_timeout(Duration::from_secs(1));
    per_second
}

fn routes(outboxes: &Arc<Mutex<Vec<Outbox>>>) -> Routes {
    let limits = LimitsOptions { policy: LimitPolicy::OFF, ..LimitsOptions::default() };
    let options = EdgeOptions { limits, ..EdgeOptions::default() };
    let edge = Edge::new(options, Arc::new(NoKeys), Readiness::new(), Clock::system());
    let policy =
        SocketPolicy { messages_per_second_max: Some(5), outbox: OutboxLimits::default(), weight: 0, is_stream: true };
    Routes::new(edge).socket(&paths::COMBINED_STREAMS, outboxes, policy, |outboxes, _, outbox| {
        outboxes.lock().expect("nobody panicked").push(outbox);
        Ok(Box::new(Silent))
    })
}

struct Silent;

#[async_trait]
impl Session for Silent {
    async fn receive(&mut self, _: &str) {}
}

struct NoKeys;

#[async_trait]
impl KeyDirectory for NoKeys {
    async fn lookup(&self, _: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        Ok(None)
    }
}

/// The readers: open the sockets, say so, then say whenever as many bytes have come as the next line asks for.
async fn read() {
    let mut lines = std::io::stdin().lines();
    let first = lines.next().expect("a line").expect("text");
    let (protocol, address) = first.split_once(' ').expect("a protocol and an address");
    let address: SocketAddr = address.parse().expect("an address");
    let (count, more) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    for _ in 0..SOCKETS {
        let mut socket = tokio::net::TcpStream::connect(address).await.expect("the other side listens");
        if protocol == "websocket" {
            handshake(&mut socket, "/stream").await.expect("an upgrade");
        }
        let (count, more) = (count.clone(), more.clone());
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 << 10];
            while let Ok(bytes @ 1..) = socket.read(&mut buffer).await {
                count.fetch_add(bytes as u64, Ordering::Relaxed);
                more.notify_one();
            }
        });
    }
    println!("open");
    while let Some(Ok(line)) = lines.next() {
        let wanted: u64 = line.parse().expect("a number");
        while count.load(Ordering::Relaxed) < wanted {
            more.notified().await;
        }
        println!("{wanted}");
    }
}
