//! Recovery and snapshots, on a journal that a test can damage.

use super::*;
use crate::testing::{MemoryJournal, MemorySnapshots};
use emporion_model::journal::BatchBuilder;
use emporion_model::{AccountKind, Action, Command, Genesis, Mode, Options, Origin, SourceId, TimeUs};
use emporion_ports::orders::Committed;
use emporion_ports::store::{Journal, Snapshots};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A journal of a genesis and nine rows of accounts, one command each.
async fn journal() -> Arc<MemoryJournal> {
    let journal = Arc::new(MemoryJournal::new());
    let empty = recover(&*journal, &MemorySnapshots::default(), 0, &|_, _| {}).await.unwrap();
    let genesis =
        Genesis { rules_version: 1, mode: Mode::Sandbox, assets: vec![], symbols: vec![], options: Options::default() };
    let Recovered { mut engine, mut head, .. } = begin(&*journal, empty, genesis, TimeUs(1)).await.unwrap();
    for n in 1..=9 {
        let command =
            Command { origin: Origin::Service(SourceId::USERS, n), action: Action::CreateAccount(AccountKind::User) };
        let mut events = Vec::new();
        engine.apply(engine.seq().next(), TimeUs(n), &command, &mut events);
        let mut batch = BatchBuilder::default();
        batch.push(&command, &events);
        let row = batch.seal(&head, TimeUs(n), engine.rules_version());
        head = row.head();
        journal.commit(Arc::new(row)).await.unwrap();
    }
    journal
}

fn snapshotter(journal: &Arc<MemoryJournal>, snapshots: &Arc<MemorySnapshots>, seq: Seq) -> Snapshotter {
    let (_, committed) = watch::channel(Committed { seq, time: TimeUs(0) });
    Snapshotter {
        journal: Arc::clone(journal) as Arc<dyn Journal>,
        snapshots: Arc::clone(snapshots) as Arc<dyn Snapshots>,
        committed,
        policy: SnapshotPolicy { every_commands: 1 },
    }
}

async fn recovered(journal: &MemoryJournal, snapshots: &MemorySnapshots) -> Result<(Seq, [u8; 32]), RecoverError> {
    let recovered = recover(journal, snapshots, 3, &|_, _| {}).await?;
    Ok((recovered.from_snapshot, recovered.engine.state_hash()))
}

#[tokio::test]
async fn every_start_ends_in_the_same_state() {
    let (journal, snapshots) = (journal().await, Arc::new(MemorySnapshots::default()));
    let (from, hash) = recovered(&journal, &snapshots).await.unwrap();
    assert_eq!(from, Seq::ZERO);
    for seq in [4, 8] {
        snapshotter(&journal, &snapshots, Seq(10)).take(Seq(seq)).await.unwrap();
    }
    let (from, from_snapshot) = recovered(&journal, &snapshots).await.unwrap();
    assert!(from > Seq::ZERO);
    assert_eq!(from_snapshot, hash);
    journal.drop_until(Seq(2));
    assert_eq!(recovered(&journal, &snapshots).await.unwrap().1, hash);
}

#[tokio::test]
async fn a_damaged_snapshot_is_put_aside_for_an_older_start() {
    let (journal, snapshots) = (journal().await, Arc::new(MemorySnapshots::default()));
    let (_, hash) = recovered(&journal, &snapshots).await.unwrap();
    snapshotter(&journal, &snapshots, Seq(10)).take(Seq(10)).await.unwrap();
    snapshots.damage_newest(|snapshot| *snapshot.bytes.last_mut().unwrap() ^= 1);
    assert_eq!(recovered(&journal, &snapshots).await.unwrap(), (Seq::ZERO, hash));
    assert_eq!(snapshots.list().await.unwrap(), []);
}

#[tokio::test]
async fn a_snapshot_of_another_journal_is_put_aside() {
    let (ours, snapshots) = (journal().await, Arc::new(MemorySnapshots::default()));
    snapshotter(&ours, &snapshots, Seq(10)).take(Seq(10)).await.unwrap();
    snapshots.damage_newest(|snapshot| snapshot.meta.head.chain.0[0] ^= 1);
    assert_eq!(recovered(&ours, &snapshots).await.unwrap().0, Seq::ZERO);
}

#[tokio::test]
async fn a_damaged_row_is_named() {
    let snapshots = MemorySnapshots::default();
    for place in 0..10 {
        let journal = journal().await;
        journal.damage(place, |row| *row.payload.last_mut().unwrap() ^= 1);
        let error = recovered(&journal, &snapshots).await.unwrap_err();
        let seq = Seq(place as u64 + 1);
        assert!(matches!(error, RecoverError::Replay(ReplayError::Row { first, .. }) if first == seq), "{error}");
        let scrubbed = scrub(&*journal, Seq(10), Duration::ZERO).await;
        assert!(matches!(scrubbed, Err(SnapshotterError::Replay(ReplayError::Row { first, .. })) if first == seq));
    }
}

#[tokio::test]
async fn a_row_that_was_made_up_diverges() {
    let journal = journal().await;
    let mut events = recover(&*journal, &MemorySnapshots::default(), 0, &|_, _| {}).await.unwrap();
    let command =
        Command { origin: Origin::Service(SourceId::USERS, 10), action: Action::CreateAccount(AccountKind::User) };
    let mut batch = BatchBuilder::default();
    batch.push(&command, &[]);
    let row = batch.seal(&events.head, TimeUs(10), events.engine.rules_version());
    events.head = row.head();
    journal.commit(Arc::new(row)).await.unwrap();
    let error = recovered(&journal, &MemorySnapshots::default()).await.unwrap_err();
    assert_eq!(error, RecoverError::Replay(ReplayError::Diverged { seq: Seq(11) }));
}

#[tokio::test]
async fn a_missing_row_is_noticed() {
    let journal = journal().await;
    journal.drop_until(Seq(3));
    let error = recovered(&journal, &MemorySnapshots::default()).await.unwrap_err();
    assert_eq!(error, RecoverError::NoSnapshot { first: Seq(4) });
}

#[tokio::test]
async fn a_venue_begins_once() {
    let journal = journal().await;
    let again = recover(&*journal, &MemorySnapshots::default(), 0, &|_, _| {}).await.unwrap();
    let genesis =
        Genesis { rules_version: 1, mode: Mode::Live, assets: vec![], symbols: vec![], options: Options::default() };
    assert!(matches!(begin(&*journal, again, genesis, TimeUs(99)).await, Err(RecoverError::NotEmpty)));
}

#[tokio::test]
async fn the_scrubber_reads_every_row() {
    let journal = journal().await;
    let report = scrub(&*journal, Seq(10), Duration::ZERO).await.unwrap();
    assert_eq!(report, ScrubReport { rows: 10, last: Seq(10) });
}
