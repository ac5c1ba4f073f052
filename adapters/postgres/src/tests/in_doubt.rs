//! Commits and takeovers whose answer is lost, late or comes with a warning.

use std::sync::Arc;
use std::time::Duration;

use emporion_model::Epoch;
use emporion_model::journal::{Head, JournalRow};
use emporion_ports::store::{CommitError, Journal};
use tokio::task::JoinHandle;

use super::{Store, assert_chain, open, ticks};
use crate::Postgres;
use crate::connect::{Connection, connect};
use crate::testing::database;

/// Waits until the statement gives something that is not empty, and returns that.
async fn wait_for(store: &Store, statement: &str) -> String {
    for _ in 0..600 {
        let found = store.sql(statement);
        if !found.is_empty() {
            return found;
        }
        pause().await;
    }
    panic!("it did not happen: {statement}")
}

#[expect(clippy::disallowed_methods, reason = "the server does not tell what its backends do")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// The backend of the journal's connection that waits for `what`.
async fn waiting_backend(store: &Store, what: &str) -> String {
    let sql = format!(
        "select pid from pg_stat_activity where datname = current_database()
            and application_name = 'emporion journal' and {what} limit 1"
    );
    wait_for(store, &sql).await
}

/// A connection that holds the head in an open transaction.
async fn hold_head(store: &Store) -> Connection {
    let other = connect(&store.options.url, "other", "").await.unwrap();
    let hold = "begin; set local idle_in_transaction_session_timeout = 0;
        update engine_head set chain = decode(repeat('77', 32), 'hex')";
    other.client.batch_execute(hold).await.unwrap();
    other
}

fn spawn_commit(store: &Store, row: &Arc<JournalRow>) -> JoinHandle<Result<(), CommitError>> {
    let (journal, row) = (store.postgres.journal(), Arc::clone(row));
    tokio::spawn(async move { journal.commit(row).await })
}

async fn go_on(store: &Store, head: Head) {
    let journal = store.postgres.journal();
    let row = ticks(&head, 2);
    journal.commit(Arc::clone(&row)).await.unwrap();
    assert_eq!(journal.head().await.unwrap(), row.head());
    assert_chain(&*journal, &row.head()).await;
}

#[tokio::test]
async fn a_warning_on_commit_is_in_doubt_and_resolved() {
    let store = open().await;
    store.sql(
        "create sequence warnings;
        create function warn() returns trigger language plpgsql as $$ begin
            if nextval('warnings') = 1 then raise warning 'canceling wait for synchronous replication'; end if;
            return null;
        end $$;
        create constraint trigger warn after update of seq on engine_head deferrable initially deferred
            for each row execute function warn()",
    );
    let journal = store.postgres.journal();
    let head = journal.take_over().await.unwrap();
    let before = waiting_backend(&store, "true").await;
    let row = ticks(&head, 3);
    journal.commit(Arc::clone(&row)).await.unwrap();
    // Nothing goes on over the connection that was in doubt.
    let still = format!("select 'gone' where not exists (select from pg_stat_activity where pid = {before})");
    wait_for(&store, &still).await;
    go_on(&store, row.head()).await;
    assert_eq!(store.sql("select last_value from warnings"), "2");
}

/// What was not committed is sent again: the same bytes, once.
#[tokio::test]
async fn a_backend_that_is_ended_before_its_commit_is_made_up_for() {
    let store = open().await;
    let journal = store.postgres.journal();
    let head = journal.take_over().await.unwrap();
    let other = hold_head(&store).await;
    let row = ticks(&head, 3);
    let commit = spawn_commit(&store, &row);
    let pid = waiting_backend(&store, "wait_event_type = 'Lock'").await;
    store.sql(&format!("select pg_terminate_backend({pid})"));
    // Held for good by nobody known: the resolution ends it and finds the head as it was.
    commit.await.unwrap().unwrap();
    assert!(other.client.simple_query("commit").await.is_err());
    go_on(&store, row.head()).await;
}

/// A commit behind somebody who has the head for good goes through once he is ended.
#[tokio::test]
async fn a_commit_without_an_answer_is_asked_for() {
    let (server, mut options) = database().await;
    options.answer_patience = Duration::from_millis(300);
    let store = Store { postgres: Postgres::open(options.clone()).await.unwrap(), options, server };
    let journal = store.postgres.journal();
    let head = journal.take_over().await.unwrap();
    let _other = hold_head(&store).await;
    let row = ticks(&head, 1);
    journal.commit(Arc::clone(&row)).await.unwrap();
    go_on(&store, row.head()).await;
}

#[tokio::test]
async fn a_takeover_ends_an_old_leaders_transaction() {
    let store = open().await;
    let journal = store.postgres.journal();
    let old = journal.take_over().await.unwrap();
    let other = hold_head(&store).await;
    let new = journal.take_over().await.unwrap();
    assert_eq!(new, Head { epoch: Epoch(old.epoch.0 + 1), ..old });
    assert!(other.client.simple_query("commit").await.is_err());
    assert_eq!(journal.commit(ticks(&old, 1)).await, Err(CommitError::Fenced { found: new }));
    go_on(&store, new).await;
}

#[tokio::test]
async fn a_takeover_whose_request_arrives_late_raises_nothing() {
    let store = open().await;
    let journal = store.postgres.journal();
    let seen = journal.take_over().await.unwrap();
    let head = journal.take_over().await.unwrap();
    assert_eq!(store.sql(&format!("select count(*) from take_over('late', false, {})", seen.epoch.0)), "0");
    go_on(&store, head).await;
    assert_eq!(store.sql(&format!("select epoch from take_over('in time', false, {})", head.epoch.0)), {
        (head.epoch.0 + 1).to_string()
    });
}

/// Somebody else led meanwhile, and the answer was lost: fenced, not failed.
#[tokio::test]
async fn a_doubt_ends_fenced_when_somebody_else_leads() {
    let store = open().await;
    let journal = store.postgres.journal();
    let head = journal.take_over().await.unwrap();
    let other = hold_head(&store).await;
    let commit = spawn_commit(&store, &ticks(&head, 3));
    waiting_backend(&store, "wait_event_type = 'Lock'").await;
    let raised = "update engine_head set epoch = epoch + 1, chain = decode(repeat('00', 32), 'hex'); commit";
    other.client.batch_execute(raised).await.unwrap();
    let found = Head { epoch: Epoch(head.epoch.0 + 1), ..head };
    assert_eq!(commit.await.unwrap(), Err(CommitError::Fenced { found }));
}

/// PostgreSQL calls a commit done whose wait for a standby was cancelled, and says so in a warning only.
#[tokio::test]
async fn a_commit_that_no_standby_has_is_not_acknowledged() {
    for end in ["pg_cancel_backend", "pg_terminate_backend"] {
        let server = tokio::task::spawn_blocking(|| emporion_cluster::parts::Postgres::start().unwrap()).await.unwrap();
        let url = server.database().unwrap();
        crate::migrate(&url).await.unwrap();
        let options = crate::PostgresOptions::new(url);
        let store = Store { postgres: Postgres::open(options.clone()).await.unwrap(), options, server };
        let head = store.postgres.journal().take_over().await.unwrap();
        let set = |names: &str| {
            store.server.sql("postgres", &format!("alter system set synchronous_standby_names = '{names}'")).unwrap();
            store.sql("select pg_reload_conf()");
        };
        set("ANY 1 (nobody)");
        wait_for(&store, "select 'on' where current_setting('synchronous_standby_names') <> ''").await;
        let row = ticks(&head, 3);
        let commit = spawn_commit(&store, &row);
        let pid = waiting_backend(&store, "wait_event = 'SyncRep' and query like '%commit_batch%'").await;
        store.sql(&format!("select {end}({pid})"));
        waiting_backend(&store, "wait_event = 'SyncRep' and query like '%barrier%'").await;
        assert!(!commit.is_finished(), "{end}");
        set("");
        commit.await.unwrap().unwrap();
        go_on(&store, row.head()).await;
    }
}
