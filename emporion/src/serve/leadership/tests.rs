//! Leaderships that fail, one after the other, on a store that fails when it is told to.

use super::*;
use crate::genesis::sandbox;
use async_trait::async_trait;
use emporion_model::journal::{Head, JournalRow};
use emporion_model::{AccountKind, Options};
use emporion_order::replay::Replayer;
use emporion_ports::feed::InProcessFeed;
use emporion_ports::store::CommitError;
use emporion_ports::tables::{ProjectError, ProjectedHead, TableChanges};
use emporion_sqlite::{Durability, FolderLock, SqliteJournal, SqliteTables, Store};
use parking_lot::Mutex;
use tempfile::TempDir;

/// What the next write does, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Works,
    /// Nothing is written, and nobody knows.
    FailsBefore,
    /// It is written, and nobody knows.
    FailsAfter,
}

fn failed() -> StoreError {
    StoreError::Failed("a test's disk".to_owned())
}

/// A journal whose next commit fails when a test says so.
struct FaultyJournal {
    journal: Arc<SqliteJournal>,
    next: Mutex<Next>,
}

#[async_trait]
impl Journal for FaultyJournal {
    async fn head(&self) -> Result<Head, StoreError> {
        self.journal.head().await
    }

    async fn commit(&self, row: Arc<JournalRow>) -> Result<(), CommitError> {
        let next = std::mem::replace(&mut *self.next.lock(), Next::Works);
        match next {
            Next::Works => self.journal.commit(row).await,
            Next::FailsBefore => Err(failed().into()),
            Next::FailsAfter => {
                self.journal.commit(row).await?;
                Err(failed().into())
            }
        }
    }

    async fn take_over(&self) -> Result<Head, StoreError> {
        self.journal.take_over().await
    }

    async fn rows_after(&self, seq: Seq, bytes_max: usize) -> Result<Vec<JournalRow>, StoreError> {
        self.journal.rows_after(seq, bytes_max).await
    }

    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
        self.journal.row_of(seq).await
    }

    async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
        self.journal.first_seq().await
    }
}

/// Tables whose next projection fails when a test says so.
struct FaultyTables {
    tables: Arc<SqliteTables>,
    next: Mutex<Next>,
}

#[async_trait]
impl Tables for FaultyTables {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        self.tables.projected().await
    }

    async fn project(&self, expected: &ProjectedHead, changes: TableChanges) -> Result<(), ProjectError> {
        let next = std::mem::replace(&mut *self.next.lock(), Next::Works);
        if next != Next::Works {
            return Err(failed().into());
        }
        self.tables.project(expected, changes).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.tables.clear().await
    }
}

struct Fixture {
    lead: Lead,
    sequencer: Arc<CurrentSequencer>,
    journal: Arc<FaultyJournal>,
    tables: Arc<FaultyTables>,
    /// The last number that a test used.
    n: u64,
    _store: Store,
    _lock: FolderLock,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::acquire(folder.path()).unwrap();
        let store = Store::open(&lock, Durability::Ephemeral).unwrap();
        let journal = Arc::new(FaultyJournal { journal: store.journal.clone(), next: Mutex::new(Next::Works) });
        let tables = Arc::new(FaultyTables { tables: store.tables.clone(), next: Mutex::new(Next::Works) });
        let lead = Lead {
            journal: journal.clone(),
            snapshots: store.snapshots.clone(),
            tables: tables.clone(),
            feed: Arc::new(InProcessFeed::new(64)),
            committed: watch::Sender::new(Committed::default()),
            clock: Clock::system(),
            queue: InboxLimits::default(),
            lag_batches_max: 8,
            hash_key: 1,
        };
        let sequencer = Arc::new(CurrentSequencer::default());
        Self { lead, sequencer, journal, tables, n: 0, _store: store, _lock: lock, _folder: folder }
    }

    async fn lead(&self) -> Leadership {
        let leadership = self.lead.take(|| sandbox(Options::default())).await.unwrap();
        self.sequencer.set(Some(leadership.sequencer.clone()));
        leadership
    }

    /// Opens an account under the next number, again and again if nobody knows, as an outbox does.
    async fn open_account(&mut self) -> Result<ServiceOutcome, SubmitError> {
        self.n += 1;
        self.open_account_again().await
    }

    async fn open_account_again(&self) -> Result<ServiceOutcome, SubmitError> {
        let action = Action::CreateAccount(AccountKind::User);
        EngineCommands::submit(&*self.sequencer, SourceId::USERS, self.n, action).await
    }

    /// Stops, and asks whether a replay gives what was lived, money balances, and the tables are at the end.
    async fn finish(self, leadership: Leadership) -> usize {
        leadership.sequencer.stop();
        assert_eq!(leadership.ended().await, LeadershipEnd::Stopped);
        let mut replayer = Replayer::from_start(0);
        for row in self.journal.rows_after(Seq::ZERO, usize::MAX).await.unwrap() {
            replayer.follow(&row).unwrap();
        }
        replayer.engine.check_invariants().unwrap();
        assert_eq!(
            replayer.head,
            self.journal.head().await.map(|head| Head { epoch: replayer.head.epoch, ..head }).unwrap()
        );
        assert_eq!(self.tables.projected().await.unwrap(), ProjectedHead::from(replayer.head));
        replayer.engine.accounts().filter(|(_, kind)| *kind == AccountKind::User).count()
    }
}

/// A commit fails in the middle; the next leadership goes on, and every account is there once.
async fn check_commit(fails: Next) {
    let mut fixture = Fixture::new();
    let first = fixture.lead().await;
    fixture.open_account().await.unwrap();
    *fixture.journal.next.lock() = fails;
    let unknown = fixture.open_account().await;
    assert!(matches!(unknown, Err(SubmitError::Unknown(_))), "{fails:?}: {unknown:?}");
    assert!(matches!(first.ended().await, LeadershipEnd::Failed(_)));
    fixture.sequencer.set(None);
    assert!(matches!(fixture.open_account_again().await, Err(SubmitError::Busy(_))), "nobody leads");
    let second = fixture.lead().await;
    let again = fixture.open_account_again().await.unwrap();
    assert!(matches!(again, ServiceOutcome::AccountOpened(_)), "{fails:?}: {again:?}");
    fixture.open_account().await.unwrap();
    assert_eq!(fixture.finish(second).await, 3, "{fails:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_not_written_is_done_by_the_next_leadership() {
    check_commit(Next::FailsBefore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_word_was_lost_is_not_done_twice() {
    check_commit(Next::FailsAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_cannot_be_written_end_a_leadership_and_the_next_one_writes_them() {
    let mut fixture = Fixture::new();
    let first = fixture.lead().await;
    *fixture.tables.next.lock() = Next::FailsBefore;
    fixture.open_account().await.unwrap();
    assert!(matches!(first.ended().await, LeadershipEnd::Failed(_)));
    let second = fixture.lead().await;
    fixture.open_account().await.unwrap();
    assert_eq!(fixture.finish(second).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_deposed_ends_and_writes_nothing() {
    let mut fixture = Fixture::new();
    let first = fixture.lead().await;
    fixture.open_account().await.unwrap();
    let second = fixture.lead.take(|| unreachable!("it has begun")).await.unwrap();
    let late = fixture.open_account().await;
    assert!(late.is_err(), "{late:?}");
    assert_eq!(first.ended().await, LeadershipEnd::Fenced);
    fixture.sequencer.set(Some(second.sequencer.clone()));
    fixture.open_account_again().await.unwrap();
    assert_eq!(fixture.finish(second).await, 2);
}
