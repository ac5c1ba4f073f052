//! What every [`UserStore`] must do.
//!
//! An adapter's test module says `emporion_ports::user_store_contract!(open);`, where `open()` is an async
//! function that returns a guard and a fresh store: `(guard, impl UserStore)`. The guard (a folder, say)
//! lives as long as the case.

mod accounts;
mod api_keys;
mod outbox;
mod people;
mod sessions;

use std::net::IpAddr;

use emporion_model::{AccountId, Amount, AssetId, TimeUs};

use crate::users::{
    AccountName, Actor, Answer, ApiKeyName, KeyMaterial, Network, NewApiKey, NewDeposit, NewOperatorAccount,
    NewSession, NewUser, PasswordHash, Payload, Permissions, SignUp, Stamp, TokenHash, UserId, UserName, UserStore,
};

pub use accounts::*;
pub use api_keys::*;
pub use outbox::*;
pub use people::*;
pub use sessions::*;

/// One test per case of the contract on the store that `$open` makes.
#[macro_export]
macro_rules! user_store_contract {
    ($open:path) => {
        $crate::user_store_contract!(@cases $open:
            a_person_signs_up_once,
            a_taken_name_costs_one_audit_row_too,
            a_password_is_swapped_and_closes_the_sessions,
            a_suspended_person_is_out,
            a_session_opens_is_seen_and_closes,
            a_session_needs_the_verified_hash_to_be_current,
            sessions_beyond_the_limit_close_the_least_used,
            old_sessions_are_pruned,
            networks_of_log_ins_are_remembered,
            keys_come_back_as_they_went_in,
            a_key_is_revoked_by_its_owner_only,
            working_keys_are_limited,
            master_key_proofs_are_kept,
            an_operator_account_is_made_once,
            an_opened_account_sends_its_deposits,
            a_refused_account_refuses_its_deposits,
            a_deposit_is_written_down_once,
            the_outbox_numbers_without_a_gap,
            concurrent_writers_leave_no_gap,
            an_answer_is_recorded_once,
            only_old_answered_rows_are_pruned,
            the_turn_to_send_is_given_and_given_back,
            every_change_is_audited_and_chained,
        );
    };
    (@cases $open:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (_guard, store) = $open().await;
                $crate::contract::users::$case(&store).await;
                let audit = $crate::users::check_audit(&store).await;
                assert!(audit.expect("the audit trail is readable").is_ok(), "the audit trail is one chain");
            }
        )+
    };
}

/// A stamp at `at_us` by nobody in particular.
fn at(at_us: u64) -> Stamp {
    Stamp { at: TimeUs(at_us), actor: Actor::Anonymous, from: Some(IpAddr::from([192, 0, 2, 1])) }
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn person(text: &str) -> NewUser {
    NewUser { name: name(text), password_hash: hash(text) }
}

/// A stand-in for a person's password hash; stores do not look into it.
fn hash(text: &str) -> PasswordHash {
    PasswordHash(format!("$argon2id${text}"))
}

fn payload(text: &str) -> Payload {
    Payload(text.as_bytes().to_vec())
}

async fn signed_up(store: &dyn UserStore, text: &str, at_us: u64) -> UserId {
    match store.sign_up(&person(text), &payload("open"), &at(at_us)).await.unwrap() {
        SignUp::Created(user_id) => user_id,
        SignUp::NameTaken => panic!("{text} is new"),
    }
}

fn session_of(user_id: UserId, text: &str, token: u8) -> NewSession {
    NewSession {
        token: TokenHash([token; 32]),
        user_id,
        verified: hash(text),
        network: Network::of(IpAddr::from([192, 0, 2, 1])),
        sessions_max: 3,
    }
}

fn key(letter: char) -> NewApiKey {
    NewApiKey {
        name: ApiKeyName::parse(&letter.to_string().repeat(ApiKeyName::BYTES)).unwrap(),
        material: KeyMaterial::Hmac { sealed: vec![1, 0, 255] },
        label: "desk".to_owned(),
        permissions: Permissions { read: true, trade: true },
        ip_rules: Vec::new(),
        expires_at: None,
    }
}

fn deposit(reference: &str, amount: i128) -> NewDeposit {
    NewDeposit {
        reference: reference.to_owned(),
        asset_id: AssetId(2),
        asset: "USDT".parse().unwrap(),
        amount: Amount(amount),
    }
}

fn operator_account(text: &str, letter: char, deposits: Vec<NewDeposit>) -> NewOperatorAccount {
    NewOperatorAccount {
        name: AccountName::parse(text).unwrap(),
        request_digest: [7; 32],
        open: payload("open"),
        key: key(letter),
        deposits,
    }
}

/// Makes an operator's account that the engine opened as `account_id`; its opening row is the newest.
async fn opened(store: &dyn UserStore, text: &str, letter: char, account_id: u64) {
    store.request_account(&operator_account(text, letter, Vec::new()), &at(1)).await.unwrap();
    let n = store.outbox_head().await.unwrap().last_n;
    store.record_answer(n, &Answer::AccountOpened(AccountId(account_id)), &[], &at(2)).await.unwrap();
}

/// The actions in the audit trail, oldest first.
async fn actions(store: &dyn UserStore) -> Vec<String> {
    store.audit_after(0, 1_000).await.unwrap().into_iter().map(|row| row.action).collect()
}
