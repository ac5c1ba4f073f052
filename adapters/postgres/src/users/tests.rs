//! The contract suites on a real server, and what is this store's own: several processes at once.

use std::path::Path;
use std::time::Duration;

use emporion_model::TimeUs;
use emporion_ports::users::{
    Actor, AddedKey, ApiKeyName, KeyMaterial, NewApiKey, NewUser, PasswordHash, Payload, Permissions, SignUp, Stamp,
    UserId, UserName, UserStore, check_audit,
};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::PostgresUsers;
use crate::testing::{Guard, database};
use crate::{Postgres, PostgresOptions};

emporion_ports::user_store_contract!(fresh);

mod imported_klines {
    use super::fresh;

    emporion_ports::imported_klines_contract!(fresh);
}

async fn open(options: &PostgresOptions) -> PostgresUsers {
    PostgresUsers::new(&Postgres::open(options.clone()).await.unwrap(), options.clone())
}

async fn fresh() -> (Guard, PostgresUsers) {
    let (server, options) = database().await;
    (server, open(&options).await)
}

/// Two stores on one database, as two processes have them.
async fn two() -> (Guard, PostgresOptions, [PostgresUsers; 2]) {
    let (server, options) = database().await;
    let stores = [open(&options).await, open(&options).await];
    (server, options, stores)
}

/// Runs a statement as the superuser, in the database of `options`.
fn sql(server: &Guard, options: &PostgresOptions, statement: &str) -> Result<String, String> {
    let database = options.url.rsplit('/').next().unwrap();
    server.sql(database, statement).map_err(|error| error.to_string())
}

fn stamp() -> Stamp {
    Stamp { at: TimeUs(1), actor: Actor::Anonymous, from: None }
}

async fn sign_up(store: &PostgresUsers, name: &str) -> SignUp {
    let name = UserName::parse(name).unwrap();
    let new = NewUser { name, password_hash: PasswordHash("$argon2id$".to_owned()) };
    store.sign_up(&new, &Payload(vec![1]), &stamp()).await.unwrap()
}

async fn created(store: &PostgresUsers, name: &str) -> UserId {
    match sign_up(store, name).await {
        SignUp::Created(user_id) => user_id,
        SignUp::NameTaken => panic!("{name} is new"),
    }
}

fn key(index: usize) -> NewApiKey {
    NewApiKey {
        name: ApiKeyName::parse(&format!("{index:064}")).unwrap(),
        material: KeyMaterial::Hmac { sealed: vec![1] },
        label: String::new(),
        permissions: Permissions { read: true, trade: true },
        ip_rules: Vec::new(),
        expires_at: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_wins_each_name_and_nothing_is_numbered_twice() {
    const NAMES: usize = 40;
    let (_server, _, stores) = two().await;
    let calls = (0..NAMES).flat_map(|index| stores.iter().map(move |store| (store, format!("person{index}"))));
    let outcomes = join_all(calls.map(|(store, name)| async move { sign_up(store, &name).await })).await;
    for (index, pair) in outcomes.chunks(2).enumerate() {
        let winners = pair.iter().filter(|outcome| matches!(outcome, SignUp::Created(_))).count();
        assert_eq!(winners, 1, "person{index}");
    }
    for store in &stores {
        let head = store.outbox_head().await.unwrap();
        assert_eq!((head.last_n, head.pruned_n), (NAMES as u64, 0));
        for n in 1..=head.last_n {
            assert!(store.outbox_row(n).await.unwrap().is_some(), "row {n}");
        }
        assert_eq!(check_audit(store).await.unwrap(), Ok(2 * NAMES as u64));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_together_give_no_more_keys_than_one() {
    let (_server, _, stores) = two().await;
    let ann = created(&stores[0], "ann").await;
    let add = async |index: usize| stores[index % 2].add_api_key(ann, &key(index), 3, &stamp()).await.unwrap();
    let outcomes = join_all((0..12).map(add)).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == AddedKey::Added).count(), 3);
    assert_eq!(stores[0].api_keys(ann).await.unwrap().len(), 3);
    assert_eq!(check_audit(&stores[1]).await.unwrap(), Ok(4));
}

#[tokio::test]
async fn a_change_that_is_given_up_never_happened_and_the_next_one_goes_on() {
    let (_server, _, [one, other]) = two().await;
    created(&one, "ann").await;
    let mut given_up = one.changes.begin().await.unwrap();
    super::outbox::push(&mut given_up, &Payload(vec![2]), &stamp()).await.unwrap();
    drop(given_up);
    created(&other, "bob").await;
    created(&one, "cat").await;
    assert_eq!(one.outbox_head().await.unwrap().last_n, 3);
    assert_eq!(check_audit(&one).await.unwrap(), Ok(3));
}

#[tokio::test]
async fn changes_go_on_after_the_server_ended_their_connection() {
    let (server, options, [store, _]) = two().await;
    created(&store, "ann").await;
    let end_all = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    sql(&server, &options, end_all).unwrap();
    created(&store, "bob").await;
    assert_eq!(check_audit(&store).await.unwrap(), Ok(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_with_a_warning_is_not_called_done() {
    let (server, options, [store, _]) = two().await;
    created(&store, "ann").await;
    let mut change = store.changes.begin().await.unwrap();
    change.execute("update users set updated_us = 9", &[]).await.unwrap();
    change.execute("do $$ begin raise warning 'not replicated'; end $$", &[]).await.unwrap();
    let refused = change.commit(()).await.unwrap_err().to_string();
    assert_eq!(refused, "it is not known whether a change of people is kept: not replicated");
    created(&store, "bob").await;
    assert_eq!(sql(&server, &options, "select count(*) from users").unwrap(), "2");
}

#[tokio::test]
async fn the_audit_trail_is_append_only_and_a_changed_row_is_found() {
    let (server, options, [store, _]) = two().await;
    created(&store, "ann").await;
    for change in ["delete from audit", "update audit set actor = 'operator'", "truncate audit"] {
        let refused = sql(&server, &options, change).unwrap_err();
        assert!(refused.contains("the audit trail is append-only"), "{refused}");
    }
    let forge = "drop trigger audit_rows_stay_as_they_are on audit; update audit set actor = 'operator'";
    sql(&server, &options, forge).unwrap();
    assert_eq!(check_audit(&store).await.unwrap(), Err(1));
}

#[tokio::test]
async fn one_process_at_a_time_has_the_turn_to_send() {
    let (server, options, [one, other]) = two().await;
    let mut first = one.outbox_turn().await.unwrap();
    assert!(first.is_held().await);
    let mut waiting = Box::pin(other.outbox_turn());
    let early = timeout(Duration::from_millis(400), &mut waiting).await;
    assert!(early.is_err(), "two have the turn");
    drop(first);
    let mut second = waiting.await.unwrap();
    assert!(second.is_held().await);

    // The server ends the session, as it does when the process is gone.
    let end = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())";
    sql(&server, &options, end).unwrap();
    assert!(!second.is_held().await && !second.is_held().await);
    assert!(one.outbox_turn().await.unwrap().is_held().await);
}

#[tokio::test]
async fn backups_are_postgresqls_own() {
    let (_server, store) = fresh().await;
    let refused = store.backup_into(Path::new("/nowhere/users.db")).await.unwrap_err().to_string();
    assert!(refused.contains("pg_dump") && refused.contains("point-in-time recovery"), "{refused}");
}
