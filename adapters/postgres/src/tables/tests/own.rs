//! Moving, partitions, rivals, roles, states that are kept and tables beside the tables.

use std::time::Duration;

use emporion_model::journal::Chain;
use emporion_model::{
    AccountId, Amount, CloseReason, History, OrderId, OrderKind, OrderStatus, Price, Quantity, Seq, Side, StpMode,
    SymbolId, TimeInForce, TimeUs,
};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{
    AccountQueries, ListRange, OrderChange, OrderQueries, OrderRow, ProjectError, ProjectedHead, Projection,
    TableChanges, Tables, TradeQueries, VenueQueries, Waited,
};

use super::{Database, open, open_with_read_address};
use crate::Postgres;

const ALICE: AccountId = AccountId(1_000);
const BTCUSDT: SymbolId = SymbolId(0);
const WEEK_US: u64 = 7 * 86_400 * 1_000_000;

fn head(seq: u64, time: u64) -> ProjectedHead {
    ProjectedHead { history: History(0), seq: Seq(seq), chain: Chain([seq as u8; 32]), time: TimeUs(time) }
}

fn order(order_id: u64, placed_at: u64) -> OrderRow {
    OrderRow {
        symbol: BTCUSDT,
        order_id: OrderId(order_id),
        account: ALICE,
        client_order_id: format!("c-{order_id}").parse().unwrap(),
        side: Side::Buy,
        kind: OrderKind::Limit(Price(50), Quantity(100), TimeInForce::Gtc),
        stp: StpMode::ExpireMaker,
        trade_group: None,
        strategy: None,
        status: OrderStatus::New,
        executed: Quantity(0),
        executed_quote: Amount(0),
        prevented: Quantity(0),
        prevented_match_id: None,
        close_reason: None,
        cancel_id: None,
        placed_at: TimeUs(placed_at),
        updated_at: TimeUs(placed_at),
    }
}

fn cancel(order_id: u64, at: u64) -> OrderChange {
    OrderChange {
        account: ALICE,
        symbol: BTCUSDT,
        order_id: OrderId(order_id),
        status: Some(OrderStatus::Canceled),
        executed: None,
        prevented_more: Quantity(0),
        prevented_match_id: None,
        close_reason: Some(CloseReason::Canceled),
        cancel_id: None,
        updated_at: TimeUs(at),
    }
}

/// Writes changes after what is there, at this time.
async fn project(database: &Database, time: u64, changes: TableChanges) {
    let expected = Tables::projected(&*database.tables).await.unwrap();
    let changes = TableChanges { head: head(expected.seq.0 + 1, time), ..changes };
    database.tables.project(&expected, changes).await.unwrap();
}

/// Orders 1, 2 and 3, placed in the first weeks after `weeks`; 1 and 2 were canceled in the week after.
async fn with_closed_orders(database: &Database, weeks: u64) {
    let at = |week: u64| (weeks + week) * WEEK_US + 5;
    let new_orders = vec![order(1, at(0)), order(2, at(1)), order(3, at(2))];
    project(database, at(2), TableChanges { new_orders, ..TableChanges::default() }).await;
    let order_changes = vec![cancel(1, at(1)), cancel(2, at(2))];
    project(database, at(2), TableChanges { order_changes, ..TableChanges::default() }).await;
}

async fn listed(database: &Database, range: ListRange<OrderId>, limit: u32) -> Vec<u64> {
    let rows = database.tables.orders(ALICE, BTCUSDT, range, limit).await.unwrap().value;
    rows.iter().map(|row| row.order_id.0).collect()
}

#[tokio::test]
async fn an_order_that_closes_moves_and_is_found_as_before() {
    let database = open().await;
    with_closed_orders(&database, 0).await;
    assert_eq!(database.sql("select string_agg(order_id::text, ',') from open_orders"), "3");
    assert_eq!(database.sql("select string_agg(order_id::text, ',' order by order_id) from closed_orders"), "1,2");
    for (order_id, status) in [(1, OrderStatus::Canceled), (3, OrderStatus::New)] {
        let found = database.tables.order(ALICE, BTCUSDT, OrderId(order_id)).await.unwrap().value.unwrap();
        assert_eq!(found.status, status);
        let name = format!("c-{order_id}").parse().unwrap();
        let named = database.tables.newest_order(ALICE, BTCUSDT, name).await.unwrap().value.unwrap();
        assert_eq!(named, found);
    }
    assert_eq!(listed(&database, ListRange::LATEST, 2).await, [2, 3]);
    assert_eq!(listed(&database, ListRange::FromId(OrderId(1)), 9).await, [1, 2, 3]);
    // A change of an order that is closed already contradicts the tables.
    let expected = Tables::projected(&*database.tables).await.unwrap();
    let again = TableChanges { head: head(9, 9), order_changes: vec![cancel(1, 9)], ..TableChanges::default() };
    let failed = database.tables.project(&expected, again).await;
    assert!(matches!(failed, Err(ProjectError::Failed(StoreError::Damaged(_)))), "{failed:?}");
}

#[tokio::test]
async fn partitions_are_made_ahead_and_dropped_after_their_retention() {
    let database = open().await;
    with_closed_orders(&database, 2_900).await;
    assert_eq!(database.sql("select count(*) from closed_orders_rest"), "2");
    assert_eq!(database.tables.keep_partitions(None).await.unwrap(), 0);
    assert_eq!(database.sql("select count(*) from closed_orders_rest"), "0");
    // The weeks of the two orders, of which the later is now, and four ahead.
    let weeks = "select count(*) from pg_inherits where inhparent = 'closed_orders'::regclass";
    assert_eq!(database.sql(weeks), "7");
    assert_eq!(listed(&database, ListRange::LATEST, 9).await, [1, 2, 3]);
    let digests = database.tables.digests().await.unwrap().value;
    assert_eq!(database.tables.keep_partitions(Some(Duration::from_secs(86_400 * 30))).await.unwrap(), 0);
    assert_eq!(database.tables.digests().await.unwrap().value, digests);
    // Order 1 closed in the week before this one.
    assert_eq!(database.tables.keep_partitions(Some(Duration::ZERO)).await.unwrap(), 1);
    assert_eq!(listed(&database, ListRange::LATEST, 9).await, [2, 3]);
    assert_eq!(database.tables.keep_partitions(Some(Duration::ZERO)).await.unwrap(), 0);
}

#[tokio::test]
async fn tables_built_beside_are_alike_even_where_old_ones_were_dropped() {
    let database = open().await;
    with_closed_orders(&database, 2_900).await;
    database.tables.keep_partitions(Some(Duration::ZERO)).await.unwrap();
    let tables = database.tables.at_one_state().await.unwrap();
    let scratch = Database {
        tables: std::sync::Arc::new(database.tables.scratch(&tables).await.unwrap()),
        options: database.options.clone(),
        server: crate::testing::Guard::get().unwrap(),
    };
    assert_eq!(Tables::projected(&*scratch.tables).await.unwrap(), ProjectedHead::default());
    with_closed_orders(&scratch, 2_900).await;
    // What happens meanwhile is not seen in the one state.
    project(&database, 7, TableChanges { new_orders: vec![order(4, 7)], ..TableChanges::default() }).await;
    assert_eq!(tables.digests().await.unwrap(), scratch.tables.digests().await.unwrap());
    assert_ne!(database.tables.digests().await.unwrap().value, tables.digests().await.unwrap().value);
    assert_eq!(tables.open_orders(ALICE, None).await.unwrap().value.len(), 1);
    scratch.tables.clear().await.unwrap();
    assert_eq!(Tables::projected(&*database.tables).await.unwrap().seq, Seq(3));
}

#[tokio::test]
async fn of_two_that_project_at_once_one_is_told_to_stop() {
    let database = open().await;
    for round in 0..20 {
        let expected = Tables::projected(&*database.tables).await.unwrap();
        let rival = |order_id: u64| {
            let new_orders = vec![order(order_id, 1)];
            let head = ProjectedHead { chain: Chain([order_id as u8; 32]), ..head(round + 1, 1) };
            database.tables.project(&expected, TableChanges { head, new_orders, ..TableChanges::default() })
        };
        let (one, other) = tokio::join!(rival(round * 2 + 1), rival(round * 2 + 2));
        let found = Tables::projected(&*database.tables).await.unwrap();
        let moved = Err(ProjectError::Moved { found });
        assert!([(Ok(()), moved.clone()), (moved, Ok(()))].contains(&(one, other)), "round {round}");
        assert_eq!(database.sql("select count(*) from open_orders"), (round + 1).to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_whose_connection_is_cut_is_written_once_or_not_at_all() {
    let database = open().await;
    for round in 1..=20 {
        let expected = Tables::projected(&*database.tables).await.unwrap();
        let new_orders: Vec<OrderRow> = (0..50).map(|n| order(round * 100 + n, 1)).collect();
        let changes = TableChanges { head: head(round, 1), new_orders, ..TableChanges::default() };
        let cut = async {
            tokio::task::yield_now().await;
            let kill = "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'psql'";
            tokio::task::block_in_place(|| database.sql(kill));
        };
        let (written, ()) = tokio::join!(database.tables.project(&expected, changes.clone()), cut);
        let count = || database.sql("select count(*) from open_orders");
        if written.is_err() {
            let again = async || match database.tables.project(&expected, changes.clone()).await {
                Err(ProjectError::Failed(_)) => None,
                outcome => Some(outcome),
            };
            let mut outcome = None;
            while outcome.is_none() {
                outcome = again().await;
            }
            assert_eq!(outcome, Some(Ok(())), "round {round}: {written:?}");
        }
        assert_eq!(count(), (round * 50).to_string());
    }
}

#[tokio::test]
async fn who_may_only_select_can_ask_everything_and_write_nothing() {
    let database = open_with_read_address().await;
    with_closed_orders(&database, 0).await;
    let role = format!("reader_{}", database.options.url.rsplit('/').next().unwrap());
    database.sql(&format!("create role {role} login; grant select on all tables in schema public to {role}"));
    let mut options = database.options.clone();
    options.url = options.url.replace("postgres@", &format!("{role}@"));
    options.read_url = Some(options.url.clone());
    let reader = Postgres::open(options).await.unwrap().tables();
    assert_eq!(reader.wait_projected(Seq(2), Duration::from_secs(60)).await.unwrap(), Waited::Reached);
    assert_eq!(reader.orders(ALICE, BTCUSDT, ListRange::LATEST, 9).await.unwrap().value.len(), 3);
    assert_eq!(reader.trades(BTCUSDT, ListRange::LATEST, 9).await.unwrap().seq, Seq(2));
    assert_eq!(reader.agg_trades(BTCUSDT, ListRange::LATEST, 9).await.unwrap().value, []);
    assert_eq!(reader.fills(ALICE, BTCUSDT, None, ListRange::LATEST, 9).await.unwrap().value, []);
    assert_eq!(reader.transfers(ALICE, ListRange::LATEST, 9).await.unwrap().value, []);
    assert_eq!(reader.balances(ALICE).await.unwrap().value, []);
    assert_eq!(reader.book_snapshots().await.unwrap().value, []);
    assert_eq!(reader.digests().await.unwrap().value, database.tables.digests().await.unwrap().value);
    assert_eq!(reader.at_one_state().await.unwrap().venue().await.unwrap().value, None);
    let refused = reader.project(&head(2, 2), TableChanges { head: head(3, 3), ..TableChanges::default() }).await;
    assert!(matches!(refused, Err(ProjectError::Failed(StoreError::Unusable(_)))), "{refused:?}");
    assert!(matches!(reader.clear().await, Err(StoreError::Unusable(_))));
    assert!(matches!(reader.keep_partitions(Some(Duration::ZERO)).await, Err(StoreError::Unusable(_))));
    database.sql(&format!("drop owned by {role}; drop role {role}"));
}

#[tokio::test]
async fn nobody_reads_what_is_older_than_what_he_was_promised() {
    let database = open_with_read_address().await;
    with_closed_orders(&database, 0).await;
    assert_eq!(database.tables.wait_projected(Seq(2), Duration::ZERO).await.unwrap(), Waited::Reached);
    // As after a failover to a server that had not got all of them.
    database.sql("update projection_head set seq = 1");
    let catching_up = async {
        tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>()).await.unwrap_err();
        let connection = database.tables.source.write().await.unwrap();
        connection.execute("update projection_head set seq = 2", &[]).await.unwrap();
    };
    let asked = async { database.tables.orders(ALICE, BTCUSDT, ListRange::LATEST, 9).await };
    let (answer, ()) = tokio::join!(asked, catching_up);
    assert_eq!(answer.unwrap().seq, Seq(2));
    database.sql("update projection_head set seq = 1");
    assert!(matches!(database.tables.balances(ALICE).await, Err(StoreError::Failed(_))));
}

/// How many batches of 100 orders are written in a second, half of which close the ones before: `cargo nextest run
/// -p emporion-postgres --run-ignored only --no-capture batches`.
#[tokio::test]
#[ignore = "it measures"]
#[expect(clippy::print_stdout, reason = "the figure is what it is for")]
async fn batches_a_second() {
    let database = open().await;
    let since = std::time::Instant::now();
    let rounds = 500;
    for round in 0..rounds {
        let new_orders: Vec<OrderRow> = (0..100).map(|n| order(round * 100 + n + 1, round + 1)).collect();
        let order_changes = match round {
            0 => Vec::new(),
            _ => (0..50).map(|n| cancel((round - 1) * 100 + n + 1, round + 1)).collect(),
        };
        project(&database, round + 1, TableChanges { new_orders, order_changes, ..TableChanges::default() }).await;
    }
    println!("{:.0} batches of 100 orders a second", f64::from(rounds as u32) / since.elapsed().as_secs_f64());
}
