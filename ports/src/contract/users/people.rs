//! Cases about people.

use emporion_model::TimeUs;

use super::{actions, at, hash, name, payload, person, session_of, signed_up};
use crate::users::{LinkState, Owner, SignUp, TokenHash, UserId, UserState, UserStore};

/// A sign-up makes a person, a pending main account and one outbox row.
pub async fn a_person_signs_up_once(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 5).await;
    let user = store.user(user_id).await.unwrap().unwrap();
    assert_eq!((user.name.as_str(), user.state), ("ann", UserState::Active));
    assert_eq!((user.created_at, user.updated_at), (TimeUs(5), TimeUs(5)));

    let accounts = store.accounts(user_id).await.unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].owner, Owner::User(user_id, String::new()));
    assert_eq!(accounts[0].state, LinkState::Pending);
    assert_eq!(store.outbox_row(1).await.unwrap().unwrap().payload, payload("open"));

    let credential = store.credential(&name("ann")).await.unwrap().unwrap();
    assert_eq!(credential.user_id, user_id);
    assert!(credential.password_hash == hash("ann"));
    assert!(store.credential(&name("bob")).await.unwrap().is_none());
    assert_eq!(store.user(UserId(user_id.0 + 1)).await.unwrap(), None);
}

/// A sign-up under a taken name changes nothing of the owner's and writes one audit row, like any other.
pub async fn a_taken_name_costs_one_audit_row_too(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    let mut thief = person("ann");
    thief.password_hash = hash("thief");
    let outcome = store.sign_up(&thief, &payload("open"), &at(2)).await.unwrap();
    assert_eq!(outcome, SignUp::NameTaken);

    let credential = store.credential(&name("ann")).await.unwrap().unwrap();
    assert!(credential.user_id == user_id && credential.password_hash == hash("ann"));
    assert_eq!(store.outbox_head().await.unwrap().last_n, 1);
    assert_eq!(actions(store).await, ["sign_up", "sign_up_refused"]);
}

/// A password change is a compare-and-swap that leaves no session open.
pub async fn a_password_is_swapped_and_closes_the_sessions(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    for token in [1, 2] {
        assert!(store.open_session(&session_of(user_id, "ann", token), &at(2)).await.unwrap());
    }
    let (old, new) = (hash("ann"), hash("better"));
    assert!(!store.change_password(user_id, &hash("guess"), &new, &at(3)).await.unwrap());
    assert!(store.session(&TokenHash([1; 32])).await.unwrap().is_some());

    assert!(store.change_password(user_id, &old, &new, &at(4)).await.unwrap());
    for token in [1, 2] {
        assert!(store.session(&TokenHash([token; 32])).await.unwrap().is_none());
    }
    assert!(store.credential(&name("ann")).await.unwrap().unwrap().password_hash == new);
    assert_eq!(store.user(user_id).await.unwrap().unwrap().updated_at, TimeUs(4));
}

/// Suspension closes sessions, stops keys and log-ins, and can be taken back.
pub async fn a_suspended_person_is_out(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    assert!(store.open_session(&session_of(user_id, "ann", 1), &at(2)).await.unwrap());
    assert!(store.set_user_state(&name("ann"), UserState::Suspended, &at(3)).await.unwrap());

    assert!(store.session(&TokenHash([1; 32])).await.unwrap().is_none());
    assert!(!store.open_session(&session_of(user_id, "ann", 2), &at(4)).await.unwrap());
    assert_eq!(store.credential(&name("ann")).await.unwrap().unwrap().state, UserState::Suspended);

    assert!(store.set_user_state(&name("ann"), UserState::Active, &at(5)).await.unwrap());
    assert!(store.open_session(&session_of(user_id, "ann", 2), &at(6)).await.unwrap());
    assert!(!store.set_user_state(&name("bob"), UserState::Suspended, &at(7)).await.unwrap());
    assert_eq!(actions(store).await, ["sign_up", "log_in", "suspend", "reinstate", "log_in"]);
}
