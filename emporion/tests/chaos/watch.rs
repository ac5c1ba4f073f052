//! Those who watch the market meanwhile: streams without gaps, prices that never go back nor lack a trade of some
//! seconds ago, and the shared prices in Redis.

use crate::load::{Record, decimals};
use crate::venue::pause;
use emporion_cluster::http;
use futures_util::StreamExt;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

/// Between two looks at prices.
const LOOK: Duration = Duration::from_millis(50);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(200);
/// On answers whose prices are known to be old.
const STALE: &str = "x-emporion-stale-ms";
/// How many symbols the venue of a test has at most: their prices are looked for under each number.
const SYMBOLS_MAX: u16 = 4;

/// What was seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) stream_events: usize,
    pub(crate) stream_connections: usize,
    pub(crate) gaps: Vec<String>,
    /// Answers with prices, those that called themselves stale, and those that were it and did not.
    pub(crate) prices: usize,
    pub(crate) marked_stale: usize,
    pub(crate) stale_prices: Vec<String>,
    /// Prices, and the trade that must have been known: judged when all trades are known.
    pub(crate) unjudged: Vec<(u64, u64)>,
    pub(crate) shared_prices: usize,
    pub(crate) shared_back: Vec<String>,
}

/// Threads and tasks that watch until they are stopped.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    streams: tokio::task::JoinHandle<()>,
}

struct Shared {
    seen: Mutex<Seen>,
    is_over: AtomicBool,
    /// A shard is being replaced by its replica, which may lack what its master was told last.
    is_redis_failing: AtomicBool,
}

impl Watch {
    /// Watches streams at `public`, prices of each of `processes`, and what the servers of `redis` keep.
    pub(crate) fn start(
        public: SocketAddr,
        processes: Vec<SocketAddr>,
        redis: Vec<SocketAddr>,
        record: &Arc<Mutex<Record>>,
    ) -> Self {
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            is_over: AtomicBool::new(false),
            is_redis_failing: AtomicBool::new(false),
        });
        let mut threads = Vec::new();
        for process in processes {
            let (shared, record) = (Arc::clone(&shared), Arc::clone(record));
            threads.push(std::thread::spawn(move || shared.watch_prices(process, &record)));
        }
        let of_redis = Arc::clone(&shared);
        threads.push(std::thread::spawn(move || of_redis.watch_shared_prices(&redis)));
        let of_streams = Arc::clone(&shared);
        let streams = tokio::spawn(async move { of_streams.watch_streams(public).await });
        Self { shared, threads, streams }
    }

    /// Says whether a shard of Redis is being replaced.
    pub(crate) fn set_redis_failing(&self, is_failing: bool) {
        self.shared.is_redis_failing.store(is_failing, Ordering::SeqCst);
    }

    pub(crate) fn stop(self) -> Seen {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.streams.abort();
        for thread in self.threads {
            thread.join().unwrap();
        }
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }
}

impl Shared {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    /// The ids of depth and trades go up without a gap for as long as a connection lives.
    async fn watch_streams(&self, public: SocketAddr) {
        let mut retry = tokio::time::interval(RETRY);
        loop {
            retry.tick().await;
            let Ok(stream) = tokio::net::TcpStream::connect(public).await else { continue };
            let url = format!("ws://{public}/stream?streams=btcusdt@depth@100ms/btcusdt@trade");
            let Ok((mut socket, _)) = client_async(url, stream).await else { continue };
            self.seen().stream_connections += 1;
            let (mut depth, mut trade) = (None, None);
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let event: Value = serde_json::from_str(&text).unwrap();
                let data = &event["data"];
                match data["e"].as_str() {
                    Some("depthUpdate") => self.follow("depth", &mut depth, &data["U"], &data["u"]),
                    Some("trade") => self.follow("trade", &mut trade, &data["t"], &data["t"]),
                    _ => {}
                }
            }
        }
    }

    fn follow(&self, what: &str, last: &mut Option<u64>, first_id: &Value, last_id: &Value) {
        let first_id = first_id.as_u64().unwrap();
        let mut seen = self.seen();
        seen.stream_events += 1;
        if let Some(last) = last.filter(|last| last + 1 != first_id) {
            seen.gaps.push(format!("{what} {first_id} after {last}"));
        }
        *last = last_id.as_u64();
    }

    /// Of one process. Its ids never go back, and no price lacks a trade that was acknowledged some seconds ago.
    fn watch_prices(&self, process: SocketAddr, record: &Mutex<Record>) {
        let (mut depth, mut trade) = (0, 0);
        while self.goes_on() {
            pause(LOOK);
            let known = record.lock().unwrap().trade_in_prices();
            let ask = |path: &str| -> Option<Value> {
                let answer = http::get(process, &format!("/api/v3/{path}")).ok()?;
                let is_marked = answer.header(STALE).is_some();
                let mut seen = self.seen();
                seen.prices += 1;
                seen.marked_stale += usize::from(is_marked);
                (answer.status == 200 && !is_marked).then(|| serde_json::from_str(&answer.body).unwrap())
            };
            if let Some(answer) = ask("depth?symbol=BTCUSDT&limit=5") {
                self.go_up(&format!("depth of {process}"), &mut depth, answer["lastUpdateId"].as_u64().unwrap());
            }
            if let Some(id) = ask("ticker/24hr?symbol=BTCUSDT").and_then(|answer| answer["lastId"].as_u64()) {
                self.go_up(&format!("trades of {process}"), &mut trade, id);
                if id < known {
                    self.seen().stale_prices.push(format!("24hr of {process} ends at {id}, trade {known} is older"));
                }
            }
            if let Some(answer) = ask("trades?symbol=BTCUSDT&limit=50") {
                let ids: Vec<u64> =
                    answer.as_array().unwrap().iter().map(|trade| trade["id"].as_u64().unwrap()).collect();
                if ids.windows(2).any(|ids| ids[0] + 1 != ids[1]) {
                    self.seen().gaps.push(format!("trades of {process}: {ids:?}"));
                }
            }
            if let Some(answer) = ask("ticker/price?symbol=BTCUSDT") {
                let price = decimals(&answer["price"]) / 1_000_000;
                if known > 0 {
                    self.seen().unjudged.push((price, known));
                }
            }
        }
    }

    fn go_up(&self, what: &str, last: &mut u64, now: u64) {
        if now < *last {
            self.seen().stale_prices.push(format!("{what}: {now} after {last}"));
        }
        *last = now;
    }

    /// The version of what is kept never goes back, unless a replica had not heard of it yet.
    fn watch_shared_prices(&self, servers: &[SocketAddr]) {
        let mut last: [String; SYMBOLS_MAX as usize] = Default::default();
        while self.goes_on() {
            pause(LOOK);
            for (symbol, last) in (0..).zip(&mut last) {
                let failed_before = self.is_redis_failing.load(Ordering::SeqCst);
                let Some(version) = servers.iter().find_map(|server| kept_version(*server, symbol).ok()?) else {
                    continue;
                };
                let is_failing = failed_before || self.is_redis_failing.load(Ordering::SeqCst);
                let mut seen = self.seen();
                seen.shared_prices += 1;
                if version < *last && !is_failing {
                    seen.shared_back.push(format!("symbol {symbol}: {version} after {last}"));
                }
                *last = version;
            }
        }
    }
}

/// History and seq of the price that a server keeps of a symbol, in digits; `None` when it keeps none.
fn kept_version(server: SocketAddr, symbol: u16) -> std::io::Result<Option<String>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(format!("HGET {{emporion:prices:{symbol}}} {symbol}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    // A length in a line of its own, then 30 digits.
    let text = answer.split(|byte| *byte == b'\n').nth(1).filter(|_| answer.starts_with(b"$"));
    let version = text.and_then(|text| text.get(..30)).map(|digits| String::from_utf8_lossy(digits).into_owned());
    Ok(version.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())))
}
