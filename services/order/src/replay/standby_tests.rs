//! A standby beside the venue that it follows, and what makes it stop.

use super::*;
use crate::testing::{MemoryJournal, MemorySnapshots};
use async_trait::async_trait;
use emporion_model::journal::{BatchBuilder, Chain};
use emporion_model::{AccountKind, Action, Command, Event, Genesis, Mode, Options, Origin, SourceId, TimeUs};
use emporion_ports::store::{CommitError, Journal, Snapshot, SnapshotMeta, Snapshots, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a leader has lived, and its store, which can be made to fail.
struct Venue {
    store: Arc<Store>,
    engine: Engine,
    head: Head,
}

struct Store {
    journal: MemoryJournal,
    snapshots: MemorySnapshots,
    is_failing: AtomicBool,
}

impl Venue {
    /// A journal of a genesis and nine rows of accounts, one command each.
    async fn start() -> Self {
        let (journal, snapshots, is_failing) =
            (MemoryJournal::new(), MemorySnapshots::default(), AtomicBool::new(false));
        let store = Arc::new(Store { journal, snapshots, is_failing });
        let empty = recover(&*store, &MemorySnapshots::default(), 0, &|_, _| {}).await.unwrap();
        let (assets, symbols, options) = (vec![], vec![], Options::default());
        let genesis = Genesis { rules_version: 1, mode: Mode::Sandbox, assets, symbols, options };
        let Recovered { engine, head, .. } = begin(&*store, empty, genesis, TimeUs(1)).await.unwrap();
        let mut venue = Self { store, engine, head };
        venue.append(9).await;
        venue
    }

    async fn append(&mut self, rows: u64) {
        for _ in 0..rows {
            let command = self.command();
            let (seq, time, mut events) = (self.engine.seq().next(), TimeUs(self.head.time.0 + 1), Vec::new());
            self.engine.apply(seq, time, &command, &mut events);
            self.commit(&command, &events, self.engine.rules_version()).await;
        }
    }

    fn command(&self) -> Command {
        let origin = Origin::Service(SourceId::USERS, self.head.seq.0);
        Command { origin, action: Action::CreateAccount(AccountKind::User) }
    }

    /// Commits a row, right or wrong.
    async fn commit(&mut self, command: &Command, events: &[Event], rules_version: u16) {
        let mut batch = BatchBuilder::default();
        batch.push(command, events);
        let row = batch.seal(&self.head, TimeUs(self.head.time.0 + 1), rules_version);
        self.head = row.head();
        self.store.commit(Arc::new(row)).await.unwrap();
    }

    async fn standby(&self) -> Standby {
        let (journal, snapshots) = (Arc::clone(&self.store) as _, Arc::clone(&self.store) as _);
        Standby::begin(journal, snapshots, SnapshotPolicy { every_commands: 4 }, 5).await.unwrap()
    }

    async fn saved(&self) -> Vec<u64> {
        Snapshots::list(&*self.store).await.unwrap().into_iter().map(|seq| seq.0).collect()
    }
}

impl Store {
    fn answer<T>(&self, answer: T) -> Result<T, StoreError> {
        match self.is_failing.load(Ordering::SeqCst) {
            true => Err(StoreError::Failed("a test's store".to_owned())),
            false => Ok(answer),
        }
    }

    fn fail(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::SeqCst);
    }
}

#[async_trait]
impl Journal for Store {
    async fn head(&self) -> Result<Head, StoreError> {
        self.journal.head().await
    }

    async fn commit(&self, row: Arc<JournalRow>) -> Result<(), CommitError> {
        self.journal.commit(row).await
    }

    async fn take_over(&self) -> Result<Head, StoreError> {
        self.journal.take_over().await
    }

    async fn rows_after(&self, seq: Seq, bytes_max: usize) -> Result<Vec<JournalRow>, StoreError> {
        self.answer(self.journal.rows_after(seq, bytes_max).await?)
    }

    async fn row_of(&self, seq: Seq) -> Result<Option<JournalRow>, StoreError> {
        self.journal.row_of(seq).await
    }

    async fn first_seq(&self) -> Result<Option<Seq>, StoreError> {
        self.journal.first_seq().await
    }
}

#[async_trait]
impl Snapshots for Store {
    async fn save(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        self.answer(())?;
        self.snapshots.save(snapshot).await
    }

    async fn list(&self) -> Result<Vec<Seq>, StoreError> {
        self.snapshots.list().await
    }

    async fn load(&self, seq: Seq) -> Result<Snapshot, StoreError> {
        self.snapshots.load(seq).await
    }

    async fn quarantine(&self, seq: Seq) -> Result<(), StoreError> {
        self.snapshots.quarantine(seq).await
    }
}

/// Follows until there is nothing more.
async fn catch_up(standby: &mut Standby) {
    while standby.follow().await.unwrap() {}
}

async fn stopped(standby: &mut Standby) -> StandbyError {
    loop {
        match standby.follow().await {
            Ok(true) => {}
            Ok(false) => panic!("it followed to seq {}", standby.head().seq),
            Err(error) => return error,
        }
    }
}

#[tokio::test]
async fn it_follows_row_by_row_to_what_a_recovery_gives() {
    let mut venue = Venue::start().await;
    let mut standby = venue.standby().await;
    catch_up(&mut standby).await;
    for _ in 0..5 {
        venue.append(1).await;
        assert_eq!(standby.follow().await, Ok(true));
        assert_eq!(standby.head(), venue.head);
        assert_eq!(standby.follow().await, Ok(false));
    }
    // What was committed between the last look and the takeover is read at the end.
    venue.append(3).await;
    let head = venue.store.take_over().await.unwrap();
    let led = standby.finish(head).await.unwrap();
    let recovered = recover(&*venue.store, &MemorySnapshots::default(), 7, &|_, _| {}).await.unwrap();
    assert_eq!(led.head, head);
    assert_eq!((led.engine.seq(), led.engine.state_hash()), (head.seq, recovered.engine.state_hash()));
    assert_eq!(led.engine.state_hash(), venue.engine.state_hash());
}

#[tokio::test]
async fn it_saves_a_snapshot_when_one_is_due_and_not_twice() {
    let mut venue = Venue::start().await;
    let mut standby = venue.standby().await;
    catch_up(&mut standby).await;
    assert_eq!(standby.save_if_due().await, Ok(Some(Seq(10))));
    assert_eq!(standby.save_if_due().await, Ok(None));
    venue.append(3).await;
    catch_up(&mut standby).await;
    assert_eq!(standby.save_if_due().await, Ok(None));
    venue.append(1).await;
    catch_up(&mut standby).await;
    assert_eq!(standby.save_if_due().await, Ok(Some(Seq(14))));
    assert_eq!(venue.saved().await, [14, 10]);
    let begun = venue.standby().await;
    assert_eq!(begun.head(), venue.head);
    let recovered = recover(&*venue.store, &*venue.store, 7, &|_, _| {}).await.unwrap();
    assert_eq!((recovered.from_snapshot, recovered.engine.state_hash()), (Seq(14), venue.engine.state_hash()));
}

#[tokio::test]
async fn two_of_them_save_each_snapshot_once() {
    let mut venue = Venue::start().await;
    let (mut one, mut other) = (venue.standby().await, venue.standby().await);
    catch_up(&mut one).await;
    assert_eq!(one.save_if_due().await, Ok(Some(Seq(10))));
    // At the same seq: it is compared. A little later: the next one is due so much after it.
    catch_up(&mut other).await;
    assert_eq!(other.save_if_due().await, Ok(None));
    venue.append(4).await;
    catch_up(&mut one).await;
    assert_eq!(one.save_if_due().await, Ok(Some(Seq(14))));
    venue.append(1).await;
    catch_up(&mut other).await;
    assert_eq!(other.save_if_due().await, Ok(None));
    venue.append(2).await;
    catch_up(&mut other).await;
    assert_eq!(other.save_if_due().await, Ok(None));
    venue.append(1).await;
    catch_up(&mut other).await;
    assert_eq!(other.save_if_due().await, Ok(Some(Seq(18))));
    assert_eq!(venue.saved().await, [18, 14, 10]);
}

#[tokio::test]
async fn a_snapshot_of_another_state_stops_it() {
    let venue = Venue::start().await;
    let mut standby = venue.standby().await;
    catch_up(&mut standby).await;
    let meta = SnapshotMeta { head: venue.head, state_hash: [1; 32] };
    venue.store.save(Snapshot { meta, bytes: vec![] }).await.unwrap();
    assert_eq!(standby.save_if_due().await, Err(StandbyError::OtherState { seq: Seq(10) }));
}

#[tokio::test]
async fn a_row_that_was_made_up_stops_it() {
    let mut venue = Venue::start().await;
    let mut standby = venue.standby().await;
    catch_up(&mut standby).await;
    venue.commit(&venue.command(), &[], 1).await;
    let expected = RecoverError::Replay(ReplayError::Diverged { seq: Seq(11) });
    assert_eq!(stopped(&mut standby).await, StandbyError::Recover(expected));
}

#[tokio::test]
async fn a_damaged_row_stops_it() {
    for place in 0..10 {
        let venue = Venue::start().await;
        venue.store.journal.damage(place, |row| *row.payload.last_mut().unwrap() ^= 1);
        let error = stopped(&mut venue.standby().await).await;
        let seq = Seq(place as u64 + 1);
        let StandbyError::Recover(RecoverError::Replay(ReplayError::Row { first, .. })) = error else {
            panic!("{error}");
        };
        assert_eq!(first, seq);
    }
}

#[tokio::test]
async fn rules_of_a_newer_build_are_refused() {
    let mut venue = Venue::start().await;
    let mut standby = venue.standby().await;
    catch_up(&mut standby).await;
    let newer = emporion_engine::RULES_VERSIONS.end() + 1;
    let (command, mut events) = (venue.command(), Vec::new());
    venue.engine.apply(Seq(11), TimeUs(99), &command, &mut events);
    venue.commit(&command, &events, newer).await;
    let refused = |found| assert_eq!(found, RecoverError::Replay(ReplayError::Rules(newer)));
    match stopped(&mut standby).await {
        StandbyError::Recover(error) => refused(error),
        other => panic!("{other}"),
    }
    // Nor does it lead.
    let mut late = venue.standby().await;
    assert!(late.follow().await.is_err());
    refused(recover(&*venue.store, &*venue.store, 0, &|_, _| {}).await.unwrap_err());
}

/// A newer build needs it, and the rows below it may be gone.
#[tokio::test]
async fn a_snapshot_of_a_newer_build_is_refused_and_stays() {
    let venue = Venue::start().await;
    let mut standby = venue.standby().await;
    catch_up(&mut standby).await;
    let newer = emporion_model::codec::FORMAT + 1;
    let mut bytes = venue.engine.snapshot();
    bytes[0] = u8::try_from(newer).unwrap();
    let meta = SnapshotMeta { head: standby.head(), state_hash: Engine::hash_of(&bytes) };
    venue.store.snapshots.save(Snapshot { meta, bytes }).await.unwrap();
    let refused = recover(&*venue.store, &*venue.store, 0, &|_, _| {}).await.unwrap_err();
    assert_eq!(refused, RecoverError::Replay(ReplayError::Format(newer)));
    assert!(refused.to_string().contains("run a newer build"));
    assert_eq!(venue.store.snapshots.list().await.unwrap(), [meta.head.seq]);
}

#[tokio::test]
async fn after_an_error_of_the_store_it_stands_where_it_stood() {
    let mut venue = Venue::start().await;
    let mut standby = venue.standby().await;
    catch_up(&mut standby).await;
    let stood = standby.head();
    venue.append(2).await;
    venue.store.fail(true);
    assert!(matches!(standby.follow().await, Err(StandbyError::Recover(RecoverError::Store(_)))));
    assert!(matches!(standby.save_if_due().await, Err(StandbyError::Recover(RecoverError::Store(_)))));
    assert_eq!(standby.head(), stood);
    venue.store.fail(false);
    // A snapshot that could not be saved is still due.
    assert_eq!(standby.save_if_due().await, Ok(Some(Seq(10))));
    catch_up(&mut standby).await;
    assert_eq!(standby.head(), venue.head);
    let led = standby.finish(venue.head).await.unwrap();
    assert_eq!(led.engine.state_hash(), venue.engine.state_hash());
}

#[tokio::test]
async fn it_leads_only_from_the_journals_own_head() {
    let venue = Venue::start().await;
    let foreign = Chain([7; 32]);
    let behind = Seq(venue.head.seq.0 - 1);
    let beyond = venue.head.seq.next();
    for head in [
        Head { chain: foreign, ..venue.head },
        Head { seq: behind, ..venue.head },
        Head { seq: beyond, chain: foreign, ..venue.head },
    ] {
        let mut standby = venue.standby().await;
        catch_up(&mut standby).await;
        let error = standby.finish(head).await.map(|led| led.head).unwrap_err();
        let expected = RecoverError::Ends { found: venue.head.seq, head: head.seq };
        assert_eq!(error, StandbyError::Recover(expected));
    }
}

#[tokio::test]
async fn a_journal_that_begins_later_needs_a_snapshot() {
    let venue = Venue::start().await;
    venue.store.journal.drop_until(Seq(3));
    let (journal, snapshots) = (Arc::clone(&venue.store) as _, Arc::clone(&venue.store) as _);
    let begun = Standby::begin(journal, snapshots, SnapshotPolicy { every_commands: 4 }, 5).await;
    assert_eq!(begun.err(), Some(StandbyError::Recover(RecoverError::NoSnapshot { first: Seq(4) })));
}
