//! Order, locks, visibility and handles.

use super::{AFTER_SHORT, LONG, SHORT, Subject, handles, texts};
use crate::lanes::{Handle, LaneError};
use std::time::Duration;

/// One receive gives up to ten messages of a lane, in order, with what was sent.
pub async fn a_lane_keeps_its_order(subject: &Subject) {
    for number in 0..10 {
        subject.send(7, &number.to_string()).await;
    }
    let deliveries = subject.receive(10, LONG).await;
    assert_eq!(texts(&deliveries), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    for (number, delivery) in deliveries.iter().enumerate() {
        assert_eq!((delivery.lane, delivery.deliveries), (7, 1));
        assert_eq!(delivery.dedup_id, format!("id-{number}"));
        assert!(delivery.sent_at_ms > 1_000_000_000_000, "milliseconds since the epoch: {}", delivery.sent_at_ms);
    }
}

/// While one message is in flight, the lane gives no other; other lanes do.
pub async fn a_lane_is_locked_while_a_message_is_in_flight(subject: &Subject) {
    subject.send_all(1, &["a0", "a1", "a2", "a3"]).await;
    subject.send_all(2, &["b0", "b1"]).await;
    let first = subject.receive(1, LONG).await;
    assert_eq!(texts(&first), ["a0"]);
    assert_eq!(texts(&subject.receive(10, LONG).await), ["b0", "b1"]);
    assert_eq!(subject.receive(10, LONG).await, []);
    subject.delete(&first).await;
    assert_eq!(texts(&subject.receive(10, LONG).await), ["a1", "a2", "a3"]);
}

/// Deleting one of two leaves the lane locked; deleting both unlocks it.
pub async fn a_lane_is_locked_until_all_of_a_receive_is_deleted(subject: &Subject) {
    subject.send_all(1, &["0", "1", "2", "3"]).await;
    let both = subject.receive(2, LONG).await;
    assert_eq!(texts(&both), ["0", "1"]);
    subject.delete(&both[..1]).await;
    assert_eq!(subject.receive(10, LONG).await, []);
    subject.delete(&both[1..]).await;
    assert_eq!(texts(&subject.receive(10, LONG).await), ["2", "3"]);
}

/// After the visibility, what was not deleted comes first, then the rest, and is counted.
pub async fn what_is_not_deleted_comes_again_in_order(subject: &Subject) {
    subject.send_all(1, &["0", "1", "2", "3", "4"]).await;
    let first = subject.receive(3, SHORT).await;
    subject.delete(&first[..1]).await;
    assert_eq!(subject.receive(10, LONG).await, []);
    (subject.pass)(AFTER_SHORT).await;
    let again = subject.wait_for(10).await;
    assert_eq!(texts(&again), ["1", "2", "3", "4"]);
    assert_eq!(again.iter().map(|delivery| delivery.deliveries).collect::<Vec<_>>(), [2, 2, 1, 1]);
    assert_eq!(again[0].sent_at_ms, first[1].sent_at_ms, "the time of sending stays");
}

/// A visibility of zero gives messages back, in whatever order they are given.
pub async fn what_is_given_back_comes_again_at_once_in_order(subject: &Subject) {
    subject.send_all(1, &["0", "1", "2"]).await;
    let mut back = handles(&subject.receive(2, LONG).await);
    back.reverse();
    assert_eq!(subject.lanes.extend(&back, Duration::ZERO).await, [Ok(()), Ok(())]);
    assert_eq!(texts(&subject.wait_for(10).await), ["0", "1", "2"]);
}

/// An extended delivery outlives its first visibility, keeps its lane locked, and can be deleted.
pub async fn what_is_extended_stays_in_flight(subject: &Subject) {
    subject.send_all(1, &["0", "1"]).await;
    let first = subject.receive(1, SHORT).await;
    assert_eq!(subject.lanes.extend(&handles(&first), LONG).await, [Ok(())]);
    (subject.pass)(AFTER_SHORT).await;
    assert_eq!(subject.receive(10, LONG).await, []);
    subject.delete(&first).await;
    assert_eq!(texts(&subject.receive(10, LONG).await), ["1"]);
}

/// Once a message was delivered again, the handle of before has no power over it.
pub async fn a_stale_handle_neither_deletes_nor_extends(subject: &Subject) {
    subject.send(1, "0").await;
    let stale = handles(&subject.receive(1, SHORT).await);
    (subject.pass)(AFTER_SHORT).await;
    let again = subject.wait_for(1).await;
    subject.lanes.delete(&stale).await;
    subject.lanes.extend(&stale, Duration::ZERO).await;
    let backlog = subject.lanes.backlog().await.unwrap();
    assert_eq!((backlog.waiting, backlog.in_flight), (0, 1), "it is still in flight");
    assert_eq!(subject.receive(1, LONG).await, []);
    subject.delete(&again).await;
}

/// A delivery whose visibility is over cannot be deleted, even if nobody has it yet; the refusal says which it was.
pub async fn an_expired_handle_deletes_nothing(subject: &Subject) {
    subject.send_all(1, &["0", "1"]).await;
    let first = subject.receive(2, SHORT).await;
    subject.delete(&first[1..]).await;
    (subject.pass)(AFTER_SHORT).await;
    for answers in [
        subject.lanes.delete(&handles(&first[..1])).await,
        subject.lanes.extend(&handles(&first[..1]), LONG).await,
        subject.lanes.delete(&handles(&first[..1])).await,
    ] {
        assert!(matches!(answers[..], [Err(LaneError::Expired(_))]), "{answers:?}");
    }
    assert_eq!(texts(&subject.wait_for(10).await), ["0"]);
}

/// A handle that no queue gave is not taken for a deletion that was done.
pub async fn a_made_up_handle_is_refused(subject: &Subject) {
    subject.send(1, "0").await;
    let delivery = subject.receive(1, LONG).await;
    let answers = subject.lanes.delete(&[Handle("made up".to_owned()), delivery[0].handle.clone()]).await;
    assert!(matches!(answers[..], [Err(LaneError::Expired(_)), Ok(())]), "{answers:?}");
}

/// More handles than one call takes.
pub async fn more_handles_than_a_call_takes_are_done_in_several(subject: &Subject) {
    let mut all = Vec::new();
    for lane in 0..3 {
        subject.send_all(lane, &["0", "1", "2", "3", "4"]).await;
        all.extend(subject.wait_for(5).await);
    }
    assert_eq!(subject.lanes.extend(&handles(&all), LONG).await, vec![Ok(()); 15]);
    subject.delete(&all).await;
    let backlog = subject.lanes.backlog().await.unwrap();
    assert_eq!((backlog.waiting, backlog.in_flight), (0, 0));
}
