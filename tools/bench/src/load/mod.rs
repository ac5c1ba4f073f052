//! An open-loop load: requests are due at fixed times whatever the venue does, and latency counts from the
//! time a request was due, so that a stall shows in every request it delayed.

pub mod client;
mod market;
mod plan;
mod report;

pub use client::{Answer, Connection, Credentials};
pub use market::Market;
pub use plan::{Kind, Mix};
pub use report::{Capacity, KindReport, Report};

use bytes::Bytes;
use emporion_api::signing::{Query, Signer};
use hyper::Method;
use plan::{Plan, Request};
use report::Tally;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// What to send, where, and how fast.
#[derive(Clone)]
pub struct LoadConfig {
    /// The venue.
    pub target: SocketAddr,
    /// The accounts, funded in both assets of the symbol. Worker number n uses account n modulo their number.
    pub accounts: Vec<Credentials>,
    /// The symbol.
    pub symbol: String,
    /// The price around which orders are placed while the symbol has none.
    pub price_if_none: String,
    /// Requests a second.
    pub rate: u64,
    /// For how long.
    pub duration: Duration,
    /// Open connections, each with a worker of its own.
    pub connections: u64,
    /// The mix.
    pub mix: Mix,
    /// The seed of all decisions.
    pub seed: u64,
    /// What makes the client order ids of this run unlike those of others: up to 8 letters and digits.
    pub run: String,
    /// For how long to measure what the server does at most, beforehand; zero leaves it out.
    pub capacity: Duration,
    /// Where acknowledged orders and cancels are told, for those who check them afterwards.
    pub acknowledged: Option<mpsc::Sender<Acknowledged>>,
}

/// An order or cancel that the venue acknowledged with a 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The number of the account in the config.
    pub account: usize,
    /// What was acknowledged.
    pub kind: Kind,
    /// The answer's body.
    pub body: Bytes,
}

/// Why no load could be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The venue did not answer as it should before the load began.
    #[error("the venue answers {path} with status {status}: {}", String::from_utf8_lossy(body))]
    Refused {
        /// What was asked.
        path: String,
        /// The status; 0 when the connection broke.
        status: u16,
        /// The body.
        body: Bytes,
    },
    /// The venue's answer cannot be understood.
    #[error("the venue's {0} cannot be understood")]
    Senseless(&'static str),
    /// The config asks for nothing.
    #[error("a load needs at least one account, one connection and a rate above zero")]
    Nothing,
}

/// Runs the load and measures.
pub async fn run(config: LoadConfig) -> Result<Report, LoadError> {
    if config.accounts.is_empty() || config.connections == 0 || config.rate == 0 {
        return Err(LoadError::Nothing);
    }
    let mut connection = Connection::new(config.target);
    let market = Market::ask(&mut connection, &config.symbol, &config.price_if_none).await?;
    let rate_limits = limits(&mut connection).await;
    let capacity = match config.capacity.is_zero() {
        true => None,
        false => Some(Capacity {
            pings_per_second: closed_loop(&config, &market, Probe::Ping).await,
            orders_per_second: closed_loop(&config, &market, Probe::Order).await,
        }),
    };
    clear_books(&config, &mut connection).await;
    open_market(&config, &market, &mut connection).await;
    let (tally, elapsed) = open_loop(&config, &market).await;
    let kinds = tally.report(elapsed);
    Ok(Report {
        mix: config.mix.to_string(),
        rate_limits,
        intended_per_second: config.rate,
        achieved_per_second: kinds.iter().map(|kind| kind.per_second).sum(),
        duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        kinds,
        capacity,
    })
}

/// Cancels what earlier runs and the capacity's orders left, so that no account begins near its limit.
async fn clear_books(config: &LoadConfig, connection: &mut Connection) {
    for Credentials { api_key, secret_key } in &config.accounts {
        let query = Query::new().with("symbol", &config.symbol);
        let by = (api_key.as_str(), &Signer::hmac(secret_key));
        connection.signed(Method::DELETE, "/api/v3/openOrders", query, by).await;
    }
}

/// Trades once where nobody ever did, because a market order needs a price to be judged by.
async fn open_market(config: &LoadConfig, market: &Market, connection: &mut Connection) {
    if market.has_traded {
        return;
    }
    let (seller, buyer) = (&config.accounts[0], &config.accounts[config.accounts.len() - 1]);
    for (side, Credentials { api_key, secret_key }) in [("SELL", seller), ("BUY", buyer)] {
        let query = Query::new()
            .with("symbol", &market.symbol)
            .with("side", side)
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("quantity", market.quantity(0))
            .with("price", market.price(0))
            .with("selfTradePreventionMode", "NONE");
        let by = (api_key.as_str(), &Signer::hmac(secret_key));
        connection.signed(Method::POST, "/api/v3/order", query, by).await;
    }
}

/// How many orders of one worker may rest at a time, so that its account stays below the usual 200.
fn resting_max(config: &LoadConfig) -> usize {
    let accounts = config.accounts.len().max(1);
    let workers = usize::try_from(config.connections).unwrap_or(usize::MAX).div_ceil(accounts);
    (160 / workers.max(1)).max(1)
}

async fn limits(connection: &mut Connection) -> String {
    let answer = connection.get("/api/v3/exchangeInfo").await;
    let info: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    info["rateLimits"].to_string()
}

/// How many requests may be overdue before the pace itself waits. Their latency counts from when they were
/// due all the same.
const DUE_MAX: usize = 1 << 16;

/// Hands out due times from a thread of its own, because the runtime's timer is no finer than a millisecond.
#[expect(clippy::disallowed_methods, reason = "sleeping until a request is due is what this thread is for")]
fn pace(rate: u64, duration: Duration) -> mpsc::Receiver<Instant> {
    let (sender, receiver) = mpsc::channel(DUE_MAX);
    std::thread::spawn(move || {
        let start = Instant::now();
        let count = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).saturating_mul(rate) / 1_000_000;
        for number in 0..count {
            let due = start + Duration::from_nanos(number.saturating_mul(1_000_000_000) / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if sender.blocking_send(due).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn open_loop(config: &LoadConfig, market: &Market) -> (Tally, Duration) {
    let due = Arc::new(Mutex::new(pace(config.rate, config.duration)));
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for number in 0..config.connections {
        workers.spawn(work(config.clone(), market.clone(), number, Arc::clone(&due)));
    }
    let mut all = Tally::default();
    while let Some(tally) = workers.join_next().await {
        all.add(&tally.expect("a worker does not panic"));
    }
    (all, start.elapsed())
}

async fn work(config: LoadConfig, market: Market, number: u64, due: Arc<Mutex<mpsc::Receiver<Instant>>>) -> Tally {
    let mut worker = Worker::new(&config, number);
    let mut tally = Tally::default();
    loop {
        let Some(due) = due.lock().await.recv().await else { return tally };
        let (kind, answer) = worker.send(&market).await;
        let code = match answer.status {
            0 => "broken".to_owned(),
            status if answer.is_success() => status.to_string(),
            status => answer.error_code().map_or(format!("http{status}"), |code| code.to_string()),
        };
        tally.record(kind, due.elapsed(), code);
        if let Some(acknowledged) = &config.acknowledged
            && answer.is_success()
            && kind != Kind::Read
        {
            let told = Acknowledged { account: worker.account, kind, body: answer.body };
            // Whoever checks may have heard enough.
            let _ = acknowledged.send(told).await;
        }
    }
}

struct Worker {
    connection: Connection,
    account: usize,
    api_key: String,
    signer: Signer,
    plan: Plan,
}

impl Worker {
    fn new(config: &LoadConfig, number: u64) -> Self {
        let account = usize::try_from(number).unwrap_or(0) % config.accounts.len();
        let Credentials { api_key, secret_key } = config.accounts[account].clone();
        Self {
            connection: Connection::new(config.target),
            account,
            api_key,
            signer: Signer::hmac(&secret_key),
            plan: Plan::new((config.seed, number), config.mix, &config.run, resting_max(config)),
        }
    }

    async fn send(&mut self, market: &Market) -> (Kind, Answer) {
        match self.plan.next(market) {
            Request::Public(path) => (Kind::Read, self.connection.get(&path).await),
            Request::Signed(kind, method, query) => {
                let by = (self.api_key.as_str(), &self.signer);
                let answer = self.connection.signed(method, "/api/v3/order", query, by).await;
                if kind == Kind::Place && answer.is_success() {
                    self.note_resting(&answer.body);
                }
                (kind, answer)
            }
        }
    }

    fn note_resting(&mut self, body: &[u8]) {
        let order: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let is_open = matches!(order["status"].as_str(), Some("NEW" | "PARTIALLY_FILLED"));
        if let Some(id) = order["clientOrderId"].as_str().filter(|_| is_open) {
            self.plan.rests(id.to_owned());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    Ping,
    Order,
}

/// How many a second the server answers when every connection sends one after the other.
async fn closed_loop(config: &LoadConfig, market: &Market, probe: Probe) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let until = start + config.capacity;
    let mut workers = JoinSet::new();
    for number in 0..config.connections {
        let (config, market, count) = (config.clone(), market.clone(), Arc::clone(&count));
        workers.spawn(async move {
            let mut worker = Worker::new(&config, number);
            let mut placed = 0u64;
            while Instant::now() < until {
                let answer = match probe {
                    Probe::Ping => worker.connection.get("/api/v3/ping").await,
                    Probe::Order => {
                        placed += 1;
                        worker.probe_order(&market, placed, resting_max(&config)).await
                    }
                };
                count.fetch_add(u64::from(answer.is_success()), Ordering::Relaxed);
            }
        });
    }
    workers.join_all().await;
    let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    count.load(Ordering::Relaxed).saturating_mul(1_000_000) / micros.max(1)
}

impl Worker {
    /// A limit order that rests away from the market. Before the account is full, all of its orders are canceled
    /// with one request, which is not counted.
    async fn probe_order(&mut self, market: &Market, placed: u64, resting_max: usize) -> Answer {
        let by = (self.api_key.as_str(), &self.signer);
        if placed.is_multiple_of(resting_max as u64) {
            let query = Query::new().with("symbol", &market.symbol);
            self.connection.signed(Method::DELETE, "/api/v3/openOrders", query, by).await;
        }
        let query = Query::new()
            .with("symbol", &market.symbol)
            .with("side", "BUY")
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("quantity", market.quantity(0))
            .with("price", market.price(-60))
            .with("newOrderRespType", "ACK");
        self.connection.signed(Method::POST, "/api/v3/order", query, by).await
    }
}
