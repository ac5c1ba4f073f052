//! Batches, bounds and duplicates.

use super::{LONG, Subject, message, texts};
use crate::lanes::{BATCH_MAX, BODY_BYTES_MAX, LaneMessage, SendError};
use std::time::Duration;

/// Sending again under the same id succeeds and changes nothing.
pub async fn a_duplicate_is_accepted_and_not_delivered(subject: &Subject) {
    subject.send(1, "0").await;
    let other_body = LaneMessage { body: b"other".to_vec(), ..message(1, "0") };
    assert_eq!(subject.lanes.send(vec![other_body]).await, [Ok(())]);
    assert_eq!(texts(&subject.receive(10, LONG).await), ["0"]);
}

/// A sender that learns late that nobody knows may still send again.
pub async fn an_id_is_remembered_after_its_message_is_deleted(subject: &Subject) {
    subject.send(1, "0").await;
    let delivery = subject.receive(10, LONG).await;
    subject.delete(&delivery).await;
    subject.send_all(1, &["0", "1"]).await;
    assert_eq!(texts(&subject.receive(10, LONG).await), ["1"]);
}

/// An id keeps others away for five minutes from when it was accepted, and no longer.
pub async fn an_id_is_forgotten_after_five_minutes(subject: &Subject) {
    subject.send(1, "0").await;
    let delivery = subject.receive(10, LONG).await;
    subject.delete(&delivery).await;
    (subject.pass)(Duration::from_secs(299)).await;
    subject.send(1, "0").await;
    assert_eq!(subject.receive(10, LONG).await, []);
    (subject.pass)(Duration::from_secs(2)).await;
    subject.send(1, "0").await;
    assert_eq!(texts(&subject.receive(10, LONG).await), ["0"]);
}

/// The same id in another lane is another message.
pub async fn an_id_counts_in_its_own_lane(subject: &Subject) {
    subject.send(1, "0").await;
    subject.send(2, "0").await;
    let mut lanes = Vec::new();
    for _ in 0..2 {
        lanes.extend(subject.wait_for(1).await.iter().map(|delivery| delivery.lane));
    }
    lanes.sort_unstable();
    assert_eq!(lanes, [1, 2]);
}

/// Within a call too, order is kept and only the first of an id counts.
pub async fn a_batch_keeps_its_order_and_drops_its_duplicates(subject: &Subject) {
    subject.send_all(1, &["0", "0", "1", "1", "2", "2", "3", "3", "4", "4"]).await;
    assert_eq!(texts(&subject.receive(10, LONG).await), ["0", "1", "2", "3", "4"]);
}

/// Too many messages, and too many bytes, are refused as a whole.
pub async fn a_batch_has_bounds(subject: &Subject) {
    let too_many: Vec<LaneMessage> = (0..=BATCH_MAX).map(|number| message(1, &number.to_string())).collect();
    let large = |name: &str| LaneMessage { body: vec![0; BODY_BYTES_MAX / 2 + 1], ..message(1, name) };
    for batch in [too_many, vec![large("a"), large("b")]] {
        let count = batch.len();
        let answers = subject.lanes.send(batch).await;
        assert_eq!(answers.len(), count);
        assert!(answers.iter().all(|answer| matches!(answer, Err(SendError::Refused(_)))), "{answers:?}");
    }
    assert_eq!(subject.receive(10, LONG).await, []);
}

/// Bodies are bytes, not text, and a call takes as many of them as it says.
pub async fn a_full_batch_of_any_bytes_arrives(subject: &Subject) {
    let size = BODY_BYTES_MAX / BATCH_MAX;
    let body = |number: usize| -> Vec<u8> { (0..size).map(|index| (index + number) as u8).collect() };
    let messages: Vec<LaneMessage> =
        (0..BATCH_MAX).map(|number| LaneMessage { body: body(number), ..message(1, &number.to_string()) }).collect();
    assert_eq!(subject.lanes.send(messages).await, vec![Ok(()); BATCH_MAX]);
    // A queue may give fewer than asked when they are large.
    let mut number = 0;
    while number < BATCH_MAX {
        let deliveries = subject.wait_for(10).await;
        for delivery in &deliveries {
            assert!(delivery.body == body(number), "message {number} is not as it was sent");
            number += 1;
        }
        subject.delete(&deliveries).await;
    }
}

/// One wrong message does not take the others with it.
pub async fn wrong_messages_are_refused_and_right_ones_beside_them_accepted(subject: &Subject) {
    let wrong = [
        LaneMessage { body: Vec::new(), ..message(1, "empty") },
        LaneMessage { dedup_id: String::new(), ..message(1, "no id") },
        LaneMessage { dedup_id: "x".repeat(129), ..message(1, "long id") },
        LaneMessage { dedup_id: "a b".to_owned(), ..message(1, "blank") },
        LaneMessage { dedup_id: "\u{e9}".to_owned(), ..message(1, "accent") },
    ];
    for wrong in wrong {
        let answers = subject.lanes.send(vec![wrong.clone()]).await;
        assert!(matches!(answers[..], [Err(SendError::Refused(_))]), "{answers:?} for {wrong:?}");
        let right = format!("beside-{}", String::from_utf8_lossy(&wrong.body).replace(' ', "-"));
        let answers = subject.lanes.send(vec![wrong.clone(), message(1, &right)]).await;
        assert!(matches!(answers[..], [Err(SendError::Refused(_)), Ok(())]), "{answers:?} for {wrong:?}");
        let delivery = subject.receive(10, LONG).await;
        assert_eq!(texts(&delivery), [&right]);
        subject.delete(&delivery).await;
    }
}

/// Empty lists are no calls.
pub async fn nothing_to_do_is_done_at_once(subject: &Subject) {
    assert_eq!(subject.lanes.send(Vec::new()).await, []);
    assert_eq!(subject.lanes.delete(&[]).await, []);
    assert_eq!(subject.lanes.extend(&[], LONG).await, []);
}
