//! What a server does at most: every connection sends one request after the other.

use super::client::Connection;
use super::report::Capacity;
use super::{Account, Load, Market};
use emporion_api::signing::Query;
use hyper::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    Ping,
    Order,
}

impl Load {
    pub(super) async fn capacity(&self) -> Capacity {
        Capacity {
            pings_per_second: self.closed_loop(Probe::Ping).await,
            orders_per_second: self.closed_loop(Probe::Order).await,
        }
    }

    /// How many a second the server answers.
    async fn closed_loop(&self, probe: Probe) -> u64 {
        let count = Arc::new(AtomicU64::new(0));
        let start = Instant::now();
        let until = start + self.config.capacity;
        let connections = usize::try_from(self.config.connections).unwrap_or(usize::MAX);
        let resting_max = (160 / connections.div_ceil(self.accounts.len())).max(1) as u64;
        let mut workers = JoinSet::new();
        for number in 0..connections {
            let account = Arc::clone(&self.accounts[number % self.accounts.len()]);
            let (market, count) = (self.market.clone(), Arc::clone(&count));
            let mut worker = Worker { connection: Connection::new(self.config.target), account, resting_max };
            workers.spawn(async move {
                let mut placed = 0u64;
                while Instant::now() < until {
                    placed += 1;
                    let is_success = match probe {
                        Probe::Ping => worker.connection.get("/api/v3/ping").await.is_success(),
                        Probe::Order => worker.order(&market, placed).await,
                    };
                    count.fetch_add(u64::from(is_success), Ordering::Relaxed);
                }
            });
        }
        workers.join_all().await;
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        count.load(Ordering::Relaxed).saturating_mul(1_000_000) / micros.max(1)
    }
}

struct Worker {
    connection: Connection,
    account: Arc<Account>,
    /// How many of its orders may rest.
    resting_max: u64,
}

impl Worker {
    /// A limit order that rests away from the market. Before the account is full, all of its orders are canceled
    /// with one request, which is not counted.
    async fn order(&mut self, market: &Market, placed: u64) -> bool {
        let by = self.account.by();
        if placed.is_multiple_of(self.resting_max) {
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
        self.connection.signed(Method::POST, "/api/v3/order", query, by).await.is_success()
    }
}
