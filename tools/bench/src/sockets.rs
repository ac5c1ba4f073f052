//! Readers of market streams: what reaches them, how long after its commit began, and whether anything is
//! missing. Some may be stuck: they subscribe and never read.
//!
//! Streams carry microseconds (`timeUnit=MICROSECOND`); a trade's `E` is the engine time of its batch, taken before
//! the commit, so the delays told here contain the commit.

use futures_util::StreamExt;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The longest delay that is told apart: a minute, in microseconds.
const DELAY_US_MAX: u64 = 60_000_000;

/// How many sockets are being opened at a time.
const OPENING_MAX: usize = 32;

/// Who listens to what.
#[derive(Clone, Debug)]
pub struct SocketConfig {
    /// The venue.
    pub target: SocketAddr,
    /// Sockets that read.
    pub readers: usize,
    /// Sockets that never read.
    pub stuck: usize,
    /// The streams of each socket.
    pub streams: Vec<String>,
}

/// Why no socket could be opened.
#[derive(Debug, thiserror::Error)]
#[error("a socket to {target} cannot be opened: {reason}")]
pub struct SocketError {
    target: SocketAddr,
    reason: String,
}

/// What the readers got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketReport {
    /// Sockets that read.
    pub readers: usize,
    /// Sockets that never read.
    pub stuck: usize,
    /// The streams of each.
    pub streams: Vec<String>,
    /// Messages that readers got.
    pub messages: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// From the engine time of a trade until a reader has it, in microseconds: half of the trades.
    pub p50_us: u64,
    /// 99 % of them.
    pub p99_us: u64,
    /// 99.9 % of them.
    pub p999_us: u64,
    /// All of them.
    pub max_us: u64,
    /// Trades whose delay was measured.
    pub measured: u64,
    /// Ids that a reader did not get though it got later ones; each would be a fault.
    pub gaps: u64,
    /// Readers that the venue cut.
    pub readers_cut: u64,
    /// Stuck sockets that the venue had cut by the end.
    pub stuck_cut: u64,
}

/// Sockets that are open and subscribed.
pub struct Sockets {
    config: SocketConfig,
    reading: JoinSet<Tally>,
    stuck: Vec<WebSocketStream<TcpStream>>,
    ending: watch::Sender<bool>,
}

impl Sockets {
    /// Opens all of them.
    pub async fn open(config: SocketConfig) -> Result<Self, SocketError> {
        let opened = futures_util::stream::iter(0..config.readers + config.stuck)
            .map(|_| open(&config))
            .buffer_unordered(OPENING_MAX)
            .collect::<Vec<_>>()
            .await;
        let mut sockets = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
        let stuck = sockets.split_off(config.readers);
        let ending = watch::Sender::new(false);
        let mut reading = JoinSet::new();
        for socket in sockets {
            reading.spawn(read(socket, ending.subscribe()));
        }
        Ok(Self { config, reading, stuck, ending })
    }

    /// Closes all of them and tells what they got.
    pub async fn close(mut self) -> SocketReport {
        self.ending.send_replace(true);
        let mut all = Tally::default();
        while let Some(tally) = self.reading.join_next().await {
            all.add(&tally.expect("a reader does not panic"));
        }
        let mut stuck_cut = 0;
        for mut socket in self.stuck {
            stuck_cut += u64::from(was_cut(&mut socket).await);
        }
        all.report(self.config, stuck_cut)
    }
}

/// Upgrades a connection by hand, for readers that count bytes and want no frames. Nothing of the answer is left
/// unread, and nothing behind it is taken.
pub async fn handshake(socket: &mut TcpStream, path: &str) -> std::io::Result<()> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await?);
    }
    let is_upgraded = answer.starts_with(b"HTTP/1.1 101 ");
    if is_upgraded { Ok(()) } else { Err(std::io::Error::other(String::from_utf8_lossy(&answer).into_owned())) }
}

async fn open(config: &SocketConfig) -> Result<WebSocketStream<TcpStream>, SocketError> {
    let target = config.target;
    let failed = |reason: String| SocketError { target, reason };
    let stream = TcpStream::connect(target).await.map_err(|error| failed(error.to_string()))?;
    stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
    let names = config.streams.join("/");
    let url = format!("ws://{target}/stream?timeUnit=MICROSECOND&streams={names}");
    let limits = WebSocketConfig::default().read_buffer_size(8 << 10);
    let opened = client_async_with_config(url, stream, Some(limits)).await;
    opened.map(|(socket, _)| socket).map_err(|error| failed(error.to_string()))
}

async fn read(mut socket: WebSocketStream<TcpStream>, mut ending: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            _ = ending.wait_for(|ending| *ending) => return tally,
        };
        match message {
            Some(Ok(Message::Text(text))) => tally.record(&text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(_) | Err(_)) | None => {
                tally.cut = 1;
                return tally;
            }
        }
    }
}

/// Reads what the system still holds for a stuck socket; whether its end is the venue's doing.
async fn was_cut(socket: &mut WebSocketStream<TcpStream>) -> bool {
    let rest = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return true,
                Some(Ok(_)) => {}
            }
        }
    };
    // A socket that still lives has nothing more to say, or goes on for ever.
    tokio::time::timeout(std::time::Duration::from_millis(200), rest).await.unwrap_or(false)
}

/// What one reader got, and the ids that are due next.
struct Tally {
    delays_us: Histogram<u64>,
    messages: u64,
    bytes: u64,
    gaps: u64,
    cut: u64,
    /// By the stream's name.
    due: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            delays_us: Histogram::new_with_max(DELAY_US_MAX, 3).expect("these bounds are legal"),
            messages: 0,
            bytes: 0,
            gaps: 0,
            cut: 0,
            due: BTreeMap::new(),
        }
    }
}

impl Tally {
    fn record(&mut self, text: &str) {
        self.messages += 1;
        self.bytes += text.len() as u64;
        let Some((stream, data)) = text.strip_prefix(r#"{"stream":""#).and_then(|rest| rest.split_once('"')) else {
            return;
        };
        let (first, last) = match stream.split_once('@').map(|(_, kind)| kind) {
            Some("trade") => (number(data, r#""t":"#), number(data, r#""t":"#)),
            Some("aggTrade") => (number(data, r#""a":"#), number(data, r#""a":"#)),
            Some("depth" | "depth@100ms") => (number(data, r#""U":"#), number(data, r#""u":"#)),
            _ => return,
        };
        let (Some(first), Some(last)) = (first, last) else { return };
        match self.due.get_mut(stream) {
            Some(due) => {
                self.gaps += u64::from(*due != first);
                *due = last + 1;
            }
            None => drop(self.due.insert(stream.to_owned(), last + 1)),
        }
        if stream.ends_with("rade")
            && let Some(event) = number(data, r#""E":"#)
        {
            self.delays_us.saturating_record(now_us().saturating_sub(event));
        }
    }

    fn add(&mut self, other: &Self) {
        self.delays_us.add(&other.delays_us).expect("both have the same bounds");
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.gaps += other.gaps;
        self.cut += other.cut;
    }

    fn report(self, config: SocketConfig, stuck_cut: u64) -> SocketReport {
        let delays = &self.delays_us;
        SocketReport {
            readers: config.readers,
            stuck: config.stuck,
            streams: config.streams,
            messages: self.messages,
            bytes: self.bytes,
            p50_us: delays.value_at_quantile(0.5),
            p99_us: delays.value_at_quantile(0.99),
            p999_us: delays.value_at_quantile(0.999),
            max_us: delays.max(),
            measured: delays.len(),
            gaps: self.gaps,
            readers_cut: self.cut,
            stuck_cut,
        }
    }
}

impl fmt::Display for SocketReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: u64| format!("{}.{:03}", us / 1_000, us % 1_000);
        writeln!(f, "{} readers and {} stuck sockets of {}", self.readers, self.stuck, self.streams.join(", "))?;
        writeln!(f, "  read: {} messages, {} MB", self.messages, self.bytes / 1_000_000)?;
        let quantiles = [self.p50_us, self.p99_us, self.p999_us, self.max_us].map(ms);
        let [p50, p99, p999, max] = quantiles;
        writeln!(f, "  trade to socket, ms: p50 {p50}, p99 {p99}, p99.9 {p999}, max {max} of {}", self.measured)?;
        writeln!(f, "  gaps: {}; cut: {} readers, {} stuck", self.gaps, self.readers_cut, self.stuck_cut)
    }
}

/// The integer behind `key`.
fn number(text: &str, key: &str) -> Option<u64> {
    let rest = &text[text.find(key)? + key.len()..];
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own: here that of the venue's machine")]
fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_id_is_a_gap_and_the_first_of_a_stream_is_not() {
        let mut tally = Tally::default();
        let trade = |id: u64| format!(r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1,"t":{id},"T":1}}}}"#);
        for id in [7, 8, 10, 11] {
            tally.record(&trade(id));
        }
        let diff = |first: u64, last: u64| {
            format!(r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1,"U":{first},"u":{last}}}}}"#)
        };
        for (first, last) in [(1, 5), (6, 6), (7, 9), (9, 9)] {
            tally.record(&diff(first, last));
        }
        assert_eq!((tally.gaps, tally.messages, tally.delays_us.len()), (2, 8, 4));
    }
}
