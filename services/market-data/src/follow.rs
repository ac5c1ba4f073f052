//! The one task that owns the fold: from the tables to the feed, and from the start again when that breaks.

use crate::Ports;
use crate::cold_start::{ColdStartError, cold_start};
use crate::fold::{FoldError, View};
use emporion_model::Seq;
use emporion_ports::feed::{FollowError, FollowedFeed};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;

/// How long the task rests before it starts again, so that a lasting fault does not keep the store busy.
const REST: Duration = Duration::from_secs(1);

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
/// is committed meanwhile.
pub(crate) async fn follow(ports: Ports, shown: Shown) {
    loop {
        let Err(fault) = follow_until_fault(&ports, &shown).await;
        if matches!(fault, Fault::Follow(FollowError::Closed)) {
            tracing::info!("the feed is closed; market data stands still");
            return;
        }
        tracing::error!(error = %fault, "market data starts again from the tables");
        metrics::counter!("market_data_restarts_total").increment(1);
        rest().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: it spares a store that is in trouble")]
async fn rest() {
    tokio::time::sleep(REST).await;
}

async fn follow_until_fault(ports: &Ports, shown: &Shown) -> Result<Infallible, Fault> {
    let mut fold = cold_start(&ports.tables).await?;
    let mut feed = FollowedFeed::new(ports.journal.clone(), &*ports.feed, fold.view().seq);
    loop {
        shown.show(fold.view());
        let batch = feed.next().await?;
        if let Err(error) = fold.apply(&batch) {
            // A part of the batch may be in it: nobody must read that.
            shown.show(&View::default());
            return Err(Fault::Fold { seq: batch.first_seq, error });
        }
        // The journal may hold a long run of batches ready, and other tasks want their turn.
        tokio::task::consume_budget().await;
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
