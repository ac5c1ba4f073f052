//! A venue for the gateway's tests.

mod client;
mod genesis;
mod queue;
mod tables;

pub(crate) use client::{ALICE, Answer, BOB, CAROL};
pub(crate) use genesis::listed_symbol;
pub(crate) use queue::Behaviour;
pub(crate) use tables::MemoryTables;

use crate::gateway::{Directory, Gateway};
use crate::testing::MemoryJournal;
use axum::Router;
use client::Keys;
use emporion_edge::{Clock, Edge, EdgeOptions, LimitPolicy, LimitsOptions, Readiness, Routes};
use emporion_model::{Action, SourceId, TimeUs};
use emporion_ports::feed::{Feed, InProcessFeed};
use emporion_ports::orders::Committed;
use emporion_ports::store::Journal;
use emporion_ports::tables::Queries;
use queue::EngineQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// When every test begins, in milliseconds: 2023-11-14, 22:13:20 UTC.
pub(crate) const NOW_MS: u64 = 1_700_000_000_000;

/// How many batches the feed holds.
const FEED_BATCHES: usize = 64;

/// A venue with a gateway in front of it.
pub(crate) struct Venue {
    pub(crate) queue: Arc<EngineQueue>,
    pub(crate) tables: Arc<MemoryTables>,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) feed: Arc<InProcessFeed>,
    directory: Directory,
    router: Router,
    now: Arc<AtomicU64>,
}

impl Venue {
    /// With two symbols, and with Alice and Bob, who have money. Carol has a key and no account.
    pub(crate) async fn start() -> Self {
        let now = Arc::new(AtomicU64::new(NOW_MS * 1_000));
        let clock = Clock::new({
            let now = now.clone();
            move || TimeUs(now.load(Ordering::Relaxed))
        });
        let tables = Arc::new(MemoryTables::default());
        let journal = Arc::new(MemoryJournal::new());
        let feed = Arc::new(InProcessFeed::new(FEED_BATCHES));
        let (committed, committed_receiver) = watch::channel(Committed::default());
        let queue = Arc::new(EngineQueue::new(journal.clone(), feed.clone(), tables.clone(), committed, clock.clone()));
        queue.begin(genesis::genesis()).await;
        for (place, action) in genesis::accounts().into_iter().enumerate() {
            queue.service(SourceId::USERS, place as u64 + 1, action).await;
        }
        let queries: Arc<dyn Queries> = tables.clone();
        let (rows, batches): (Arc<dyn Journal>, Arc<dyn Feed>) = (journal.clone(), feed.clone());
        let (directory, follower) = Directory::load(queries.clone(), rows, batches).await.unwrap();
        tokio::spawn(follower.run());
        let gateway =
            Gateway::new(queue.clone(), Arc::new(committed_receiver), queries, directory.clone(), clock.clone());
        let options = EdgeOptions {
            limits: LimitsOptions { policy: LimitPolicy::OFF, ..LimitsOptions::default() },
            ..EdgeOptions::default()
        };
        let edge = Edge::new(options, Arc::new(Keys), Readiness::new(), clock);
        let router = gateway.routes(Routes::new(edge)).into_router();
        Self { queue, tables, journal, feed, directory, router, now }
    }

    /// Lets the clock, not the engine, go on.
    pub(crate) fn sleep_ms(&self, milliseconds: u64) {
        self.now.fetch_add(milliseconds * 1_000, Ordering::Relaxed);
    }

    /// Sets the clock back, as a gateway's clock may be behind the engine's.
    pub(crate) fn set_back_ms(&self, milliseconds: u64) {
        self.now.fetch_sub(milliseconds * 1_000, Ordering::Relaxed);
    }

    /// Waits until the directory has followed all that is committed.
    pub(crate) async fn follow(&self) {
        self.directory.listings_at(self.tables.seq()).await.unwrap();
    }

    /// The clock, in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now.load(Ordering::Relaxed) / 1_000
    }

    /// Commits more batches than the feed holds before anybody can read one.
    pub(crate) async fn overrun_feed(&self) {
        let ticks = async {
            for _ in 0..2 * FEED_BATCHES {
                self.queue.tick().await;
            }
        };
        tokio::task::unconstrained(ticks).await;
    }

    /// The operator's next command.
    pub(crate) async fn operator(&self, n: u64, action: Action) {
        self.queue.service(SourceId::OPERATOR, n, action).await;
    }
}
