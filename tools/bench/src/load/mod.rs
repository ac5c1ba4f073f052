//! An open-loop load: requests are due at fixed times whatever the venue does, and latency counts from the
//! time a request was due, so that a stall shows in every request it delayed.

mod capacity;
pub mod client;
mod desk;
mod market;
mod mix;
mod outcome;
mod pace;
mod plan;
mod report;
mod search;
mod verify;

pub use client::{Answer, Connection, Credentials};
pub use market::Market;
pub use mix::{Kind, Mix, MixError};
pub use outcome::Outcomes;
pub use pace::{Pace, Phase, Spike, SpikeError};
pub use report::{Capacity, KindReport, PhaseReport, Report, Row};
pub use search::{Highest, Search, Step};

use bytes::Bytes;
use desk::Desk;
use emporion_api::signing::{Query, Signer};
use hyper::Method;
use outcome::Sent;
use plan::Plan;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What to send, where, and how fast.
#[derive(Clone)]
pub struct LoadConfig {
    /// The venue.
    pub target: SocketAddr,
    /// The accounts, funded in both assets of the symbol. They take turns.
    pub accounts: Vec<Credentials>,
    /// The symbol.
    pub symbol: String,
    /// The price around which orders are placed while the symbol has none.
    pub price_if_none: String,
    /// Requests a second.
    pub rate: u64,
    /// For how long.
    pub duration: Duration,
    /// The most open connections. One is opened when a request is due and all that are open wait for an answer.
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
    let pace = Pace::steady(config.rate, config.duration);
    let mut load = Load::prepare(config).await?;
    Ok(load.run(pace, Work::Mix, Check::Nothing).await)
}

/// How many orders of an account may rest at a time, so that it stays well below the usual 200: some more may, whose
/// outcome is unknown or that found nobody to trade with.
const RESTING_MAX: usize = 80;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The mix of the config.
    Mix,
    /// `GET ping`.
    Ping,
}

/// What can be looked into afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing but the answers.
    Nothing,
    /// What became of every order and cancel.
    Orders,
}

/// A load whose accounts are ready. It may be sent more than once.
pub struct Load {
    config: LoadConfig,
    market: Market,
    recv_window: Duration,
    accounts: Vec<Arc<Account>>,
    plans: Vec<Plan>,
    /// For everything that is not measured.
    connection: Connection,
    rate_limits: String,
    capacity: Option<Capacity>,
    /// Who is told that a spike begins.
    spike_notice: Option<oneshot::Sender<()>>,
    /// What was sent and not looked into yet, and the newest order of each account before.
    unchecked: Option<(Vec<Sent>, Vec<u64>)>,
}

/// An account that signs.
struct Account {
    api_key: String,
    signer: Signer,
}

impl Account {
    fn by(&self) -> (&str, &Signer) {
        (&self.api_key, &self.signer)
    }
}

impl Load {
    /// Asks for the market, measures the capacity if it is wanted, and clears the accounts' books.
    ///
    /// # Errors
    /// The config asks for nothing, or the venue does not answer as it should.
    pub async fn prepare(config: LoadConfig) -> Result<Self, LoadError> {
        if config.accounts.is_empty() || config.connections == 0 || config.rate == 0 {
            return Err(LoadError::Nothing);
        }
        let mut connection = Connection::new(config.target);
        let market = Market::ask(&mut connection, &config.symbol, &config.price_if_none).await?;
        let rate_limits = limits(&mut connection).await;
        let account = |Credentials { api_key, secret_key }: &Credentials| {
            Arc::new(Account { api_key: api_key.clone(), signer: Signer::hmac(secret_key) })
        };
        let accounts: Vec<_> = config.accounts.iter().map(account).collect();
        let plan = |number: u64| Plan::new((config.seed, number), config.mix, &config.run, RESTING_MAX);
        let plans = (0..accounts.len() as u64).map(plan).collect();
        let mut load = Self {
            config,
            market,
            recv_window: Duration::from_secs(60),
            accounts,
            plans,
            connection,
            rate_limits,
            capacity: None,
            spike_notice: None,
            unchecked: None,
        };
        if !load.config.capacity.is_zero() {
            load.capacity = Some(load.capacity().await);
        }
        load.clear_books().await;
        load.open_market().await;
        Ok(load)
    }

    /// With a shorter `recvWindow` than a minute: within it, an order takes effect or never does.
    pub fn with_recv_window(self, recv_window: Duration) -> Self {
        Self { recv_window, ..self }
    }

    /// Tells when the next spike begins.
    pub fn notice_of_spike(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.spike_notice = Some(sender);
        receiver
    }

    /// What became of the orders and cancels of the last run, if it was to be looked into. Unknown ones are asked for
    /// until the answer is final, which takes until some time after their deadlines.
    pub async fn outcomes(&mut self) -> Option<Outcomes> {
        let (sent, newest) = self.unchecked.take()?;
        Some(self.verify(sent, &newest).await)
    }

    /// Sends it and waits for all answers. What [`Check::Orders`] asks for, [`Self::outcomes`] tells afterwards.
    pub async fn run(&mut self, pace: Pace, work: Work, check: Check) -> Report {
        let newest = match check {
            Check::Orders => self.newest_orders().await,
            Check::Nothing => Vec::new(),
        };
        let mut desk = Desk::new(self, work, check);
        let elapsed = desk.serve(pace).await;
        let (tally, sent, connections) = desk.close();
        self.unchecked = (check == Check::Orders).then_some((sent, newest));
        let total = tally.total(elapsed);
        let intended: u128 = pace.phases().iter().map(|(_, rate, lasts)| u128::from(*rate) * lasts.as_millis()).sum();
        let lasts: u128 = pace.phases().iter().map(|(_, _, lasts)| lasts.as_millis()).sum();
        Report {
            mix: self.config.mix.to_string(),
            rate_limits: self.rate_limits.clone(),
            intended_per_second: u64::try_from(intended / lasts.max(1)).unwrap_or(u64::MAX),
            achieved_per_second: total.per_second,
            duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            connections,
            wait_p99_us: tally.wait_p99_us(),
            kinds: tally.kinds(elapsed),
            phases: tally.phases(&pace),
            total,
            outcomes: None,
            capacity: self.capacity,
        }
    }

    /// Cancels what earlier runs and the capacity's orders left, so that no account begins near its limit.
    async fn clear_books(&mut self) {
        for account in &self.accounts {
            let query = Query::new().with("symbol", &self.config.symbol);
            self.connection.signed(Method::DELETE, "/api/v3/openOrders", query, account.by()).await;
        }
    }

    /// Trades once where nobody ever did, because a market order needs a price to be judged by.
    async fn open_market(&mut self) {
        if self.market.has_traded {
            return;
        }
        let (seller, buyer) = (&self.accounts[0], &self.accounts[self.accounts.len() - 1]);
        for (side, account) in [("SELL", seller), ("BUY", buyer)] {
            let query = Query::new()
                .with("symbol", &self.market.symbol)
                .with("side", side)
                .with("type", "LIMIT")
                .with("timeInForce", "GTC")
                .with("quantity", self.market.quantity(0))
                .with("price", self.market.price(0))
                .with("selfTradePreventionMode", "NONE");
            self.connection.signed(Method::POST, "/api/v3/order", query, account.by()).await;
        }
    }
}

async fn limits(connection: &mut Connection) -> String {
    let answer = connection.get("/api/v3/exchangeInfo").await;
    let info: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    info["rateLimits"].to_string()
}
