//! Rounds on a journal of small partitions, as the sequencer's database user.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use emporion_model::Seq;
use emporion_model::journal::{Head, JournalRow};
use emporion_ports::leases::{FollowerPosition, Leases};
use emporion_ports::segments::SegmentStore;
use emporion_ports::store::{Journal, StoreError};
use tempfile::TempDir;

use super::{Retention, RetentionRound};
use crate::connect::connect;
use crate::roles::tests::{Database, server};
use crate::segments::{FolderSegments, Segment};
use crate::tests::ticks;
use crate::{Postgres, PostgresOptions};

const SEQS: u64 = 90;
const SPAN: u64 = 10;

/// A journal of ninety seqs in rows of three, in partitions of ten.
struct Venue {
    database: Database,
    postgres: Postgres,
    options: PostgresOptions,
    rows: Vec<JournalRow>,
    folder: TempDir,
}

impl Venue {
    async fn open() -> Self {
        let database = Database::make(&server().await).await;
        database.sql(
            "update journal_partitioning set span_seqs = 10; delete from journal_partitions;
            drop table journal_00000000000000000000, journal_00000000000010000000; select ensure_journal_partitions(0)",
        );
        let postgres = database.open("emporion_sequencer").await;
        let options = database.options("emporion_sequencer");
        let journal = postgres.journal();
        let mut head = journal.take_over().await.unwrap();
        let mut rows = Vec::new();
        while head.seq.0 < SEQS {
            let row = ticks(&head, 3);
            journal.commit(Arc::clone(&row)).await.unwrap();
            head = row.head();
            rows.push((*row).clone());
        }
        Self { database, postgres, options, rows, folder: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> Arc<FolderSegments> {
        Arc::new(FolderSegments::open(self.folder.path()).unwrap())
    }

    fn retention(&self, segments: Arc<dyn SegmentStore>, keep: Duration) -> Retention {
        let retention = Retention::new(&self.postgres, self.options.clone(), segments, Some(keep));
        // A row or two in each.
        Retention { segment_bytes: self.rows[0].payload.len() + 1, ..retention }
    }

    async fn round(&self) -> Result<RetentionRound, StoreError> {
        self.retention(self.folder(), Duration::ZERO).round().await
    }

    /// The tables follow to here, and these snapshots are kept.
    fn stand(&self, projected: u64, snapshots: &[u64]) {
        self.database.sql(&format!("update projection_head set seq = {projected}; delete from snapshots"));
        for seq in snapshots {
            let add = format!("insert into snapshots (seq, state, meta, checksum) values ({seq}, 'whole', '', '')");
            self.database.sql(&add);
        }
    }

    fn lowest(&self) -> u64 {
        self.database.sql("select min(lower) from journal_partitions where dropped_at is null").parse().unwrap()
    }
}

#[tokio::test]
async fn what_left_the_database_and_what_is_there_are_the_whole_journal() {
    let venue = Venue::open().await;
    let first = venue.round().await.unwrap();
    assert_eq!(first.partitions, 0);
    assert!(first.segments > SEQS / SPAN, "{first:?}");
    assert_eq!(venue.round().await.unwrap(), RetentionRound::default());
    venue.stand(SEQS, &[47, 88]);
    assert_eq!(venue.round().await.unwrap(), RetentionRound { segments: 0, partitions: 4 });
    assert_eq!(venue.lowest(), 40);
    assert_eq!(
        venue.database.sql(
            "select count(*) from pg_inherits where inhparent = 'journal'::regclass
        and inhrelid::regclass::text < 'journal_00000000000000000040'"
        ),
        "0"
    );
    let journal = venue.postgres.journal();
    let kept = journal.rows_after(Seq::ZERO, usize::MAX).await.unwrap();
    assert_eq!(journal.first_seq().await.unwrap(), Some(kept[0].first_seq));
    let segments = venue.folder();
    let mut rows = Vec::new();
    for name in segments.list().await.unwrap() {
        let segment = Segment::from_bytes(&segments.get(&name).await.unwrap().unwrap()).unwrap();
        assert_eq!(segment.name(), name);
        rows.extend_from_slice(segment.rows());
    }
    rows.retain(|row| row.last_seq < kept[0].last_seq);
    rows.extend(kept);
    assert_eq!(rows, venue.rows);
    // And it goes on.
    let mut head = Head { epoch: journal.head().await.unwrap().epoch, ..venue.rows.last().unwrap().head() };
    for _ in 0..10 {
        let row = ticks(&head, 3);
        journal.commit(Arc::clone(&row)).await.unwrap();
        head = row.head();
    }
    assert!(venue.round().await.unwrap().segments > 0);
}

#[tokio::test]
async fn whoever_needs_rows_keeps_them() {
    let venue = Venue::open().await;
    let check = async |projected: u64, snapshots: &[u64], lowest: u64| {
        venue.stand(projected, snapshots);
        venue.round().await.unwrap();
        assert_eq!(venue.lowest(), lowest, "tables at {projected}, snapshots {snapshots:?}");
    };
    check(SEQS, &[], 0).await;
    check(SEQS, &[88], 0).await;
    check(9, &[50, 88], 0).await;
    check(SEQS, &[9, 88], 0).await;
    check(SEQS, &[10, 88], 10).await;
    check(29, &[50, 88], 20).await;
    let leases = venue.postgres.leases();
    let standby = FollowerPosition { name: "standby/1".to_owned(), seq: Seq(35) };
    leases.follow(&standby).await.unwrap();
    check(SEQS, &[60, 88], 30).await;
    leases.follow(&FollowerPosition { seq: Seq(45), ..standby }).await.unwrap();
    check(SEQS, &[60, 88], 40).await;
    leases.forget("standby/1").await.unwrap();
    // Of three snapshots, the newer two count.
    check(SEQS, &[0, 60, 88], 60).await;
}

#[tokio::test]
async fn what_is_not_old_enough_stays() {
    let venue = Venue::open().await;
    venue.stand(SEQS, &[80, 88]);
    // Each row is a microsecond younger than the one before it.
    let keep = Duration::from_micros(SEQS / 3);
    assert_eq!(venue.retention(venue.folder(), keep).round().await.unwrap().partitions, 0);
    let keep = Duration::from_micros(SEQS / 3 - 5);
    assert_eq!(venue.retention(venue.folder(), keep).round().await.unwrap().partitions, 1);
    let never = Retention { keep: None, ..venue.retention(venue.folder(), Duration::ZERO) };
    assert_eq!(never.round().await.unwrap().partitions, 0);
}

#[tokio::test]
async fn nothing_is_dropped_whose_segment_is_gone_or_changed() {
    let venue = Venue::open().await;
    venue.round().await.unwrap();
    venue.stand(SEQS, &[80, 88]);
    let name = venue.folder().list().await.unwrap().remove(1);
    let path = venue.folder.path().join(name);
    let bytes = std::fs::read(&path).unwrap();
    let check = async |text: &str| match venue.round().await {
        Err(StoreError::Damaged(reason)) => {
            assert!(reason.contains(text), "{reason}");
            assert_eq!(venue.lowest(), 0);
        }
        other => panic!("{other:?}, expected {text:?}"),
    };
    std::fs::remove_file(&path).unwrap();
    check("is not there").await;
    let mut changed = bytes.clone();
    changed[40] ^= 1;
    std::fs::write(&path, changed).unwrap();
    check("not what was written").await;
    // One that is whole, but of other rows.
    let other = Segment::new(vec![(*ticks(&Head::default(), 1)).clone()]).unwrap();
    std::fs::write(&path, other.to_bytes()).unwrap();
    check("not what was written").await;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(venue.round().await.unwrap().partitions, 8);
    // And the database drops nothing that was not exported, whoever asks.
    let asked =
        venue.database.sql("update journal_partitions set segment_sha256 = null; select drop_journal_partition(80)");
    assert_eq!(asked, "f");
}

/// Keeps nothing of what it is given for the third time, and says that it did not.
struct Breaks {
    inner: Arc<FolderSegments>,
    puts: AtomicU32,
    /// Whether it says nothing instead.
    is_silent: bool,
}

#[async_trait]
impl SegmentStore for Breaks {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        if self.puts.fetch_add(1, Ordering::Relaxed) == 2 {
            let full = Err(StoreError::Failed("the disk is full".to_owned()));
            return if self.is_silent { Ok(()) } else { full };
        }
        self.inner.put(name, bytes).await
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(name).await
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.inner.list().await
    }
}

#[tokio::test]
async fn an_export_that_broke_off_goes_on_where_it_was() {
    let venue = Venue::open().await;
    venue.stand(SEQS, &[80, 88]);
    for (is_silent, text) in [(false, "the disk is full"), (true, "is not there")] {
        let breaks = Breaks { inner: venue.folder(), puts: AtomicU32::new(0), is_silent };
        let broken = venue.retention(Arc::new(breaks), Duration::ZERO).round().await.unwrap_err().to_string();
        assert!(broken.contains(text), "{broken}");
        assert_eq!(venue.lowest(), 0);
    }
    let before = venue.folder().list().await.unwrap().len();
    let round = venue.round().await.unwrap();
    assert_eq!(before + round.segments as usize, venue.folder().list().await.unwrap().len());
    assert_eq!(round.partitions, 8);
}

#[tokio::test]
async fn a_journal_in_use_and_a_round_of_another_process_are_left_alone() {
    let venue = Venue::open().await;
    venue.stand(SEQS, &[80, 88]);
    let other = connect(&venue.database.of("emporion_sequencer"), "other", "").await.unwrap();
    let hold = "begin; set local idle_in_transaction_session_timeout = 0; select from journal";
    other.client.batch_execute(hold).await.unwrap();
    let round = venue.round().await.unwrap();
    assert!(round.segments > 0 && round.partitions == 0, "{round:?}");
    other.client.batch_execute("commit").await.unwrap();
    let turn = format!("select pg_advisory_lock({})", super::ADVISORY_LOCK);
    other.client.batch_execute(&turn).await.unwrap();
    assert_eq!(venue.round().await.unwrap(), RetentionRound::default());
    drop(other);
    while venue.round().await.unwrap().partitions == 0 {}
    assert_eq!(venue.lowest(), 80);
}

#[tokio::test]
async fn a_segment_that_holds_something_else_is_not_replaced() {
    let venue = Venue::open().await;
    venue.stand(SEQS, &[80, 88]);
    let first = Segment::new(vec![venue.rows[0].clone(), venue.rows[1].clone()]).unwrap();
    venue.folder().put(&first.name(), Bytes::from("what somebody else wrote")).await.unwrap();
    match venue.round().await {
        Err(StoreError::Damaged(reason)) => assert!(reason.contains(&first.name()), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(venue.folder().get(&first.name()).await.unwrap().unwrap(), "what somebody else wrote");
    assert_eq!(venue.lowest(), 0);
    std::fs::remove_file(venue.folder.path().join(first.name())).unwrap();
    assert_eq!(venue.round().await.unwrap().partitions, 8);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let refused = FolderSegments::open(Path::new("/proc/none/segments")).unwrap_err().to_string();
    assert!(refused.contains("/proc/none/segments") && refused.contains("cannot be made"), "{refused}");
}
