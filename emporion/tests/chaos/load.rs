//! Orders and cancels at fixed times whatever the venue does, what it said to each, and what other processes showed
//! right after it had been acknowledged.

use crate::venue::{Account, now_ms};
use emporion_api::signing::Query;
use emporion_bench::load::{Answer, Connection};
use http::Method;
use serde_json::Value;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Within it an order takes effect or never does.
const RECV_WINDOW: Duration = Duration::from_secs(10);
/// How many orders may be on their way; more are not sent.
const UNANSWERED_MAX: usize = 1_000;
/// After that, what became of an order without an answer is final.
const FINAL_AFTER: Duration = Duration::from_secs(13);
/// How often a cancel without an answer is tried again, and what is between.
const CANCELS: usize = 20;
const CANCEL_PAUSE: Duration = Duration::from_secs(1);
/// Codes of Binance's API: the command was not taken; there is no such order to cancel; there is no such order.
const NOT_TAKEN: i64 = -1008;
const NOTHING_TO_CANCEL: i64 = -2011;
const NO_SUCH_ORDER: i64 = -2013;
/// When a trade that was acknowledged must be in every price that does not call itself stale.
const IN_PRICES_AFTER: Duration = Duration::from_secs(3);

/// What the venue was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The client order id.
    pub(crate) id: String,
    pub(crate) is_buy: bool,
    /// In hundredths of the quote asset.
    pub(crate) price: u64,
    /// Whether it is far from where trades are.
    rests: bool,
}

/// What was acknowledged, and when.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) order: Order,
    pub(crate) is_cancel: bool,
    pub(crate) sent: Instant,
    pub(crate) told: Instant,
    pub(crate) answer: Value,
}

/// What came of all orders so far.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) told: Vec<Told>,
    /// Answers other than an acknowledgement, by code.
    pub(crate) unacknowledged: std::collections::BTreeMap<String, usize>,
    /// Reads that had to show what had been acknowledged, and what those showed that did not.
    pub(crate) reads: usize,
    pub(crate) stale_reads: Vec<String>,
    /// The ids of acknowledged trades that need not be in prices yet, and the highest that must.
    fresh_trades: VecDeque<(Instant, u64)>,
    priced_trade: u64,
}

impl Record {
    /// The highest id of a trade that any price must know now.
    pub(crate) fn trade_in_prices(&mut self) -> u64 {
        while let Some((_, id)) = self.fresh_trades.front().filter(|(at, _)| at.elapsed() > IN_PRICES_AFTER) {
            self.priced_trade = self.priced_trade.max(*id);
            self.fresh_trades.pop_front();
        }
        self.priced_trade
    }
}

/// A load that runs.
pub(crate) struct Load {
    desk: Arc<Desk>,
    running: JoinHandle<()>,
}

struct Desk {
    public: SocketAddr,
    /// The order processes themselves.
    processes: Vec<SocketAddr>,
    accounts: Vec<Account>,
    record: Arc<Mutex<Record>>,
    acknowledged: AtomicUsize,
    idle: Mutex<Vec<(SocketAddr, Connection)>>,
    permits: Arc<Semaphore>,
    run: u64,
}

impl Load {
    /// Sends so many orders a second, half of which rest and are cancelled, the others trade with each other.
    pub(crate) fn start(public: SocketAddr, processes: Vec<SocketAddr>, accounts: Vec<Account>, rate: u64) -> Self {
        assert!(accounts.len().is_multiple_of(4), "orders of four kinds take turns");
        let desk = Arc::new(Desk {
            public,
            processes,
            accounts,
            record: Arc::default(),
            acknowledged: AtomicUsize::new(0),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(UNANSWERED_MAX)),
            run: now_ms(),
        });
        let sending = Arc::clone(&desk);
        let running = tokio::spawn(async move {
            let mut due = interval(Duration::from_micros(1_000_000 / rate));
            due.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for number in 0.. {
                due.tick().await;
                if let Ok(permit) = Arc::clone(&sending.permits).try_acquire_owned() {
                    let desk = Arc::clone(&sending);
                    tokio::spawn(async move {
                        desk.live(number).await;
                        drop(permit);
                    });
                }
            }
        });
        Self { desk, running }
    }

    /// How many orders were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.desk.acknowledged.load(Ordering::SeqCst)
    }

    pub(crate) fn record(&self) -> Arc<Mutex<Record>> {
        Arc::clone(&self.desk.record)
    }

    /// Sends nothing new and waits until everything has an answer.
    pub(crate) async fn stop(self) -> Arc<Mutex<Record>> {
        self.running.abort();
        let _ = self.running.await;
        let _ = self.desk.permits.acquire_many(UNANSWERED_MAX as u32).await;
        Arc::clone(&self.desk.record)
    }
}

impl Desk {
    /// The life of one order, from its sending until it rests no more.
    async fn live(&self, number: usize) {
        let account = number % self.accounts.len();
        let step = (number / 4 % 100) as u64;
        // Sells stand above each other, and each buy takes whichever is there.
        let (is_buy, price, rests) = match number % 4 {
            0 => (true, 1_900_000 + step, true),
            1 => (false, 2_100_000 + step, true),
            2 => (false, 2_000_000 + step, false),
            _ => (true, 2_000_100 + step, false),
        };
        let order = Order { id: format!("{}-{number}", self.run), is_buy, price, rests };
        let query = Query::new()
            .with("symbol", "BTCUSDT")
            .with("side", if is_buy { "BUY" } else { "SELL" })
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("quantity", "0.001")
            .with("price", format!("{}.{:02}", price / 100, price % 100))
            .with("newClientOrderId", &order.id)
            .with("newOrderRespType", "FULL");
        let placed = self.command(Method::POST, query, account, &order).await;
        match &placed {
            Ok(answer) => {
                self.read_again(&order, answer, account).await;
                if rests {
                    self.cancel(&order, account).await;
                }
            }
            Err(Some(NOT_TAKEN)) => {}
            Err(_) => {
                pause(FINAL_AFTER).await;
                self.cancel(&order, account).await;
            }
        }
    }

    /// Sends a command and keeps what the venue says; gives an acknowledgement, or the code if there is one.
    async fn command(&self, method: Method, query: Query, account: usize, order: &Order) -> Result<Value, Option<i64>> {
        let is_cancel = method == Method::DELETE;
        let sent = Instant::now();
        let answer = self.ask(self.public, method, "/api/v3/order", query, account).await;
        let mut record = self.record.lock().unwrap();
        if !answer.is_success() {
            let code = answer.error_code();
            let name = code.map_or_else(|| format!("HTTP {}", answer.status), |code| code.to_string());
            *record.unacknowledged.entry(name).or_default() += 1;
            return Err(code);
        }
        let told = Instant::now();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let trades = answer["fills"].as_array().into_iter().flatten().filter_map(|fill| fill["tradeId"].as_u64());
        record.fresh_trades.extend(trades.map(|id| (told, id)));
        record.told.push(Told { order: order.clone(), is_cancel, sent, told, answer: answer.clone() });
        if !is_cancel {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        Ok(answer)
    }

    /// Cancels it, again and again until there is an answer.
    async fn cancel(&self, order: &Order, account: usize) {
        for _ in 0..CANCELS {
            let query = Query::new().with("symbol", "BTCUSDT").with("origClientOrderId", &order.id);
            match self.command(Method::DELETE, query, account, order).await {
                Ok(_) => {
                    let read = |answer: &Value| answer["status"] == "CANCELED";
                    return self.check_order(order, account, read, "cancelled").await;
                }
                Err(Some(NOTHING_TO_CANCEL)) => return,
                Err(_) => pause(CANCEL_PAUSE).await,
            }
        }
    }

    /// Every process must show what one has acknowledged, whether it waits for it or not.
    async fn read_again(&self, order: &Order, placed: &Value, account: usize) {
        let filled = executed(placed);
        let read = |answer: &Value| answer["orderId"] == placed["orderId"] && executed(answer) >= filled;
        self.check_order(order, account, read, "placed").await;
        let symbol = || Query::new().with("symbol", "BTCUSDT");
        if order.rests && placed["status"] == "NEW" {
            let read = |answer: &Value| listed(answer).iter().any(|open| open["orderId"] == placed["orderId"]);
            self.check_everywhere("/api/v3/openOrders", symbol, account, read, order).await;
        }
        if filled > 0 {
            let id = placed["orderId"].to_string();
            let query = || symbol().with("orderId", &id);
            let read =
                |answer: &Value| listed(answer).iter().map(|trade| decimals(&trade["qty"])).sum::<u64>() >= filled;
            self.check_everywhere("/api/v3/myTrades", query, account, read, order).await;
        }
    }

    async fn check_order(&self, order: &Order, account: usize, read: impl Fn(&Value) -> bool, what: &str) {
        let query = || Query::new().with("symbol", "BTCUSDT").with("origClientOrderId", &order.id);
        let read = |answer: &Value| answer["code"].is_null() && read(answer);
        self.check_everywhere("/api/v3/order", query, account, read, (order, what)).await;
    }

    async fn check_everywhere(
        &self,
        path: &str,
        query: impl Fn() -> Query,
        account: usize,
        read: impl Fn(&Value) -> bool,
        what: impl std::fmt::Debug,
    ) {
        for process in &self.processes {
            let answer = self.ask(*process, Method::GET, path, query(), account).await;
            // Who cannot answer now says nothing wrong; who knows no such order does.
            if !answer.is_success() && answer.error_code() != Some(NO_SUCH_ORDER) {
                continue;
            }
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            let mut record = self.record.lock().unwrap();
            record.reads += 1;
            if !read(&body) {
                record.stale_reads.push(format!("{path} of {process} after {what:?}: {body}"));
            }
        }
    }

    async fn ask(&self, target: SocketAddr, method: Method, path: &str, query: Query, account: usize) -> Answer {
        let account = &self.accounts[account];
        let idle = {
            let mut idle = self.idle.lock().unwrap();
            let found = idle.iter().position(|(own, _)| *own == target);
            found.map(|index| idle.swap_remove(index).1)
        };
        let mut connection = idle.unwrap_or_else(|| Connection::new(target).with_recv_window(RECV_WINDOW));
        let answer = connection.signed(method, path, query, (&account.api_key, &account.signer)).await;
        if answer.status != 0 {
            self.idle.lock().unwrap().push((target, connection));
        }
        answer
    }
}

fn listed(answer: &Value) -> &[Value] {
    answer.as_array().map_or(&[], Vec::as_slice)
}

fn executed(answer: &Value) -> u64 {
    decimals(&answer["executedQty"])
}

/// A quantity in hundred-millionths: clients of Binance's API get eight decimals.
pub(crate) fn decimals(text: &Value) -> u64 {
    let text = text.as_str().unwrap_or_default();
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    assert_eq!(part.len(), 8, "{text:?} has eight decimals");
    format!("{whole}{part}").parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a client that asks again does not do so at once")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
