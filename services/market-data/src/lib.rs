//! The Market Data Service: a fold of the feed, and the public queries on it.
//!
//! One task owns the [`fold`] and moves it on with every committed batch; requests read it through handles and
//! never ask the matching engine. What lies further back than the fold comes from the tables. What must not
//! live here: anything about one account, and any decision about orders.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cold_start;
pub mod fold;
mod follow;
mod klines;
mod prices;
mod rest;
mod rounding;
mod streams;
#[cfg(test)]
mod testing;
mod trades;

pub use cold_start::Tables;

use emporion_api::ApiError;
use emporion_edge::socket::OutboxLimits;
use emporion_edge::{LimitPolicy, Routes};
use emporion_model::Seq;
use emporion_ports::committed::CommittedHead;
use emporion_ports::feed::Feed;
use emporion_ports::imported::ImportedKlines;
use emporion_ports::prices::PriceCache;
use emporion_ports::store::Journal;
use fold::View;
use follow::Shown;
use prices::SharedPrices;
use std::sync::Arc;
use std::time::Duration;
use streams::hub::Hub;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a request waits for the fold, or the tables, to hold what was committed when it came.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the service stands on.
#[derive(Clone)]
pub struct Ports {
    /// Where batches are read that the feed did not bring.
    pub journal: Arc<dyn Journal>,
    /// Where committed batches come from.
    pub feed: Arc<dyn Feed>,
    /// What lies back.
    pub tables: Tables,
    /// What lies further back than the venue itself.
    pub imported: Arc<dyn ImportedKlines>,
    /// How far the journal is committed, as requests must see it. It may run ahead of the feed.
    pub committed: Arc<dyn CommittedHead>,
}

/// The running service; cheap to clone. It stops with the last clone.
#[derive(Clone)]
pub struct MarketData {
    tables: Tables,
    imported: Arc<dyn ImportedKlines>,
    committed: Arc<dyn CommittedHead>,
    views: watch::Receiver<View>,
    seqs: watch::Receiver<Seq>,
    hub: Hub,
    outbox: OutboxLimits,
    prices: Option<SharedPrices>,
    _tasks: Vec<Arc<AbortOnDrop>>,
}

impl MarketData {
    /// Starts the task that follows the feed. Must be called within a Tokio runtime.
    pub fn start(ports: Ports) -> Self {
        let (tables, imported, committed) = (ports.tables.clone(), ports.imported.clone(), ports.committed.clone());
        let hub = Hub::default();
        let (shown, views, seqs) = Shown::new();
        let task = tokio::spawn(follow::follow(ports, shown, hub.clone()));
        let (outbox, tasks) = (OutboxLimits::default(), vec![Arc::new(AbortOnDrop(task))]);
        Self { tables, imported, committed, views, seqs, hub, outbox, prices: None, _tasks: tasks }
    }

    /// The same service, whose streams let so much wait for each client.
    pub fn with_outbox(self, limits: OutboxLimits) -> Self {
        Self { outbox: limits, ..self }
    }

    /// The same service, which shares live prices with other processes. `works` is told whether that succeeds, again
    /// and again.
    pub fn with_prices(mut self, cache: Arc<dyn PriceCache>, works: Arc<dyn Fn(bool) + Send + Sync>) -> Self {
        let prices = SharedPrices::new(cache, works);
        let writer = tokio::spawn(prices.clone().keep(self.views.clone()));
        self.prices = Some(prices);
        self._tasks.push(Arc::new(AbortOnDrop(writer)));
        self
    }

    /// Adds the service's endpoints. `limits` are the request limits in force, which `exchangeInfo` tells.
    pub fn add_routes(&self, routes: Routes, limits: LimitPolicy) -> Routes {
        streams::add_routes(self, rest::add_routes(self, routes, limits))
    }

    /// The last seq that the fold holds; zero until it has caught up with the tables, and while it is made anew.
    pub fn seq_watch(&self) -> watch::Receiver<Seq> {
        self.seqs.clone()
    }

    /// The fold's state with everything in it that was committed when the request came, so that a client sees
    /// his own last answered order. A fold that does not get there in time is not asked: -1008, because a
    /// price of then must not pass for one of now.
    async fn current(&self) -> Result<View, ApiError> {
        let committed = self.committed.committed().await.map_err(rest::unavailable)?.seq;
        let mut views = self.views.clone();
        let reached = tokio::time::timeout(PATIENCE, views.wait_for(|view| view.seq >= committed)).await;
        match reached {
            Ok(Ok(view)) => Ok(view.clone()),
            Ok(Err(_)) | Err(_) => Err(ApiError::busy(1)),
        }
    }
}

/// A task that ends with its handle.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
