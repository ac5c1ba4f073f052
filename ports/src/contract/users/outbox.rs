//! Cases about the outbox and the audit trail.

use emporion_model::{AccountId, TimeUs};

use super::{actions, at, key, opened, operator_account, payload, person, signed_up};
use crate::users::{Answer, OutboxHead, Recorded, UserStore, check_audit};

async fn head(store: &dyn UserStore) -> (u64, u64, u64) {
    let OutboxHead { last_n, pruned_n, answered_n } = store.outbox_head().await.unwrap();
    (last_n, pruned_n, answered_n)
}

/// Numbers count from 1; the head tells how far the answers reach.
pub async fn the_outbox_numbers_without_a_gap(store: &dyn UserStore) {
    assert_eq!(head(store).await, (0, 0, 0));
    for (text, n) in [("ann", 1), ("bob", 2), ("cat", 3)] {
        signed_up(store, text, n).await;
        let row = store.outbox_row(n).await.unwrap().unwrap();
        assert_eq!((row.n, row.created_at, row.answer), (n, TimeUs(n), None));
    }
    assert_eq!(head(store).await, (3, 0, 0));
    store.record_answer(1, &Answer::AccountOpened(AccountId(1_000)), &[], &at(4)).await.unwrap();
    assert_eq!(head(store).await, (3, 0, 1));
    assert_eq!(store.outbox_row(0).await.unwrap(), None);
    assert_eq!(store.outbox_row(4).await.unwrap(), None);
}

/// Writers at the same time, half of them refused, still leave every number given once.
pub async fn concurrent_writers_leave_no_gap(store: &dyn UserStore) {
    const PEOPLE: u64 = 20;
    let (new, open, stamp) = (|index: u64| person(&format!("person{}", index / 2)), payload("open"), at(1));
    let people: Vec<_> = (0..2 * PEOPLE).map(new).collect();
    let mut calls: Vec<_> = people.iter().map(|person| store.sign_up(person, &open, &stamp)).collect();
    // All calls are under way before the first is waited for.
    std::future::poll_fn(|context| {
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            std::task::Poll::Ready(outcome) => {
                outcome.unwrap();
                false
            }
            std::task::Poll::Pending => true,
        });
        if calls.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(head(store).await, (PEOPLE, 0, 0));
    for n in 1..=PEOPLE {
        assert!(store.outbox_row(n).await.unwrap().is_some(), "row {n}");
    }
    assert_eq!(check_audit(store).await.unwrap(), Ok(2 * PEOPLE));
}

/// The first answer stands; the same again is welcome, another is told.
pub async fn an_answer_is_recorded_once(store: &dyn UserStore) {
    signed_up(store, "ann", 1).await;
    let answer = Answer::AccountOpened(AccountId(1_000));
    assert_eq!(store.record_answer(1, &answer, &[], &at(2)).await.unwrap(), Recorded::Now);
    assert_eq!(store.record_answer(1, &answer, &[], &at(3)).await.unwrap(), Recorded::Before);
    let other = Answer::AccountOpened(AccountId(1_001));
    let differs = store.record_answer(1, &other, &[], &at(4)).await.unwrap();
    assert_eq!(differs, Recorded::Differs(answer.clone()));
    assert_eq!(store.outbox_row(1).await.unwrap().unwrap().answer, Some(answer));
    assert!(store.record_answer(2, &other, &[], &at(5)).await.is_err());
    assert_eq!(actions(store).await, ["sign_up", "account_opened"]);
}

/// Pruning takes the oldest answered rows and stops at the first that is young or unanswered; numbers go on.
pub async fn only_old_answered_rows_are_pruned(store: &dyn UserStore) {
    for (text, n) in [("ann", 1), ("bob", 2), ("cat", 3), ("dan", 4)] {
        signed_up(store, text, 10 * n).await;
    }
    for n in [1, 2, 4] {
        store.record_answer(n, &Answer::AccountOpened(AccountId(1_000 + n)), &[], &at(50)).await.unwrap();
    }
    assert_eq!(store.prune_outbox(TimeUs(20)).await.unwrap(), 1);
    assert_eq!(head(store).await, (4, 1, 2));
    assert_eq!(store.prune_outbox(TimeUs(100)).await.unwrap(), 1);
    assert_eq!(head(store).await, (4, 2, 2));
    store.record_answer(3, &Answer::Refused("full".to_owned()), &[], &at(60)).await.unwrap();
    assert_eq!(store.prune_outbox(TimeUs(100)).await.unwrap(), 2);
    assert_eq!(head(store).await, (4, 4, 4));
    signed_up(store, "eve", 70).await;
    assert_eq!(head(store).await, (5, 4, 4));
}

/// The turn is had at once where nobody else has it, and again after it was given back.
pub async fn the_turn_to_send_is_given_and_given_back(store: &dyn UserStore) {
    for _ in 0..2 {
        let mut turn = store.outbox_turn().await.unwrap();
        assert!(turn.is_held().await && turn.is_held().await);
    }
}

/// The trail names every change in order and is one chain.
pub async fn every_change_is_audited_and_chained(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    store.add_api_key(user_id, &key('a'), 5, &at(2)).await.unwrap();
    store.request_account(&operator_account("demo", 'b', Vec::new()), &at(3)).await.unwrap();
    store.record_answer(1, &Answer::Refused("full".to_owned()), &[], &at(4)).await.unwrap();
    opened(store, "other", 'c', 1_000).await;
    let expected = [
        "sign_up",
        "add_api_key",
        "request_account",
        "add_api_key",
        "account_refused",
        "request_account",
        "add_api_key",
        "account_opened",
    ];
    assert_eq!(actions(store).await, expected);
    assert_eq!(check_audit(store).await.unwrap(), Ok(8));
    let rest = store.audit_after(6, 1).await.unwrap();
    assert_eq!((rest.len(), rest[0].seq, rest[0].from.as_str()), (1, 7, "192.0.2.1"));
}
