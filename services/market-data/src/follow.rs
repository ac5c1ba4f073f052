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
                publisher.greet(view);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::event::Shape;
    use crate::streams::hub::Membership;
    use crate::streams::name::Stream;
    use crate::testing::{ALICE, BOB, BTCUSDT, FakeJournal, FakeTables, TestVenue};
    use emporion_api::TimeUnit;
    use emporion_edge::socket::{Outbox, OutboxLimits};
    use emporion_model::Side;
    use emporion_ports::feed::{Feed, InProcessFeed};
    use emporion_ports::imported::InMemoryKlines;
    use emporion_ports::orders::Committed;

    /// The task over a venue whose tables stay where they are.
    struct Running {
        venue: TestVenue,
        journal: Arc<FakeJournal>,
        feed: Arc<InProcessFeed>,
        hub: Hub,
        seqs: watch::Receiver<Seq>,
        _task: AbortOnDrop,
    }

    /// One who hears streams.
    struct Listener {
        outbox: Outbox,
        _membership: Membership,
    }

    impl Running {
        async fn new() -> Self {
            let venue = TestVenue::new(1_700_000_000_000);
            let (journal, feed) = (Arc::new(FakeJournal::new(venue.rows.clone())), Arc::new(InProcessFeed::new(16)));
            let head = venue.head();
            let (_, committed) = watch::channel(Committed { seq: head.seq, time: head.time });
            let ports = Ports {
                journal: journal.clone(),
                feed: feed.clone(),
                tables: FakeTables::new(&venue).into(),
                imported: Arc::<InMemoryKlines>::default(),
                committed: Arc::new(committed),
            };
            let ((shown, _, seqs), hub) = (Shown::new(), Hub::default());
            let task = AbortOnDrop(tokio::spawn(follow(ports, shown, hub.clone())));
            let mut running = Self { venue, journal, feed, hub, seqs, _task: task };
            running.reach(head.seq).await;
            running
        }

        async fn reach(&mut self, seq: Seq) {
            self.seqs.wait_for(|reached| *reached >= seq).await.unwrap();
        }

        fn listen(&self, streams: &[&str]) -> Listener {
            let outbox = Outbox::new(OutboxLimits::default());
            let mut membership = self.hub.join(outbox.clone(), TimeUnit::Millisecond, Shape::Raw);
            streams.iter().for_each(|stream| membership.subscribe(Stream::parse(stream).unwrap()));
            Listener { outbox, _membership: membership }
        }

        /// Lets a trade happen, and a bid appear.
        fn trade(&mut self, price: u64) {
            self.venue.limit(ALICE, BTCUSDT, Side::Sell, price, 1_000);
            self.venue.limit(BOB, BTCUSDT, Side::Buy, price, 2_000);
            self.venue.commit();
            let row = self.venue.rows.last().unwrap().clone();
            let batch = Arc::new(CommittedBatch::from_row(&row).unwrap());
            self.journal.push(row);
            self.feed.publish(batch);
        }
    }

    impl Listener {
        /// Waits for so many texts, and gives back the value of `key` in each.
        async fn hear(&self, count: usize, key: &str) -> Vec<String> {
            let mut texts = Vec::new();
            while texts.len() < count {
                let taken = tokio::time::timeout(Duration::from_secs(60), self.outbox.take(&mut texts)).await;
                taken.unwrap().unwrap();
            }
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()[key].to_string();
            texts.iter().map(|text| value(text.as_str())).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_kind_of_stream_hears_of_a_trade() {
        let mut running = Running::new().await;
        let kinds = [
            ("btcusdt@trade", r#""trade""#),
            ("btcusdt@aggTrade", r#""aggTrade""#),
            ("btcusdt@depth@100ms", r#""depthUpdate""#),
            ("btcusdt@depth", r#""depthUpdate""#),
            ("btcusdt@ticker", r#""24hrTicker""#),
            ("btcusdt@miniTicker", r#""24hrMiniTicker""#),
            ("btcusdt@avgPrice", r#""avgPrice""#),
            ("btcusdt@kline_1s", r#""kline""#),
            ("btcusdt@kline_1d@+08:00", r#""kline""#),
            ("btcusdt@bookTicker", "null"),
            ("btcusdt@depth20@100ms", "null"),
            ("btcusdt@depth5", "null"),
            ("!ticker@arr", "null"),
            ("!miniTicker@arr", "null"),
        ];
        let listeners = kinds.map(|(stream, kind)| (running.listen(&[stream]), kind));
        running.trade(3_000_000);
        for (listener, kind) in listeners {
            assert_eq!(listener.hear(1, "e").await[0], kind);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_cuts_everybody_off_and_tells_nothing_of_what_was_not_applied() {
        let mut running = Running::new().await;
        let before = running.listen(&["btcusdt@trade", "btcusdt@depth@100ms"]);
        running.trade(3_000_000);
        assert_eq!(before.hear(2, "e").await, [r#""trade""#, r#""depthUpdate""#]);
        // A trade with an order that was never in the book.
        let next = running.venue.head().seq.next();
        let mut alien = TestVenue::new(0);
        alien.limit(ALICE, BTCUSDT, Side::Sell, 3_000_000, 1_000);
        alien.commit();
        alien.limit(BOB, BTCUSDT, Side::Buy, 3_000_000, 1_000);
        alien.commit();
        let mut batch = (*alien.batches()[2]).clone();
        (batch.first_seq, batch.head.seq) = (next, next);
        running.feed.publish(Arc::new(batch));
        let mut texts = Vec::new();
        assert_eq!(before.outbox.take(&mut texts).await, Err(Cut::RESTART));
        assert!(texts.is_empty(), "{texts:?}");
        // Who comes next hears what comes next, and not again what was told before.
        let after = running.listen(&["btcusdt@trade"]);
        running.trade(3_000_100);
        running.reach(running.venue.head().seq).await;
        running.trade(3_000_200);
        assert_eq!(after.hear(2, "t").await, ["2", "3"]);
    }
}
