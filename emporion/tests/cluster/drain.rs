//! A process that is told to stop (SIGTERM) is left by the load balancer, answers what it has begun, and says so to
//! whoever listens; no request through the load balancer fails.

use crate::harness::{SYMBOL, Trader, eventually};
use emporion_api::signing::Query;
use emporion_bench::load::Connection;
use emporion_cluster::Cluster;
use emporion_cluster::haproxy::SERVED_BY;
use emporion_cluster::http::get;
use http::Method;
use serde_json::Value;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// Longer than anything here takes.
const GUARD: Duration = Duration::from_secs(60);
/// Requests that must be answered before and after a process is stopped.
const ANSWERS: usize = 60;
/// Between two requests of one client, so that no limit is reached.
const PAUSE: Duration = Duration::from_millis(60);

pub(crate) fn nobody_loses_a_request(cluster: &Cluster) {
    let traders = ["erin", "frank"].map(|name| Arc::new(Trader::open(cluster, name)));
    for (name, path) in [("market-data-1", "/ws/btcusdt@trade"), ("order-1", "/ws-api/v3")] {
        let streams = Stream::some_of(cluster, name, path);
        let load = Load::start(cluster, &traders);
        load.wait();
        let process = cluster.process(name);
        process.hold();
        process.terminate();
        let address = cluster.address(name).unwrap();
        eventually(|| get(address, "/readyz").map_or(true, |answer| answer.status == 503).then_some(()));
        streams.into_iter().for_each(Stream::check_goodbye);
        eventually(|| process.pid().is_none().then_some(()));
        assert_eq!(process.exit_code(), Some(0), "{name}");
        load.wait();
        load.stop();
        let log = std::fs::read_to_string(cluster.folder().join(format!("log/{name}.log"))).unwrap();
        assert!(!log.contains("were cut at the end of the drain timeout"), "{log}");
        process.release();
        cluster.wait_ready(name).unwrap();
    }
}

/// A WebSocket through the load balancer.
struct Stream {
    socket: WebSocket<TcpStream>,
    served_by: String,
}

impl Stream {
    fn open(cluster: &Cluster, path: &str) -> Self {
        let socket = TcpStream::connect(cluster.public()).unwrap();
        socket.set_read_timeout(Some(GUARD)).unwrap();
        let (socket, answer) = client(format!("ws://{}{path}", cluster.public()), socket).unwrap();
        let served_by = answer.headers()[SERVED_BY].to_str().unwrap().to_owned();
        Self { socket, served_by }
    }

    /// Some that a process serves: all are open at once, and the load balancer spreads them.
    fn some_of(cluster: &Cluster, process: &str, path: &str) -> Vec<Self> {
        let (served, _): (Vec<Self>, Vec<Self>) =
            (0..8).map(|_| Self::open(cluster, path)).partition(|stream| stream.served_by == process);
        assert!(served.len() > 1, "the load balancer sends streams to {process}");
        served
    }

    /// The end is announced before it comes.
    fn check_goodbye(mut self) {
        let mut announced = false;
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => announced |= text.contains(r#""e":"serverShutdown""#),
                Message::Close(frame) => {
                    assert_eq!(frame.unwrap().reason.as_str(), "server shutdown");
                    assert!(announced, "{} says nothing", self.served_by);
                    return;
                }
                _ => {}
            }
        }
    }
}

/// Requests of every kind, over connections that are kept and over new ones.
struct Load {
    state: Arc<State>,
    runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    answers: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl Load {
    fn start(cluster: &Cluster, traders: &[Arc<Trader>]) -> Self {
        let (state, runtime) = (Arc::new(State::default()), tokio::runtime::Runtime::new().unwrap());
        let public = cluster.public();
        for is_kept in [true, false] {
            for _ in 0..3 {
                runtime.spawn(read(Connection::new(public), state.clone(), is_kept, public));
            }
        }
        for (number, trader) in traders.iter().enumerate() {
            let connection = Connection::new(public);
            runtime.spawn(trade(connection, state.clone(), number % 2 == 0, public, Arc::clone(trader)));
        }
        Self { state, runtime }
    }

    /// Waits for more answers.
    fn wait(&self) {
        let answers = || self.state.answers.load(Ordering::Relaxed);
        let wanted = answers() + ANSWERS;
        eventually(|| (answers() >= wanted).then_some(()));
    }

    fn stop(self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        self.runtime.shutdown_timeout(GUARD);
        assert_eq!(*self.state.failures.lock().unwrap(), Vec::<String>::new());
    }
}

impl State {
    /// Counts an answer, or notes that there was none.
    fn note(&self, what: &str, answer: &emporion_bench::load::Answer) {
        if answer.is_success() {
            self.answers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.failures.lock().unwrap().push(format!("{what}: {answer:?}"));
        }
    }
}

async fn read(mut connection: Connection, state: Arc<State>, is_kept: bool, public: std::net::SocketAddr) {
    while !state.stopped.load(Ordering::Relaxed) {
        for path in ["/api/v3/ping", "/api/v3/ticker/price?symbol=BTCUSDT"] {
            if !is_kept {
                connection = Connection::new(public);
            }
            state.note(path, &connection.get(path).await);
            pause().await;
        }
    }
}

async fn trade(
    mut connection: Connection,
    state: Arc<State>,
    is_kept: bool,
    public: std::net::SocketAddr,
    trader: Arc<Trader>,
) {
    let by = (trader.api_key.as_str(), &trader.signer);
    while !state.stopped.load(Ordering::Relaxed) {
        let order = [("symbol", SYMBOL), ("side", "BUY"), ("type", "LIMIT"), ("timeInForce", "GTC")];
        let order = [&order[..], &[("quantity", "0.01"), ("price", "5000")]].concat();
        let query = order.into_iter().fold(Query::new(), |query, (name, value)| query.with(name, value));
        if !is_kept {
            connection = Connection::new(public);
        }
        let placed = connection.signed(Method::POST, "/api/v3/order", query, by).await;
        state.note("place", &placed);
        pause().await;
        let Some(id) = serde_json::from_slice::<Value>(&placed.body).ok().and_then(|placed| placed["orderId"].as_u64())
        else {
            continue;
        };
        let query = Query::new().with("symbol", SYMBOL).with("orderId", id);
        state.note("cancel", &connection.signed(Method::DELETE, "/api/v3/order", query, by).await);
        pause().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a client that asks less than it could")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}
