//! The outbox against an engine that loses, delays, forgets and remembers.

use std::fs;
use std::sync::Arc;

use emporion_model::{AccountKind, Action};
use emporion_ports::users::{LinkState, UserId, UserStore};
use emporion_user::outbox::{OutboxFault, OutboxState};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Act, FakeEngine, PASSWORD, Venue, credentials, users_db};

async fn make(venue: &Venue, name: &str) -> Value {
    let wish = json!({"name": name, "deposits": [{"asset": "USDT", "amount": "1"}]});
    venue.operator("POST", "/v1/operator/accounts", wish).await.check(200)
}

/// A copy of the venue's users.db in a folder of its own.
async fn backup(venue: &Venue) -> Arc<TempDir> {
    let folder = Arc::new(TempDir::new().unwrap());
    venue.store.backup_into(&users_db(&folder)).await.unwrap();
    folder
}

#[tokio::test]
async fn trouble_on_the_way_executes_nothing_twice() {
    let venue = Venue::start().await;
    venue.engine.script([Act::LoseAnswer, Act::LoseAnswer, Act::Busy, Act::LoseCommand, Act::LoseAnswer]);
    assert_eq!(make(&venue, "bot").await["accountId"], 1000);
    assert_eq!(venue.engine.executed(), [1, 2]);
    assert_eq!(venue.engine.balance(1_000, 1), 100_000_000);
}

#[tokio::test]
async fn a_crash_between_execution_and_recording_is_made_up() {
    let mut venue = Venue::start().await;
    for name in ["ann", "bob", "cat"] {
        venue.engine.script([Act::LoseAnswer, Act::Hang]);
        let executed = venue.engine.until_next_execution();
        venue.sign_up(name).await;
        executed.await;
        let (folder, engine) = venue.crash().await;
        venue = Venue::start_on(folder, Arc::new(engine.copy())).await;
        venue.drained().await;
    }
    assert_eq!(venue.engine.executed(), [1, 2, 3]);
    for id in 1..=3 {
        let account = &venue.store.accounts(UserId(id)).await.unwrap()[0];
        assert_eq!(account.state, LinkState::Open(emporion_model::AccountId(999 + id.unsigned_abs())));
    }
}

#[tokio::test]
async fn an_older_engine_gets_again_what_it_lost() {
    let venue = Venue::start().await;
    make(&venue, "one").await;
    let restored = Arc::new(venue.engine.copy());
    let two = make(&venue, "two").await;
    let (folder, _) = venue.crash().await;

    let venue = Venue::start_on(folder, restored).await;
    venue.drained().await;
    assert_eq!(venue.engine.executed(), [1, 2, 3, 4]);
    assert_eq!(venue.engine.balance(1_001, 1), 100_000_000);
    assert_eq!(make(&venue, "two").await, two);
}

#[tokio::test]
async fn an_engine_without_history_gets_everything() {
    let venue = Venue::start().await;
    make(&venue, "one").await;
    let (folder, _) = venue.crash().await;
    let venue = Venue::start_on(folder, Arc::default()).await;
    venue.drained().await;
    assert_eq!(venue.engine.executed(), [1, 2]);
}

/// Starts a venue on `folder` that must not run, and checks the fault and that it accepts nothing.
async fn check_fault(folder: Arc<TempDir>, engine: Arc<FakeEngine>, expected: OutboxFault, sentence: &str) {
    let executed = engine.executed();
    let mut venue = Venue::start_on(folder, engine).await;
    assert_eq!(venue.fault().await, expected);
    assert_eq!(expected.to_string(), sentence);
    assert_eq!(*venue.service.outbox().watch().borrow(), OutboxState::Stopped(expected));

    let answer = venue.call("POST", "/v1/users", None, credentials("new", PASSWORD)).await;
    answer.check_error(503, "busy");
    assert_eq!(answer.headers.get("retry-after").unwrap(), "1");
    let wish = json!({"name": "new"});
    venue.operator("POST", "/v1/operator/accounts", wish).await.check_error(503, "busy");
    assert_eq!(venue.engine.executed(), executed);
}

#[tokio::test]
async fn an_older_users_db_is_refused_by_name() {
    let venue = Venue::start().await;
    make(&venue, "one").await;
    let older = backup(&venue).await;
    make(&venue, "two").await;
    let fault = OutboxFault::EngineAhead { engine_n: 4, table_n: 2 };
    let sentence = "the engine took commands up to number 4 from the user store, which ends at 2: the user store is \
                    older than the journal; restore the one that belongs to it (users.db, or the tables in PostgreSQL)";
    check_fault(older, venue.engine.clone(), fault, sentence).await;
}

#[tokio::test]
async fn a_users_db_whose_numbers_caught_up_is_refused() {
    let venue = Venue::start().await;
    make(&venue, "one").await;
    let older = backup(&venue).await;
    venue.engine.execute_strange_command(Action::CreateAccount(AccountKind::User));
    let (_, ahead) = venue.crash().await;

    // A row that the engine never saw gets the number that it gave to another command.
    let venue = Venue::start_on(older, Arc::new(FakeEngine::default())).await;
    venue.drained().await;
    let deposit = json!({"reference": "t1", "accountId": 1000, "asset": "USDT", "amount": "1"});
    venue.operator("POST", "/v1/operator/deposits", deposit).await.check(200);
    let (older, _) = venue.crash().await;
    let fault = OutboxFault::OtherCommand { n: 3 };
    let sentence = "the engine took another command under number 3 than the user store has: it and the journal do not \
                    belong together; restore them from one backup";
    check_fault(older, ahead, fault, sentence).await;
}

#[tokio::test]
async fn outcomes_that_nobody_can_repeat_are_missed_by_name() {
    let venue = Venue::start().await;
    venue.engine.script([Act::Hang]);
    for name in ["ann", "bob", "cat"] {
        venue.sign_up(name).await;
    }
    let older = backup(&venue).await;
    let (folder, engine) = venue.crash().await;
    let venue = Venue::start_on(folder, Arc::new(engine.copy())).await;
    venue.drained().await;
    let fault = OutboxFault::OutcomesLost { first_n: 1, last_n: 2 };
    let sentence = "the engine executed the commands 1 to 2, but the user store does not have their outcomes: it is \
                    older than the journal; restore the one that belongs to it (users.db, or the tables in PostgreSQL)";
    check_fault(older, venue.engine.clone(), fault, sentence).await;
}

#[tokio::test]
async fn another_answer_than_before_is_a_fault() {
    let venue = Venue::start().await;
    venue.sign_up("ann").await;
    venue.drained().await;
    let (folder, _) = venue.crash().await;
    let strange = Arc::new(FakeEngine::default());
    strange.open_accounts(5);
    let fault = OutboxFault::OtherAnswer {
        n: 1,
        engine: "AccountOpened(AccountId(1005))".to_owned(),
        table: "AccountOpened(AccountId(1000))".to_owned(),
    };
    let mut venue = Venue::start_on(folder, strange).await;
    assert_eq!(venue.fault().await, fault);
}

#[tokio::test]
async fn pruned_rows_that_the_engine_needs_are_missed_by_name() {
    let venue = Venue::start().await;
    make(&venue, "one").await;
    let empty = Arc::new(FakeEngine::default());
    assert_eq!(venue.store.prune_outbox(emporion_model::TimeUs(u64::MAX)).await.unwrap(), 2);
    let (folder, _) = venue.crash().await;
    let fault = OutboxFault::RowsPruned { engine_n: 0, pruned_n: 2 };
    let sentence = "the engine's last number is 0, but the user store keeps commands only after 2: the journal is an \
                    older one than the user store may go with; restore a newer journal";
    check_fault(folder, empty, fault, sentence).await;
}

#[tokio::test]
async fn commands_are_kept_for_as_long_as_a_backup_may_need_them() {
    let venue = Venue::start().await;
    make(&venue, "one").await;
    venue.service.tidy().await.unwrap();
    assert_eq!(venue.store.outbox_head().await.unwrap().pruned_n, 0);
    venue.pass_s(3 * 366 * 24 * 60 * 60);
    venue.service.tidy().await.unwrap();
    assert_eq!(venue.store.outbox_head().await.unwrap().pruned_n, 2);
    assert_eq!(make(&venue, "two").await["accountId"], 1001, "numbers go on");
}

#[tokio::test]
async fn a_row_that_is_no_command_is_a_fault() {
    let venue = Venue::start().await;
    venue.engine.script([Act::Hang]);
    venue.sign_up("ann").await;
    let (folder, engine) = venue.crash().await;
    let path = users_db(&folder);
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch("update outbox set payload = x'ffff'").unwrap();
    drop(database);
    assert!(fs::exists(&path).unwrap());
    let mut venue = Venue::start_on(folder, Arc::new(engine.copy())).await;
    assert!(matches!(venue.fault().await, OutboxFault::BadRow { n: 1, .. }));
}
