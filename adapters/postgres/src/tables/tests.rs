//! The contract of the tables on a real database, and what only PostgreSQL can do wrong.

mod own;

use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_ports::contract::store::StoreUnderTest;
use emporion_ports::store::{Journal, Snapshots};
use emporion_ports::tables::{Queries, Tables};

use crate::testing::{Guard, database};
use crate::{PgTables, Postgres, PostgresOptions};

/// Tables in a database of their own.
struct Database {
    tables: Arc<PgTables>,
    options: PostgresOptions,
    server: Guard,
}

impl Database {
    fn sql(&self, statement: &str) -> String {
        let name = self.options.url.rsplit('/').next().unwrap();
        self.server.sql(name, statement).unwrap()
    }
}

async fn open() -> Database {
    let (server, options) = database().await;
    let tables = Postgres::open(options.clone()).await.unwrap().tables();
    Database { tables, options, server }
}

/// Tables with a read address, which here leads to the same server.
async fn open_with_read_address() -> Database {
    let (server, mut options) = database().await;
    options.read_url = Some(options.url.clone());
    let tables = Postgres::open(options.clone()).await.unwrap().tables();
    Database { tables, options, server }
}

emporion_ports::store_contract!(@cases open:
    empty_tables_stand_at_the_beginning,
    changes_that_do_not_follow_leave_nothing,
    changes_that_contradict_the_tables_leave_nothing,
    tables_outlive_a_crash,
    cleared_tables_begin_again,
    waiting_ends_with_the_projection,
    tables_are_the_same_however_they_were_cut,
    every_row_comes_back_as_it_was_written,
    a_change_changes_what_it_names,
    accounts_keep_what_was_not_changed,
    klines_grow_at_their_end,
    books_are_what_open_orders_work_for,
    orders_are_found_by_their_ids,
    prevented_matches_are_found_by_id_and_order,
);

emporion_ports::store_contract!(@cases open_with_read_address:
    orders_are_listed_by_range,
    trades_are_listed_by_range,
    aggregated_trades_are_whole_runs,
    fills_are_listed_in_seven_ways,
    transfers_are_listed_by_range,
    klines_are_listed_by_range,
);

#[async_trait]
impl StoreUnderTest for Database {
    fn journal(&self) -> Arc<dyn Journal> {
        unreachable!("the journal has tests of its own")
    }

    fn snapshots(&self) -> Arc<dyn Snapshots> {
        unreachable!("snapshots have tests of their own")
    }

    fn tables(&self) -> Arc<dyn Tables> {
        self.tables.clone()
    }

    fn queries(&self) -> Arc<dyn Queries> {
        self.tables.clone()
    }

    /// A process that is killed leaves its connections; the server is not told.
    async fn crash_and_reopen(&mut self) {
        self.tables = Postgres::open(self.options.clone()).await.unwrap().tables();
    }

    async fn damage_snapshot(&self, _: Seq) {
        unreachable!("snapshots have tests of their own")
    }
}
