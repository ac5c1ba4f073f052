//! Every batch exactly once and in order: the feed, with its gaps filled from the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use emporion_model::Seq;
use emporion_model::journal::RowError;

use super::{CommittedBatch, Feed, FeedReceiver, Received};
use crate::store::{Journal, StoreError};

/// How much one read of the journal brings, in bytes of payload.
const READ_BYTES_MAX: usize = 4 << 20;

/// Why following cannot go on. What was yielded before was right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The journal could not be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] StoreError),
    /// A row of the journal cannot be decoded.
    #[error("the journal's row at seq {seq} is damaged: {error}")]
    Row {
        /// The row's first seq.
        seq: Seq,
        /// What is wrong with it.
        error: RowError,
    },
    /// The journal does not go on where the consumer stands: it begins a new history, or it no longer holds
    /// the rows that are missing. The consumer starts again from the tables.
    #[error("the journal goes on at seq {found}, not at {expected}")]
    Discontinued {
        /// The seq that was due.
        expected: Seq,
        /// The seq that came.
        found: Seq,
    },
    /// The publisher is gone.
    #[error("the feed is closed")]
    Closed,
}

/// A subscription that begins after a given seq and never has a gap.
pub struct FollowedFeed {
    journal: Arc<dyn Journal>,
    receiver: Box<dyn FeedReceiver>,
    /// The first seq of the batch that is due.
    due: Seq,
    /// Batches out of the journal, the next one first.
    ready: VecDeque<Arc<CommittedBatch>>,
    /// Whether the journal may hold batches that the receiver will not bring.
    behind: bool,
}

impl FollowedFeed {
    /// Follows from the batch after `after` on, which is the last seq of a batch, or zero.
    pub fn new(journal: Arc<dyn Journal>, feed: &dyn Feed, after: Seq) -> Self {
        Self { journal, receiver: feed.subscribe(), due: after.next(), ready: VecDeque::new(), behind: true }
    }

    /// The next batch, once it is committed. May be dropped while it waits without losing anything.
    pub async fn next(&mut self) -> Result<Arc<CommittedBatch>, FollowError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return self.pass(batch);
            }
            if self.behind {
                self.read_journal().await?;
                continue;
            }
            match self.receiver.next().await {
                Received::Batch(batch) if batch.head.seq < self.due => {}
                Received::Batch(batch) if batch.first_seq == self.due => return self.pass(batch),
                Received::Batch(_) | Received::Gap => self.behind = true,
                Received::Closed => return Err(FollowError::Closed),
            }
        }
    }

    /// Lets a batch through if it is the one that is due.
    fn pass(&mut self, batch: Arc<CommittedBatch>) -> Result<Arc<CommittedBatch>, FollowError> {
        if batch.first_seq != self.due {
            return Err(FollowError::Discontinued { expected: self.due, found: batch.first_seq });
        }
        self.due = batch.head.seq.next();
        Ok(batch)
    }

    /// Reads on from the due batch. Once the journal has no more, the receiver has everything that follows,
    /// because it subscribed before this read.
    async fn read_journal(&mut self) -> Result<(), FollowError> {
        let after = Seq(self.due.0 - 1);
        let rows = self.journal.rows_after(after, READ_BYTES_MAX).await?;
        self.behind = !rows.is_empty();
        for row in &rows {
            let batch =
                CommittedBatch::from_row(row).map_err(|error| FollowError::Row { seq: row.first_seq, error })?;
            self.ready.push_back(Arc::new(batch));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::InProcessFeed;
    use crate::store::CommitError;
    use async_trait::async_trait;
    use emporion_model::journal::{BatchBuilder, Head, JournalRow};
    use emporion_model::{Action, Command, Origin, TimeUs};
    use std::sync::Mutex;

    /// A journal in memory that gives out one row at a time.
    #[derive(Default)]
    struct Rows(Mutex<Vec<JournalRow>>);

    #[async_trait]
    impl Journal for Rows {
        async fn head(&self) -> Result<Head, StoreError> {
            Ok(self.0.lock().unwrap().last().map(JournalRow::head).unwrap_or_default())
        }

        async fn commit(&self, row: Arc<JournalRow>) -> Result<(), CommitError> {
            self.0.lock().unwrap().push((*row).clone());
            Ok(())
        }

        async fn take_over(&self) -> Result<Head, StoreError> {
            Err(StoreError::Failed("nobody leads here".into()))
        }

        async fn rows_after(&self, seq: Seq, _: usize) -> Result<Vec<JournalRow>, StoreError> {
            Ok(self.0.lock().unwrap().iter().find(|row| row.first_seq > seq).cloned().into_iter().collect())
        }

        async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
            Ok(self.0.lock().unwrap().iter().find(|row| row.last_seq >= seq).cloned())
        }

        async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
            Ok(self.0.lock().unwrap().first().map(|row| row.first_seq))
        }
    }

    /// What happens to a batch on its way.
    #[derive(Clone, Copy, PartialEq)]
    enum Fate {
        Published,
        Lost,
    }
    use Fate::{Lost, Published};

    struct Venue {
        journal: Arc<Rows>,
        feed: InProcessFeed,
        head: Head,
    }

    impl Venue {
        fn new(ring: usize) -> Self {
            Self { journal: Arc::default(), feed: InProcessFeed::new(ring), head: Head::default() }
        }

        async fn commit(&mut self, commands: u64, fate: Fate) {
            let mut builder = BatchBuilder::default();
            for _ in 0..commands {
                builder.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
            }
            let row = builder.seal(&self.head, TimeUs(self.head.time.0 + 1), 1);
            self.head = row.head();
            if fate == Published {
                self.feed.publish(Arc::new(CommittedBatch::from_row(&row).unwrap()));
            }
            self.journal.commit(Arc::new(row)).await.unwrap();
        }

        fn follow(&self, after: Seq) -> FollowedFeed {
            FollowedFeed::new(self.journal.clone(), &self.feed, after)
        }
    }

    /// Commits batches of the given sizes and fates before and after the subscription, and expects every batch
    /// after `after` once.
    async fn check(ring: usize, before: &[(u64, Fate)], after: u64, then: &[(u64, Fate)]) {
        let mut venue = Venue::new(ring);
        for &(commands, fate) in before {
            venue.commit(commands, fate).await;
        }
        let mut followed = venue.follow(Seq(after));
        for &(commands, fate) in then {
            venue.commit(commands, fate).await;
        }
        let mut due = Seq(after + 1);
        while due <= venue.head.seq {
            let batch = followed.next().await.unwrap();
            assert_eq!(batch.first_seq, due, "ring {ring}, {} before, {} then", before.len(), then.len());
            due = batch.head.seq.next();
        }
        assert_eq!(due, venue.head.seq.next());
    }

    #[tokio::test]
    async fn every_batch_comes_once_and_in_order() {
        let many = [(1, Published); 20];
        check(4, &[], 0, &[(1, Published)]).await;
        check(4, &[(2, Published), (3, Published)], 0, &[(1, Published)]).await;
        check(4, &[(2, Published), (3, Published)], 2, &[]).await;
        check(4, &[(2, Published), (3, Published)], 5, &[(4, Published)]).await;
        check(4, &many, 0, &many).await;
        check(4, &[], 0, &[(1, Published), (2, Lost), (3, Published), (1, Lost), (1, Published)]).await;
        check(4, &[(1, Lost)], 0, &[(1, Lost), (1, Published)]).await;
    }

    #[tokio::test]
    async fn a_gap_that_appears_while_following_is_filled() {
        let mut venue = Venue::new(2);
        let mut followed = venue.follow(Seq::ZERO);
        let mut due = Seq(1);
        for round in 0..10 {
            for _ in 0..round {
                venue.commit(2, Published).await;
            }
            venue.commit(1, Lost).await;
            venue.commit(3, Published).await;
            while due <= venue.head.seq {
                let batch = followed.next().await.unwrap();
                assert_eq!(batch.first_seq, due);
                due = batch.head.seq.next();
            }
        }
    }

    #[tokio::test]
    async fn a_closed_feed_is_told_after_what_the_journal_holds() {
        let mut venue = Venue::new(4);
        venue.commit(1, Lost).await;
        let mut followed = venue.follow(Seq::ZERO);
        drop(venue);
        assert_eq!(followed.next().await.unwrap().head.seq, Seq(1));
        assert_eq!(followed.next().await, Err(FollowError::Closed));
    }

    #[tokio::test]
    async fn a_journal_that_goes_on_elsewhere_ends_the_following() {
        let mut venue = Venue::new(4);
        venue.commit(1, Published).await;
        let mut followed = venue.follow(Seq::ZERO);
        followed.next().await.unwrap();
        venue.head.seq = Seq(1_000_000_000);
        venue.commit(1, Published).await;
        let expected = FollowError::Discontinued { expected: Seq(2), found: Seq(1_000_000_001) };
        assert_eq!(followed.next().await, Err(expected));
    }

    #[tokio::test]
    async fn a_damaged_row_ends_the_following() {
        let mut venue = Venue::new(4);
        venue.commit(1, Lost).await;
        venue.journal.0.lock().unwrap()[0].payload.push(0);
        let followed = venue.follow(Seq::ZERO).next().await;
        assert!(matches!(followed, Err(FollowError::Row { seq: Seq(1), .. })), "{followed:?}");
    }
}
