//! Saved states.

use emporion_model::Seq;
use emporion_model::journal::Head;

use super::StoreUnderTest;
use crate::store::{SNAPSHOTS_KEPT, Snapshot, SnapshotMeta, StoreError};

fn snapshot(seq: u64) -> Snapshot {
    let head = Head { seq: Seq(seq), ..Head::default() };
    Snapshot { meta: SnapshotMeta { head, state_hash: [seq as u8; 32] }, bytes: vec![200; 1_000 + seq as usize] }
}

/// Before and after a crash.
pub async fn a_snapshot_comes_back_as_it_was_saved(store: &mut impl StoreUnderTest) {
    assert_eq!(store.snapshots().list().await.unwrap(), []);
    assert!(store.snapshots().load(Seq(7)).await.is_err());
    store.snapshots().save(snapshot(7)).await.unwrap();
    assert_eq!(store.snapshots().load(Seq(7)).await.unwrap(), snapshot(7));
    store.crash_and_reopen().await;
    assert_eq!(store.snapshots().list().await.unwrap(), [Seq(7)]);
    assert_eq!(store.snapshots().load(Seq(7)).await.unwrap(), snapshot(7));
}

/// By seq, which is not by name where names are numbers without leading zeros.
pub async fn the_newest_snapshots_are_kept(store: &mut impl StoreUnderTest) {
    let snapshots = store.snapshots();
    for seq in [9, 10, 100, 1_000] {
        snapshots.save(snapshot(seq)).await.unwrap();
    }
    let newest_first = [1_000, 100, 10, 9].map(Seq);
    assert_eq!(snapshots.list().await.unwrap(), newest_first[..SNAPSHOTS_KEPT]);
    assert!(snapshots.load(Seq(9)).await.is_err());
    // The same seq again replaces what was there.
    let again = Snapshot { bytes: vec![1], ..snapshot(1_000) };
    snapshots.save(again.clone()).await.unwrap();
    assert_eq!(snapshots.load(Seq(1_000)).await.unwrap(), again);
    assert_eq!(snapshots.list().await.unwrap(), newest_first[..SNAPSHOTS_KEPT]);
}

/// The older one is still there to start from.
pub async fn a_damaged_snapshot_is_noticed_and_set_aside(store: &mut impl StoreUnderTest) {
    let snapshots = store.snapshots();
    snapshots.save(snapshot(1)).await.unwrap();
    snapshots.save(snapshot(2)).await.unwrap();
    store.damage_snapshot(Seq(2)).await;
    assert!(matches!(snapshots.load(Seq(2)).await, Err(StoreError::Damaged(_))));
    snapshots.quarantine(Seq(2)).await.unwrap();
    assert_eq!(snapshots.list().await.unwrap(), [Seq(1)]);
    assert!(snapshots.load(Seq(2)).await.is_err());
    assert_eq!(snapshots.load(Seq(1)).await.unwrap(), snapshot(1));
}
