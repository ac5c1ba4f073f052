//! The one task that owns the fold: from the tables to the feed, and from the start again when that breaks. It
//! also tells the streams, because only here it is known that a batch is in the fold and nothing else is yet.

use crate::cold_start::{ColdStartError, cold_start};
use crate::fold::{FoldError, View};
use crate::streams::hub::Hub;
use crate::streams::name::Speed;
use crate::streams::publish::Publisher;
use crate::streams::publish::klines::KlineStreams;
use crate::{AbortOnDrop, Ports};
use emporion_edge::Clock;
use emporion_edge::socket::Cut;
use emporion_model::Seq;
use emporion_ports::feed::{CommittedBatch, FollowError, FollowedFeed};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How long the task rests before it starts again, so that a lasting fault does not keep the store busy.
const REST: Duration = Duration::from_secs(1);

/// The shorter window of the streams, and how many of them make a longer one.
const WINDOW: Duration = Duration::from_millis(100);
const WINDOWS_PER_SECOND: u32 = 10;

/// Why the fold cannot go on as it is.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    ColdStart(#[from] ColdStartError),
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error("the journal does not fit the fold at seq {seq}: {error}")]
    Fold { seq: Seq, error: FoldError },
}

/// Where the fold's state is shown.
pub(crate) struct Shown {
    views: watch::Sender<View>,
    seqs: watch::Sender<Seq>,
}

/// Follows until the feed closes. While the task starts again, readers keep what was right; they wait for what
/// is committed meanwhile. Whoever hears streams is cut off, because they will not go on where they ended.
pub(crate) async fn follow(ports: Ports, shown: Shown, hub: Hub) {
    let mut publisher = Publisher::new(hub.clone());
    loop {
        let Err(fault) = follow_until_fault(&ports, &shown, &hub, &mut publisher).await;
        if matches!(fault, Fault::Follow(FollowError::Closed)) {
            tracing::info!("the feed is closed; market data stands still");
            return;
        }
        tracing::error!(error = %fault, "market data starts again from the tables");
        metrics::counter!("market_data_restarts_total").increment(1);
        hub.cut_all(Cut::RESTART);
        rest().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: it spares a store that is in trouble")]
async fn rest() {
    tokio::time::sleep(REST).await;
}

async fn follow_until_fault(
    ports: &Ports,
    shown: &Shown,
    hub: &Hub,
    publisher: &mut Publisher<Hub>,
) -> Result<Infallible, Fault> {
    let mut fold = cold_start(&ports.tables).await?;
    let mut feed = FollowedFeed::new(ports.journal.clone(), &*ports.feed, fold.view().seq);
    publisher.begin(fold.view());
    shown.show(fold.view());
    let klines = KlineStreams::new(hub.clone(), ports.tables.clone(), ports.imported.clone());
    let _klines = AbortOnDrop(tokio::spawn(klines.run(shown.views.subscribe())));
    let (mut windows, clock) = (Windows::new(), Clock::system());
    loop {
        let batch = next_batch(&mut feed, fold.view(), publisher, &mut windows).await?;
        if let Err(error) = fold.apply(&batch) {
            // A part of the batch may be in it: nobody must read that.
            shown.show(&View::default());
            return Err(Fault::Fold { seq: batch.first_seq, error });
        }
        shown.show(fold.view());
        publisher.on_batch(fold.view(), &batch);
        let delay_us = clock.now().since(batch.head.time);
        metrics::histogram!("stream_publish_delay_seconds").record(Duration::from_micros(delay_us));
        // The journal may hold a long run of batches ready, and other tasks want their turn.
        tokio::task::consume_budget().await;
    }
}

/// Waits for the next batch. Windows that end meanwhile, or ended before, are told first.
async fn next_batch(
    feed: &mut FollowedFeed,
    view: &View,
    publisher: &mut Publisher<Hub>,
    windows: &mut Windows,
) -> Result<Arc<CommittedBatch>, FollowError> {
    // One wait for one batch: begun anew after each window, a slow read of the journal would never end.
    let mut batch = pin!(feed.next());
    loop {
        tokio::select! {
            biased;
            is_second = windows.end() => {
                publisher.on_window(view, Speed::Ms100);
                if is_second {
                    publisher.on_window(view, Speed::Ms1000);
                    publisher.on_second(view);
                }
            }
            batch = &mut batch => return batch,
        }
    }
}

/// The ends of windows. When the task is late they come later, and none is made up for.
struct Windows {
    ticks: Interval,
    count: u32,
}

impl Windows {
    fn new() -> Self {
        let mut ticks = interval(WINDOW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, count: 0 }
    }

    /// Waits for the end of a window; says whether a longer one ends with it.
    async fn end(&mut self) -> bool {
        self.ticks.tick().await;
        self.count = (self.count + 1) % WINDOWS_PER_SECOND;
        self.count == 0
    }
}

impl Shown {
    /// With the two ends that readers hold.
    pub(crate) fn new() -> (Self, watch::Receiver<View>, watch::Receiver<Seq>) {
        let (views, views_read) = watch::channel(View::default());
        let (seqs, seqs_read) = watch::channel(Seq::ZERO);
        (Self { views, seqs }, views_read, seqs_read)
    }

    fn show(&self, view: &View) {
        self.views.send_replace(view.clone());
        self.seqs.send_replace(view.seq);
        metrics::gauge!("market_data_seq").set(view.seq.0 as f64);
    }
}
