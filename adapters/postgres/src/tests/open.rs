//! Databases that cannot be used, each named in a sentence.

use emporion_cluster::parts::Postgres as Server;
use emporion_ports::store::{CommitError, Journal, StoreError};

use super::{open, ticks};
use crate::testing::{database, empty_database};
use crate::{Durability, Postgres, PostgresOptions, migrate};

async fn check(options: &PostgresOptions, text: &str) {
    match Postgres::open(options.clone()).await {
        Err(StoreError::Unusable(reason)) => {
            assert!(reason.contains(text), "{reason}");
            assert!(!reason.contains("wrong-secret"), "{reason}");
        }
        other => panic!("{other:?}, expected {text:?}"),
    }
}

fn at(options: &PostgresOptions, url: String) -> PostgresOptions {
    PostgresOptions { url, ..options.clone() }
}

#[tokio::test]
async fn a_schema_must_get_along_with_this_build() {
    let (server, options) = empty_database().await;
    let name = options.url.rsplit('/').next().unwrap();
    check(&options, "run `emporion migrate`").await;
    let applied = migrate(&options.url).await.unwrap();
    assert_eq!(applied[0].name, "journal");
    assert_eq!(migrate(&options.url).await.unwrap(), []);
    let newer = "insert into schema_migrations values (900, 'later', '', now(), 1)";
    server.sql(name, newer).unwrap();
    drop(Postgres::open(options.clone()).await.unwrap());
    server.sql(name, "update schema_migrations set compatible_from = 900 where version = 900").unwrap();
    check(&options, "use a newer release").await;
    server.sql(name, "delete from schema_migrations where version > 1").unwrap();
    check(&options, "the database's schema is 1, but").await;
    server.sql(name, "update schema_migrations set checksum = 'other'").unwrap();
    let changed = migrate(&options.url).await.unwrap_err().to_string();
    assert!(changed.contains("migration 1 (journal) is not the one that was applied"), "{changed}");
}

#[tokio::test]
async fn two_migrations_take_turns() {
    let (_server, options) = empty_database().await;
    let (a, b) = tokio::join!(migrate(&options.url), migrate(&options.url));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a.is_empty() != b.is_empty());
}

#[tokio::test]
async fn a_database_that_is_not_there_or_not_for_this_user_is_named() {
    let (server, options) = database().await;
    let name = options.url.rsplit('/').next().unwrap().to_owned();
    check(&at(&options, format!("{}_none", options.url)), "is not there").await;
    check(&at(&options, options.url.replace("postgres@", "nobody:wrong-secret@")), "does not accept the user").await;
    server
        .sql(&name, "alter database :name set default_transaction_read_only = on".replace(":name", &name).as_str())
        .unwrap();
    check(&options, "read-only").await;
    let off = format!(
        "set default_transaction_read_only = off; alter database {name} reset default_transaction_read_only;
        alter database {name} set synchronous_commit = off"
    );
    for statement in off.split(';') {
        server.sql(&name, &format!("begin read write; {statement}; commit")).unwrap();
    }
    check(&options, "synchronous_commit").await;
}

#[tokio::test]
async fn nobody_listens_is_a_failure_and_not_a_hang() {
    let port = emporion_cluster::parts::free_port().unwrap();
    let options = PostgresOptions::new(format!("postgres://u:wrong-secret@127.0.0.1:{port}/d"));
    let Err(StoreError::Failed(reason)) = Postgres::open(options).await else { panic!("nobody listens") };
    assert!(reason.contains("cannot be reached") && !reason.contains("wrong-secret"), "{reason}");
}

#[tokio::test]
async fn what_would_not_be_kept_is_refused() {
    let server = tokio::task::spawn_blocking(|| Server::start().unwrap()).await.unwrap();
    let url = server.database().unwrap();
    migrate(&url).await.unwrap();
    let of = |durability| PostgresOptions { durability, ..PostgresOptions::new(url.clone()) };
    check(&of(Durability::Streaming), "synchronous_standby_names is empty").await;
    drop(Postgres::open(of(Durability::Managed)).await.unwrap());
    drop(Postgres::open(of(Durability::Single)).await.unwrap());
    for setting in ["fsync", "full_page_writes"] {
        server.sql("postgres", &format!("alter system set {setting} = off")).unwrap();
        server.sql("postgres", "select pg_reload_conf()").unwrap();
        for durability in [Durability::Single, Durability::Streaming] {
            check_until(&of(durability), setting).await;
        }
        server.sql("postgres", &format!("alter system reset {setting}")).unwrap();
        server.sql("postgres", "select pg_reload_conf()").unwrap();
    }
}

/// The server reads its settings again when it comes to it.
async fn check_until(options: &PostgresOptions, setting: &str) {
    for _ in 0..600 {
        if let Err(StoreError::Unusable(reason)) = Postgres::open(options.clone()).await
            && reason.contains(&format!("{setting} = off"))
        {
            return;
        }
    }
    panic!("{setting} was not refused")
}

#[tokio::test]
async fn a_commit_on_a_database_that_stopped_keeping_is_refused() {
    let mut store = open().await;
    store.options.durability = Durability::Streaming;
    let journal = crate::PostgresJournal::new(store.postgres.pools().clone(), &store.options).unwrap();
    let single = store.postgres.journal();
    let head = single.take_over().await.unwrap();
    let refused = journal.commit(ticks(&head, 1)).await;
    let Err(CommitError::Failed(error)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("synchronous_standby_names is empty"), "{error}");
    assert_eq!(single.head().await.unwrap(), head);
}
