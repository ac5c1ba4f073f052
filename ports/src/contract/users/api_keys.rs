//! Cases about API keys.

use emporion_model::{AccountId, TimeUs};

use super::{actions, at, key, name, opened, signed_up};
use crate::users::{
    AddedKey, Answer, ApiKey, IpRule, KeyMaterial, NewApiKey, Permissions, UserId, UserState, UserStore,
};

async fn add(store: &dyn UserStore, user_id: UserId, new: &NewApiKey, at_us: u64) -> AddedKey {
    store.add_api_key(user_id, new, 2, &at(at_us)).await.unwrap()
}

async fn stored(store: &dyn UserStore, new: &NewApiKey) -> ApiKey {
    store.api_key(&new.name).await.unwrap().unwrap()
}

/// Every kind and every field survives the way in and out.
pub async fn keys_come_back_as_they_went_in(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned();
    let materials = [
        KeyMaterial::Hmac { sealed: (0..=255).collect() },
        KeyMaterial::Ed25519 { public_pem: pem.clone() },
        KeyMaterial::Rsa { public_pem: pem },
    ];
    for (letter, material) in ['a', 'b', 'c'].into_iter().zip(materials) {
        let new = NewApiKey {
            material,
            label: "Ann's “desk”, 1".to_owned(),
            permissions: Permissions { read: letter != 'a', trade: letter == 'a' },
            ip_rules: ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"].map(|text| IpRule::parse(text).unwrap()).to_vec(),
            expires_at: (letter == 'b').then_some(TimeUs(99)),
            ..key(letter)
        };
        assert_eq!(store.add_api_key(user_id, &new, 10, &at(5)).await.unwrap(), AddedKey::Added);
        let got = stored(store, &new).await;
        assert!(got.key.name == new.name && got.key.material == new.material);
        assert_eq!((&got.key.label, got.key.permissions), (&new.label, new.permissions));
        assert_eq!((&got.key.ip_rules, got.key.expires_at), (&new.ip_rules, new.expires_at));
        assert_eq!((got.owner, got.created_at, got.revoked_at), (Some(UserState::Active), TimeUs(5), None));
        assert_eq!(got.account.account_id(), None);
    }
    store.record_answer(1, &Answer::AccountOpened(AccountId(1_000)), &[], &at(6)).await.unwrap();
    let keys = store.api_keys(user_id).await.unwrap();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().zip(['a', 'b', 'c']).all(|(got, letter)| got.key.name == key(letter).name));
    assert!(keys.iter().all(|got| got.account.account_id() == Some(AccountId(1_000))));
    assert!(store.api_key(&key('z').name).await.unwrap().is_none());
}

/// Nobody revokes another's key, and nothing revives a revoked one.
pub async fn a_key_is_revoked_by_its_owner_only(store: &dyn UserStore) {
    let (ann, bob) = (signed_up(store, "ann", 1).await, signed_up(store, "bob", 1).await);
    let new = key('a');
    assert_eq!(add(store, ann, &new, 2).await, AddedKey::Added);
    opened(store, "demo", 'd', 1_001).await;
    assert!(!store.revoke_api_key(bob, &new.name, &at(3)).await.unwrap());
    assert!(!store.revoke_api_key(ann, &key('d').name, &at(3)).await.unwrap());
    assert!(stored(store, &new).await.works_at(TimeUs(3)));

    assert!(store.revoke_api_key(ann, &new.name, &at(4)).await.unwrap());
    assert!(!store.revoke_api_key(ann, &new.name, &at(5)).await.unwrap());
    let got = stored(store, &new).await;
    assert_eq!(got.revoked_at, Some(TimeUs(4)));
    assert!(!got.works_at(TimeUs(3)) && !got.works_at(TimeUs(6)));

    assert!(store.set_user_state(&name("bob"), UserState::Suspended, &at(6)).await.unwrap());
    assert_eq!(add(store, bob, &key('b'), 7).await, AddedKey::Added);
    assert!(!stored(store, &key('b')).await.works_at(TimeUs(8)));
    assert_eq!(stored(store, &key('d')).await.owner, None);
    assert_eq!(actions(store).await.iter().filter(|action| *action == "revoke_api_key").count(), 1);
}

/// Only keys that work count against the limit.
pub async fn working_keys_are_limited(store: &dyn UserStore) {
    let user_id = signed_up(store, "ann", 1).await;
    let expiring = NewApiKey { expires_at: Some(TimeUs(50)), ..key('a') };
    assert_eq!(add(store, user_id, &expiring, 2).await, AddedKey::Added);
    assert_eq!(add(store, user_id, &key('b'), 3).await, AddedKey::Added);
    assert_eq!(add(store, user_id, &key('c'), 49).await, AddedKey::TooMany);
    assert!(store.api_key(&key('c').name).await.unwrap().is_none());
    assert_eq!(add(store, user_id, &key('c'), 50).await, AddedKey::Added);
    assert_eq!(add(store, user_id, &key('d'), 51).await, AddedKey::TooMany);
    assert!(store.revoke_api_key(user_id, &key('b').name, &at(52)).await.unwrap());
    assert_eq!(add(store, user_id, &key('d'), 53).await, AddedKey::Added);
}

/// The first proof of each master key stays.
pub async fn master_key_proofs_are_kept(store: &dyn UserStore) {
    assert!(store.master_key_proofs().await.unwrap().is_empty());
    for (key_id, proof) in [("2026", [1; 4]), ("2027", [2; 4]), ("2026", [3; 4])] {
        store.keep_master_key_proof(key_id, &proof).await.unwrap();
    }
    assert_eq!(store.master_key_proofs().await.unwrap(), [vec![1; 4], vec![2; 4]]);
}
