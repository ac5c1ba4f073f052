//! The contract of the ports on a real server, and what only a server can do wrong.

mod failover;
mod in_doubt;
mod open;

use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::journal::{BatchBuilder, Head, JournalRow};
use emporion_model::{Action, Command, Origin, Seq, TimeUs};
use emporion_ports::committed::CommittedHead;
use emporion_ports::contract::leases::LeasesUnderTest;
use emporion_ports::contract::store::StoreUnderTest;
use emporion_ports::leases::Leases;
use emporion_ports::store::{Journal, Snapshots};
use emporion_ports::tables::{Queries, Tables};

use crate::testing::{Guard, database};
use crate::{Postgres, PostgresOptions};

/// A store in a database of its own.
struct Store {
    postgres: Postgres,
    options: PostgresOptions,
    server: Guard,
}

impl Store {
    fn sql(&self, statement: &str) -> String {
        let name = self.options.url.rsplit('/').next().unwrap();
        self.server.sql(name, statement).unwrap()
    }
}

async fn open() -> Store {
    let (server, options) = database().await;
    Store { postgres: Postgres::open(options.clone()).await.unwrap(), options, server }
}

emporion_ports::store_contract!(@cases open:
    an_empty_journal_is_at_the_beginning,
    a_commit_moves_the_head_and_keeps_the_row,
    a_commit_that_does_not_follow_leaves_nothing,
    a_row_sent_again_is_told_from_a_foreign_one,
    a_takeover_fences_the_epoch_before,
    rows_are_read_in_portions,
    what_was_committed_outlives_a_crash,
    a_snapshot_comes_back_as_it_was_saved,
    the_newest_snapshots_are_kept,
    a_damaged_snapshot_is_noticed_and_set_aside,
);

emporion_ports::leases_contract!(open);

#[async_trait]
impl StoreUnderTest for Store {
    fn journal(&self) -> Arc<dyn Journal> {
        self.postgres.journal()
    }

    fn snapshots(&self) -> Arc<dyn Snapshots> {
        self.postgres.snapshots()
    }

    fn tables(&self) -> Arc<dyn Tables> {
        unreachable!("the tables have tests of their own")
    }

    fn queries(&self) -> Arc<dyn Queries> {
        unreachable!("the tables have tests of their own")
    }

    /// A process that is killed leaves its connections; the server is not told.
    async fn crash_and_reopen(&mut self) {
        self.postgres = Postgres::open(self.options.clone()).await.unwrap();
    }

    async fn damage_snapshot(&self, seq: Seq) {
        self.sql(&format!(
            "update snapshot_chunks set bytes = set_byte(bytes, 500, get_byte(bytes, 500) # 16)
                where snapshot = (select id from snapshots where seq = {seq})"
        ));
    }
}

impl LeasesUnderTest for Store {
    fn leases(&self) -> Arc<dyn Leases> {
        self.postgres.leases()
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.postgres.journal()
    }

    fn head(&self) -> Arc<dyn CommittedHead> {
        self.postgres.head()
    }
}

/// A row of ticks after `head`.
pub(crate) fn ticks(head: &Head, count: usize) -> Arc<JournalRow> {
    let mut batch = BatchBuilder::default();
    for _ in 0..count {
        batch.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
    }
    Arc::new(batch.seal(head, TimeUs(head.time.0 + 1), 1))
}

/// Asserts that the journal is whole from its first row to `head`.
pub(crate) async fn assert_chain(journal: &dyn Journal, head: &Head) {
    let mut at = Head::default();
    for row in journal.rows_after(Seq::ZERO, usize::MAX).await.unwrap() {
        row.verify_after(&Head { epoch: row.epoch, ..at }).unwrap();
        at = row.head();
    }
    assert_eq!((at.seq, at.chain), (head.seq, head.chain));
}

#[tokio::test]
async fn reads_that_come_together_share_a_statement() {
    let store = open().await;
    let head = store.postgres.head();
    let asked = (0..100).map(|_| head.committed());
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(Result::is_ok));
    // The first goes at once; whoever comes meanwhile waits for the next.
    assert!(head.statements() <= 2, "{}", head.statements());
}

#[tokio::test]
async fn a_commit_beyond_all_partitions_makes_one() {
    let store = open().await;
    let journal = store.postgres.journal();
    let mut head = journal.take_over().await.unwrap();
    // As a new history begins.
    head = Head { seq: Seq(1_000_000_000_000), ..head };
    store.sql("update engine_head set seq = 1000000000000");
    for _ in 0..3 {
        let row = ticks(&head, 2);
        journal.commit(Arc::clone(&row)).await.unwrap();
        head = row.head();
    }
    assert_eq!(journal.first_seq().await.unwrap(), Some(Seq(1_000_000_000_001)));
}

#[tokio::test]
async fn small_partitions_are_made_ahead_for_ever() {
    let store = open().await;
    store.sql(
        "update journal_partitioning set span_seqs = 5; delete from journal_partitions;
        drop table journal_00000000000000000000, journal_00000000000010000000; select ensure_journal_partitions(0)",
    );
    let journal = store.postgres.journal();
    let mut head = journal.take_over().await.unwrap();
    for _ in 0..30 {
        let row = ticks(&head, 3);
        journal.commit(Arc::clone(&row)).await.unwrap();
        head = row.head();
    }
    assert_chain(&*journal, &head).await;
    assert!(store.sql("select count(*) from journal_partitions").parse::<u32>().unwrap() >= 18);
}
