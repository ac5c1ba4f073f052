//! Cases about sessions.

use std::net::IpAddr;

use emporion_model::TimeUs;

use super::{actions, at, hash, name, session_of, signed_up};
use crate::users::{NETWORKS_KEPT, Network, TokenHash, UserStore};

async fn is_open(store: &dyn UserStore, token: u8) -> bool {
    store.session(&TokenHash([token; 32])).await.unwrap().is_some()
}

/// The life of a session.
pub async fn a_session_opens_is_seen_and_closes(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    let token = TokenHash([1; 32]);
    assert!(store.open_session(&session_of(user_id, "ann", 1), &at(10)).await.unwrap());
    for (seen_us, expected_us) in [(20, 20), (15, 20)] {
        store.touch_session(&token, TimeUs(seen_us)).await.unwrap();
        let session = store.session(&token).await.unwrap().unwrap();
        assert_eq!((session.user_id, session.created_at), (user_id, TimeUs(10)));
        assert_eq!(session.seen_at, TimeUs(expected_us));
    }
    assert!(store.close_session(&token, &at(30)).await.unwrap());
    assert!(!store.close_session(&token, &at(31)).await.unwrap());
    store.touch_session(&token, TimeUs(40)).await.unwrap();
    assert!(!is_open(store, 1).await);
    assert_eq!(actions(store).await, ["sign_up", "log_in", "log_out"]);
}

/// A log-in that lost the race against a password change opens nothing.
pub async fn a_session_needs_the_verified_hash_to_be_current(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    assert!(store.change_password(user_id, &hash("ann"), &hash("better"), &at(2)).await.unwrap());
    assert!(!store.open_session(&session_of(user_id, "ann", 1), &at(3)).await.unwrap());
    assert!(!is_open(store, 1).await);
    assert!(store.credential(&name("ann")).await.unwrap().unwrap().networks.is_empty());
}

/// A person has at most `sessions_max` sessions; the one unused for longest goes, never the new one.
pub async fn sessions_beyond_the_limit_close_the_least_used(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    for token in 1..=3 {
        assert!(store.open_session(&session_of(user_id, "ann", token), &at(u64::from(token))).await.unwrap());
    }
    store.touch_session(&TokenHash([1; 32]), TimeUs(10)).await.unwrap();
    assert!(store.open_session(&session_of(user_id, "ann", 4), &at(5)).await.unwrap());
    for (token, open) in [(1, true), (2, false), (3, true), (4, true)] {
        assert_eq!(is_open(store, token).await, open, "session {token}");
    }
}

/// Pruning deletes what is too old or too long unused.
pub async fn old_sessions_are_pruned(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    for (token, created_us, seen_us) in [(1, 10, 100), (2, 60, 70), (3, 60, 100)] {
        assert!(store.open_session(&session_of(user_id, "ann", token), &at(created_us)).await.unwrap());
        store.touch_session(&TokenHash([token; 32]), TimeUs(seen_us)).await.unwrap();
    }
    assert_eq!(store.prune_sessions(TimeUs(50), TimeUs(80)).await.unwrap(), 2);
    for (token, open) in [(1, false), (2, false), (3, true)] {
        assert_eq!(is_open(store, token).await, open, "session {token}");
    }
}

/// The newest networks of successful log-ins come with the credential, newest first.
pub async fn networks_of_log_ins_are_remembered(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    let network = |third: u8| Network::of(IpAddr::from([198, 51, third, 9]));
    let visits: Vec<u8> = (0..10).chain([3]).collect();
    for (index, third) in visits.iter().enumerate() {
        let mut session = session_of(user_id, "ann", index as u8);
        session.network = network(*third);
        assert!(store.open_session(&session, &at(10 + index as u64)).await.unwrap());
    }
    let expected: Vec<Network> = [3, 9, 8, 7, 6, 5, 4, 2].map(network).to_vec();
    assert_eq!(expected.len(), NETWORKS_KEPT as usize);
    assert_eq!(store.credential(&name("ann")).await.unwrap().unwrap().networks, expected);
}
