//! What every [`Leases`] and [`CommittedHead`] between processes must do.
//!
//! An adapter's test module says `emporion_ports::leases_contract!(open);`, where `open()` is an async function that
//! returns a fresh venue as an `impl LeasesUnderTest`.

use std::sync::Arc;
use std::time::Duration;

use emporion_model::journal::{BatchBuilder, Head};
use emporion_model::{Action, Command, Epoch, Origin, Seq, TimeUs};

use crate::committed::CommittedHead;
use crate::leases::{FollowerPosition, Lease, Leases};
use crate::orders::Committed;
use crate::store::Journal;

/// The parts of one venue that processes share.
pub trait LeasesUnderTest: Send + Sync {
    /// Its lease.
    fn leases(&self) -> Arc<dyn Leases>;

    /// Its journal.
    fn journal(&self) -> Arc<dyn Journal>;

    /// How far its journal is committed, as another process is told.
    fn head(&self) -> Arc<dyn CommittedHead>;
}

fn lease(holder: &str, epoch: u64, beat: u64, released: bool) -> Option<Lease> {
    let address = format!("{holder}:7000");
    Some(Lease { holder: holder.to_owned(), epoch: Epoch(epoch), address, beat, released })
}

async fn beat(leases: &dyn Leases, holder: &str, epoch: u64, released: bool) -> bool {
    leases.beat(holder, Epoch(epoch), &format!("{holder}:7000"), released).await.unwrap()
}

/// Every beat is another one, whoever beats; nobody has a lease before.
pub async fn a_lease_lives_while_its_beat_changes(venue: &impl LeasesUnderTest) {
    let leases = venue.leases();
    assert_eq!(leases.lease().await.unwrap(), None);
    assert!(beat(&*leases, "a", 1, false).await);
    assert_eq!(leases.lease().await.unwrap(), lease("a", 1, 1, false));
    assert!(beat(&*leases, "a", 1, false).await);
    assert!(beat(&*leases, "a", 1, true).await);
    assert_eq!(leases.lease().await.unwrap(), lease("a", 1, 3, true));
    assert!(beat(&*leases, "b", 2, false).await);
    assert_eq!(leases.lease().await.unwrap(), lease("b", 2, 4, false));
}

/// A leader of before cannot pass itself off for the present one.
pub async fn a_later_epoch_keeps_its_lease(venue: &impl LeasesUnderTest) {
    let leases = venue.leases();
    assert!(beat(&*leases, "b", 5, false).await);
    for epoch in [1, 4] {
        assert!(!beat(&*leases, "a", epoch, true).await);
        assert_eq!(leases.lease().await.unwrap(), lease("b", 5, 1, false));
    }
}

/// Until a follower is forgotten; then it begins where it says.
pub async fn positions_never_move_back(venue: &impl LeasesUnderTest) {
    let leases = venue.leases();
    let at = |name: &str, seq| FollowerPosition { name: name.to_owned(), seq: Seq(seq) };
    assert_eq!(leases.followers().await.unwrap(), []);
    for (name, seq) in [("standby/b", 7), ("region/a", 3), ("standby/b", 5), ("region/a", 4)] {
        leases.follow(&at(name, seq)).await.unwrap();
    }
    assert_eq!(leases.followers().await.unwrap(), [at("region/a", 4), at("standby/b", 7)]);
    leases.forget("standby/b").await.unwrap();
    leases.forget("nobody").await.unwrap();
    assert_eq!(leases.followers().await.unwrap(), [at("region/a", 4)]);
    leases.follow(&at("standby/b", 1)).await.unwrap();
    assert_eq!(leases.followers().await.unwrap(), [at("region/a", 4), at("standby/b", 1)]);
}

async fn commit(journal: &dyn Journal, head: &Head, time: u64) -> Head {
    let mut batch = BatchBuilder::default();
    batch.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
    let row = Arc::new(batch.seal(head, TimeUs(time), 1));
    journal.commit(Arc::clone(&row)).await.unwrap();
    row.head()
}

/// What was committed before the question is in the answer.
pub async fn the_head_is_what_was_committed(venue: &impl LeasesUnderTest) {
    let (journal, head) = (venue.journal(), venue.head());
    assert_eq!(head.committed().await.unwrap(), Committed::default());
    let mut at = journal.take_over().await.unwrap();
    for seq in 1..=20 {
        at = commit(&*journal, &at, seq * 10).await;
        let committed = Committed { seq: Seq(seq), time: TimeUs(seq * 10) };
        let asked = tokio::join!(head.committed(), head.committed(), head.committed());
        assert_eq!(asked, (Ok(committed), Ok(committed), Ok(committed)));
    }
}

/// Whoever waits is told when the time has come; who has no patience, that it has not.
pub async fn a_time_is_waited_for(venue: &impl LeasesUnderTest) {
    let (journal, head) = (venue.journal(), venue.head());
    let at = journal.take_over().await.unwrap();
    assert_eq!(head.wait_time(TimeUs(5), Duration::ZERO).await.unwrap(), None);
    let waiting = {
        let head = Arc::clone(&head);
        tokio::spawn(async move { head.wait_time(TimeUs(5), Duration::from_secs(60)).await })
    };
    commit(&*journal, &at, 6).await;
    let committed = Some(Committed { seq: Seq(1), time: TimeUs(6) });
    assert_eq!(waiting.await.unwrap().unwrap(), committed);
    assert_eq!(head.wait_time(TimeUs(6), Duration::ZERO).await.unwrap(), committed);
    assert_eq!(head.wait_time(TimeUs(7), Duration::ZERO).await.unwrap(), None);
}

/// One test per case of the contract on the venue that `$open` makes.
#[macro_export]
macro_rules! leases_contract {
    ($open:path) => {
        $crate::leases_contract!(@cases $open:
            a_lease_lives_while_its_beat_changes,
            a_later_epoch_keeps_its_lease,
            positions_never_move_back,
            the_head_is_what_was_committed,
            a_time_is_waited_for,
        );
    };
    (@cases $open:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let venue = $open().await;
                $crate::contract::leases::$case(&venue).await;
            }
        )+
    };
}
